"""Webhooks: services that are told what happened. They are kept beside the log and not in it, since
they change nothing of what is sold."""

from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from api.endpoint import Ask, Endpoint, Reply
from api.problems import fail, field, missing
from api.routes.asking import shown_once
from api.wire import Param
from engine.core import limits
from engine.core.commands import Id
from engine.core.errors import LogError, OutcomeUnknownError, UnavailableError
from engine.sync.webhooks.book import TYPES, Book, Full, Type, Webhook
from engine.sync.webhooks.places import Refused

NAME = Param("webhook", Id, "the webhook's name, chosen by you", example="crm")
Url = Annotated[str, Meta(min_length=1, max_length=limits.WEBHOOK_URL_CHARS_MAX)]
Types = Annotated[list[Type], Meta(min_length=1, max_length=len(TYPES))]
Overlap = Annotated[int, Meta(ge=0, le=limits.WEBHOOK_OVERLAP_S_MAX)]


class WebhookBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where to send what: an address of `https://…`, the `types` of messages (all, unless said),
    and the `channel` whose orders it is about (those of all, unless said)."""

    url: Url
    types: Types = msgspec.field(default_factory=lambda: list(TYPES))
    channel: Id | None = None
    active: bool = True


class RotationBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Change the secret; the old one also signs for `overlap_s` seconds. The same `rotation_id`
    changes it once."""

    rotation_id: Id
    overlap_s: Overlap = limits.WEBHOOK_OVERLAP_S


class WebhookAnswer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A webhook. `stopped` says why nothing is sent any more, until it is put again; `waiting`
    messages are not taken yet. `secret` is there when it is made or changed, and only then; after a
    change the old one also signs until `old_secret_until`."""

    webhook: str
    url: str
    types: list[str]
    active: bool
    waiting: int
    created_at: datetime
    channel: str | None = None
    stopped: str | None = None
    old_secret_until: datetime | None = None
    secret: str | None = None


class WebhooksPage(msgspec.Struct):
    """All webhooks, by name."""

    webhooks: list[WebhookAnswer]


def book_of(ask: Ask) -> Book:
    """Return the webhooks. Raises `UnavailableError` where this process knows none."""
    if ask.front.webhooks is None:
        raise UnavailableError("this process knows no webhooks")
    return ask.front.webhooks


async def done(what: Awaitable[Any], *, harmless: bool = False) -> Any:
    """Wait for something that may not be known to have happened."""
    try:
        return await what
    except LogError as error:
        if harmless:
            raise UnavailableError("the log's server does not answer; try again") from error
        raise OutcomeUnknownError("the log's server gave no answer; look first") from error


def at(seconds: float) -> datetime:
    """Return a time in seconds since 1970 as one in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


async def _answer(ask: Ask, row: Webhook, *, secret: bool = False) -> WebhookAnswer:
    book = book_of(ask)
    stopped = await done(book.stopped(), harmless=True)
    waiting = await done(book.shelf.waiting(row.name), harmless=True)
    old = max((until_s for _, until_s in row.words if until_s), default=None)
    return WebhookAnswer(
        webhook=row.name,
        url=row.url,
        types=list(row.types),
        active=row.active,
        waiting=waiting,
        created_at=at(row.made_s),
        channel=row.channel,
        stopped=stopped.get(row.name),
        old_secret_until=at(old) if old and len(book.secrets(row)) > 1 else None,
        secret=book.secrets(row)[0] if secret else None,
    )


def unknown() -> Exception:
    """Return the problem of a name that no webhook has."""
    return missing("unknown_webhook", "webhook", "there is no such webhook; see /v1/webhooks")


async def _list(ask: Ask) -> Reply:
    rows = await done(book_of(ask).all(), harmless=True)
    return 200, WebhooksPage([await _answer(ask, row) for row in rows])


async def _get(ask: Ask) -> Reply:
    row = await done(book_of(ask).find(ask.params["webhook"]), harmless=True)
    if row is None:
        raise unknown()
    return 200, await _answer(ask, row)


