"""`dibs serve`: the HTTP front and the writer in one event loop."""

import asyncio
import contextlib
import signal

import structlog

from engine.config import Settings
from engine.service.keys import first_admin_key, kept_key
from engine.service.wiring import Wiring

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
        keys.stop()
