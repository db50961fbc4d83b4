"""Validation: what the orders of a channel are checked for when they are placed."""

import msgspec

from api.endpoint import Ask, Endpoint, Reply
from api.routes import params
from api.routes.reading import page, unknown
from api.routes.submit import put
from api.wire import body_type
from engine.core.commands import PutValidation
from engine.core.validation import ValidationAnswer

ValidationBody = body_type(PutValidation, "channel", name="ValidationBody")


class ValidationsPage(msgspec.Struct):
    """Channels with rules in the order in which they got some. `next_cursor` is null on the last
    page."""

    validations: list[ValidationAnswer]
    next_cursor: str | None


async def _validation(ask: Ask) -> Reply:
    name = ask.params["channel"]
    answer = await ask.front.client.validation(name)
    if answer is None:
        raise unknown("validation", name, "validation of channel")
    return 200, answer


_RULES = {
    "rules": [
        {
            "check": "payment",
            "owner": "accounts",
            "minutes": 2_880,
            "then": "cancel",
        },
        {"check": "quantity", "owner": "sales", "keeps_stock": False, "units": 1_000},
        {"check": "cool_off", "minutes": 60, "then": "release"},
    ]
}
_ANSWER = {"seq": 9, "channel": "web", **_RULES}

ENDPOINTS = (
    Endpoint(
        name="put_validation",
        method="PUT",
        path="/v1/channels/{channel}/validation",
        noun="channels",
        summary="Say what a channel's orders are checked for, and which holds they get",
        note=(
            "An order that fails checks is placed and held in the same step, one hold a check, by "
            "the check's name. Putting the same again answers with `replayed: true`; no rules end "
            "the checking of new orders."
        ),
        scope="plan",
        handler=put,
        params=(params.CHANNEL,),
        body=ValidationBody,
        command=PutValidation,
        answer=ValidationAnswer,
        status=201,
        also=200,
        keyed=True,
        codes=("idempotency_conflict", "incomplete_rule", "table_full"),
        example=_RULES,
        answer_example=_ANSWER,
    ),
    Endpoint(
        name="get_validation",
        method="GET",
        path="/v1/channels/{channel}/validation",
        noun="channels",
        summary="What a channel's orders are checked for",
        handler=_validation,
        params=(params.CHANNEL,),
        answer=ValidationAnswer,
        codes=("unknown_validation",),
        answer_example=_ANSWER,
    ),
    Endpoint(
        name="list_validations",
        method="GET",
        path="/v1/validations",
        noun="channels",
        summary="What the orders of each channel are checked for, page by page",
        handler=page("validations", ValidationsPage),
        query=(params.CURSOR, params.LIMIT),
        answer=ValidationsPage,
        answer_example={"validations": [_ANSWER], "next_cursor": None},
    ),
)
