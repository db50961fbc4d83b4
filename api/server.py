"""Runs the application under uvicorn, inside the caller's event loop.

    await serve(app, "127.0.0.1", 8080, on_ready=…, stop=event)

The caller owns the process, its signals and its loop. Only `httptools` on `uvloop` is accepted
(`ConfigError` otherwise): a missing wheel would silently mean a parser four times slower.
"""

import asyncio
import os
import socket
from collections.abc import Callable

import httptools
import structlog
import uvicorn

from api.app import App
from api.guard import Guard, GuardedProtocol, guarded
from engine.core import limits
from engine.core.errors import ConfigError

log = structlog.get_logger("server")


class _Server(uvicorn.Server):
    """Ends streams first when it shuts down, so that no stream holds the shutdown up."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.config.app.close()
        await super().shutdown(sockets)


async def serve(
    app: App,
    host: str = "127.0.0.1",
    port: int = 0,
    on_ready: Callable[[str], None] | None = None,
    *,
    stop: asyncio.Event | None = None,
    guard: Guard | None = None,
    uds: str | None = None,
    fd: int | None = None,
    need_uvloop: bool = True,
    lane: str = "auto",
) -> None:
    """Serve until `stop` is set or this is cancelled; both shut down in good order.

    Listens on `host` and `port` (0: any free one), else on the unix socket `uds`, else on the
    listening socket `fd`. `lane` is `auto` (the fast lane where it is compiled), `fast` or
    `slow`. `on_ready` gets the address once it accepts. `OSError` if it cannot
    listen. Requests under way get `limits.SHUTDOWN_TIMEOUT_S` seconds to end.
    """
    loop = asyncio.get_running_loop()
    _check_loop(loop, need_uvloop)
    listener = _listen(host, port, uds, fd)
    protocol = _protocol(app, guard or Guard(), lane)
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        interface="asgi3",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=limits.SHUTDOWN_TIMEOUT_S,
    )
    server = _Server(config)
    running = asyncio.ensure_future(server._serve([listener]))
    try:
        while not server.started and not running.done():
            await asyncio.sleep(0.005)
        address = _address(listener)
        if not running.done():
            log.info(
                "listening",
                address=address,
                parser=f"httptools {httptools.__version__}",
                lane="slow" if app.front.lane is None else "fast",
                loop=type(loop).__module__.partition(".")[0],
            )
            if on_ready:
                on_ready(address)
        waits = {running} | ({asyncio.ensure_future(stop.wait())} if stop else set())
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits - {running}:
            wait.cancel()
    finally:
        server.should_exit = True
        await asyncio.shield(running)
        if uds:
            os.unlink(uds)


def _protocol(app: App, guard: Guard, lane: str) -> type[GuardedProtocol]:
    """Return the protocol class, with the fast lane if there is to be one."""
    if lane == "slow":
        return guarded(guard)
    try:
        from api.lane import LaneProtocol, make_lane
    except ImportError as error:
        if lane == "fast":
            raise ConfigError(f"the fast lane is not built ({error}); run `make build`") from error
        return guarded(guard)
    app.front.lane = make_lane(app.front)
    return guarded(guard, LaneProtocol, lane=app.front.lane)


def _check_loop(loop: asyncio.AbstractEventLoop, need_uvloop: bool) -> None:
    found = type(loop).__module__.partition(".")[0]
    if need_uvloop and found != "uvloop":
        raise ConfigError(f"the event loop is {found}: run serve() under uvloop.run()")


def _listen(host: str, port: int, uds: str | None, fd: int | None) -> socket.socket:
    if fd is not None:
        return socket.socket(fileno=fd)
    if uds is not None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(uds)
        os.chmod(uds, 0o660)
    else:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    listener.setblocking(False)
    return listener


def _address(listener: socket.socket) -> str:
    name = listener.getsockname()
    if isinstance(name, (str, bytes)):
        return f"unix:{os.fsdecode(name)}"
    host, port = name[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
