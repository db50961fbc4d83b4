"""Reservations: stock promised to a checkout for a while."""

from api.endpoint import Ask, Endpoint, Reply
from api.problems import missing
from api.routes import params
from api.routes.submit import change, create
from api.wire import body_type
from engine.core.answers import OrderAnswer, ReservationAnswer
from engine.core.commands import Commit, Extend, Release, Reserve

CommitBody = body_type(Commit, "reservation_id", name="CommitBody")
ExtendBody = body_type(Extend, "reservation_id", name="ExtendBody")

_SHORT = ("unknown_location", "unknown_sku", "location_inactive", "insufficient_stock")
_LIVE = ("unknown_reservation", "reservation_expired", "reservation_closed")


async def _reservation(ask: Ask) -> Reply:
    name = ask.params["reservation_id"]
    answer = await ask.front.client.reservation(name)
    if answer is None:
        detail = f"reservation {name!r} does not exist"
        raise missing("unknown_reservation", "reservation_id", detail)
    return 200, answer


async def _release(ask: Ask) -> Reply:
    ask.value = Release(ask.params["reservation_id"])
    return await change(ask)


_ANSWER = {
    "seq": 8,
    "reservation_id": "cart-1",
    "channel": "web",
    "status": "reserved",
    "expires_at": "2026-11-23T20:30:00Z",
    "lines": [{"sku": "TEA-1", "quantity": 2, "location": "berlin"}],
}
ORDER_ANSWER = {
    "seq": 9,
    "order_id": "1001",
    "channel": "web",
    "status": "allocated",
    "lines": [
        {"sku": "TEA-1", "quantity": 2, "allocations": [{"location": "berlin", "quantity": 2}]}
    ],
    "payment": "paid",
}

ENDPOINTS = (
    Endpoint(
        name="reserve",
        method="POST",
        path="/v1/reservations",
        noun="reservations",
        summary="Promise stock to a checkout for `ttl_s` seconds; all lines or none",
        scope="sell",
        handler=create,
        body=Reserve,
        answer=ReservationAnswer,
        status=201,
        keyed=True,
        hot=True,
        codes=(
            "idempotency_conflict",
            *_SHORT,
            "bundle_too_wide",
            "quantity_overflow",
            "table_full",
        ),
        example={
            "reservation_id": "cart-1",
            "channel": "web",
            "ttl_s": 900,
            "lines": [{"sku": "TEA-1", "quantity": 2}],
        },
        answer_example=_ANSWER,
    ),
    Endpoint(
        name="get_reservation",
        method="GET",
        path="/v1/reservations/{reservation_id}",
        noun="reservations",
        summary="One reservation as it stands",
        handler=_reservation,
        params=(params.RESERVATION,),
        answer=ReservationAnswer,
        codes=("unknown_reservation",),
        answer_example=_ANSWER,
    ),
    Endpoint(
        name="commit",
        method="POST",
        path="/v1/reservations/{reservation_id}/commit",
        noun="reservations",
        summary="Turn a reservation into an allocated order",
        note="The order takes the reservation's id unless `order_id` names one.",
        scope="sell",
        handler=create,
        params=(params.RESERVATION,),
        body=CommitBody,
        command=Commit,
        body_optional=True,
        answer=OrderAnswer,
        status=201,
        keyed=True,
        hot=True,
        codes=("idempotency_conflict", *_LIVE, "order_exists", "table_full"),
        example={"order_id": "1001", "payment": "paid"},
        answer_example=ORDER_ANSWER,
    ),
    Endpoint(
        name="extend",
        method="POST",
        path="/v1/reservations/{reservation_id}/extend",
        noun="reservations",
        summary="Let a reservation end `ttl_s` seconds from now",
        scope="sell",
        handler=change,
        params=(params.RESERVATION,),
        body=ExtendBody,
        command=Extend,
        answer=ReservationAnswer,
        keyed=True,
        hot=True,
        codes=("idempotency_conflict", *_LIVE, "table_full"),
        example={"ttl_s": 900},
        answer_example={**_ANSWER, "expires_at": "2026-11-23T20:45:00Z"},
    ),
    Endpoint(
        name="release",
        method="DELETE",
        path="/v1/reservations/{reservation_id}",
        noun="reservations",
        summary="Give a reservation's units back",
        note="Releasing what is released or expired already answers the same, replayed.",
        scope="sell",
        handler=_release,
        params=(params.RESERVATION,),
        answer=ReservationAnswer,
        keyed=True,
        hot=True,
        codes=("idempotency_conflict", "unknown_reservation", "reservation_closed", "table_full"),
        answer_example={**_ANSWER, "status": "released"},
    ),
)
