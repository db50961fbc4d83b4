"""Server processes: start them, wait for them, pin them to cores, read what CPU they used."""

import contextlib
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import psutil

READY_TIMEOUT_S, STOP_TIMEOUT_S, STEP_S = 120, 30, 0.02


def free_port() -> int:
    """Return a TCP port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(command: list[str], output: Path, **options) -> subprocess.Popen:
    """Start a process whose words go to the file `output`; `options` as for `Popen`."""
    with output.open("ab") as file:
        return subprocess.Popen(command, stdout=file, stderr=file, **options)


def stop(process: subprocess.Popen) -> None:
    """End a process in good order; kill it if it does not end in time."""
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until(works: Callable[[], bool], process: subprocess.Popen, output: Path) -> None:
    """Wait until `works()`; `SystemExit` with the end of `output` if the process ends before."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        if works():
            return
        time.sleep(STEP_S)
    words = "\n".join(output.read_text(errors="replace").splitlines()[-15:])
    raise SystemExit(f"{process.args[:4]} does not come up:\n{words}")


def answers(port: int) -> bool:
    """Say whether the server of a port answers /readyz with 2xx."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


def tree(pid: int, without: Iterable[int] = ()) -> list[psutil.Process]:
    """Return a process and all below it, but not those of `without` and what is below them."""
    root = psutil.Process(pid)
    found = {process.pid: process for process in (root, *root.children(recursive=True))}
    for other in without:
        if other in found:
            for process in (found[other], *found[other].children(recursive=True)):
                found.pop(process.pid, None)
    return list(found.values())


def _threads(processes: Iterable[psutil.Process]) -> Iterator[tuple[psutil.Process, int]]:
    """Yield each thread of the processes that still live."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            for thread in process.threads():
                yield process, thread.id


def pin(processes: Iterable[psutil.Process], cores: Iterable[int]) -> None:
    """Let all threads of the processes run on these cores only."""
    wanted = set(cores)
    for _, thread in _threads(processes):
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(thread, wanted)


def check_free(processes: Iterable[psutil.Process]) -> None:
    """`SystemExit` unless every thread of the processes may run on every core."""
    every = set(range(os.cpu_count()))
    for process, thread in _threads(processes):
        with contextlib.suppress(ProcessLookupError):
            if os.sched_getaffinity(thread) != every:
                raise SystemExit(f"process {process.pid} is kept from some cores; it must be free")


def cpu_s(processes: Iterable[psutil.Process]) -> float:
    """Return the CPU seconds that the processes have used, with those that have ended below them.

    List the processes anew for each reading: what has ended is then in its parent's account.
    """
    used = 0.0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            used += sum(process.cpu_times()[:4])
    return used


class Weather:
    """What the machine does besides: `steal` is the share of CPU time taken by its host, `load`
    the number of tasks that want to run (one minute's mean)."""

    def __init__(self) -> None:
        self._before = psutil.cpu_times()

    def read(self) -> dict[str, float]:
        """Return steal since this was made, and load now."""
        now = psutil.cpu_times()
        passed = sum(now[:8]) - sum(self._before[:8])
        stolen = getattr(now, "steal", 0.0) - getattr(self._before, "steal", 0.0)
        load = round(os.getloadavg()[0], 2)
        return {"steal": stolen / passed if passed else 0.0, "load": load}
