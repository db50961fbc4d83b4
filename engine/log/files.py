"""Files that are there whole or not at all: temporary name, fsync, rename, fsync of the folder."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

TEMPORARY = ".tmp"


def write_whole(path: Path, parts: Iterable[bytes], mode: int = 0o666) -> Path:
    """Write `parts` to `path` so that a crash at any moment leaves the old file or the new one.
    `mode` says who may read and write it, as far as the process lets anybody.

    Raises `OSError`; what was begun is removed then, unless the process dies.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}{TEMPORARY}")
    try:
        with open(temporary, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)
    return path


def sync_folder(folder: Path) -> None:
    """Make renames and removals in `folder` durable."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def sweep(folder: Path) -> int:
    """Remove what crashed writers left behind; return how many files. A writer that lives, in
    another process, keeps its own."""
    gone = 0
    for path in folder.glob(f"*{TEMPORARY}"):
        pid = path.name.removesuffix(TEMPORARY).rpartition(".")[2]
        if not (pid.isdigit() and int(pid) != os.getpid() and _runs(int(pid))):
            path.unlink(missing_ok=True)
            gone += 1
    return gone


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
