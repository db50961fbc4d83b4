"""Revisions: some channels let each listing be changed so many times a day, and no more.

A bucket for each listing, of half of what is allowed; the other half comes back evenly over the
window, so that no window sees more. What is urgent may empty the bucket, what is not may not:

    sold out   down to nothing
    falls      down to a tenth
    rises      down to a half

So on a busy day a listing is late in showing more, and in time in showing that there is none.

What falls is to use what it may until all is sold, and not in the first minute. Where more is
likely to be sold in an hour than there are revisions, each revision has an equal share of the units
that are left: with 1,500 units and 100 revisions, it waits until 15 are sold, or its share of the
hour has gone by.
"""

from collections.abc import Sequence

import msgspec

from engine.connectors.quotas import Each
from engine.core import limits
from engine.sync.queue import FALLING, RISING, SOLD_OUT
from engine.sync.store import SyncStore, asking

_KEPT = {SOLD_OUT: 0.0, FALLING: 0.1, RISING: 0.5}

# KEYS: a bucket each. ARGV: interval, spread and pause in microseconds, then of each: units that
# may be had, units left, fallen and likely to be sold, microseconds waited.
# Answers the microseconds to wait of each, 0 where a unit was taken.
_CLAIM = """
local clock = redis.call('TIME')
local now, every, waits = clock[1] * 1000000 + clock[2], tonumber(ARGV[1]), {}
local spread, pause = tonumber(ARGV[2]), tonumber(ARGV[3])
for at, key in ipairs(KEYS) do
  local of = 5 * at - 1
  local may, left, fallen = tonumber(ARGV[of]), tonumber(ARGV[of + 1]), tonumber(ARGV[of + 2])
  local likely, waited = tonumber(ARGV[of + 3]), tonumber(ARGV[of + 4])
  local before = math.max(tonumber(redis.call('GET', key) or now), now)
  local spare = math.floor(may - (before - now) / every)
  waits[at] = math.max(math.ceil(before + every - may * every - now), 0)
  if waits[at] == 0 and likely > spare and fallen * spare < left and waited * spare < spread then
    waits[at] = pause
  end
  if waits[at] == 0 then
    redis.call('SET', key, string.format('%.0f', before + every), 'PX',
      math.ceil((before + every - now) / 1000) + 1000)
  end
end
return waits
"""


class Wish(msgspec.Struct, frozen=True):
    """What is to be revised: a listing, or the family that is counted as one, and its class of
    urgency. One that falls has units `left`, fell by `fallen` since it was told, `waited_s` since
    then, and sells `per_s` units a second."""

    name: str
    rank: int
    left: int = 0
    fallen: int = 0
    waited_s: float = 0.0
    per_s: float = 0.0


class Revisions:
    """How often the listings of one account may be changed; `each` is None where that is not
    limited. Kept in the log's server: a restart forgets nothing."""

    def __init__(self, store: SyncStore, account: str, each: Each | None) -> None:
        self._store, self._account, self._each = store, account, each
        self._claim = store.redis.register_script(_CLAIM)

    async def claim(self, wishes: Sequence[Wish]) -> list[float]:
        """Take a revision for each, in this order; return the seconds that each has to wait, 0
        where it was taken."""
        if self._each is None or not wishes:
            return [0.0] * len(wishes)
        burst = max(self._each.calls // 2, 1)
        every_us = 1e6 * self._each.window_s / max(self._each.calls - burst, 1)
        spread_s = min(limits.REVISIONS_SPREAD_S, self._each.window_s)
        keys = [self._store.key("revised", self._account, wish.name) for wish in wishes]
        args = [every_us, 1e6 * spread_s, 1e6 * limits.REVISIONS_PAUSE_S]
        for wish in wishes:
            likely = wish.per_s * spread_s if wish.rank == FALLING else 0.0
            may = max(burst - int(burst * _KEPT[wish.rank]), 1)
            args += [may, wish.left, wish.fallen, likely, 1e6 * wish.waited_s]
        async with asking("revisions"):
            return [wait / 1e6 for wait in await self._claim(keys=keys, args=args)]
