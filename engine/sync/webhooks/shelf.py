"""What webhooks need kept, in the log's server, beside the keys of `sync.store`.

{p}:sync:webhooks          hash: name → the webhook
{p}:sync:webhooks:stopped  hash: name → why nothing is sent to it any more
{p}:sync:webhook:q:NAME    hash: message → what is to be sent, and how often that was tried
{p}:sync:webhook:due:NAME  sorted set: message → when it is to be sent, milliseconds
{p}:sync:webhook:log:NAME  stream of tries, the newest `limits.WEBHOOK_LOG_MAX`
{p}:sync:webhook:out       set of the SKUs that are sold out
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

import msgspec

from engine.core import limits
from engine.sync.store import SyncStore, asking


class Waiting(msgspec.Struct, frozen=True):
    """A message that waits: its body, what it tells of, and how often it was tried, the first time
    at `first_ms`."""

    body: str
    kind: str
    tries: int = 0
    first_ms: int = 0


class Try(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a try: the `status` that came back, 0 if none did, and the `problem`. It is
    tried again at `next_ms`; 0: never. The `body` of a message that was given up is kept with its
    last try, so that it can be sent after all; of others it is empty."""

    message: str
    kind: str
    at_ms: int
    attempt: int
    status: int
    took_ms: int
    problem: str = ""
    next_ms: int = 0
    body: str = ""


class Shelf(Protocol):
    """As much of it as the API needs."""

    async def webhooks(self) -> dict[str, bytes]:
        """Return all webhooks by name."""

    async def webhook(self, name: str) -> bytes | None:
        """Return one."""

    async def put(self, name: str, document: bytes) -> None:
        """Keep a webhook; it is not stopped any more."""

    async def drop(self, name: str) -> None:
        """Forget a webhook and all that is kept for it."""

    async def stopped(self) -> dict[str, str]:
        """Return why each stopped webhook was."""

    async def tries(self, name: str, before: str, count: int) -> list[tuple[str, Try]]:
        """Return (place, try) of up to `count` before a place ("": the newest), newest first."""

    async def waiting(self, name: str) -> int:
        """Return how many messages wait for a webhook."""

    async def add(self, name: str, message: str, row: Waiting, now_ms: int) -> None:
        """Queue one message of a webhook, to be sent now."""

    async def hurry(self, name: str, message: str, now_ms: int) -> bool:
        """Have a message that waits sent now; False if it does not wait."""


