"""Connections: accounts at channels, how each is doing, what its listings show, and the documents
that could not be applied. What connects accounts is the command line, where their secrets stay."""

from collections.abc import Awaitable
from typing import Annotated, Literal, TypeVar

import msgspec
import structlog
from msgspec import Meta

from api.endpoint import Ask, Endpoint, Reply
from api.problems import missing
from api.routes import params
from api.wire import Param
from engine.core import limits
from engine.core.commands import Id
from engine.core.errors import LogError, UnavailableError
from engine.sync.connections import Connection, Connections, Letter, ListingRow

log = structlog.get_logger("connections")
Found = TypeVar("Found")


class ConnectionsPage(msgspec.Struct):
    """Every account, by name."""

    connections: list[Connection]


class ListingsPage(msgspec.Struct):
    """Listings of an account, by name, or the stale ones, the longest so first. `next_cursor` is
    null on the last page."""

    listings: list[ListingRow]
    next_cursor: str | None


class LettersPage(msgspec.Struct):
    """Dead letters of an account, oldest first. `next_cursor` is null on the last page."""

    letters: list[Letter]
    next_cursor: str | None


class ReplayAnswer(msgspec.Struct):
    """So many dead letters of an account are back among what waits to be applied."""

    account: str
    letters: int


async def _told(question: Awaitable[Found]) -> Found:
    try:
        return await question
    except LogError as error:
        raise UnavailableError("the log's server does not answer; try again") from error


def _connections(ask: Ask) -> Connections:
    if ask.front.connections is None:
        raise UnavailableError("this process knows no connections")
    return ask.front.connections


def _account(ask: Ask) -> tuple[Connections, str]:
    """Return the connections and the account that the path names, which has to be one of them."""
    known, name = _connections(ask), ask.params["account"]
    if not known.has(name):
        detail = f"no account {name!r} is connected; `dibs channels list` says which are"
        raise missing("unknown_account", "account", detail)
    return known, name


async def _all(ask: Ask) -> Reply:
    return 200, ConnectionsPage(await _told(_connections(ask).all()))


async def _listings(ask: Ask) -> Reply:
    limit, after = ask.query["limit"], params.name_of(ask.query["cursor"])
    known, name = _account(ask)
    if ask.query["only"]:
        return 200, ListingsPage(await _told(known.stale(name, limit)), None)
    rows, last = await _told(known.listings(name, after, limit))
    return 200, ListingsPage(rows, params.cursor_after(last))


async def _letters(ask: Ask) -> Reply:
    after = params.entry_of(ask.query["cursor"])
    known, name = _account(ask)
    limit = min(ask.query["limit"], limits.LETTERS_PAGE_MAX)
    letters, last = await _told(known.letters(name, after, limit))
    return 200, LettersPage(letters, params.cursor_after(last))


async def _replay(ask: Ask) -> Reply:
    known, name = _account(ask)
    letter = ask.params["letter"]
    if not await _told(known.replay(name, letter)):
        detail = f"account {name!r} has no dead letter {letter!r}; it may have been replayed"
        raise missing("unknown_letter", "letter", detail)
    log.info("a dead letter is tried again", account=name, letter=letter, by=ask.actor)
    return 200, ReplayAnswer(name, 1)


async def _replay_all(ask: Ask) -> Reply:
    known, name = _account(ask)
    count = await _told(known.replay_all(name))
    log.info("dead letters are tried again", account=name, letters=count, by=ask.actor)
    return 200, ReplayAnswer(name, count)


