"""`dibs up`: the bundled log server, `dibs serve`, `dibs work` and `dibs channels run` as processes
of one terminal."""

import asyncio
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from rich.console import Console
from rich.panel import Panel

from engine.cli import EXIT_CORRUPT, EXIT_FENCED, EXIT_USAGE
from engine.config import Settings
from engine.service.people import first
from engine.service.wiring import Wiring, logs_folder

READY_TIMEOUT_S = 120.0
RESTART_DELAY_S = 0.5
STOP_TIMEOUT_S = 15.0
_FINAL_EXITS = (EXIT_USAGE, EXIT_FENCED, EXIT_CORRUPT)


class _Child:
    """One process of `dibs up`; its log goes to a file, it is started again when it dies."""

    def __init__(self, name: str, settings: Settings, *options: str) -> None:
        self.name = name
        self.log = logs_folder(settings) / f"{name}.log"
        self._command = [sys.executable, "-m", "engine.cli", name, *options]
        self._command += ["--data", str(settings.data), "--tied"]
        # The address may hold a password: the environment is not for others to read.
        place = {"DIBS_DATABASE": settings.database} if settings.database else {}
        self._environment = os.environ | place
        self._process: subprocess.Popen | None = None
        self._restart_at = 0.0

    def start(self) -> None:
        """Start the process in a session of its own, so that Ctrl-C reaches only `dibs up`."""
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                self._command,
                stdout=out,
                stderr=out,
                stdin=subprocess.PIPE,
                env=self._environment,
                start_new_session=True,
            )

    def tend(self) -> int | None:
        """Start it again if it died; return an exit code that must not be answered so."""
        code = self._process.poll()
        if code is None:
            return None
        if code in _FINAL_EXITS:
            return code
        now = time.monotonic()
        if not self._restart_at:
            self._restart_at = now + RESTART_DELAY_S
        elif now >= self._restart_at:
            self._restart_at = 0.0
            self.start()
        return None

    def stop(self) -> None:
        """Ask it to end, then insist."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _children(
    settings: Settings, url: str, scarcity_s: float, hooks_port: int | None
) -> list[_Child]:
    log = ["--ledger", settings.ledger]
    if settings.redis:
        log += ["--redis", settings.redis]
    where = ("--host", settings.host, "--port", str(settings.port))
    children = [
        _Child("serve", settings, *log, *where, "--fronts", str(settings.fronts)),
        _Child("work", settings, *log),
    ]
    hooks_port = settings.port + 1 if hooks_port is None else hooks_port
    if hooks_port:
        server = ("--redis", settings.redis) if settings.redis else ()
        where = ("--host", settings.host, "--port", str(hooks_port), "--url", url)
        children.append(_Child("channels", settings, "run", *server, *where))
    if scarcity_s:
        every = ("--every", str(scarcity_s), "--url", url)
        children.append(_Child("scarcity", settings, "follow", *every))
    return children


def up(
    settings: Settings,
    *,
    demo: bool,
    stop_after_demo: bool,
    scarcity_s: float = 0.0,
    hooks_port: int | None = None,
) -> int:
    """Run until Ctrl-C, the end of the demo, or a child that must not be restarted. Pushes of
    channels come to `hooks_port`, one after the port of dibs unless given; 0: no channels."""
    console = Console()
    wiring = Wiring(settings)
    url = f"http://{settings.host}:{settings.port}"
    children = _children(settings, url, scarcity_s, hooks_port)
    stopping: list[int] = []
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda number, _: stopping.append(number))
    try:
        with console.status("starting the log server, the front and the worker …"):
            wiring.url("reader")
            for child in children:
                child.start()
            code = _wait_ready(url, children, stopping)
        if code is None and not stopping:
            _welcome(console, settings, url)
            if demo:
                _demo(console, settings, url)
            if not stop_after_demo:
                console.print("Ctrl-C ends it.", style="dim")
                code = _watch(children, stopping)
        if code is not None:
            _explain(console, children, code)
        return code or 0
    finally:
        for child in children:
            child.stop()
        wiring.close()


def _wait_ready(url: str, children: list[_Child], stopping: list[int]) -> int | None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline and not stopping:
        for child in children:
            code = child.tend()
            if code is not None:
                return code
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=1):
                return None
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    return None if stopping else 1


def _watch(children: list[_Child], stopping: list[int]) -> int | None:
    while not stopping:
        for child in children:
            code = child.tend()
            if code is not None:
                return code
        time.sleep(0.2)
    return None


def _welcome(console: Console, settings: Settings, url: str) -> None:
    # A key that can only read, behind the #: a browser does not send that part anywhere.
    page_key = (settings.data / "page.key").read_text().strip()
    console.print(f"live page   {url}/#key={page_key}", soft_wrap=True, style="bold")
    code = settings.data / first.FILE
    if code.exists():
        console.print(f"first admin {url}/#first={code.read_text().strip()}", soft_wrap=True)
    console.print(
        Panel.fit(
            f"every call, with examples   [bold]{url}/docs[/]\n"
            f"admin key                   {settings.data / 'admin.key'}\n"
            f"logs                        {settings.data / 'logs'}",
            title="dibs is up",
            border_style="green",
        )
    )


def _demo(console: Console, settings: Settings, url: str) -> None:
    from engine.demo import run_demo

    key_file = settings.data / "admin.key"
    asyncio.run(run_demo(url, key_file.read_text().strip(), console, key_file=key_file))


def _explain(console: Console, children: list[_Child], code: int) -> None:
    console.print(f"[red]dibs cannot go on[/] (exit code {code}). The last words of its logs:")
    for child in children:
        console.print(f"[dim]{child.log}[/]", soft_wrap=True)
        lines = Path(child.log).read_text(errors="replace").splitlines()[-5:]
        console.print("\n".join(lines), markup=False, soft_wrap=True)
