"""Servers of peers, each in a folder of its own, set for speed at full durability."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.resp import Connection
from engine.log.embedded import binary

_PATIENCE_S, _STEP_S = 60.0, 0.02


def _wait(ready: Callable[[], bool], process: subprocess.Popen, what: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"{what} does not come up (exit code {process.poll()})")
        time.sleep(_STEP_S)


class Valkey:
    """The program that dibs bundles, with the same durability, but free to run scripts."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.socket = folder, folder / "s"
        folder.mkdir(parents=True, exist_ok=True)
        self.start()

    def start(self) -> None:
        """Start it and wait until it has loaded its file."""
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": "always",
            "auto-aof-rewrite-percentage": "0",
            "save": "",
        }
        options = [word for name, value in settings.items() for word in (f"--{name}", value)]
        self.process = subprocess.Popen([str(binary()), *options], stdout=subprocess.DEVNULL)
        _wait(self._answers, self.process, "valkey-server")

    def _answers(self) -> bool:
        with contextlib.suppress(OSError, RuntimeError):
            connection = Connection(self.socket)
            connection.ask("PING")
            connection.close()
            return True
        return False

    def kill(self) -> None:
        """End it the hard way."""
        self.process.kill()
        self.process.wait(30)

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(30)


def postgres_programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, the newest there is, or None."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
    )
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


class Postgres:
    """A cluster behind a Unix socket. It never runs as root: then the user `postgres` has it."""

    settings = {
        "listen_addresses": "",
        "shared_buffers": "512MB",
        "synchronous_commit": "on",
        "fsync": "on",
        "wal_sync_method": "fdatasync",
        "wal_buffers": "16MB",
        "max_wal_size": "8GB",
        "checkpoint_timeout": "30min",
        "jit": "off",
        "max_connections": "50",
    }

    def __init__(self, folder: Path, programs: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.programs, self._who = folder, programs, {}
        if os.getuid() == 0:
            self._who = {"user": "postgres", "group": "postgres", "extra_groups": []}
            shutil.chown(folder, "postgres", "postgres")
        command = [programs / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust"]
        quiet = {"stdout": subprocess.DEVNULL, "cwd": folder}
        subprocess.run([*command, "--no-sync"], check=True, **quiet, **self._who)
        self.start()

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        options = [
            word for name, value in self.settings.items() for word in ("-c", f"{name}={value}")
        ]
        command = [self.programs / "postgres", "-D", self.folder / "data", "-k", self.folder]
        with (self.folder / "log").open("ab") as output:
            self.process = subprocess.Popen(
                [*command, *options], stdout=output, stderr=output, cwd=self.folder, **self._who
            )
        asked = [self.programs / "pg_isready", "-q", "-h", self.folder]
        _wait(lambda: subprocess.run(asked).returncode == 0, self.process, "postgres")

    def sql(self, text: str) -> str:
        """Run statements, each by itself; return what they selected, without
        headings; `RuntimeError` where one fails."""
        command = [self.programs / "psql", "-h", self.folder, "-U", "postgres", "-qtAX"]
        asked = subprocess.run(
            [*command, "-v", "ON_ERROR_STOP=1", "-f", "-"],
            input=text,
            text=True,
            capture_output=True,
        )
        if asked.returncode:
            raise RuntimeError(f"psql: {asked.stderr.strip()}")
        return asked.stdout.strip()

    def stop(self, *, hard: bool = False) -> None:
        """End it; `hard` is as a crash would: no checkpoint, and recovery at the next start."""
        self.process.send_signal(signal.SIGQUIT if hard else signal.SIGINT)
        self.process.wait(60)
