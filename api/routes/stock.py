"""Stock: what is there, and the four papers that move it."""

from typing import Annotated

import msgspec

from api.endpoint import Ask, Endpoint, Reply
from api.problems import missing
from api.routes import params
from api.routes.submit import create
from api.wire import Param
from engine.core import limits
from engine.core.answers import DocumentAnswer, StockAnswer, no_sku
from engine.core.commands import Adjust, Count, Receive, Transfer

_CODES = (
    "idempotency_conflict",
    "unknown_location",
    "unknown_sku",
    "bundle_not_stocked",
    "quantity_overflow",
    "table_full",
)


async def _stock(ask: Ask) -> Reply:
    sku = ask.params["sku"]
    answer = await ask.front.client.stock(sku)
    if answer is None:
        raise missing("unknown_sku", "sku", no_sku(sku))
    return 200, answer


class StockPage(msgspec.Struct):
    """Stock of SKUs in order of their creation, all of one moment. `next_cursor` is null on the
    last page."""

    stock: list[StockAnswer]
    next_cursor: str | None


async def _page(ask: Ask) -> Reply:
    client, after = ask.front.client, params.place_of(ask.query["cursor"], -1)
    skus, place = await client.skus(after=after, limit=ask.query["limit"])
    rows = await client.stocks([sku.sku for sku in skus])
    return 200, StockPage(rows, params.cursor_of(place))


_ROWS = Annotated[int, msgspec.Meta(ge=1, le=limits.STATES_READ_SKUS_MAX)]
_QUANTITIES = {"on_hand": 40, "reserved": 2, "allocated": 3, "unavailable": 0, "available": 35}

_STOCK = {
    "sku": "TEA-1",
    "seq": 7,
    **_QUANTITIES,
    "locations": [{"location": "berlin", **_QUANTITIES}],
}


def _paper(name: str, summary: str, body: type, more: tuple, example: dict, answer: dict):
    return Endpoint(
        name=name,
        method="POST",
        path=f"/v1/stock/{name}s",
        noun="stock",
        summary=summary,
        scope="stock",
        handler=create,
        body=body,
        answer=DocumentAnswer,
        status=201,
        keyed=True,
        codes=(*_CODES, *more),
        example=example,
        answer_example={"seq": 7, "status": "accepted", **answer},
    )


ENDPOINTS = (
    Endpoint(
        name="get_stock",
        method="GET",
        path="/v1/stock/{sku}",
        noun="stock",
        summary="Stock of one SKU, in total and by location, as of log position `seq`",
        note="A bundle has no units of its own: `available` is how many could be built.",
        handler=_stock,
        params=(params.SKU,),
        answer=StockAnswer,
        codes=("unknown_sku",),
        hot=True,
        answer_example=_STOCK,
    ),
    Endpoint(
        name="list_stock",
        method="GET",
        path="/v1/stock",
        noun="stock",
        summary="Stock of all SKUs, page by page; the pages are those of `GET /v1/skus`",
        handler=_page,
        query=(
            params.CURSOR,
            Param("limit", _ROWS, "SKUs in one page", default=limits.PAGE_ROWS_DEFAULT, example=50),
        ),
        answer=StockPage,
        answer_example={"stock": [_STOCK], "next_cursor": None},
    ),
    _paper(
        "receipt",
        "Goods arrived: adds to on_hand",
        Receive,
        ("unknown_purchase_order",),
        {"receipt_id": "r-1", "location": "berlin", "lines": [{"sku": "TEA-1", "quantity": 40}]},
        {
            "lines": [{"sku": "TEA-1", "on_hand": 40, "quantity": 40}],
            "receipt_id": "r-1",
            "location": "berlin",
        },
    ),
    _paper(
        "count",
        "Set on_hand to what was counted; one mismatch with `expected_on_hand` refuses all",
        Count,
        ("stale_count", "promised_stock", "duplicate_line"),
        {
            "count_id": "c-1",
            "location": "berlin",
            "lines": [{"sku": "TEA-1", "on_hand": 38, "expected_on_hand": 40}],
        },
        {
            "lines": [{"sku": "TEA-1", "on_hand": 38, "delta": -2}],
            "count_id": "c-1",
            "location": "berlin",
        },
    ),
    _paper(
        "adjustment",
        "Correct on_hand, or move units between sellable and an unavailable bucket",
        Adjust,
        ("promised_stock",),
        {
            "adjustment_id": "a-1",
            "location": "berlin",
            "lines": [{"sku": "TEA-1", "delta": -1, "reason": "broken"}],
        },
        {
            "lines": [{"sku": "TEA-1", "on_hand": 37, "delta": -1, "reason": "broken"}],
            "adjustment_id": "a-1",
            "location": "berlin",
        },
    ),
    _paper(
        "transfer",
        "Move available units from one location to another in one step",
        Transfer,
        ("same_location", "insufficient_stock"),
        {
            "transfer_id": "t-1",
            "from_location": "berlin",
            "to_location": "hamburg",
            "lines": [{"sku": "TEA-1", "quantity": 5}],
        },
        {
            "lines": [{"sku": "TEA-1", "on_hand": 5, "quantity": 5}],
            "transfer_id": "t-1",
            "from_location": "berlin",
            "to_location": "hamburg",
        },
    ),
)
