"""Deliveries of webhooks: what became of each try, a test, and sending again what was not taken."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from api.endpoint import Ask, Endpoint, Reply
from api.problems import ProblemError, fail, missing
from api.routes import params
from api.routes.webhooks import NAME, at, book_of, done, unknown
from api.wire import Param
from engine.core import limits
from engine.core.commands import Id
from engine.core.terms import ID_PATTERN
from engine.sync.webhooks.book import Idle

_TEST_CHARS_MAX = limits.ID_CHARS_MAX - len("test-")
_MESSAGE = Param(
    "message",
    Id,
    "the message's id, as the service and the list of deliveries have it",
    example="order-41",
)


class WebhookTestBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Send a test; its message is `test-` and the `test_id`."""

    test_id: Annotated[str, Meta(min_length=1, max_length=_TEST_CHARS_MAX, pattern=ID_PATTERN)]


class QueuedAnswer(msgspec.Struct):
    """A message of a webhook that is sent as soon as possible; see its deliveries."""

    webhook: str
    message: str


class DeliveryRow(msgspec.Struct, kw_only=True):
    """A try to deliver a message: the HTTP `status` that came back, 0 if none did; `problem` in
    words; `next_at` when it is tried again, null if never."""

    message: str
    type: str
    at: datetime
    attempt: int
    status: int
    took_ms: int
    problem: str | None
    next_at: datetime | None


class DeliveriesPage(msgspec.Struct):
    """Tries, newest first. `next_cursor` is null on the last page."""

    deliveries: list[DeliveryRow]
    next_cursor: str | None


async def _deliveries(ask: Ask) -> Reply:
    name, limit = ask.params["webhook"], ask.query["limit"]
    before = params.entry_of(ask.query["cursor"])
    if await done(book_of(ask).find(name), harmless=True) is None:
        raise unknown()
    rows = await done(book_of(ask).shelf.tries(name, before, limit + 1), harmless=True)
    tries, more = params.page_of(rows, limit)
    told = [
        DeliveryRow(
            message=row.message,
            type=row.kind,
            at=at(row.at_ms / 1000),
            attempt=row.attempt,
            status=row.status,
            took_ms=row.took_ms,
            problem=row.problem or None,
            next_at=at(row.next_ms / 1000) if row.next_ms else None,
        )
        for row in tries
    ]
    return 200, DeliveriesPage(told, more)


def _idle() -> ProblemError:
    detail = "the webhook is paused or was stopped; put it again with `active` true"
    return fail("webhook_idle", detail)


async def _test(ask: Ask) -> Reply:
    name = ask.params["webhook"]
    try:
        message = await done(book_of(ask).test(name, ask.value.test_id))
    except Idle:
        raise _idle() from None
    if message is None:
        raise unknown()
    return 200, QueuedAnswer(name, message)


async def _replay(ask: Ask) -> Reply:
    name, message = ask.params["webhook"], ask.params["message"]
    if await done(book_of(ask).find(name), harmless=True) is None:
        raise unknown()
    try:
        there = await done(book_of(ask).replay(name, message))
    except Idle:
        raise _idle() from None
    if not there:
        detail = f"of webhook {name!r} no message {message!r} waits, nor was it given up lately"
        raise missing("unknown_delivery", "message", detail)
    return 200, QueuedAnswer(name, message)


_TRY = {
    "message": "order-41",
    "type": "order.placed",
    "at": "2026-11-29T10:00:01Z",
    "attempt": 1,
    "status": 503,
    "took_ms": 120,
    "problem": "answered 503",
    "next_at": "2026-11-29T10:00:06Z",
}

_QUEUED = {"webhook": "crm", "message": "order-41"}

ENDPOINTS = (
    Endpoint(
        name="list_deliveries",
        method="GET",
        path="/v1/webhooks/{webhook}/deliveries",
        noun="webhooks",
        summary="What became of the messages of a webhook: its newest tries",
        scope="admin",
        handler=_deliveries,
        params=(NAME,),
        query=(params.CURSOR, params.LIMIT),
        answer=DeliveriesPage,
        codes=("unknown_webhook",),
        answer_example={"deliveries": [_TRY], "next_cursor": None},
    ),
    Endpoint(
        name="test_webhook",
        method="POST",
        path="/v1/webhooks/{webhook}/tests",
        noun="webhooks",
        summary="Send a webhook a message of type `webhook.test`",
        note="It is sent whatever the webhook's `types`, signed and tried again as any other.",
        scope="admin",
        handler=_test,
        params=(NAME,),
        body=WebhookTestBody,
        answer=QueuedAnswer,
        codes=("unknown_webhook", "webhook_idle"),
        example={"test_id": "1"},
        answer_example={"webhook": "crm", "message": "test-1"},
    ),
    Endpoint(
        name="replay_delivery",
        method="POST",
        path="/v1/webhooks/{webhook}/deliveries/{message}/replay",
        noun="webhooks",
        summary="Send a message now that waits to be tried again, or that was given up",
        note=(
            "One that was given up gets all of its tries anew, while its last one is still in the "
            "list. One that was taken is not sent again."
        ),
        scope="admin",
        handler=_replay,
        params=(NAME, _MESSAGE),
        answer=QueuedAnswer,
        codes=("unknown_webhook", "unknown_delivery", "webhook_idle"),
        answer_example=_QUEUED,
    ),
)
