"""Where the database of the read models lies, and how another takes its place.

    data/views/current        the name of the file that holds: written whole or not at all
    data/views/views-N.db     the tables; a rebuild writes the next N, then `current` names it

Who reads or writes looks at `current` between two questions; an old file stays readable for those
who have it open, and goes with the last of them.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from engine.core.errors import ViewsError
from engine.log.files import write_whole
from engine.views.sqlite import SqliteViews


class Home(Protocol):
    """Where views lie: tables that hold, and others that may take their place."""

    shown: str

    def open(self, *, read_only: bool = False) -> Any:
        """Return the database that holds, None while there is none."""

    def holds(self, database: Any) -> bool:
        """Say whether this database still is the one that holds."""

    def new(self) -> Any:
        """Return an empty database that nobody reads yet. What was begun before is removed."""

    def swap(self, database: Any) -> None:
        """Close a new database and let it hold from now on."""

    def discard(self, database: Any) -> None:
        """Close a new database and remove it."""

    def alone(self, what: str) -> contextlib.AbstractContextManager[None]:
        """Hold the lock of this name, follower or rebuild; `ViewsError` if another does."""


class SqliteHome:
    """A folder of SQLite files, of which one holds."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.shown = folder, str(folder)
        self._pointer = folder / "current"

    def _current(self) -> Path | None:
        try:
            return self.folder / self._pointer.read_text().strip()
        except FileNotFoundError:
            return None

    def open(self, *, read_only: bool = False) -> SqliteViews | None:
        """Return the database that holds, None while there is none."""
        path = self._current()
        if path is None or not path.exists():
            return None
        return SqliteViews(path, read_only=read_only)

    def holds(self, database: SqliteViews) -> bool:
        """Say whether this database still is the one that holds."""
        return database.path == self._current()

    def new(self) -> SqliteViews:
        """Return an empty database that nobody reads yet. What was begun before is removed."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        current = self._current()
        self._sweep(current)
        number = int(current.stem.rpartition("-")[2]) + 1 if current else 1
        return SqliteViews(self.folder / f"views-{number}.db", building=True)

    def swap(self, database: SqliteViews) -> None:
        """Close a new database and let it hold from now on."""
        database.finish()
        write_whole(self._pointer, [database.path.name.encode()])
        self._sweep(database.path)

    def discard(self, database: SqliteViews) -> None:
        """Close a new database and remove it."""
        database.close()
        _remove(database.path)

    def _sweep(self, kept: Path | None) -> None:
        for path in self.folder.glob("views-*.db"):
            if path != kept:
                _remove(path)

    @contextlib.contextmanager
    def alone(self, what: str) -> Iterator[None]:
        """Hold the lock of this name, follower or rebuild; `ViewsError` if another process does."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = os.open(self.folder / f"{what}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ViewsError(f"another {what} works in {self.folder}; end it first") from None
            yield
        finally:
            os.close(number)


def _remove(path: Path) -> None:
    for tail in ("", "-wal", "-shm"):
        path.with_name(path.name + tail).unlink(missing_ok=True)