_ACCOUNT = Param("account", Id, "the account's name", example="shop")
_LETTER = Param("letter", Id, "what names the letter here", example="1795000000000-0")
_CURSOR = Param(
    "cursor",
    Annotated[str, Meta(max_length=4 * limits.ID_CHARS_MAX)],
    "`next_cursor` of the page before; opaque",
    default="",
)
_ONLY = Param(
    "only",
    Literal["stale"],
    "only the stale ones, at most as many as `limit`, the longest so first",
    default="",
    example="stale",
)
_STATUS = {
    "account": "shop",
    "connector": "woocommerce",
    "channel": "web",
    "written_at": "2026-11-29T09:00:00Z",
    "listings": 240,
    "swept_until": "2026-11-29T08:59:21Z",
    "inbox": 3,
    "inbox_s": 0.2,
    "dead": 1,
    "outbox": 0,
    "waiting": {"sold_out": 0, "falling": 1, "rising": 4},
    "stale_s": 0.4,
    "p50_ms": 180.5,
    "p99_ms": 912.0,
    "p99_by_minute_ms": [None, 870.1, 912.0],
    "calls": 1840,
    "refused": 2,
    "failed": 0,
    "open_until": None,
    "published": 3120,
    "drifted": 0,
    "audited": 240,
    "job_failures": 0,
    "cancellations": None,
    "late_shipments": None,
    "untracked_parcels": None,
    "pushes": {"kept": 310, "repeated": 4},
    "documents": {"placed": 300, "told": 9, "dead": 1},
}
_SHOP = {
    "account": "shop",
    "connector": "woocommerce",
    "channel": "web",
    "url": "https://shop.example",
    "health": "letters",
    "status": _STATUS,
}
_LISTING = {
    "listing": "17",
    "sku": "TEA-1",
    "published": True,
    "wanted": 4,
    "shown": 5,
    "stale_since": "2026-11-29T08:59:59.600Z",
    "failures": 0,
    "problem": "",
}
_DEAD = {
    "letter": "1795000000000-0",
    "id": "1001-1795000000",
    "topic": "order.updated",
    "by": "push",
    "at": "2026-11-18T12:26:40Z",
    "problem": "placing: unknown_sku: SKU 'TEA-9' does not exist",
    "document": '{"id": 1001, "status": "processing"}',
    "whole": True,
}

_PATH = "/v1/connections"


def _row(name: str, method: str, path: str, summary: str, handler, answer, example, **more):
    return Endpoint(
        name=name,
        method=method,
        path=_PATH + path,
        noun="connections",
        summary=summary,
        handler=handler,
        answer=answer,
        answer_example=example,
        **more,
    )


ENDPOINTS = (
    _row(
        "list_connections",
        "GET",
        "",
        "Accounts at channels, and how each is doing",
        _all,
        ConnectionsPage,
        {"connections": [_SHOP]},
        note=(
            "`health` is the worst that is to be said in one word: `stopped` where nobody works "
            "(see `dibs channels run`), `failing` while the account is left alone because its "
            "calls fail, `behind` where a document or a listing waits for more than "
            f"{limits.STATUS_BEHIND_S:.0f} seconds, `cancelling`, `late` or `untracked` where the "
            "seller is near what the channel allows of that, `letters` where there are dead ones, "
            "else `good`. Secrets are never told."
        ),
    ),
    _row(
        "list_listings",
        "GET",
        "/{account}/listings",
        "Listings of an account: what each ought to show, and shows",
        _listings,
        ListingsPage,
        {"listings": [_LISTING], "next_cursor": None},
        params=(_ACCOUNT,),
        query=(_ONLY, _CURSOR, params.LIMIT),
        codes=("unknown_account",),
    ),
    _row(
        "list_dead_letters",
        "GET",
        "/{account}/dead-letters",
        "Documents of an account that could not be applied, and why",
        _letters,
        LettersPage,
        {"letters": [_DEAD], "next_cursor": None},
        note=(
            f"At most {limits.LETTERS_PAGE_MAX} a page. Of a document that is longer, the first "
            f"{limits.LETTER_CHARS_MAX:,} characters are told."
        ),
        params=(_ACCOUNT,),
        query=(_CURSOR, params.LIMIT),
        codes=("unknown_account",),
    ),
    _row(
        "replay_dead_letter",
        "POST",
        "/{account}/dead-letters/{letter}/replay",
        "Try a dead letter again, when its cause is mended",
        _replay,
        ReplayAnswer,
        {"account": "shop", "letters": 1},
        note="Trying again is safe: what was applied already is known by its version.",
        scope="plan",
        params=(_ACCOUNT, _LETTER),
        codes=("unknown_account", "unknown_letter"),
    ),
    _row(
        "replay_dead_letters",
        "POST",
        "/{account}/dead-letters/replay",
        "Try all dead letters of an account again",
        _replay_all,
        ReplayAnswer,
        {"account": "shop", "letters": 12},
        scope="plan",
        params=(_ACCOUNT,),
        codes=("unknown_account",),
    ),
)
