"""Say in one clear message what the machine lacks before anything is built."""

import importlib.util
import os
import platform
import shutil
import sys
import sysconfig
from pathlib import Path

OLDEST = (3, 11)


def missing() -> list[str]:
    """Return what to install, as sentences."""
    found = []
    if sys.version_info < OLDEST:
        found.append(
            f"Python {OLDEST[0]}.{OLDEST[1]} or newer; this is {platform.python_version()}. "
            "Name another with: make PYTHON=python3.12"
        )
    if importlib.util.find_spec("ensurepip") is None:
        found.append("the venv module (Debian, Ubuntu: apt-get install python3-venv)")
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if not any(shutil.which(name) for name in (compiler, "cc", "gcc", "clang")):
        found.append(
            "a C compiler (Debian, Ubuntu: apt-get install build-essential; "
            "Fedora: dnf install gcc; macOS: xcode-select --install)"
        )
    elif not Path(sysconfig.get_path("include"), "Python.h").exists():
        found.append(
            "Python's C headers (Debian, Ubuntu: apt-get install python3-dev; "
            "Fedora: dnf install python3-devel)"
        )
    return found


if __name__ == "__main__":
    needs = missing()
    if needs:
        sys.exit("dibs needs, before it can be built:\n" + "\n".join(f"  - {n}" for n in needs))
