"""A front before a world, both in this process: real sockets between them, as between processes."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from api.endpoint import Settings
from api.guard import Guard
from api.relay import Relay
from api.server import serve
from engine.service.front_link import FrontClient, front_server
from tests.contract.site import LOOSE, Site
from tests.contract.world import World, furnish


@contextlib.asynccontextmanager
async def serving(app, guard: Guard, stop: asyncio.Event, **where) -> AsyncIterator[str]:
    """Serve an app until `stop`, which the end of this sets; gives its address."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(
        serve(app, on_ready=ready.set_result, stop=stop, guard=guard, **where)
    )
    try:
        await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        yield await ready
    finally:
        stop.set()
        await running


class Fronted(Site):
    """A site whose callers come through a front. `relay` is the front's application, `link` the
    writer's end of the packed requests."""

    relay: Relay
    link: object


@contextlib.asynccontextmanager
async def fronted(
    guard: Guard = LOOSE, *, lane: str = "fast", settings: Settings | None = None
) -> AsyncIterator[Fronted]:
    """A furnished world behind a front; both have these bounds. When the site is stopped, so is
    the front, and the writer's streams end."""
    world, stop = World(settings), asyncio.Event()
    await furnish(world)
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        link = front_server(world.client, folder / "fronts.sock")
        await link.start()
        stack.push_async_callback(link.close)
        await stack.enter_async_context(
            serving(world.app, guard, asyncio.Event(), uds=str(folder / "http.sock"))
        )
        client = FrontClient(folder / "fronts.sock")
        linking = asyncio.create_task(client.run())
        stack.callback(linking.cancel)
        while not client.linked:
            await asyncio.sleep(0.001)
        relay = Relay(client, world.book, folder / "http.sock")
        address = await stack.enter_async_context(serving(relay, guard, stop, lane=lane))
        closing = asyncio.create_task(stop.wait())
        closing.add_done_callback(lambda _: world.app.close())
        stack.callback(closing.cancel)
        host, _, port = address.removeprefix("http://").rpartition(":")
        found = Fronted(world, host, int(port), stop)
        found.relay, found.link = relay, link
        yield found
    await world.http.aclose()
