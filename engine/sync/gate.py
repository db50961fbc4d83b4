"""Quotas: how often an account may be called, kept in one place for all of its workers.

The bucket is GCRA (generic cell rate algorithm, ITU-T I.371): one number for each limit, the time
at which a bucket that was never touched again would be full. It needs no refill and no list of
past calls, and one script takes from all limits of an operation or from none.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from engine.connectors.quotas import Limit, Quotas
from engine.core import limits
from engine.sync.store import SyncStore, asking

_LONG_S = 3_600

# KEYS: a bucket each. ARGV: units, then interval and burst of each, in microseconds and units.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local units, wait, fresh = tonumber(ARGV[1]), 0, {}
for at, key in ipairs(KEYS) do
  local every, burst = tonumber(ARGV[2 * at]), tonumber(ARGV[2 * at + 1])
  local full = math.max(tonumber(redis.call('GET', key) or now), now) + units * every
  local shut = redis.call('PTTL', key .. ':shut') * 1000
  wait = math.max(wait, full - burst * every - now, shut)
  fresh[at] = math.max(full, now)
end
if wait > 0 then return math.ceil(wait) end
for at, key in ipairs(KEYS) do
  redis.call('SET', key, string.format('%.0f', fresh[at]), 'PX',
    math.ceil((fresh[at] - now) / 1000) + 1000)
end
return 0
"""
# KEYS: buckets. ARGV: microseconds to stay away, units to be had then, then interval and burst of
# each, and whether its channel counts over hours: being refused for seconds then says nothing of
# how much is left, so the bucket is shut for so long, and not emptied.
_EMPTY = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
for at, key in ipairs(KEYS) do
  local every, burst = tonumber(ARGV[3 * at]), tonumber(ARGV[3 * at + 1])
  local full = now + ARGV[1] + (burst - ARGV[2]) * every
  if ARGV[3 * at + 2] == '1' then
    redis.call('SET', key .. ':shut', '1', 'PX', math.ceil(ARGV[1] / 1000) + 1)
  elseif full > tonumber(redis.call('GET', key) or 0) then
    redis.call('SET', key, string.format('%.0f', full), 'PX',
      math.ceil((full - now) / 1000) + 1000)
  end
end
"""
# KEYS: failures in a row, open until. ARGV: failures to open at, first pause, longest pause in ms.
_FAILED = """
local fails = redis.call('INCR', KEYS[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3] * 2)
local over = fails - ARGV[1]
if over >= 0 then
  local pause = math.min(ARGV[2] * 2 ^ math.min(over, 20), ARGV[3])
  redis.call('SET', KEYS[2], '1', 'PX', math.ceil(pause))
end
"""


class AccountGate:
    """The `calls.Gate` of one account. All workers that name it the same share it."""

    def __init__(self, store: SyncStore, account: str, quotas: Quotas) -> None:
        self._store, self._account, self._quotas = store, account, quotas
        self._paces: dict[str, float] = {}
        self._take = store.redis.register_script(_TAKE)
        self._empty = store.redis.register_script(_EMPTY)
        self._failed = store.redis.register_script(_FAILED)

    def _buckets(self, operation: str) -> tuple[list[str], list[Any]]:
        found = self._quotas.of(operation)
        keys = [self._store.key("gate", self._account, name) for name, _ in found]
        now = [self._now(operation, limit) for _, limit in found]
        return keys, [number for limit in now for number in limit.bucket()]

    def _now(self, operation: str, limit: Limit) -> Limit:
        """Return a limit with the pace that the channel told us, where it is of this operation
        alone."""
        per_s = self._paces.get(operation)
        if per_s is None or not limit.per_s or limit.operations != (operation,):
            return limit
        return msgspec.structs.replace(limit, per_s=per_s)

    def paced(self, operation: str, per_s: float) -> None:
        """Use the pace that the channel says it allows from now on. A new process learns it from
        the first answer."""
        self._paces[operation] = per_s

    async def take(self, operation: str, units: int = 1) -> float:
        """Take `units` of the quota and return 0, or the seconds after which to ask again. Fewer
        than none gives units back, at most until the bucket is full."""
        keys, numbers = self._buckets(operation)
        if not keys:
            return 0.0
        async with asking("quota"):
            return await self._take(keys=keys, args=[units, *numbers]) / 1e6

    async def refused(self, operation: str, wait_s: float, units: int = 1) -> None:
        """Empty the buckets of an operation; in `wait_s` seconds, `units` may be taken again."""
        keys, _ = self._buckets(operation)
        numbers: list[Any] = [int(wait_s * 1e6), units]
        for _, limit in self._quotas.of(operation):
            numbers += [*limit.bucket(), int(limit.window_s >= _LONG_S)]
        if keys:
            async with asking("quota"):
                await self._empty(keys=keys, args=numbers)

    def _breaker(self) -> Sequence[str]:
        return [self._store.key("gate", self._account, name) for name in ("fails", "open")]

    async def failing(self) -> float:
        """Return for how many seconds the account must be left alone; 0: it may be called."""
        async with asking("breaker"):
            left_ms = await self._store.redis.pttl(self._breaker()[1])
        return max(left_ms, 0) / 1000

    async def told(self, well: bool) -> None:
        """Note that a call was answered, or that it failed."""
        fails, opened = self._breaker()
        async with asking("breaker"):
            if not well:
                pauses = [int(s * 1000) for s in (limits.BREAKER_S, limits.BREAKER_S_MAX)]
                await self._failed(keys=[fails, opened], args=[limits.BREAKER_FAILURES, *pauses])
            elif await self._store.redis.exists(fails):
                await self._store.redis.delete(fails, opened)
