"""Revisions: some channels let each listing be changed so many times a day, and no more.

A bucket for each listing, of half of what is allowed; the other half comes back evenly over the
window, so that no window sees more. What is urgent may empty the bucket, what is not may not:

    sold out   down to nothing
    falls      down to a fifth
    rises      down to a half

So on a busy day a listing is late in showing more, and in time in showing that there is none.
"""

from collections.abc import Sequence

from engine.connectors.quotas import Each
from engine.sync.queue import FALLING, RISING, SOLD_OUT
from engine.sync.store import SyncStore, asking

_KEPT = {SOLD_OUT: 0.0, FALLING: 0.2, RISING: 0.5}

# KEYS: a bucket each. ARGV: interval in microseconds, then of each the units that may be had.
# Answers the microseconds to wait of each, 0 where a unit was taken.
_CLAIM = """
local clock = redis.call('TIME')
local now, every, waits = clock[1] * 1000000 + clock[2], tonumber(ARGV[1]), {}
for at, key in ipairs(KEYS) do
  local full = math.max(tonumber(redis.call('GET', key) or now), now) + every
  waits[at] = math.max(math.ceil(full - ARGV[at + 1] * every - now), 0)
  if waits[at] == 0 then
    redis.call('SET', key, string.format('%.0f', full), 'PX',
      math.ceil((full - now) / 1000) + 1000)
  end
end
return waits
"""


class Revisions:
    """How often the listings of one account may be changed; `each` is None where that is not
    limited. Kept in the log's server: a restart forgets nothing."""

    def __init__(self, store: SyncStore, account: str, each: Each | None) -> None:
        self._store, self._account, self._each = store, account, each
        self._claim = store.redis.register_script(_CLAIM)

    async def claim(self, wanted: Sequence[tuple[str, int]]) -> list[float]:
        """Take a revision of each (listing, class of urgency), in this order; return the seconds
        that each has to wait, 0 where it was taken."""
        if self._each is None or not wanted:
            return [0.0] * len(wanted)
        burst = max(self._each.calls // 2, 1)
        every_us = 1e6 * self._each.window_s / max(self._each.calls - burst, 1)
        keys = [self._store.key("revised", self._account, name) for name, _ in wanted]
        may = [max(burst - int(burst * _KEPT[rank]), 1) for _, rank in wanted]
        async with asking("revisions"):
            return [wait / 1e6 for wait in await self._claim(keys=keys, args=[every_us, *may])]
