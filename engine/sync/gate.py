"""Quotas: how often an account may be called, kept in one place for all of its workers.

The bucket is GCRA (generic cell rate algorithm, ITU-T I.371): one number for each limit, the time
at which a bucket that was never touched again would be full. It needs no refill and no list of
past calls, and one script takes from all limits of an operation or from none.

A channel counts a call when it arrives, some time between our asking and its answer. Calls that
were sent evenly but arrive together would be more than it allows. So a call is *under way* until
it is answered, fills its place in the bucket meanwhile, and only then begins to leave it. What an
interval sees arrive was answered in it or is under way, hence never more than was allowed. Who
dies on the way, or has no answer, is taken to have arrived after `limits.CALL_ARRIVES_S`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from engine.connectors.quotas import Limit, Quotas
from engine.core import limits
from engine.sync.store import SyncStore, asking

_LONG_S = 3_600

# KEYS: of each bucket its number, and the calls under way: "ticket:units" by when they arrived at
# the latest. ARGV: units, ticket ("" for units that are had at once), microseconds that a call is
# under way at most, then interval and burst of each bucket, in microseconds and units.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local units, wait, fresh, lost = tonumber(ARGV[1]), 0, {}, {}
for at = 1, #KEYS / 2 do
  local key, under_way = KEYS[2 * at - 1], KEYS[2 * at]
  local every, burst = tonumber(ARGV[2 * at + 2]), tonumber(ARGV[2 * at + 3])
  local level, flying, rows = tonumber(redis.call('GET', key) or 0), 0, {}
  local calls = redis.call('ZRANGE', under_way, 0, -1, 'WITHSCORES')
  for n = 1, #calls, 2 do
    local has, arrived = tonumber(string.match(calls[n], '%d+$')), tonumber(calls[n + 1])
    if arrived > now then flying = flying + has
    else
      level = math.max(level, arrived) + has * every
      rows[#rows + 1] = calls[n]
    end
  end
  local full = math.max(level, now) + units * every
  local shut = redis.call('PTTL', key .. ':shut') * 1000
  wait = math.max(wait, full + flying * every - burst * every - now, shut)
  fresh[at], lost[at] = math.max(ARGV[2] == '' and full or level, now), rows
end
if wait > 0 then return math.ceil(wait) end
for at = 1, #KEYS / 2 do
  local key, under_way = KEYS[2 * at - 1], KEYS[2 * at]
  redis.call('SET', key, string.format('%.0f', fresh[at]), 'PX',
    math.ceil((fresh[at] - now) / 1000) + 1000)
  if #lost[at] > 0 then redis.call('ZREM', under_way, unpack(lost[at])) end
  if ARGV[2] ~= '' then
    redis.call('ZADD', under_way, now + ARGV[3], ARGV[2] .. ':' .. ARGV[1])
    redis.call('PEXPIRE', under_way, math.ceil(ARGV[3] / 1000) + 3600000)
  end
end
return 0
"""
# KEYS: failures in a row, then as above. ARGV: how many buckets there are, the interval of each,
# and calls that are answered, "ticket:units". Returns whether there were failures.
_LANDED = """
local clock = redis.call('TIME')
local now, count = clock[1] * 1000000 + clock[2], tonumber(ARGV[1])
for at = 1, count do
  local key, every, landed = KEYS[2 * at], tonumber(ARGV[1 + at]), 0
  for n = count + 2, #ARGV do
    if redis.call('ZREM', KEYS[2 * at + 1], ARGV[n]) == 1 then
      landed = landed + tonumber(string.match(ARGV[n], '%d+$'))
    end
  end
  if landed > 0 then
    local full = math.max(tonumber(redis.call('GET', key) or 0), now) + landed * every
    redis.call('SET', key, string.format('%.0f', full), 'PX',
      math.ceil((full - now) / 1000) + 1000)
  end
end
return redis.call('EXISTS', KEYS[1])
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
        self._landed = store.redis.register_script(_LANDED)
        self._empty = store.redis.register_script(_EMPTY)
        self._failed = store.redis.register_script(_FAILED)

    def _buckets(self, operation: str) -> tuple[list[str], list[tuple[float, int]]]:
        """Return the keys of each bucket of an operation, two for one, and (interval, burst)."""
        found = self._quotas.of(operation)
        names = [self._store.key("gate", self._account, name) for name, _ in found]
        keys = [key for name in names for key in (name, f"{name}:under-way")]
        return keys, [self._now(operation, limit).bucket() for _, limit in found]

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

    async def take(self, operation: str, units: int = 1, ticket: str = "") -> float:
        """Take `units` of the quota and return 0, or the seconds after which to ask again. With a
        `ticket` of its own, a call is under way from now on until that is told as landed. Fewer
        units than none are given back, at most until the bucket is full."""
        keys, numbers = self._buckets(operation)
        if not keys:
            return 0.0
        longest_us = int(limits.CALL_ARRIVES_S * 1e6)
        flat = [number for pair in numbers for number in pair]
        async with asking("quota"):
            return await self._take(keys=keys, args=[units, ticket, longest_us, *flat]) / 1e6

    async def refused(self, operation: str, wait_s: float, units: int = 1) -> None:
        """Empty the buckets of an operation; in `wait_s` seconds, `units` may be taken again."""
        keys, _ = self._buckets(operation)
        numbers: list[Any] = [int(wait_s * 1e6), units]
        for _, limit in self._quotas.of(operation):
            numbers += [*limit.bucket(), int(limit.window_s >= _LONG_S)]
        if keys:
            async with asking("quota"):
                await self._empty(keys=keys[::2], args=numbers)

    async def landed(self, operation: str, calls: Mapping[str, int], well: bool) -> None:
        """Note that calls, units by ticket, are under way no more, and whether they were answered
        or failed."""
        fails, opened = self._breaker()
        keys, numbers = self._buckets(operation)
        args = [len(numbers), *(every for every, _ in numbers)]
        args += [f"{ticket}:{units}" for ticket, units in calls.items()]
        async with asking("quota"):
            had_failed = await self._landed(keys=[fails, *keys], args=args)
            if not well:
                pauses = [int(s * 1000) for s in (limits.BREAKER_S, limits.BREAKER_S_MAX)]
                await self._failed(keys=[fails, opened], args=[limits.BREAKER_FAILURES, *pauses])
            elif had_failed:
                await self._store.redis.delete(fails, opened)

    async def spared(self, operation: str, ticket: str, units: int = 1) -> None:
        """Note that a call which was taken is not made."""
        keys, _ = self._buckets(operation)
        async with asking("quota"):
            for under_way in keys[1::2]:
                await self._store.redis.zrem(under_way, f"{ticket}:{units}")

    def _breaker(self) -> Sequence[str]:
        return [self._store.key("gate", self._account, name) for name in ("fails", "open")]

    async def failing(self) -> float:
        """Return for how many seconds the account must be left alone; 0: it may be called."""
        async with asking("breaker"):
            left_ms = await self._store.redis.pttl(self._breaker()[1])
        return max(left_ms, 0) / 1000
