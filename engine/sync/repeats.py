"""Forbidden repeats: what was said to a channel may not be said again for a while.

What counts is the set of quantities in one call. Where that was said already, the same can be said
in other company: one listing more, which shows what it shows, or one listing less.
"""

import hashlib
from collections.abc import Iterator, Mapping

import msgspec

from engine.core import limits
from engine.sync.store import SyncStore, asking


class Repeats:
    """What one account told an operation lately, kept for `window_s` seconds; 0: repeats are
    allowed. Kept in the log's server: a restart forgets nothing."""

    def __init__(self, store: SyncStore, account: str, window_s: int) -> None:
        self._store, self._account, self.window_s = store, account, window_s

    async def claim(self, said: Mapping[str, int]) -> float:
        """Note that this is going to be said and return 0, or the seconds for which it may not
        be."""
        if not self.window_s:
            return 0.0
        key = self._key(said)
        async with asking("repeats"):
            if await self._store.redis.set(key, "1", nx=True, ex=self.window_s):
                return 0.0
            return max(await self._store.redis.pttl(key), 1) / 1000

    async def release(self, said: Mapping[str, int]) -> None:
        """Forget what surely was not heard."""
        if self.window_s:
            async with asking("repeats"):
                await self._store.redis.delete(self._key(said))

    def _key(self, said: Mapping[str, int]) -> str:
        text = msgspec.json.encode(sorted(said.items()))
        digest = hashlib.blake2b(text, digest_size=16).hexdigest()
        return self._store.key("said", self._account, digest)


def otherwise(
    said: Mapping[str, int], company: Mapping[str, int], rows: int
) -> Iterator[dict[str, int]]:
    """Give other ways to say the same in a call of at most `rows`, the best first. `said` is by
    urgency; `company` are listings that show what they may, the quietest first."""
    if len(said) < rows:
        for name, quantity in list(company.items())[: limits.PUBLISH_COMPANIONS]:
            yield {**said, name: quantity}
    rest = list(said.items())
    for end in range(len(rest) - 1, max(len(rest) - 1 - limits.PUBLISH_COMPANIONS, 0), -1):
        yield dict(rest[:end])
