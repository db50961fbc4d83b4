"""Channels: what each may show, and what it shows now."""

import msgspec

from api.endpoint import Ask, Endpoint, Reply
from api.problems import field, missing
from api.routes import params
from api.routes.reading import one, page, unknown
from api.routes.submit import put
from api.wire import Param, body_type
from engine.core import limits
from engine.core.answers import ChannelAnswer
from engine.core.commands import Id, PutChannel
from engine.core.sellable import AvailabilityAnswer
from engine.core.terms import Moment

ChannelBody = body_type(PutChannel, "channel", name="ChannelBody")


class ChannelsPage(msgspec.Struct):
    """Channels in order of creation. `next_cursor` is null on the last page."""

    channels: list[ChannelAnswer]
    next_cursor: str | None


async def _availability(ask: Ask) -> Reply:
    name, skus = ask.query["channel"], list(dict.fromkeys(ask.query["skus"]))
    if not 0 < len(skus) <= limits.AVAILABILITY_SKUS_MAX:
        raise field("invalid_length", "skus", f"name 1 to {limits.AVAILABILITY_SKUS_MAX} SKUs")
    by, cart = ask.query["by"], ask.query["reservation"]
    answer = await ask.front.client.availability(name, skus, by, cart)
    if answer is None:
        raise unknown("channel", name)
    known = {row.sku for row in answer.skus}
    for sku in [] if ask.query["known"] else skus:
        if sku not in known:
            raise missing("unknown_sku", "skus", f"SKU {sku!r} does not exist")
    return 200, answer


_CHANNEL = Param("channel", Id, "the channel's id", example="web")
_SHOP = {
    "name": "Own shop",
    "priority": 200,
    "locations": ["berlin"],
    "buffers": [
        {
            "percent": 10,
            "skus": ["TEA-1"],
            "locations": ["berlin"],
            "below_baseline": True,
            "season": {"first": "10-01", "last": "12-31"},
        }
    ],
    "cap": 500,
}
_SHOP_ANSWER = {"seq": 4, "channel": "web", **_SHOP}

ENDPOINTS = (
    Endpoint(
        name="put_channel",
        method="PUT",
        path="/v1/channels/{channel}",
        noun="channels",
        summary="Create or change a channel: which stock it sells from, and what it may not show",
        note="Putting the same again changes nothing and answers with `replayed: true`.",
        scope="plan",
        handler=put,
        params=(_CHANNEL,),
        body=ChannelBody,
        command=PutChannel,
        answer=ChannelAnswer,
        status=201,
        also=200,
        keyed=True,
        codes=(
            "idempotency_conflict",
            "unknown_location",
            "unknown_sku",
            "unknown_policy",
            "table_full",
        ),
        example=_SHOP,
        answer_example=_SHOP_ANSWER,
    ),
    Endpoint(
        name="get_channel",
        method="GET",
        path="/v1/channels/{channel}",
        noun="channels",
        summary="One channel",
        handler=one("channel"),
        params=(_CHANNEL,),
        answer=ChannelAnswer,
        codes=("unknown_channel",),
        answer_example=_SHOP_ANSWER,
    ),
    Endpoint(
        name="list_channels",
        method="GET",
        path="/v1/channels",
        noun="channels",
        summary="Channels, page by page",
        handler=page("channels", ChannelsPage),
        query=(params.CURSOR, params.LIMIT),
        answer=ChannelsPage,
        answer_example={"channels": [_SHOP_ANSWER], "next_cursor": None},
    ),
    Endpoint(
        name="get_availability",
        method="GET",
        path="/v1/availability",
        noun="channels",
        summary="What a channel may show of some SKUs now, and why it is not more",
        note=(
            "`sellable` is what to publish. `withheld` says what else is available and who has "
            "taken it away: a location that is not the channel's, a buffer by its number, the "
            "last units kept for channels before it, or the cap. With `by`, `promisable` adds what "
            "is to come until then, less what orders wait for. With `reservation`, what that one "
            "holds is not in its owner's way."
        ),
        handler=_availability,
        query=(
            _CHANNEL,
            Param(
                "skus",
                Id,
                "the SKUs, separated by commas (a comma inside a SKU is %2C)",
                separated=True,
                example="TEA-1",
            ),
            Param(
                "known",
                bool,
                "leave out SKUs that do not exist, rather than refuse",
                default=False,
                example=True,
            ),
            Param(
                "by",
                Moment,
                "say too what can be had by then",
                default=None,
                example="2027-01-10T08:00:00Z",
            ),
            Param(
                "reservation",
                Id,
                "whoever asks holds this one: its units are available to them",
                default=None,
                example="cart-7",
            ),
        ),
        answer=AvailabilityAnswer,
        codes=("unknown_channel", "unknown_sku"),
        answer_example={
            "channel": "web",
            "seq": 9,
            "as_of": "2026-11-27T09:00:00Z",
            "skus": [
                {
                    "sku": "TEA-1",
                    "sellable": 18,
                    "available": 20,
                    "locations": [{"location": "berlin", "available": 20, "sellable": 18}],
                    "withheld": [
                        {"cause": "buffer", "units": 2, "location": "berlin", "buffer": 0}
                    ],
                }
            ],
        },
    ),
)
