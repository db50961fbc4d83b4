"""What one tab of a screen shows, as one stream."""

from typing import Literal

import msgspec

from api.endpoint import Ask, Endpoint, Reply
from api.gauges import Now
from api.live import Beat, LiveStream
from api.problems import field
from api.routes.orders import Status
from api.topics import QueueNews, Wants
from api.wire import Param
from engine.core import limits
from engine.core.answers import OrderAnswer, StockAnswer
from engine.core.commands import Id


class Told(msgspec.Struct, omit_defaults=True):
    """The events by their names, and what is their data."""

    beat: Beat
    order: OrderAnswer | None = None
    orders: QueueNews | None = None
    stock: list[StockAnswer] = []
    now: Now | None = None


async def _live(ask: Ask) -> Reply:
    """Begin a stream."""
    query = ask.query
    skus, shows = frozenset(query["skus"]), frozenset(query["show"])
    if len(skus) > limits.LIVE_SKUS_MAX:
        raise field("invalid_length", "skus", f"name {limits.LIVE_SKUS_MAX} SKUs at most")
    channel, order = query["order_channel"], query["order_id"]
    if bool(channel) != bool(order):
        missing = "order_id" if channel else "order_channel"
        raise field("missing_field", missing, "name an order by its channel and its id")
    queue = (query["status"], query["channel"], query["q"]) if "orders" in shows else None
    wants = Wants(skus, queue, (channel, order) if order else None, "now" in shows)
    return 200, LiveStream(ask.front, wants)


ENDPOINTS = (
    Endpoint(
        name="live",
        method="GET",
        path="/v1/live",
        noun="streams",
        summary="All that one tab of a screen shows, as server-sent events a few times a second",
        note=(
            "Begins with the present state of all that is asked for, and then tells, five times a "
            "second at most, what has changed; what happened in between is not told. Each event is "
            "JSON. `beat`, always: how the engine is, its log position, orders by status. "
            "`stock`: an array of the stock of those of `skus` that changed, each as "
            "`GET /v1/stock/{sku}` gives it. `orders`, with `show=orders`: those of the newest "
            f"{limits.LIVE_ROWS} orders of the filter (`status`, `channel`, `q`) that are new or "
            "have changed, and as `gone` those that have left the filter; where `anew` is true, "
            "all of them. `order`, with `order_channel` and `order_id`: that order, or null. "
            "`now`, with `show=now`: the overview with rates, latencies and lags, each second.\n\n"
            "A caller that reads slowly is told less, never what is old. A comment comes every "
            f"{limits.LIVE_HEARTBEAT_S:g} seconds when nothing changes. To look at something else, "
            "connect again; there is no gap, and nothing to resume."
        ),
        handler=_live,
        query=(
            Param(
                "skus",
                Id,
                f"stock of these SKUs, {limits.LIVE_SKUS_MAX} at most, separated by commas (a "
                "comma inside a SKU is %2C)",
                default=(),
                separated=True,
                example="TEA-1",
            ),
            Param(
                "show",
                Literal["now", "orders"],
                "`now`, `orders` or both, separated by a comma",
                default=(),
                separated=True,
                example="orders",
            ),
            Param("status", Status, "only orders with this status", default="", example="on_hold"),
            Param("channel", Id, "only orders of this channel", default="", example="web"),
            Param("q", Id, "only orders whose id contains this", default="", example="10"),
            Param("order_channel", Id, "the channel of the one order", default="", example="web"),
            Param("order_id", Id, "the id of the one order", default="", example="1001"),
        ),
        answer=Told,
        media="text/event-stream",
        codes=("missing_field", "invalid_length"),
        answer_example={
            "beat": {
                "state": "leading",
                "epoch": 1,
                "seq": 12,
                "standing": {"allocated": 3},
                "views": 12,
            }
        },
    ),
)
