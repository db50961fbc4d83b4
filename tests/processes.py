"""Real `dibs` processes for tests: started in a folder, waited for, always stopped."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

READY_TIMEOUT_S = 60.0


def free_port() -> int:
    """Return a TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Dibs:
    """`dibs serve` on the bundled server, with `dibs work`, its views and `dibs channels run` if
    asked for. A context manager."""

    def __init__(
        self,
        folder: Path,
        *,
        work: bool = False,
        views: bool = False,
        channels: bool = False,
        options: tuple[str, ...] = (),
    ) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._work, self._views, self._options = work or views, views, options
        self._channels = channels
        self.serve: subprocess.Popen | None = None
        self.worker: subprocess.Popen | None = None
        self.sync: subprocess.Popen | None = None

    @property
    def key(self) -> str:
        """The admin key."""
        return (self.folder / "admin.key").read_text().strip()

    def start(self) -> "Dibs":
        """Start and wait until ready."""
        self.serve = self._process("serve", "--port", str(self.port), *self._options)
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline:
            assert self.serve.poll() is None, self.log("serve")
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=1):
                    break
            except (urllib.error.URLError, OSError):
                time.sleep(0.02)
        else:
            raise AssertionError("not ready: " + self.log("serve"))
        if self._work:
            views = () if self._views else ("--no-views",)
            self.worker = self._process("work", *views, *self._options)
        if self._channels:
            ports = ("--url", self.url, "--port", str(free_port()))
            self.sync = self._process("channels run", *ports)
        return self

    def _process(self, command: str, *options: str) -> subprocess.Popen:
        words = [*command.split(), "--data", str(self.folder)]
        arguments = [sys.executable, "-m", "engine.cli", *words]
        with (self.folder / f"{command}.log").open("ab") as out:
            return subprocess.Popen(
                [*arguments, *options], stdout=out, stderr=out, start_new_session=True
            )

    def followers(self) -> list[int]:
        """Process ids of those that the worker has started: what writes its views."""
        threads = Path(f"/proc/{self.worker.pid}/task").glob("*/children")
        return [int(pid) for found in threads for pid in found.read_text().split()]

    def log(self, command: str) -> str:
        """What a process has said so far."""
        return (self.folder / f"{command}.log").read_text(errors="replace")

    def stop(self) -> None:
        """End the processes, the server last, politely and then not."""
        for process in (self.sync, self.worker, self.serve):
            if process and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    os.kill(process.pid, signal.SIGKILL)
                    process.wait()

    def __enter__(self) -> "Dibs":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
