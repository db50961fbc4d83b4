"""Quotas: how often an account may be called, kept in one place for all of its workers.

A channel counts a call when it arrives, some time between our asking and its answer. Calls that
were sent evenly but arrive together would be more than it allows. So a call is *under way* until
it is answered, fills its place meanwhile, and only then begins to leave it. What an interval sees
arrive was answered in it or is under way, hence never more than was allowed. Who dies on the way,
or has no answer, is taken to have arrived after `limits.CALL_ARRIVES_S`.

Few calls of a second are counted one by one. Otherwise a limit is a bucket by GCRA (generic cell
rate algorithm, ITU-T I.371): one number, the time at which a bucket that was never touched again
would be full. It needs no refill and no list of past calls. One script takes from all limits of an
operation or from none.

A call that can wait is patient: it leaves `limits.CALL_SPARE` of what is had at once to others, so
whoever comes meanwhile goes at once. Where that share and the call do not fit together, as where
little is had at once, nothing is left.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from engine.connectors.quotas import Limit, Quotas
from engine.core import limits
from engine.sync.store import SyncStore, asking

# KEYS: of each limit its number, and its calls, "ticket:units": those under way, by when they have
# arrived at the latest; of a counted limit all, by when they leave the window at the latest.
# ARGV: units, ticket ("" for units that are had at once), microseconds that a call is under way at
# most, the share of the burst that is to stay, then of each limit (interval, burst, window) in
# microseconds and units; 0 is no window.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local units, wait, fresh, gone = tonumber(ARGV[1]), 0, {}, {}
for at = 1, #KEYS / 2 do
  local key, calls = KEYS[2 * at - 1], KEYS[2 * at]
  local every, burst = tonumber(ARGV[3 * at + 2]), tonumber(ARGV[3 * at + 3])
  local counted, first = tonumber(ARGV[3 * at + 4]) > 0, nil
  local spare = math.floor(burst * ARGV[4])
  if units + spare > burst then spare = 0 end
  local level, held, old = tonumber(redis.call('GET', key) or 0), 0, {}
  local rows = redis.call('ZRANGE', calls, 0, -1, 'WITHSCORES')
  for n = 1, #rows, 2 do
    local has, by = tonumber(string.match(rows[n], '%d+$')), tonumber(rows[n + 1])
    if by > now then
      held = held + has
      first = first or by
    else
      old[#old + 1] = rows[n]
      level = math.max(level, by) + has * every
    end
  end
  local shut = redis.call('PTTL', key .. ':shut') * 1000
  local full = math.max(level, now) + units * every
  if counted then
    -- What is under way leaves a window after its answer, so a window from now on at the earliest.
    local window = tonumber(ARGV[3 * at + 4])
    if held + units + spare > burst then
      shut = math.max(shut, math.min(first or now, now + window) - now, 1)
    end
    wait = math.max(wait, shut)
  else
    wait = math.max(wait, full + (held + spare) * every - burst * every - now, shut)
  end
  fresh[at], gone[at] = math.max(ARGV[2] == '' and full or level, now), old
end
-- Less than a microsecond is what rounding made: it would be there for ever.
if wait >= 1 then return math.ceil(wait) end
for at = 1, #KEYS / 2 do
  local key, calls, window = KEYS[2 * at - 1], KEYS[2 * at], tonumber(ARGV[3 * at + 4])
  if #gone[at] > 0 then redis.call('ZREM', calls, unpack(gone[at])) end
  if window == 0 then
    redis.call('SET', key, string.format('%.0f', fresh[at]), 'PX',
      math.ceil((fresh[at] - now) / 1000) + 1000)
  end
  if ARGV[2] ~= '' then
    redis.call('ZADD', calls, now + ARGV[3] + window, ARGV[2] .. ':' .. ARGV[1])
  elseif window > 0 and units > 0 then
    redis.call('ZADD', calls, now + window, redis.call('INCR', key) .. ':' .. ARGV[1])
    redis.call('PEXPIRE', key, math.ceil(window / 1000) + 1000)
  end
  redis.call('PEXPIRE', calls, math.ceil((ARGV[3] + window) / 1000) + 1000)
end
return 0
"""
# KEYS: failures in a row, then as above. ARGV: how many limits there are, the interval and window
# of each, and calls that are answered, "ticket:units". Returns whether there were failures.
_LANDED = """
local clock = redis.call('TIME')
local now, count = clock[1] * 1000000 + clock[2], tonumber(ARGV[1])
for at = 1, count do
  local key, calls, landed = KEYS[2 * at], KEYS[2 * at + 1], 0
  local every, window = tonumber(ARGV[2 * at]), tonumber(ARGV[2 * at + 1])
  for n = 2 * count + 2, #ARGV do
    if window > 0 then redis.call('ZADD', calls, 'XX', now + window, ARGV[n])
    elseif redis.call('ZREM', calls, ARGV[n]) == 1 then
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
# each, and whether it is only shut for so long and not emptied: where calls are counted; and where
# the channel counts over hours, so being refused for seconds says nothing of how much is left.
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

    def _limits(self, operation: str) -> tuple[list[str], list[tuple[float, int, int]]]:
        """Return the keys of each limit of an operation, two for one, and (µs a unit, units at
        once, µs of the window in which calls are counted, or 0)."""
        found = self._quotas.of(operation)
        names = [self._store.key("gate", self._account, name) for name, _ in found]
        keys = [key for name in names for key in (name, f"{name}:calls")]
        now = [self._now(operation, limit) for _, limit in found]
        return keys, [(*row.bucket(), row.window_s * 1_000_000 * row.counted) for row in now]

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

    async def take(
        self, operation: str, units: int = 1, ticket: str = "", patient: bool = False
    ) -> float:
        """Take `units` of the quota and return 0, or the seconds after which to ask again. With a
        `ticket` of its own, a call is under way from now on until that is told as landed. Fewer
        units than none are given back, at most until the bucket is full. A `patient` call leaves
        a share to others."""
        keys, numbers = self._limits(operation)
        if not keys:
            return 0.0
        longest_us = int(limits.CALL_ARRIVES_S * 1e6)
        args: list[Any] = [units, ticket, longest_us, limits.CALL_SPARE if patient else 0]
        args += [number for row in numbers for number in row]
        async with asking("quota"):
            return await self._take(keys=keys, args=args) / 1e6

    async def refused(self, operation: str, wait_s: float, units: int = 1) -> None:
        """Empty the buckets of an operation; in `wait_s` seconds, `units` may be taken again."""
        keys, _ = self._limits(operation)
        numbers: list[Any] = [int(wait_s * 1e6), units]
        for _, limit in self._quotas.of(operation):
            shut = limit.counted or limit.long
            numbers += [*limit.bucket(), int(shut)]
        if keys:
            async with asking("quota"):
                await self._empty(keys=keys[::2], args=numbers)

    async def landed(self, operation: str, calls: Mapping[str, int], well: bool) -> None:
        """Note that calls, units by ticket, are under way no more, and whether they were answered
        or failed."""
        fails, opened = self._breaker()
        keys, numbers = self._limits(operation)
        args: list[Any] = [len(numbers)]
        args += [number for every, _, window_us in numbers for number in (every, window_us)]
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
        keys, _ = self._limits(operation)
        async with asking("quota"):
            for calls in keys[1::2]:
                await self._store.redis.zrem(calls, f"{ticket}:{units}")

    def _breaker(self) -> Sequence[str]:
        return [self._store.key("gate", self._account, name) for name in ("fails", "open")]

    async def failing(self) -> float:
        """Return for how many seconds the account must be left alone; 0: it may be called."""
        async with asking("breaker"):
            left_ms = await self._store.redis.pttl(self._breaker()[1])
        return max(left_ms, 0) / 1000
