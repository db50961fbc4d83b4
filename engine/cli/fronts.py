"""The front processes of `dibs serve --fronts N`, and how they are kept alive.

    serve ── standard input, held open ──▶ front   its end tells the front that the writer's process
    serve ◀── reports, one a line ──────── front   is gone, whatever way; the front then ends too

A front that dies is started again, after a pause that doubles while it keeps dying.
"""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
import structlog

from engine.config import Settings
from engine.core import limits
from engine.core.errors import ConfigError

if TYPE_CHECKING:
    from api.metrics import Report

log = structlog.get_logger("fronts")
_PORT_STEP_S = 0.05
_STOP_TIMEOUT_S = limits.SHUTDOWN_TIMEOUT_S + 5.0


class Fronts:
    """As many fronts as the settings say, on their host and port. They read keys at `redis`;
    `heard` gets their reports."""

    def __init__(self, settings: Settings, redis: str, heard: "Callable[[Report], None]") -> None:
        self._settings, self._redis, self._count = settings, redis, settings.fronts
        self._heard = heard
        self._held: socket.socket | None = None
        self._running: dict[int, asyncio.subprocess.Process] = {}
        self._keepers: list[asyncio.Task] = []
        self._listening: set[int] = set()
        self._all_listen = asyncio.Event()

    async def start(self) -> str:
        """Start them; return the address once all of them listen. `ConfigError` if somebody else
        has the port."""
        from api.server import address_of

        self._held = await self._hold_port()
        self._keepers = [asyncio.create_task(self._keep(n)) for n in range(self._count)]
        await self._all_listen.wait()
        return address_of(self._held)

    async def stop(self) -> None:
        """Let them finish what is under way, then end those that do not end."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        await asyncio.gather(*(self._end(process) for process in self._running.values()))
        if self._held:
            self._held.close()

    async def _hold_port(self) -> socket.socket:
        """Return a socket that keeps the port for the fronts without listening.

        Sockets that share a port do not notice each other: that nobody else listens is found out
        by a socket that does not share. Fronts of a writer killed just now may still be ending.
        """
        from api.server import bound

        host, port = self._settings.host, self._settings.port
        loop = asyncio.get_running_loop()
        deadline = loop.time() + limits.FRONT_PORT_TIMEOUT_S
        while True:
            try:
                alone = bound(host, port)
                break
            except OSError as error:
                if loop.time() > deadline:
                    raise ConfigError(
                        f"cannot listen on {host} port {port}: {error.strerror}; "
                        "end what listens there, or use another --port"
                    ) from error
            await asyncio.sleep(_PORT_STEP_S)
        with alone:
            port = alone.getsockname()[1]
        return bound(host, port, shared=True)

    async def _keep(self, number: int) -> None:
        """Run one front, again and again."""
        loop, pause_s = asyncio.get_running_loop(), limits.FRONT_RESTART_S_MIN
        while True:
            began = loop.time()
            process = await self._spawn()
            self._running[number] = process
            await self._listen_to(number, process)
            code = await process.wait()
            if loop.time() - began > limits.FRONT_RESTART_S_MAX:
                pause_s = limits.FRONT_RESTART_S_MIN
            log.warning("a front has died", front=number, exit_code=code, restart_in_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, limits.FRONT_RESTART_S_MAX)

    async def _spawn(self) -> asyncio.subprocess.Process:
        settings = self._settings
        port = str(self._held.getsockname()[1])
        words = ["--data", str(settings.data), "--host", settings.host, "--port", port]
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "engine.cli", "front", "--tied", "--lane", settings.lane),
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # The address may hold a password: the environment is not for others to read.
            env=os.environ | {"DIBS_REDIS": self._redis},
            start_new_session=True,
        )

    async def _listen_to(self, number: int, process: asyncio.subprocess.Process) -> None:
        from api.metrics import Report

        async for line in process.stdout:
            report = msgspec.json.decode(line, type=Report)
            self._heard(report)
            if report.listens:
                log.info("a front listens", front=number, process=process.pid)
                self._listening.add(number)
                if len(self._listening) == self._count:
                    self._all_listen.set()

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        number = next(n for n, one in self._running.items() if one is process)
        try:
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await self._listen_to(number, process)
                await process.wait()
        except TimeoutError:
            log.error("a front does not end; it is killed", front=number)
            process.kill()
            await process.wait()
