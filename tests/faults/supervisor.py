"""Real processes in a temporary folder: started, killed, paused, waited for, always cleaned up.

Every wait has an end. A process that this supervisor starts dies with it; the log server, which
outlives the process that started it, is ended by its process id when the supervisor closes.
"""

import asyncio
import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from engine.core.errors import LogError
from engine.log.archive import Archive
from engine.log.embedded import EmbeddedServer, binary
from engine.log.frame import unpack
from engine.log.store import Store
from tests.faults.wire import Lost, Unsent, Wire

ROOT = Path(__file__).resolve().parents[2]
READY_S = 30.0
STEP_S = 0.02
_SCAN = 256


def _die_with_parent() -> None:
    """Ask the kernel to end this process when its parent ends."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def free_port() -> int:
    """Return a TCP port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Front:
    """`dibs serve` in a folder. `redis` None: the bundled server, which dibs starts itself."""

    def __init__(self, folder: Path, redis: str | None = None, name: str = "serve") -> None:
        self.folder, self.redis, self.name = folder, redis, name
        self.port = free_port()
        self.process: subprocess.Popen | None = None
        self.starts = 0
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def start(self, *launch: str, ledger: str = "auto") -> None:
        """Start it; `launch` are options of `tests.faults.launch` (none: the plain command)."""
        self.starts += 1
        words = ["serve", "--data", str(self.folder), "--port", str(self.port)]
        words += ["--ledger", ledger]
        if self.redis:
            words += ["--redis", self.redis]
        self._spawn(["tests.faults.launch", *launch, "--"] if launch else ["engine.cli"], words)

    def _spawn(self, module: list[str], words: list[str]) -> None:
        with open(self.folder / f"{self.name}.log", "ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *module, *words],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=_die_with_parent,
            )

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self.process is not None and self.process.poll() is None

    @property
    def token(self) -> str:
        """The admin key that the process wrote."""
        return (self.folder / "admin.key").read_text().strip()

    def signal(self, number: int) -> None:
        """Send a signal."""
        if self.running:
            self.process.send_signal(number)

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        if self.process:
            self.signal(signal.SIGKILL)
            self.process.wait(10)

    async def ended(self, timeout_s: float) -> bool:
        """Wait for its end; say whether it came."""
        deadline = time.monotonic() + timeout_s
        while self.running and time.monotonic() < deadline:
            await asyncio.sleep(STEP_S)
        return not self.running

    async def ready(self, timeout_s: float = READY_S) -> float:
        """Wait until it leads; return seconds waited. Raises `RuntimeError` with its log."""
        started = time.monotonic()
        while time.monotonic() - started < timeout_s:
            if not self.running:
                break
            wire = Wire(self.port, "", timeout_s=2.0)
            with contextlib.suppress(Unsent, Lost):
                status, _ = await wire.ask("GET", "/readyz")
                if status == 200:
                    wire.close()
                    return time.monotonic() - started
            wire.close()
            await asyncio.sleep(STEP_S)
        raise RuntimeError(f"{self.name} is not ready; its log ends:\n{self.log_end()}")

    def log_end(self, lines: int = 15) -> str:
        """Return the end of its log."""
        path = self.folder / f"{self.name}.log"
        text = path.read_text(errors="replace") if path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


