"""One order after the other through the whole of its life, by one client, without a kill: where a
rule for what comes after placing is wrong, it shows here."""

import asyncio
import time

from engine.core import commands as c
from engine.core import fulfillment_commands as f
from engine.core import return_commands as r
from tests.faults import lives
from tests.faults.history import History, Mark
from tests.faults.judge import judge
from tests.faults.storm import fast_twin
from tests.faults.supervisor import Ground, read_log
from tests.faults.verdict import Verdict
from tests.faults.workload import LOCATIONS, Client, catalogue

HELD, SHORT, WANTED = "sku-7", "sku-8", "sku-9"
CLOCK_RATE = 60  # a minute is a second
STOCK = 20 * len(LOCATIONS)  # of each SKU, as the catalogue says


def _order(name: str, sku: str, units: int, *, channel: str = "web", **more) -> c.PlaceOrder:
    lines = (c.OrderLine(sku, units),)
    return c.PlaceOrder(order_id=name, channel=channel, lines=lines, **more)


async def errands(bug: str) -> Verdict:
    """Run all errands, then judge."""
    with Ground() as ground:
        history = History()
        history.add(Mark("clock rate", time.monotonic_ns(), CLOCK_RATE))
        words = ["--clock-rate", str(CLOCK_RATE), *(["--bug", bug] if bug else [])]
        ground.front.start(*words, ledger="slow")
        await ground.front.ready()
        client = Client(0, ground.front, history, 1)
        for command in catalogue():
            await client.insist(command)
        await client.insist(_order("many", "sku-6", lives.MANY, channel=lives.CHECKED))
        await _held_and_returned(client)
        await _picked_short(client)
        await _taken_over(client)
        await _in_time(client)
        for sku in (HELD, SHORT, WANTED):
            await client.look(sku, final=True)
        client.wire.close()
        return judge(history, read_log(ground.server.url).entries, fast=fast_twin())


async def _held_and_returned(client: Client) -> None:
    order, goods = ("web", "held"), ("web", "held", "back")
    for command in (
        _order("held", HELD, 3),
        c.Hold(*order, "h", "review"),
        c.Ship(*order, "early"),
        c.ReleaseHold(*order, "h"),
        c.Ship(*order, "late"),
        r.OpenReturn(*order, "back", "too small", approved=True),
        r.ReceiveReturn(*goods, "in", "east", (r.ReturnedLine(HELD, 3),)),
        r.ReceiveReturn(*goods, "more", "east", (r.ReturnedLine(HELD, 1),)),
        r.InspectReturn(*goods, "a", "east", (r.InspectedLine(HELD, 1, "scrap"),)),
        r.InspectReturn(*goods, "b", "east", (r.InspectedLine(HELD, 2, "restock"),)),
    ):
        await client.insist(command)


async def _picked_short(client: Client) -> None:
    await client.insist(_order("short", SHORT, 2))
    released = await client.insist(f.ReleaseOrder("web", "short", "w"))
    number = released.answer["fulfillments"][0]["fulfillment_id"]
    await client.insist(f.PickFulfillment(number))
    await client.insist(f.PickShort(number, "p", (f.ShortLine(SHORT, 1),)))


async def _taken_over(client: Client) -> None:
    first, second, third = lives.DUE
    await client.insist(_order("has", WANTED, STOCK, required_by=second))
    for name, due in (("comes before", first), ("comes after", third)):
        await client.insist(_order(name, WANTED, 2, required_by=due, when_short="backorder"))
        await client.insist(c.Reallocate("web", name, "t", 0))


async def _in_time(client: Client) -> None:
    """Holds that are over after a minute, and work that nobody accepts meanwhile."""
    for then in ("release", "cancel", "escalate"):
        await client.insist(_order(then, HELD, 1))
        await client.insist(c.Hold("web", then, "h", "review", minutes=1, then=then))
    await client.insist(_order("asked", HELD, 1))
    await client.insist(f.ReleaseOrder("web", "asked", "w", accept_minutes=1))
    for _ in range(2):
        await asyncio.sleep(0.7)
        await client.insist(_order(f"{client.index}", HELD, 1))
