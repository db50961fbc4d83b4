"""Questions to the views: tables made from the log, which may be a moment behind it. They are asked
in threads and never touch the writer."""

from collections.abc import AsyncGenerator
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

from api.endpoint import Ask, Endpoint, Reply
from api.problems import field, missing
from api.routes import params
from api.routes.orders import Status
from api.streams import Stream
from api.wire import Param
from engine.core import limits
from engine.core.commands import Id
from engine.core.errors import OverloadedError, UnavailableError
from engine.core.terms import HoldReason, Text
from engine.views import order_page, queries, spreadsheet
from engine.views.reader import ViewsReader

_THEN = 1_795_000_000_000_000
_Us = Annotated[int, Meta(ge=0, le=limits.STAMP_US_MAX)]
_SINCE = Param("since_us", _Us, "from this time on, UTC microseconds", default=0, example=_THEN)
_UNTIL = Param(
    "until_us", _Us, "before this time, UTC microseconds; 0: no end", default=0, example=_THEN
)
_Bucket = Literal["on_hand", "reserved", "allocated", "unavailable"]
assert set(queries.BUCKETS) == set(get_args(_Bucket))
_WORDS = Param("q", Id, "a part of SKU or title", default="", example="tea")


class ViewedOrders(msgspec.Struct):
    """Orders, newest first. `next_cursor` is null on the last page."""

    orders: list[queries.OrderRow]
    next_cursor: str | None


class ViewedStock(msgspec.Struct):
    """Positions of SKUs, in order of creation."""

    positions: list[queries.StockRow]
    next_cursor: str | None


class Movements(msgspec.Struct):
    """Movements of a position, newest first: their deltas add up to what is there."""

    movements: list[queries.MovementRow]
    next_cursor: str | None


class Exceptions(msgspec.Struct):
    """What waits, by status and reason, the oldest first."""

    waiting: list[queries.ExceptionRow]


class Kpis(msgspec.Struct):
    """Counts by hour, channel and currency."""

    hours: list[queries.KpiRow]


def views_of(ask: Ask) -> ViewsReader:
    """Return the views; `UnavailableError` if this process has none."""
    if ask.front.views is None:
        raise UnavailableError("this process has no views")
    return ask.front.views


async def _orders(ask: Ask) -> Reply:
    query = ask.query
    before = params.place_of(query["cursor"], 0)
    rows, place = await views_of(ask).ask(
        queries.orders, _wanted(ask), before=before, limit=query["limit"]
    )
    return 200, ViewedOrders(rows, params.cursor_of(place))


def _wanted(ask: Ask) -> queries.OrderFilter:
    names = queries.OrderFilter.__struct_fields__
    return queries.OrderFilter(**{name: ask.query[name] for name in names})


async def _orders_csv(ask: Ask) -> Reply:
    views, wanted, open_now = views_of(ask), _wanted(ask), ask.front.streams
    if open_now["csv"] >= limits.VIEW_EXPORTS_MAX:
        raise OverloadedError("too many exports are under way; ask later")
    newest, fits = await views.ask(spreadsheet.begin, wanted)
    if not fits:
        most = f"more than {limits.VIEW_EXPORT_ROWS_MAX:,} orders; choose a shorter time"
        raise field("out_of_range", "since_us", most)

    async def chunks() -> AsyncGenerator[bytes]:
        yield spreadsheet.head()
        place = newest + 1
        while place is not None:
            lines, place = await views.ask(spreadsheet.page, wanted, place)
            yield lines

    return 200, Stream(chunks(), "csv", "text/csv; charset=utf-8", "orders.csv")


async def _order(ask: Ask) -> Reply:
    channel, order_id = ask.params["channel"], ask.params["order_id"]
    found = await views_of(ask).ask(order_page.order, channel, order_id)
    if found is None:
        detail = f"channel {channel!r} has no order {order_id!r}, or the views do not know it yet"
        raise missing("unknown_order", "order_id", detail)
    return 200, found


async def _stock(ask: Ask) -> Reply:
    query = ask.query
    rows, place = await views_of(ask).ask(
        queries.stock,
        q=query["q"],
        location=query["location"],
        after=params.place_of(query["cursor"], -1),
        limit=query["limit"],
    )
    return 200, ViewedStock(rows, params.cursor_of(place))


async def _movements(ask: Ask) -> Reply:
    sku, location = ask.params["sku"], ask.params["location"]
    # A place is a log position and what stands in its event before: one number for both.
    seq, n = divmod(params.place_of(ask.query["cursor"], 0), _N_MAX)
    if seq > limits.SEQ_MAX:
        raise field("invalid_value", "cursor", "send `next_cursor` of the page before, unchanged")
    found = await views_of(ask).ask(
        queries.movements,
        sku,
        location,
        before=(seq, n),
        limit=ask.query["limit"],
        bucket=ask.query["bucket"],
    )
    if found is None:
        detail = f"SKU {sku!r} has never been at location {location!r}"
        raise missing("unknown_position", "location", detail)
    rows, place = found
    return 200, Movements(rows, params.cursor_of(place and place[0] * _N_MAX + place[1]))


async def _exceptions(ask: Ask) -> Reply:
    return 200, Exceptions(await views_of(ask).ask(queries.exceptions))


