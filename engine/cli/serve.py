"""`dibs serve`: the HTTP front and the writer in one event loop, or fronts in processes of their
own before the writer's.

    caller ─▶ front ─┬─ fronts.sock, packed requests of the lane ─▶ writer
                     └─ http.sock, everything else ─▶ the writer's own HTTP server
"""

import asyncio
import contextlib
import errno
import signal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from engine.cli.views import home_of
from engine.cli.webhooks import book_of
from engine.config import Settings
from engine.core import limits
from engine.core.errors import ConfigError
from engine.service.engine import Engine
from engine.service.keys import first_admin_key, kept_key
from engine.service.people import first
from engine.service.wiring import Wiring, front_paths
from engine.sync.accounts import Accounts, Watch
from engine.sync.connections import Connections
from engine.sync.store import SyncStore
from engine.views.reader import ViewsReader

if TYPE_CHECKING:
    from api.app import App
    from engine.service.packed_socket import PackedServer

log = structlog.get_logger("serve")


def serve(settings: Settings) -> None:
    """Serve until a signal or a fatal error; raises what stopped the engine. `ConfigError` where
    somebody else has the port."""
    import uvloop

    wiring = Wiring(settings)
    try:
        uvloop.run(_serve(wiring))
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EADDRNOTAVAIL):
            raise
        raise ConfigError(
            f"nobody can call {settings.host} port {settings.port} ({error.strerror}): end who "
            "listens there, or choose another by --port or --host"
        ) from error
    finally:
        wiring.close()


async def _serve(wiring: Wiring) -> None:
    from api.app import create_app
    from api.server import serve as serve_http

    settings = wiring.settings
    engine, keys, people = wiring.engine(), wiring.key_book(), wiring.people()
    keys.start()
    people.start()
    first_admin_key(keys, settings.data / "admin.key")
    kept_key(keys, settings.data / "page.key", "live page", "read")
    views = ViewsReader(home_of(settings))
    admin = first.offer(people, settings.data / first.FILE, local=settings.local)
    store = SyncStore(wiring.url("sync"))
    app = create_app(
        engine,
        keys,
        views=views,
        people=people,
        first_admin=admin,
        webhooks=book_of(settings, store),
        connections=Connections(Watch(Accounts(settings.data)), store),
    )
    packed = await _packed_socket(engine, settings)
    leading = asyncio.create_task(engine.lead(), name="lead")
    stopping = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    if settings.fronts:
        front = _behind_fronts(app, wiring, engine, stopping)
    else:
        front = serve_http(app, settings.host, settings.port, stop=stopping, lane=settings.lane)
    serving = asyncio.create_task(front, name="http")
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
        people.stop()
        views.close()
        await store.close()


async def _behind_fronts(
    app: "App", wiring: Wiring, engine: Engine, stopping: asyncio.Event
) -> None:
    """Serve HTTP through processes in front of this one. They stop first, then what they need."""
    from api import metrics, server
    from engine.cli.fronts import Fronts

    settings = wiring.settings
    link, http_path = _front_sockets(engine, settings)
    fronts = Fronts(settings, wiring.url("worker"), partial(metrics.add_report, app.front))
    ended = asyncio.Event()
    await link.start()
    http_path.unlink(missing_ok=True)
    serving = asyncio.create_task(
        server.serve(app, stop=ended, uds=str(http_path), lane=settings.lane)
    )
    try:
        stopped = asyncio.create_task(stopping.wait())
        starting = asyncio.create_task(fronts.start())
        await asyncio.wait({stopped, serving, starting}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            address, said = starting.result(), server.described(app)
            log.info("fronts listen", address=address, fronts=settings.fronts, **said)
            await asyncio.wait({stopped, serving}, return_when=asyncio.FIRST_COMPLETED)
        starting.cancel()
    finally:
        app.close()
        await fronts.stop()
        ended.set()
        await serving
        await link.close()


def _front_sockets(engine: Engine, settings: Settings) -> "tuple[PackedServer, Path]":
    """Return where fronts reach this process; `ConfigError` where they cannot."""
    try:
        from engine.service.front_link import front_server
    except ImportError as error:
        raise ConfigError(
            f"--fronts needs the compiled modules ({error}); run `make build`"
        ) from error
    paths = front_paths(settings)
    for path in paths:
        if len(bytes(path)) > limits.SOCKET_PATH_BYTES_MAX:
            most = limits.SOCKET_PATH_BYTES_MAX
            raise ConfigError(f"--fronts needs a shorter --data: {path} has over {most} bytes")
    return front_server(engine, paths[0]), paths[1]


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
