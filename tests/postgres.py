"""A real PostgreSQL server for tests, in a temporary folder, behind a Unix socket."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.stores.servers import Postgres, postgres_programs


@contextmanager
def postgres() -> Iterator[str]:
    """Give the address of a fresh server; skips the test where there is none to start."""
    pytest.importorskip("asyncpg", reason="asyncpg is not installed")
    programs = postgres_programs()
    if programs is None:
        pytest.skip("no PostgreSQL on this machine")
    # Not below pytest's folder: the server does not run as root, and has to reach its own.
    folder = Path(tempfile.mkdtemp(prefix="dibs-pg-"))
    folder.chmod(0o755)
    server = None
    try:
        server = Postgres(folder / "server", programs)
        yield f"postgresql://postgres@/postgres?host={folder / 'server'}"
    finally:
        if server:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
