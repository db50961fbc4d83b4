"""What sync remembers, in the log's server: durable before it is answered, like the log itself.

    {p}:sync:in:ACCOUNT        stream of deliveries, not yet applied ones last
    {p}:sync:met:ACCOUNT:ID    this delivery was kept (forgotten after `limits.SYNC_MET_S`)
    {p}:sync:mark:A:ORDER      how an order was when it was kept last (for `limits.SWEEP_MARK_S`)
    {p}:sync:version:A:ORDER   the newest version of an order that was applied
    {p}:sync:dead:ACCOUNT      stream of deliveries that nobody could apply, with the problem
    {p}:sync:cursors           hash: where each worker is
    {p}:sync:listings:ACCOUNT  hash: listing → what it sells, and how its channel finds it
    {p}:sync:names:ACCOUNT     sorted set: the listings, by name
    {p}:sync:shown:ACCOUNT     hash: listing → what it was last made to show
    {p}:sync:late:ACCOUNT      hash: listing → what it ought to show instead, for the latest ones
    {p}:sync:status            hash: account → how it is doing (`sync.status`)
    {p}:sync:bulk:ACCOUNT      hash: ticket of a bulk delivery that is, or may be, on its way →
                               listing: quantity
    {p}:sync:handoff:ACCOUNT   hash: fulfillment that a provider may have → 1
    {p}:sync:placed:ACCOUNT    hash: day → orders that came
    {p}:sync:cancelled:ACCOUNT sorted set: orders that the seller cancelled, by when
    {p}:sync:shipped:ACCOUNT   hash: day → orders that left; late ones in shipped_late, and parcels
                               likewise in parcels and parcels_untracked
    {p}:sync:awaited:ACCOUNT   sorted set: orders that a carrier has not got, by when it should
    {p}:sync:outbox:ACCOUNT    hash: what is to be told to the channel, until it is
    {p}:sync:gate:…            token buckets and breaker of an account
    {p}:sync:revised:A:LISTING when all changes that a listing may have will be there again
    {p}:sync:said:ACCOUNT:HASH what may not be said again until this is forgotten

The only file beside `log.store` that imports redis; the keys are others, and so is the user.
"""

import contextlib
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import msgspec
import redis.asyncio
from redis.exceptions import RedisError

from engine.connectors.base import Delivery
from engine.core import limits
from engine.core.errors import LogError
from engine.log.names import Keys
from engine.log.store import connection_options

_SCAN = 5_000  # fields of a hash at once, a few milliseconds' work
_PLACE = re.compile(r"\d{1,19}-\d{1,19}")
# KEYS: met, stream, and mark where there is one to note. ARGV: seconds to remember, most entries,
# id, topic, body, by, the mark, seconds to remember that. A push that comes again may be old by
# now; what a sweep reads again is what there is.
_KEEP = """
local met = redis.call('EXISTS', KEYS[1]) == 1
if not met and redis.call('XLEN', KEYS[2]) >= tonumber(ARGV[2]) then return -1 end
if KEYS[3] and (not met or ARGV[6] == 'sweep') then
  redis.call('SET', KEYS[3], ARGV[7], 'EX', ARGV[8])
end
if met then return 0 end
redis.call('SET', KEYS[1], '1', 'EX', ARGV[1])
redis.call('XADD', KEYS[2], '*', 'id', ARGV[3], 'topic', ARGV[4], 'body', ARGV[5], 'by', ARGV[6])
return 1
"""


class InboxFull(Exception):
    """The inbox holds all it may. The channel is to push again later."""


class Kept(Delivery, frozen=True):
    """A delivery as the inbox has it: at `place`, having come `by` push or pull."""

    place: str = ""
    by: str = ""


class Dead(Kept, frozen=True):
    """A delivery that could not be applied, and why."""

    problem: str = ""