class Worker(Front):
    """`dibs work` in a front's folder: stock stream, archive, snapshots, trimming."""

    def start(self, *launch: str, ledger: str = "auto") -> None:
        """Start it, with snapshots so often that a short storm goes beyond several."""
        words = ["work", "--no-views", "--data", str(self.folder), "--ledger", ledger]
        words += ["--snapshot-events", "250", "--snapshot-s", "5"]
        self._spawn(["engine.cli"], words)

    async def caught_up(self, url: str, seq: int, timeout_s: float = READY_S) -> bool:
        """Wait until the stock stream has everything up to `seq`."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and self.running:
            store = Store(url)
            try:
                cursor = store.hash_all(store.keys.cursors).get("stock-stream", b"0")
            finally:
                store.close()
            if int(cursor) >= seq:
                return True
            await asyncio.sleep(STEP_S)
        return False


class PlainServer:
    """A Valkey of the supervisor's own, for several writers on one log (`--redis`)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = folder / "s.sock"
        self.url = f"unix://{self.path}"
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start it with the settings that dibs demands, and wait until it answers."""
        words = ["--port", "0", "--unixsocket", str(self.path), "--dir", str(self.folder)]
        words += ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        words += ["--no-appendfsync-on-rewrite", "no", "--aof-load-truncated", "yes"]
        words += ["--maxmemory", "1gb", "--maxmemory-policy", "noeviction"]
        self.path.unlink(missing_ok=True)
        with open(self.folder / "server.log", "ab") as output:
            self.process = subprocess.Popen(
                [str(binary()), *words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=_die_with_parent,
            )
        _wait_answers(self.url)

    @property
    def pid(self) -> int:
        """Process id, 0 if it does not run."""
        return self.process.pid if self.process and self.process.poll() is None else 0

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        if self.pid:
            self.process.kill()
            self.process.wait(10)


class BundledServer:
    """The server that dibs starts for itself in `DIR/server`, seen from outside."""

    def __init__(self, folder: Path) -> None:
        self._server = EmbeddedServer(folder / "server")
        self.url = self._server.url("reader")

    @property
    def pid(self) -> int:
        """Process id, 0 if it does not run."""
        return self._server.pid

    def start(self) -> None:
        """Start it, as dibs would; it stays when this supervisor lets go."""
        self._server.start()

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        pid = self.pid
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
        deadline = time.monotonic() + 10
        while self.pid and time.monotonic() < deadline:
            time.sleep(STEP_S)


def _wait_answers(url: str, timeout_s: float = READY_S) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        store = Store(url, timeout_s=2.0)
        try:
            store.process_id()
            return
        except LogError:
            if time.monotonic() > deadline:
                raise
            time.sleep(STEP_S)
        finally:
            store.close()


def read_log(url: str, folder: Path | None = None) -> "Log":
    """Return every entry of the log in order: what the archive alone still holds, then what the
    server holds."""
    store, entries, after = Store(url), [], "0-0"
    try:
        while rows := store.read(after, _SCAN):
            entries += rows
            after = rows[-1][0]
        stock, after = [], "0-0"
        while rows := store.stock_read(after, _SCAN):
            stock += rows
            after = rows[-1][0]
    finally:
        store.close()
    frames = [unpack(data) for entry_id, data in entries if not entry_id.endswith("-0")]
    first = frames[0].first_seq if frames else 0
    archived = []
    for _, _, data in Archive(folder / "archive").entries() if folder and first > 1 else ():
        frame = unpack(data)
        if frame.first_seq < first:
            archived.append((frame.entry_id, data))
    return Log(archived + entries, len(archived), stock)


class Log(msgspec.Struct):
    """A log as it was found. The first `archived` entries are from the archive, which keeps no
    fences; `stock` is the public stock stream."""

    entries: list[tuple[str, bytes]]
    archived: int = 0
    stock: list[tuple[str, dict[str, str]]] = []


def tail_seq(url: str) -> int:
    """Return the last event's number in the log, 0 if there is none."""
    store, before = Store(url), None
    try:
        while rows := store.read_back(before, 16):
            for entry_id, _ in rows:
                if not entry_id.endswith("-0"):
                    return int(entry_id.split("-")[1])
            before = rows[-1][0]
    finally:
        store.close()
    return 0


class Ground:
    """A temporary folder with a log server and fronts. Kept when something failed."""

    def __init__(self, *, shared: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="dibs-faults-"))
        self.keep = False
        self.front = Front(self.folder / "a")
        self.server: PlainServer | BundledServer = BundledServer(self.folder / "a")
        self.worker = Worker(self.folder / "a", name="work")
        self.fronts = [self.front]
        if shared:
            self.server = PlainServer(self.folder / "log")
            self.server.start()
            self.front.redis = self.server.url

    def second(self) -> Front:
        """Return another front on the same log, with a folder of its own."""
        name = "bcdefghij"[len(self.fronts) - 1]
        front = Front(self.folder / name, self.server.url, name=f"serve-{name}")
        self.fronts.append(front)
        return front

    def close(self) -> None:
        """End everything, and remove the folder unless it is to be kept."""
        for front in (*self.fronts, self.worker):
            front.signal(signal.SIGCONT)
            front.kill()
        self.server.kill()
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> "Ground":
        return self

    def __exit__(self, kind, error, trace) -> None:
        self.keep = self.keep or kind is not None
        self.close()
        if self.keep:
            print(f"kept for inspection: {self.folder}", file=sys.stderr)
