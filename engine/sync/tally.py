"""What an account's standing is counted in: numbers by day, and orders ranked by a time, in the
log's server (`sync.store` names the keys)."""

from collections.abc import Mapping

from engine.sync.store import SyncStore, asking

# KEYS: awaited, shipped, late ones. ARGV: order, day, since when it is late or "".
_COLLECT = """
if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then return end
redis.call('HINCRBY', KEYS[2], ARGV[2], 1)
if ARGV[3] ~= '' then redis.call('ZADD', KEYS[3], 'NX', ARGV[3], ARGV[1]) end
"""


class Tally:
    """Counts in the store; `parts` name a table of an account."""

    def __init__(self, store: SyncStore) -> None:
        self._store = store
        self._collect = store.redis.register_script(_COLLECT)

    async def add(self, more: Mapping[str, int], *parts: str) -> None:
        """Add to the numbers in fields of a hash."""
        async with asking(parts[0]):
            for name, count in more.items():
                await self._store.redis.hincrby(self._store.key(*parts), name, count)

    async def rank(self, rows: Mapping[str, float], *parts: str) -> None:
        """Put members into a sorted set; those that are there keep their rank."""
        async with asking(parts[0]):
            await self._store.redis.zadd(self._store.key(*parts), dict(rows), nx=True)

    async def ranked(self, least: float, *parts: str) -> int:
        """Return how many members of a sorted set have this rank at least, and drop the others."""
        async with asking(parts[0]):
            await self._store.redis.zremrangebyscore(self._store.key(*parts), "-inf", f"({least}")
            return await self._store.redis.zcard(self._store.key(*parts))

    async def ranked_between(self, least: float, most: float, *parts: str) -> int:
        """Return how many members of a sorted set have a rank from `least` to below `most`."""
        async with asking(parts[0]):
            return await self._store.redis.zcount(self._store.key(*parts), least, f"({most}")

    async def unrank(self, member: str, *parts: str) -> None:
        """Remove a member of a sorted set."""
        async with asking(parts[0]):
            await self._store.redis.zrem(self._store.key(*parts), member)

    async def collected(self, account: str, order_id: str, day: str, late_s: float | None) -> None:
        """Count an order that its carrier has got, if it was awaited, in one step: on a day, and as
        late, since `late_s`, unless that is None."""
        tables = ("awaited", "shipped", "shipped_late")
        keys = [self._store.key(table, account) for table in tables]
        async with asking("standing"):
            await self._collect(keys=keys, args=[order_id, day, late_s or ""])