class Applied(msgspec.Struct, frozen=True, array_like=True):
    """The document of an order that was applied last: its version, how many others of that version
    were applied before it, a digest of what it said, and whether it was a brief one, or said that
    nothing is wanted."""

    version: int = -1
    turn: int = 0
    digest: str = ""
    brief: bool = False
    cancelled: bool = False

    @property
    def rank(self) -> tuple[int, bool]:
        """What a later document has more of: of one version, one that is not brief counts more."""
        return self.version, not self.brief


class Backlog(msgspec.Struct, frozen=True):
    """What waits of an account, in numbers: deliveries, the oldest of which came at `oldest_ms`
    (since 1970; 0: none); dead letters; and what is to be told to the channel. `listings` counts
    how often they were mapped, `swept` is where the sweeps are."""

    inbox: int
    oldest_ms: int
    dead: int
    outbox: int
    listings: int
    swept: str


@contextlib.asynccontextmanager
async def asking(what: str) -> AsyncIterator[None]:
    """Have what the server says in the block be a `LogError` that tells `what` was asked."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise LogError(f"{what}: the log's server says: {error}") from error


class SyncStore:
    """The keys of sync on one server, in an event loop. Raises `LogError` where it is away."""

    def __init__(self, url: str) -> None:
        options = connection_options(url, limits.STORE_TIMEOUT_S)
        if "unix_socket_path" in options:
            options["path"] = options.pop("unix_socket_path")
            options["connection_class"] = redis.asyncio.UnixDomainSocketConnection
        elif options.pop("ssl", False):
            options["connection_class"] = redis.asyncio.SSLConnection
        pool = redis.asyncio.BlockingConnectionPool(
            max_connections=limits.SYNC_CONNECTIONS_MAX, timeout=limits.STORE_TIMEOUT_S, **options
        )
        self.redis = redis.asyncio.Redis.from_pool(pool)
        self._keep = self.redis.register_script(_KEEP)

    @staticmethod
    def key(*parts: str) -> str:
        """Return the name of one of the keys above."""
        return Keys().sync + ":".join(parts)

    async def close(self) -> None:
        """Let go of the server."""
        await self.redis.aclose()

    # The inbox.

    async def keep(self, account: str, delivery: Delivery, by: str) -> bool:
        """Keep a delivery and the mark of its sign, durably and in one step; return whether it was
        new. Raises `InboxFull`."""
        keys = [self.key("met", account, delivery.id), self.key("in", account)]
        values = [limits.SYNC_MET_S, limits.SYNC_INBOX_MAX]
        values += [delivery.id, delivery.topic, delivery.body, by]
        if (sign := delivery.sign) is not None:
            keys.append(self.key("mark", account, sign.order_id))
            values += [sign.mark, limits.SWEEP_MARK_S]
        async with asking("inbox"):
            kept = await self._keep(keys=keys, args=values)
        if kept < 0:
            raise InboxFull
        return bool(kept)

    async def waiting(self, account: str, after: str, count: int, block_ms: int) -> list[Kept]:
        """Return up to `count` deliveries after the place `after`, waiting for the first."""
        stream = self.key("in", account)
        async with asking("inbox"):
            found = await self.redis.xread({stream: after}, count, block_ms or None)
        return [_kept(Kept, place, row) for place, row in (found[0][1] if found else ())]

    async def inbox_length(self, account: str) -> int:
        """Return how many deliveries wait to be applied."""
        async with asking("inbox"):
            return await self.redis.xlen(self.key("in", account))

    async def backlog(self, account: str) -> Backlog:
        """Return what waits of an account, in one call."""
        inbox = self.key("in", account)
        async with asking("backlog"):
            pipe = self.redis.pipeline(transaction=False)
            pipe.xlen(inbox)
            pipe.xrange(inbox, count=1)
            pipe.xlen(self.key("dead", account))
            pipe.hlen(self.key("outbox", account))
            pipe.hmget(self.key("cursors"), f"listings:{account}", f"sweep:{account}")
            waits, oldest, dead, outbox, (mapped, swept) = await pipe.execute()
        oldest_ms = int(oldest[0][0].partition(b"-")[0]) if oldest else 0
        told = (swept or b"").decode()
        return Backlog(waits, oldest_ms, dead, outbox, int(mapped or 0), told)

    async def done(self, account: str, places: Iterable[str]) -> None:
        """Drop deliveries that were applied, or are dead."""
        if places := list(places):
            async with asking("inbox"):
                await self.redis.xdel(self.key("in", account), *places)

    async def marks(self, account: str, orders: Iterable[str]) -> list[str | None]:
        """Return how each order was when it was kept last, in the order asked for; None of those
        of which nothing is known, or no more."""
        keys = [self.key("mark", account, order) for order in orders]
        async with asking("marks"):
            found = await self.redis.mget(keys) if keys else []
        return [mark and mark.decode() for mark in found]

    # What nobody could apply.

    async def bury(self, account: str, kept: Kept, problem: str) -> None:
        """Move a delivery to the dead ones, in one step."""
        row = {"id": kept.id, "topic": kept.topic, "body": kept.body, "by": kept.by}
        row["problem"] = problem[: limits.CALL_PROBLEM_CHARS_MAX]
        async with asking("dead letters"):
            pipe = self.redis.pipeline(transaction=True)
            pipe.xadd(self.key("dead", account), row, maxlen=limits.SYNC_DEAD_MAX)
            if kept.place:
                pipe.xdel(self.key("in", account), kept.place)
            await pipe.execute()

    async def dead(self, account: str, after: str = "-", count: int = 100) -> list[Dead]:
        """Return up to `count` dead letters, oldest first."""
        async with asking("dead letters"):
            start = after if after == "-" else f"({after}"
            rows = await self.redis.xrange(self.key("dead", account), start, "+", count)
        return [_kept(Dead, place, row) for place, row in rows]

    async def letter(self, account: str, place: str) -> Dead | None:
        """Return the dead letter at a place; None where there is none."""
        if not _PLACE.fullmatch(place):
            return None
        async with asking("dead letters"):
            rows = await self.redis.xrange(self.key("dead", account), place, place)
        return _kept(Dead, *rows[0]) if rows else None

    async def last_dead(self, account: str) -> str:
        """Return the place of the newest dead letter; "0-0" where there is none."""
        async with asking("dead letters"):
            rows = await self.redis.xrevrange(self.key("dead", account), count=1)
        return rows[0][0].decode() if rows else "0-0"

    async def revive(self, account: str, dead: Dead) -> None:
        """Put a dead letter into the inbox again, in one step."""
        row = {"id": dead.id, "topic": dead.topic, "body": dead.body, "by": dead.by}
        async with asking("dead letters"):
            pipe = self.redis.pipeline(transaction=True)
            pipe.xadd(self.key("in", account), row)
            pipe.xdel(self.key("dead", account), dead.place)
            await pipe.execute()

    # Versions.

    async def applied(self, account: str, order_id: str) -> Applied:
        """Return what was last applied to an order; `Applied()` if nothing is known."""
        async with asking("versions"):
            found = await self.redis.get(self.key("version", account, order_id))
        return Applied() if found is None else msgspec.json.decode(found, type=Applied)

    async def note_applied(self, account: str, order_id: str, applied: Applied) -> None:
        """Note what was applied to an order."""
        async with asking("versions"):
            key = self.key("version", account, order_id)
            await self.redis.set(key, msgspec.json.encode(applied), ex=limits.SYNC_VERSION_S)

    # Hashes: cursors, listings, shown, outbox.

    async def table(self, *parts: str) -> dict[str, bytes]:
        """Return a hash whole, read in parts: one of a million fields holds up nobody. Fields that
        are set or removed meanwhile may be among it or not."""
        found: dict[str, bytes] = {}
        cursor = 0
        while True:
            async with asking(parts[0]):
                cursor, rows = await self.redis.hscan(self.key(*parts), cursor, count=_SCAN)
            found.update((name.decode(), value) for name, value in rows.items())
            if cursor == 0:
                return found

    async def field(self, name: str, *parts: str) -> bytes | None:
        """Return one field of a hash."""
        async with asking(parts[0]):
            return await self.redis.hget(self.key(*parts), name)

    async def put(self, rows: Mapping[str, Any], *parts: str) -> None:
        """Set fields of a hash, durably."""
        if rows:
            async with asking(parts[0]):
                await self.redis.hset(self.key(*parts), mapping=dict(rows))

    async def fields(self, names: Iterable[str], *parts: str) -> list[bytes | None]:
        """Return some fields of a hash, in the order asked for."""
        names = list(names)
        async with asking(parts[0]):
            return await self.redis.hmget(self.key(*parts), names) if names else []

    async def map_listings(self, account: str, rows: Mapping[str, bytes]) -> None:
        """Set listings of an account, durably, and count that it was done."""
        if not rows:
            return
        async with asking("listings"):
            pipe = self.redis.pipeline(transaction=True)
            pipe.hset(self.key("listings", account), mapping=dict(rows))
            pipe.zadd(self.key("names", account), dict.fromkeys(rows, 0))
            pipe.hincrby(self.key("cursors"), f"listings:{account}", 1)
            await pipe.execute()

    async def names(self, account: str, after: str, count: int) -> list[str]:
        """Return up to `count` listings of an account that come after the name `after`, by name."""
        start = f"({after}" if after else "-"
        async with asking("listings"):
            found = await self.redis.zrangebylex(
                self.key("names", account), start, "+", start=0, num=count
            )
        return [name.decode() for name in found]

    async def replace(self, fresh: Mapping[str, bytes], gone: Iterable[str], *parts: str) -> None:
        """Set and remove fields of a hash in one step."""
        gone = list(gone)
        if not fresh and not gone:
            return
        async with asking(parts[0]):
            pipe = self.redis.pipeline(transaction=True)
            if fresh:
                pipe.hset(self.key(*parts), mapping=dict(fresh))
            if gone:
                pipe.hdel(self.key(*parts), *gone)
            await pipe.execute()

    async def drop(self, names: Iterable[str], *parts: str) -> None:
        """Remove fields of a hash."""
        if names := list(names):
            async with asking(parts[0]):
                await self.redis.hdel(self.key(*parts), *names)

    async def outbox_put(
        self, rows: Mapping[str, Mapping[str, bytes]], cursor: str, seq: int
    ) -> None:
        """Add what is to be told, by account, and move the cursor of who read it, in one step:
        nothing is told twice or forgotten by a crash between the two."""
        async with asking("outbox"):
            pipe = self.redis.pipeline(transaction=True)
            for account, entries in rows.items():
                pipe.hset(self.key("outbox", account), mapping=dict(entries))
            pipe.hset(self.key("cursors"), cursor, seq)
            await pipe.execute()

    async def outbox_told(
        self,
        account: str,
        name: str,
        more: Mapping[str, Mapping[str, int]],
        marks: Mapping[str, Mapping[str, float]],
    ) -> None:
        """Remove what was told, and count it, in one step: nothing is counted twice. By table of
        the account, `more` is as in `add`, `marks` as in `rank`."""
        async with asking("outbox"):
            pipe = self.redis.pipeline(transaction=True)
            pipe.hdel(self.key("outbox", account), name)
            for table, rows in more.items():
                for field, count in rows.items():
                    pipe.hincrby(self.key(table, account), field, count)
            for table, ranks in marks.items():
                if ranks:
                    pipe.zadd(self.key(table, account), dict(ranks), nx=True)
            await pipe.execute()


def _kept(kind: type, place: bytes, row: Mapping[bytes, bytes]) -> Any:
    text = {name.decode(): value for name, value in row.items()}
    body = text.pop("body")
    return kind(place=place.decode(), body=body, **{n: v.decode() for n, v in text.items()})