async def _put(ask: Ask) -> Reply:
    wish: WebhookBody = ask.value
    kinds = tuple(dict.fromkeys(wish.types))
    name = ask.params["webhook"]
    try:
        found = await done(book_of(ask).put(name, wish.url, kinds, wish.channel, wish.active))
    except Refused as error:
        raise field("invalid_value", "url", str(error)) from None
    except Full:
        raise fail("table_full", f"there are {limits.WEBHOOKS_MAX} webhooks; remove one") from None
    row, fresh = found
    answer = await _answer(ask, row, secret=fresh)
    return (201, shown_once(answer)) if fresh else (200, answer)


async def _remove(ask: Ask) -> Reply:
    row = await done(book_of(ask).find(ask.params["webhook"]), harmless=True)
    if row is None:
        raise unknown()
    answer = await _answer(ask, row)
    await done(book_of(ask).remove(row.name))
    return 200, answer


async def _rotate(ask: Ask) -> Reply:
    wish: RotationBody = ask.value
    name = ask.params["webhook"]
    row = await done(book_of(ask).rotate(name, wish.rotation_id, float(wish.overlap_s)))
    if row is None:
        raise unknown()
    return 201, shown_once(await _answer(ask, row, secret=True))


_URL = "https://crm.example.com/dibs"
_CRM = {
    "webhook": "crm",
    "url": _URL,
    "types": ["order.placed", "order.shipped"],
    "active": True,
    "waiting": 0,
    "created_at": "2026-11-29T10:00:00Z",
}
_SECRET = {"secret": "whsec_qJ0yY2X8Qm4v7s1u9w3b5d7f9h1j3l5n7p9r1t3v5x4="}
ENDPOINTS = (
    Endpoint(
        name="list_webhooks",
        method="GET",
        path="/v1/webhooks",
        noun="webhooks",
        summary="All webhooks",
        scope="admin",
        handler=_list,
        answer=WebhooksPage,
        answer_example={"webhooks": [_CRM]},
    ),
    Endpoint(
        name="get_webhook",
        method="GET",
        path="/v1/webhooks/{webhook}",
        noun="webhooks",
        summary="One webhook",
        scope="admin",
        handler=_get,
        params=(NAME,),
        answer=WebhookAnswer,
        codes=("unknown_webhook",),
        answer_example=_CRM,
    ),
    Endpoint(
        name="put_webhook",
        method="PUT",
        path="/v1/webhooks/{webhook}",
        noun="webhooks",
        summary="Have a service told what happens, or change what it is told",
        note=(
            "Messages are signed as Standard Webhooks with `secret`, which is in the answer when "
            "the webhook is new, and not shown again: if that answer is lost, rotate. Putting a "
            "webhook that was stopped has it begin anew."
        ),
        scope="admin",
        handler=_put,
        params=(NAME,),
        body=WebhookBody,
        answer=WebhookAnswer,
        status=201,
        also=200,
        codes=("table_full",),
        example={"url": _URL, "types": ["order.placed", "order.shipped"]},
        answer_example=_CRM | _SECRET,
    ),
    Endpoint(
        name="remove_webhook",
        method="DELETE",
        path="/v1/webhooks/{webhook}",
        noun="webhooks",
        summary="Remove a webhook and what waits for it",
        scope="admin",
        handler=_remove,
        params=(NAME,),
        answer=WebhookAnswer,
        codes=("unknown_webhook",),
        answer_example=_CRM,
    ),
    Endpoint(
        name="rotate_webhook",
        method="POST",
        path="/v1/webhooks/{webhook}/rotations",
        noun="webhooks",
        summary="Give a webhook a new secret",
        note="Until `old_secret_until` messages are signed with both, so no message is refused.",
        scope="admin",
        handler=_rotate,
        params=(NAME,),
        body=RotationBody,
        answer=WebhookAnswer,
        status=201,
        codes=("unknown_webhook",),
        example={"rotation_id": "2026-11", "overlap_s": 86_400},
        answer_example=_CRM | _SECRET | {"old_secret_until": "2026-11-30T10:00:00Z"},
    ),
)
