"""Compile the modules of `ext/`, and the load generator. Everything else is in pyproject.toml.

`DIBS_DEBUG=1` turns all Cython checks back on.
"""

import os
import shutil
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup

DEBUG = os.environ.get("DIBS_DEBUG") == "1"


def _compiler() -> None:
    """Stop with one clear message where there is no C compiler."""
    name = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if sys.platform != "win32" and not (shutil.which(name) or shutil.which("cc")):
        sys.exit(
            "dibs: no C compiler found. Install one and run this again:\n"
            "  Debian, Ubuntu: apt-get install build-essential python3-dev\n"
            "  Fedora: dnf install gcc python3-devel\n"
            "  macOS: xcode-select --install"
        )


def _modules() -> list:
    sources = sorted(Path("ext").glob("*.pyx"))
    # The load generator speaks epoll, and belongs to a checkout, not to a wheel.
    if sys.platform == "linux" and "bdist_wheel" not in sys.argv:
        sources += sorted(Path("loadtests").rglob("*.pyx"))
    if not sources:
        return []
    _compiler()
    from Cython.Build import cythonize

    flags = ["-O1", "-g"] if DEBUG else ["-O3", "-fno-plt"]
    modules = [
        # No contraction of a*b+c: the twins compare distances bit by bit.
        Extension(
            ".".join(s.with_suffix("").parts),
            [str(s)],
            depends=[str(p) for p in sorted(s.parent.rglob("*.px[di]"))],
            extra_compile_args=[*flags, "-ffp-contract=off"],
        )
        for s in sources
    ]
    checks = {
        "boundscheck": DEBUG,
        "wraparound": DEBUG,
        "initializedcheck": DEBUG,
        "nonecheck": DEBUG,
        "cdivision": not DEBUG,
        "language_level": 3,
        "embedsignature": True,
    }
    # The checks are part of the generated C: each way of building keeps its own.
    folder = "build/cython-debug" if DEBUG else "build/cython"
    return cythonize(modules, compiler_directives=checks, build_dir=folder)


setup(ext_modules=_modules())
