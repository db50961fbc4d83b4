"""Fences: units of a SKU that are set aside for the orders of one channel."""

import msgspec

from api.endpoint import Ask, Endpoint, Reply
from api.problems import field
from api.routes import params
from api.routes.submit import put
from api.wire import Param, body_type
from engine.core.commands import Id, PutFence
from engine.core.fences import FenceAnswer

FenceBody = body_type(PutFence, "channel", "sku", name="FenceBody")


class FencesPage(msgspec.Struct):
    """Fences in order of creation. `next_cursor` is null on the last page."""

    fences: list[FenceAnswer]
    next_cursor: str | None


async def _put(ask: Ask) -> Reply:
    wish: PutFence = ask.value
    if wish.starts_at and wish.ends_at and wish.ends_at <= wish.starts_at:
        raise field("invalid_value", "ends_at", "must be later than `starts_at`")
    return await put(ask)


async def _fences(ask: Ask) -> Reply:
    rows, place = await ask.front.client.fences(
        channel=ask.query["channel"],
        sku=ask.query["sku"],
        after=params.place_of(ask.query["cursor"], -1),
        limit=ask.query["limit"],
    )
    return 200, FencesPage(rows, params.cursor_of(place))


_CHANNEL = Param("channel", Id, "the channel's id", example="web")
_WISH = {"quantity": 50, "ends_at": "2026-12-31T23:00:00Z", "fall_back": False}
_ANSWER = {
    "seq": 9,
    "channel": "web",
    "sku": "TEA-1",
    "status": "open",
    **_WISH,
}

ENDPOINTS = (
    Endpoint(
        name="put_fence",
        method="PUT",
        path="/v1/channels/{channel}/fences/{sku}",
        noun="channels",
        summary="Set units of a SKU aside for the orders of one channel",
        note=(
            "`quantity` is how many in all; send more to add some, 0 to end it. With a `location`, "
            "only what is there; a channel has either one fence of a SKU over all locations or "
            "some bound to one. Orders and reservations of other channels cannot take these units. "
            "More may be set aside than is available: what comes fills the fences, those bound to "
            "a location first, then in the order in which they were put. With `fall_back: false` "
            "the channel gets nothing of the SKU but what is set aside for it. Putting the same "
            "again changes nothing and answers with `replayed: true`."
        ),
        scope="plan",
        handler=_put,
        params=(_CHANNEL, params.SKU),
        body=FenceBody,
        command=PutFence,
        answer=FenceAnswer,
        status=201,
        also=200,
        keyed=True,
        codes=(
            "idempotency_conflict",
            "unknown_channel",
            "unknown_sku",
            "unknown_location",
            "fenced_sku",
            "fences_mixed",
            "table_full",
        ),
        example=_WISH,
        answer_example=_ANSWER,
    ),
    Endpoint(
        name="list_fences",
        method="GET",
        path="/v1/fences",
        noun="channels",
        summary="What is set aside, for whom, and how much of it is used and there, page by page",
        note=(
            "`left` units of a fence are not used yet; `covered` of them are available now. Ended "
            "fences stay, with what was used. A page may hold fewer rows than `limit`, or none, "
            "before the last one."
        ),
        handler=_fences,
        query=(
            Param("channel", Id, "only fences of this channel", default="", example="web"),
            Param("sku", Id, "only fences of this SKU", default="", example="TEA-1"),
            params.CURSOR,
            params.LIMIT,
        ),
        answer=FencesPage,
        answer_example={
            "fences": [{**_ANSWER, "used": 3, "left": 47, "covered": 40}],
            "next_cursor": None,
        },
    ),
)