class StoreShelf:
    """The shelf in the log's server. Raises `LogError` where it is away."""

    def __init__(self, store: SyncStore) -> None:
        self._store = store

    def _key(self, *parts: str) -> str:
        return self._store.key("webhook", *parts)

    # Webhooks.

    async def webhooks(self) -> dict[str, bytes]:
        """Return all webhooks by name."""
        return await self._store.table("webhooks")

    async def webhook(self, name: str) -> bytes | None:
        """Return one."""
        return await self._store.field(name, "webhooks")

    async def put(self, name: str, document: bytes) -> None:
        """Keep a webhook; it is not stopped any more."""
        async with asking("webhooks"):
            pipe = self._store.redis.pipeline(transaction=True)
            pipe.hset(self._store.key("webhooks"), name, document)
            pipe.hdel(self._store.key("webhooks", "stopped"), name)
            await pipe.execute()

    async def drop(self, name: str) -> None:
        """Forget a webhook and all that is kept for it."""
        async with asking("webhooks"):
            pipe = self._store.redis.pipeline(transaction=True)
            pipe.hdel(self._store.key("webhooks"), name)
            pipe.hdel(self._store.key("webhooks", "stopped"), name)
            pipe.delete(self._key("q", name), self._key("due", name), self._key("log", name))
            await pipe.execute()

    async def stopped(self) -> dict[str, str]:
        """Return why each stopped webhook was."""
        rows = await self._store.table("webhooks", "stopped")
        return {name: why.decode() for name, why in rows.items()}

    async def stop(self, name: str, why: str) -> None:
        """Send nothing more to a webhook; what waits for it is forgotten."""
        async with asking("webhooks"):
            pipe = self._store.redis.pipeline(transaction=True)
            pipe.hset(self._store.key("webhooks", "stopped"), name, why)
            pipe.delete(self._key("q", name), self._key("due", name))
            await pipe.execute()

    # Messages.

    async def queue(
        self,
        rows: Mapping[str, Mapping[str, Waiting]],
        cursors: Mapping[str, str],
        now_ms: int,
        out: Mapping[str, bool] | None = None,
    ) -> None:
        """Queue messages by webhook, move the cursors of who read of them, and note which SKUs are
        sold out now, in one step: nothing is told twice or forgotten by a crash between these."""
        async with asking("webhooks"):
            pipe = self._store.redis.pipeline(transaction=True)
            for name, some in rows.items():
                documents = {message: msgspec.json.encode(row) for message, row in some.items()}
                pipe.hset(self._key("q", name), mapping=documents)
                pipe.zadd(self._key("due", name), dict.fromkeys(some, now_ms))
            for sku, gone in (out or {}).items():
                (pipe.sadd if gone else pipe.srem)(self._key("out"), sku)
            pipe.hset(self._store.key("cursors"), mapping=dict(cursors))
            await pipe.execute()

    async def add(self, name: str, message: str, row: Waiting, now_ms: int) -> None:
        """Queue one message of a webhook, to be sent now."""
        async with asking("webhooks"):
            pipe = self._store.redis.pipeline(transaction=True)
            pipe.hset(self._key("q", name), message, msgspec.json.encode(row))
            pipe.zadd(self._key("due", name), {message: now_ms})
            await pipe.execute()

    async def hurry(self, name: str, message: str, now_ms: int) -> bool:
        """Have a message that waits sent now; False if it does not wait."""
        async with asking("webhooks"):
            due = self._key("due", name)
            # `xx`: one that was taken a moment ago is not put back without its body.
            pipe = self._store.redis.pipeline(transaction=True)
            pipe.zadd(due, {message: now_ms}, xx=True)
            pipe.zscore(due, message)
            _, score = await pipe.execute()
        return score is not None

    async def due(self, name: str, now_ms: int, count: int) -> list[str]:
        """Return up to `count` messages that are due, the longest first."""
        async with asking("webhooks"):
            found = await self._store.redis.zrange(
                self._key("due", name), "-inf", now_ms, byscore=True, offset=0, num=count
            )
        return [message.decode() for message in found]

    async def read(self, name: str, message: str) -> Waiting | None:
        """Return a message that waits."""
        found = await self._store.field(message, "webhook", "q", name)
        return None if found is None else msgspec.json.decode(found, type=Waiting)

    async def waiting(self, name: str) -> int:
        """Return how many messages wait for a webhook."""
        async with asking("webhooks"):
            return await self._store.redis.hlen(self._key("q", name))

    async def tried(self, name: str, row: Waiting | None, told: Try) -> None:
        """Note a try, and the message as it waits now; None: it does not any more."""
        fields = {f: str(v) for f, v in msgspec.structs.asdict(told).items()}
        async with asking("webhooks"):
            pipe = self._store.redis.pipeline(transaction=True)
            if row is None:
                pipe.hdel(self._key("q", name), told.message)
                pipe.zrem(self._key("due", name), told.message)
            else:
                pipe.hset(self._key("q", name), told.message, msgspec.json.encode(row))
                pipe.zadd(self._key("due", name), {told.message: told.next_ms})
            pipe.xadd(self._key("log", name), fields, maxlen=limits.WEBHOOK_LOG_MAX)
            await pipe.execute()

    async def tries(self, name: str, before: str, count: int) -> list[tuple[str, Try]]:
        """Return (place, try) of up to `count` before a place ("": the newest), newest first."""
        end = f"({before}" if before else "+"
        async with asking("webhooks"):
            rows = await self._store.redis.xrevrange(self._key("log", name), end, "-", count)
        return [(place.decode(), _told(row)) for place, row in rows]

    # What was read.

    async def cursor(self, name: str) -> str | None:
        """Return where somebody is."""
        found = await self._store.field(name, "cursors")
        return None if found is None else found.decode()

    async def forget(self, name: str) -> None:
        """Forget where somebody is."""
        await self._store.drop([name], "cursors")

    async def begin(self, name: str, place: str, out: Iterable[str]) -> None:
        """Note where somebody begins, and all that is sold out then."""
        async with asking("webhooks"):
            pipe = self._store.redis.pipeline(transaction=True)
            pipe.delete(self._key("out"))
            if skus := list(out):
                pipe.sadd(self._key("out"), *skus)
            pipe.hset(self._store.key("cursors"), name, place)
            await pipe.execute()

    async def out(self, skus: Iterable[str]) -> set[str]:
        """Return which of these SKUs are known to be sold out."""
        names = list(skus)
        if not names:
            return set()
        async with asking("webhooks"):
            found = await self._store.redis.smismember(self._key("out"), names)
        return {sku for sku, there in zip(names, found, strict=True) if there}


def _told(row: Mapping[bytes, bytes]) -> Try:
    fields = {name.decode(): value.decode() for name, value in row.items()}
    return msgspec.convert(fields, Try, strict=False)
