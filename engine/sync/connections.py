"""Connections as others see them: accounts with their status, listings and dead letters.

For the HTTP API and the command line, whether an office works or not. Secrets are never among it.
"""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

import msgspec

from engine.core import limits
from engine.sync.accounts import Watch
from engine.sync.listings import Listing
from engine.sync.status import AccountStatus, Health, Late, health_of
from engine.sync.store import Dead, SyncStore

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_decode_status = msgspec.json.Decoder(AccountStatus).decode
_decode_late = msgspec.json.Decoder(Late).decode
_decode_listing = msgspec.json.Decoder(Listing).decode


class Connection(msgspec.Struct, frozen=True):
    """An account that is connected: to what, and how it is doing (null: no office has noted it).
    `health` is the worst of it: good, letters (dead ones), untracked (too many parcels), late (too
    many orders), cancelling (too many orders), behind, failing, stopped."""

    account: str
    connector: str
    channel: str
    url: str
    health: Health
    status: AccountStatus | None


class ListingRow(msgspec.Struct, frozen=True):
    """A listing of an account: what it sells, what it ought to show and was last made to show
    (null: nobody knows). `stale_since` is set while the two differ; after tries that failed,
    `problem` says why the last one did. One that is not `published` is somebody else's concern."""

    listing: str
    sku: str
    published: bool
    wanted: int | None
    shown: int | None
    stale_since: datetime | None = None
    failures: int = 0
    problem: str = ""


class Letter(msgspec.Struct, frozen=True):
    """A document that could not be applied: `letter` names it here, `id` at its channel. It came by
    push, sweep or outbox, and is dead since `at`. Of a long one, `document` is the beginning."""

    letter: str
    id: str
    topic: str
    by: str
    at: datetime
    problem: str
    document: str
    whole: bool


class Connections:
    """Reads what the office noted. Raises `LogError` where the log's server is away."""

    def __init__(self, watch: Watch, store: SyncStore) -> None:
        self._watch, self._store = watch, store

    async def close(self) -> None:
        """Let go of the server."""
        await self._store.close()

    def has(self, account: str) -> bool:
        """Say whether there is such an account."""
        return account in self._watch.look()

    async def all(self) -> list[Connection]:
        """Return every account, by name."""
        accounts = self._watch.look()
        if not accounts:
            return []
        now, rows = datetime.now(UTC), []
        noted = await self._store.fields(accounts, "status")
        for account, document in zip(accounts.values(), noted, strict=True):
            status = _decode_status(document) if document else None
            health = health_of(status, now)
            row = (account.name, account.connector, account.channel, _address(account.url))
            rows.append(Connection(*row, health, status))
        return rows

    async def listings(
        self, account: str, after: str, limit: int
    ) -> tuple[list[ListingRow], str | None]:
        """Return a page of listings, by name, and the name after which the next one begins."""
        names = await self._store.names(account, after, limit + 1)
        more = names[limit - 1] if len(names) > limit else None
        names = names[:limit]
        late = await self._store.fields(names, "late", account)
        noted = await self._store.field(account, "status")
        status = _decode_status(noted) if noted else None
        # Of very many late ones, only the latest are noted.
        sure = status is not None and status.waiting.total <= limits.LATE_ROWS_MAX
        return await self._rows(account, names, late, sure), more

    async def stale(self, account: str, limit: int) -> list[ListingRow]:
        """Return the listings that do not show what they ought to, the longest so first."""
        table = await self._store.table("late", account)
        oldest = sorted((_decode_late(document).since, name) for name, document in table.items())
        names = [name for _, name in oldest[:limit]]
        return await self._rows(account, names, [table[name] for name in names], True)

    async def _rows(
        self, account: str, names: list[str], late: list[bytes | None], sure: bool
    ) -> list[ListingRow]:
        found = await self._store.fields(names, "listings", account)
        shown = await self._store.fields(names, "shown", account)
        return [
            _row(_decode_listing(document), now, waits, sure)
            for document, now, waits in zip(found, shown, late, strict=True)
            if document
        ]

    async def letters(
        self, account: str, after: str, limit: int
    ) -> tuple[list[Letter], str | None]:
        """Return a page of dead letters, oldest first, and the place after which the next one
        begins. A page of large documents has fewer of them."""
        letters: list[Letter] = []
        size = 0
        while True:
            count = min(limit - len(letters), _READ) + 1
            rows = await self._store.dead(account, after or "-", count)
            for dead in rows[: count - 1]:
                letters.append(_letter(dead))
                size, after = size + len(dead.body), dead.place
            if len(rows) < count:
                return letters, None
            if len(letters) == limit or size > limits.LETTERS_PAGE_BYTES:
                return letters, after

    async def replay(self, account: str, letter: str) -> bool:
        """Put a dead letter into the inbox again; return whether there was one."""
        dead = await self._store.letter(account, letter)
        if dead is not None:
            await self._store.revive(account, dead)
        return dead is not None

    async def replay_all(self, account: str) -> int:
        """Put all letters that are dead by now into the inbox again; return how many."""
        count, after, last = 0, "-", await self._store.last_dead(account)
        while rows := await self._store.dead(account, after, _READ):
            for dead in rows:
                if _order(dead.place) > _order(last):  # it died since: once more is enough
                    return count
                await self._store.revive(account, dead)
                count, after = count + 1, dead.place
        return count


_READ = 8  # letters at once: each may be as large as a push


def _order(place: str) -> tuple[int, int]:
    stamp_ms, _, number = place.partition("-")
    return int(stamp_ms), int(number)


def _address(url: str) -> str:
    """Return an address without what may be secret in it."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _row(listing: Listing, shown: bytes | None, late: bytes | None, sure: bool) -> ListingRow:
    now = int(shown) if shown is not None else None
    row = (listing.listing, listing.sku, listing.published)
    if late is None:
        return ListingRow(*row, now if sure and listing.published else None, now)
    due = _decode_late(late)
    return ListingRow(*row, due.wanted, now, due.since, due.failures, due.problem)


def _letter(dead: Dead) -> Letter:
    text = dead.body.decode(errors="replace")
    at = _EPOCH + timedelta(milliseconds=int(dead.place.partition("-")[0]))
    whole = len(text) <= limits.LETTER_CHARS_MAX
    shown = text[: limits.LETTER_CHARS_MAX]
    return Letter(dead.place, dead.id, dead.topic, dead.by, at, dead.problem, shown, whole)
