"""A `dibs serve` of our own, in a folder of our own, on a free port: the thing that is loaded."""

import contextlib
import os
from pathlib import Path

from loadtests.run import Site
from tests.processes import Dibs


class Target(Dibs):
    """A server process; with `core` it is kept on that core, and its log server on none."""

    def __init__(self, folder: Path, *, core: int | None = None, work: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder, work=work)
        self._core = core

    def start(self) -> "Target":
        """Start, wait until ready, and pin."""
        super().start()
        if self._core is not None:
            _spread(self.serve.pid, {self._core})
            # The log server inherits where it may run from whoever started it.
            _spread(self.server_pid, set(range(os.cpu_count() or 1)))
        return self

    @property
    def server_pid(self) -> int:
        """Process id of the log server."""
        return int(next(self.folder.rglob("server.pid")).read_text())

    def cpu_s(self) -> float:
        """CPU seconds that the server process has used."""
        text = Path(f"/proc/{self.serve.pid}/stat").read_text()
        fields = text.rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def site(self, connections: int, seed: int) -> Site:
        """Return it as something to load."""
        return Site(self.url, self.key, connections, seed)


def _spread(pid: int, cores: set[int]) -> None:
    """Keep all threads of a process on these cores."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread.name), cores)
