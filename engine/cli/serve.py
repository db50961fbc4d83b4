"""`dibs serve`: the HTTP front and the writer in one event loop."""

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING

import structlog

from engine.config import Settings
from engine.core import limits
from engine.service.engine import Engine
from engine.service.keys import first_admin_key, kept_key
from engine.service.wiring import Wiring

if TYPE_CHECKING:
    from engine.service.packed_socket import PackedServer

log = structlog.get_logger("serve")


def serve(settings: Settings) -> None:
    """Serve until a signal or a fatal error; raises what stopped the engine."""
    import uvloop

    wiring = Wiring(settings)
    try:
        uvloop.run(_serve(wiring))
    finally:
        wiring.close()


async def _serve(wiring: Wiring) -> None:
    from api.app import create_app
    from api.server import serve as serve_http

    settings = wiring.settings
    engine, keys = wiring.engine(), wiring.key_book()
    keys.start()
    first_admin_key(keys, settings.data / "admin.key")
    kept_key(keys, settings.data / "page.key", "live page", "read")
    app = create_app(engine, keys)
    packed = await _packed_socket(engine, settings)
    leading = asyncio.create_task(engine.lead(), name="lead")
    stopping = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    serving = asyncio.create_task(
        serve_http(app, settings.host, settings.port, stop=stopping, lane=settings.lane),
        name="http",
    )
    try:
        await asyncio.wait(
            {leading, serving, asyncio.create_task(stopping.wait())},
            return_when=asyncio.FIRST_COMPLETED,
        )
        stopping.set()
        await serving
        if leading.done():
            leading.result()
    finally:
        leading.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await leading
        if packed:
            await packed.close()
        keys.stop()


async def _packed_socket(engine: Engine, settings: Settings) -> "PackedServer | None":
    """Listen for services on this host, where that is compiled and the path is short enough."""
    path = settings.data / "packed.sock"
    try:
        from engine.service.packed_socket import PackedServer
    except ImportError:
        log.warning("no packed socket: it is not compiled")
        return None
    if len(bytes(path)) > limits.SOCKET_PATH_BYTES_MAX:
        log.warning("no packed socket: its path would be too long", path=str(path))
        return None
    server = PackedServer(engine, path)
    await server.start()
    return server
