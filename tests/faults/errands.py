"""One order after the other through the whole of its life, by one client, without a kill: where a
rule for what comes after placing is wrong, it shows here."""

import asyncio
import time
from datetime import UTC, datetime

from engine.core import commands as c
from engine.core import fulfillment_commands as f
from engine.core import order_commands as o
from engine.core import return_commands as r
from engine.core.routing.policy import PutCapacity
from tests.faults import changes, lives, papers
from tests.faults.history import History, Mark
from tests.faults.judge import judge
from tests.faults.storm import fast_twin
from tests.faults.supervisor import Ground, read_log
from tests.faults.verdict import Verdict
from tests.faults.workload import LOCATIONS, Client, catalogue

HELD, SHORT, WANTED, CHANGED = "sku-7", "sku-8", "sku-9", "sku-10"
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
        await _changed(client)
        await _told(client)
        await _exchanged(client)
        await _bought(client)
        await _routed(client)
        await _in_time(client)
        for sku in (HELD, SHORT, WANTED, CHANGED):
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


async def _changed(client: Client) -> None:
    """More and less of a line, two orders that become one, one that becomes two."""
    first, second = ("web", "first"), ("web", "second")
    for command in (
        _order("first", CHANGED, 4),
        _order("second", CHANGED, 3),
        c.EditOrder(*first, "more", (o.EditLine(CHANGED, 6),)),
        c.EditOrder(*first, "less", (o.EditLine(CHANGED, 5),)),
        c.MergeOrders(*first, "m", "second"),
        c.SplitOrder(*second, "none", "nothing"),
        _order("third", CHANGED, 4),
        c.SplitOrder("web", "third", "p", "fourth", (o.SplitLine(CHANGED, 1),)),
    ):
        await client.insist(command)


async def _told(client: Client) -> None:
    """Facts of an order, before it and after it, the newer first."""
    for command in (
        c.TellFact("web", "told", "b", 2, note="new"),
        c.TellFact("web", "told", "a", 1, note="old", customer="somebody"),
        _order("told", CHANGED, 1),
        c.TellFact("web", "told", "d", 4, customer="new"),
        c.TellFact("web", "told", "c", 3, customer="old", payment="refunded"),
        c.TellFact("web", "told", "e", 5, payment="paid"),
    ):
        await client.insist(command)


async def _exchanged(client: Client) -> None:
    """A return that comes in two parts, for which something else is to leave when all is there."""
    goods, given = ("web", "worn", "too small"), r.ExchangeLine(CHANGED, 1, 500)
    exchange = r.Exchange("other", (given,), "received")
    for command in (
        _order("worn", CHANGED, 2),
        c.Ship("web", "worn", "s"),
        r.OpenReturn(*goods, "too small", approved=True, exchange=exchange),
        r.ReceiveReturn(*goods, "one", "east", (r.ReturnedLine(CHANGED, 1),)),
        c.Ship("web", "other", "early"),
        r.ReceiveReturn(*goods, "two", "east", (r.ReturnedLine(CHANGED, 1),)),
        c.Ship("web", "other", "late"),
    ):
        await client.insist(command)


async def _bought(client: Client) -> None:
    """A purchase order that comes in two parts."""
    lines = (c.PurchaseLine(CHANGED, 5),)
    await client.insist(c.PutPurchaseOrder("bought", "east", lives.DUE[0], lines))
    for name in ("some", "rest"):
        came = (c.ReceiptLine(CHANGED, 2),)
        await client.insist(c.Receive(name, "east", came, "bought"))


async def _routed(client: Client) -> None:
    """Orders by a policy, one while the cheapest location is shut, one that goes elsewhere."""
    cheapest, today = LOCATIONS[0], datetime.now(UTC).date()
    where = {"channel": papers.ROUTED, "ship_to": changes.ADDRESSES[0]}
    for command in (
        papers.policy(2, LOCATIONS, "cheapest", cheapest),
        _order("elsewhere", CHANGED, 1, **where),
        papers.policy(3, LOCATIONS, "cheapest", None),
        _order("cheap", CHANGED, 1, **where),
        PutCapacity(cheapest, today, 0),
    ):
        await client.insist(command)