async def _kpis(ask: Ask) -> Reply:
    until = ask.query["until_us"] or limits.STAMP_US_MAX
    return 200, Kpis(await views_of(ask).ask(queries.kpis, ask.query["since_us"], until))


_N_MAX = 1 << 18  # movements of one event are fewer; 18 digits hold both parts of a place
_ROW = {
    "seq": 7,
    "channel": "web",
    "order_id": "1001",
    "status": "allocated",
    "placed_us": _THEN,
    "changed_us": _THEN,
    "customer": "Ada",
    "currency": "EUR",
    "payment": "paid",
    "country": "BE",
    "city": "Ghent",
    "required_by_us": None,
    "lines": 1,
    "units": 2,
    "backordered": 0,
    "shipped": 0,
    "value_minor": 900,
    "hold_reason": None,
}
_TIMES = "Times are UTC in microseconds. Columns and tables are described in docs/views.md."
_MOVED = {"seq": 7, "n": 0, "bucket": "allocated", "delta": 2, "quantity": 2}
_MOVED |= {"available": 35, "reason": None}
_MOVED |= {"stamp_us": _THEN, "kind": "order_placed", "what": None, "ref": "1001"}
_MOVED |= {"channel": "web", "order_id": "1001", "actor": None}


def _read(name: str, path: str, summary: str, handler, answer, example, **more) -> Endpoint:
    return Endpoint(
        name=name,
        method="GET",
        path=f"/v1/views/{path}",
        noun="views",
        summary=summary,
        note=_TIMES,
        handler=handler,
        answer=answer,
        answer_example=example,
        **more,
    )


_FILTERS = (
    Param("status", Status, "only these", default="", example="on_hold"),
    Param("channel", Id, "only those of this channel", default="", example="web"),
    Param("location", Id, "only those that hold units there", default="", example="berlin"),
    Param(
        "hold_reason",
        HoldReason,
        "only those whose newest live hold has this reason",
        default="",
        example="payment",
    ),
    Param("customer", Text, "only those of this customer, whole", default="", example="Ada"),
    Param("sku", Id, "only those with a line of this SKU", default="", example="TEA-1"),
    Param(
        "q",
        Id,
        "a part of the order's id, its customer, or of the id or tracking number of a shipment, "
        f"package or return; with less than {limits.VIEW_WORDS_MIN} characters the order's id. "
        f"The newest {limits.VIEW_FINDS_MAX:,} finds are looked at",
        default="",
        example="JD0146",
    ),
    _SINCE,
    _UNTIL,
)

ENDPOINTS = (
    _read(
        "export_orders",
        "orders.csv",
        "The queue of orders as CSV for spreadsheets, newest first, by the same filters",
        _orders_csv,
        str,
        None,
        media="text/csv",
        query=_FILTERS,
        codes=("out_of_range",),
    ),
    _read(
        "view_orders",
        "orders",
        "The queue of orders, newest first, by any filter, page by page",
        _orders,
        ViewedOrders,
        {"orders": [_ROW], "next_cursor": None},
        query=(*_FILTERS, params.CURSOR, params.LIMIT),
    ),
    _read(
        "view_order",
        "orders/{channel}/{order_id}",
        "An order with all that is known of it: lines, holds, work, shipments, returns, timeline",
        _order,
        order_page.OrderView,
        {
            "order": _ROW,
            "details": {"currency": "EUR"},
            "lines": [],
            "holds": [],
            "fulfillments": [],
            "packages": [],
            "shipments": [],
            "returns": [],
            "refunds": [],
            "timeline": [],
        },
        params=(params.CHANNEL, params.ORDER),
        codes=("unknown_order",),
    ),
    _read(
        "view_stock",
        "stock",
        "Stock by SKU and location, page by page",
        _stock,
        ViewedStock,
        {
            "positions": [
                {
                    "position": 0,
                    "sku": "TEA-1",
                    "title": "Tea",
                    "location": "berlin",
                    "on_hand": 40,
                    "reserved": 2,
                    "allocated": 3,
                    "unavailable": 0,
                    "available": 35,
                    "seq": 7,
                }
            ],
            "next_cursor": None,
        },
        query=(
            _WORDS,
            Param("location", Id, "only there", default="", example="berlin"),
            params.CURSOR,
            params.LIMIT,
        ),
    ),
    _read(
        "view_movements",
        "stock/{sku}/{location}/movements",
        "The movements that made the numbers of a position",
        _movements,
        Movements,
        {"movements": [_MOVED], "next_cursor": None},
        params=(params.SKU, params.LOCATION),
        query=(
            Param("bucket", _Bucket, "only those of this number", default="", example="on_hand"),
            params.CURSOR,
            params.LIMIT,
        ),
        codes=("unknown_position",),
    ),
    _read(
        "view_exceptions",
        "exceptions",
        "What waits for a person or for stock, by reason",
        _exceptions,
        Exceptions,
        {
            "waiting": [
                {
                    "status": "on_hold",
                    "reason": "payment",
                    "orders": 3,
                    "units": 7,
                    "oldest_us": _THEN,
                }
            ]
        },
    ),
    _read(
        "view_kpis",
        "kpis",
        "Orders, units and revenue by hour, channel and currency",
        _kpis,
        Kpis,
        {"hours": []},
        query=(_SINCE, _UNTIL),
    ),
)
