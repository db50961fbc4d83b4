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
from api.relay import Relay
from engine.core import limits
from engine.core.errors import ConfigError

log = structlog.get_logger("server")


class _Server(uvicorn.Server):
    """Ends streams first when it shuts down, so that no stream holds the shutdown up."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.config.app.close()
        await super().shutdown(sockets)


async def serve(
    app: App | Relay,
    host: str = "127.0.0.1",
    port: int = 0,
    on_ready: Callable[[str], None] | None = None,
    *,
    stop: asyncio.Event | None = None,
    guard: Guard | None = None,
    uds: str | None = None,
    fd: int | None = None,
    shared: bool = False,
    need_uvloop: bool = True,
    lane: str = "auto",
) -> None:
    """Serve until `stop` is set or this is cancelled; both shut down in good order.

    Listens on `host` and `port` (0: any free one; `shared`: with other processes), else on the
    unix socket `uds`, which only this user may reach, else on the listening socket `fd`. `lane` is
    `auto` (the fast lane where it is compiled), `fast` or `slow`. `on_ready` gets the address once
    it accepts. `OSError` if it cannot listen. Requests under way get `limits.SHUTDOWN_TIMEOUT_S`
    seconds to end.
    """
    loop = asyncio.get_running_loop()
    _check_loop(loop, need_uvloop)
    listener = _listen(host, port, uds, fd, shared=shared)
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
        address = address_of(listener)
        if not running.done():
            log.info("listening", address=address, **described(app))
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


def described(app: App | Relay) -> dict[str, str]:
    """Return what a log should say about how `app` is served in this process."""
    return {
        "parser": f"httptools {httptools.__version__}",
        "lane": "slow" if app.front.lane is None else "fast",
        "loop": type(asyncio.get_running_loop()).__module__.partition(".")[0],
    }


def _protocol(app: App | Relay, guard: Guard, lane: str) -> type[GuardedProtocol]:
    """Return the protocol class, with the fast lane if there is to be one."""
    if lane == "slow":
        return guarded(guard)
    try:
        from api.lane import LaneProtocol, make_lane
    except ImportError as error:
        if lane == "fast":
            raise ConfigError(f"the fast lane is not built ({error}); run `make build`") from error
        return guarded(guard)
    app.front.lane = make_lane(app.front, guard.body_bytes_max)
    return guarded(guard, LaneProtocol, lane=app.front.lane)


def _check_loop(loop: asyncio.AbstractEventLoop, need_uvloop: bool) -> None:
    found = type(loop).__module__.partition(".")[0]
    if need_uvloop and found != "uvloop":
        raise ConfigError(f"the event loop is {found}: run serve() under uvloop.run()")


def _listen(
    host: str, port: int, uds: str | None, fd: int | None, *, shared: bool
) -> socket.socket:
    if fd is not None:
        return socket.socket(fileno=fd)
    if uds is not None:
        listener = socket.socket(socket.AF_UNIX)
        mask = os.umask(0o177)
        try:
            listener.bind(uds)
        finally:
            os.umask(mask)
    else:
        listener = bound(host, port, shared=shared)
    listener.setblocking(False)
    return listener


def bound(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """Return a TCP socket on `host` and `port`, not listening yet. A `shared` port is open to other
    sockets that share it, of processes of the same user; those that listen divide the connections
    among them. `OSError` if somebody else listens there."""
    family, _, _, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


def address_of(listener: socket.socket) -> str:
    """Return where a socket is bound, as a URL."""
    name = listener.getsockname()
    if isinstance(name, (str, bytes)):
        return f"unix:{os.fsdecode(name)}"
    host, port = name[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
