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
        """Start, wait until ready, and pin. Where it may run is inherited, by the server at its
        start and by the log server from that."""
        own = os.sched_getaffinity(0)
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
        try:
            super().start()
        finally:
            os.sched_setaffinity(0, own)
        if self._core is not None:
            _spread(self.serve.pid, {self._core})
        return self

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
