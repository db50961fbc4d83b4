"""How often a channel may be called: data, dated and sourced, in each connector's `quotas.json`.

A limit is written as its channel writes it: `per_s` and `burst`, like a token bucket; or `calls`
in each `window_s`, in any such window, not only in those that begin on the minute. Few calls of a
second are counted one by one, so all of them can be used. Others become a bucket of `burst` calls,
a twentieth of all where that is left out, to which the others come back evenly: no window sees
more than is allowed, and a steady caller uses 95 %. A larger one is for windows that are long
beside a rush of shoppers, and leaves a steady caller less.

Some channels also refuse what was said already: `repeats` names operations that may not say the
same again for a while; and some count how often each listing is changed: `each`.
"""

import msgspec

from engine.connectors import registry
from engine.connectors.base import Account
from engine.core import limits
from engine.core.errors import ConfigError

_COUNTED_MAX = 200  # calls in a window; all of them are looked at for each call
_COUNTED_S_MAX = 1
_LONG_S = 3_600


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """At most so many calls of the operations named ("*": of all together). `since` and `source`
    say from when on this holds and where it is written; `sure` is false for what is only told."""

    operations: tuple[str, ...]
    source: str
    since: str
    per_s: float = 0.0
    burst: int = 0
    calls: int = 0
    window_s: int = 0
    sure: bool = True

    def times(self, pace: float) -> "Limit":
        """Return `pace` times as much as this."""
        more = {name: round(getattr(self, name) * pace) for name in ("burst", "calls")}
        more["burst"] = max(more["burst"], min(self.burst, 1))
        return msgspec.structs.replace(self, per_s=self.per_s * pace, **more)

    @property
    def counted(self) -> bool:
        """Whether calls are counted one by one. In a longer window, who has used all of it at once
        would wait for most of it."""
        few = 0 < self.calls <= _COUNTED_MAX and not self.burst
        return few and self.window_s <= _COUNTED_S_MAX

    @property
    def long(self) -> bool:
        """Whether calls are counted over hours, so that seconds say nothing of what is left."""
        return self.window_s >= _LONG_S

    def bucket(self) -> tuple[float, int]:
        """Return (microseconds a unit, units at once)."""
        if self.counted:
            return 0.0, self.calls
        if self.calls:
            burst = self.burst or max(self.calls // 25, 1)
            return 1e6 * self.window_s / max(self.calls - burst, 1), burst
        # A little less: the channel's clock is not ours.
        return 1e6 / (self.per_s * 0.995), max(self.burst, 1)


class Repeat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was said to one of the operations named may not be said to it again for `window_s`
    seconds. `since`, `source` and `sure` are as in `Limit`."""

    operations: tuple[str, ...]
    window_s: int
    source: str
    since: str
    sure: bool = True


class Each(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An operation named may change each listing `calls` times in `window_s` seconds. `since`,
    `source` and `sure` are as in `Limit`."""

    operations: tuple[str, ...]
    calls: int
    window_s: int
    source: str
    since: str
    sure: bool = True


class Quotas(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The limits of a channel. What no limit names is not limited."""

    limits: tuple[Limit, ...]
    repeats: tuple[Repeat, ...] = ()
    each: tuple[Each, ...] = ()

    def each_of(self, operation: str) -> Each | None:
        """Return how often an operation may change each listing; None: as often as one likes."""
        return next((row for row in self.each if operation in row.operations), None)

    def unrepeatable_s(self, operation: str) -> int:
        """Return for how many seconds an operation may not be told the same again."""
        return max((r.window_s for r in self.repeats if operation in r.operations), default=0)

    def times(self, pace: float) -> "Quotas":
        """Return the limits of an account that may do `pace` times as much: a larger plan, say."""
        more = tuple(limit.times(pace) for limit in self.limits)
        return msgspec.structs.replace(self, limits=more)

    def of(self, operation: str) -> list[tuple[str, Limit]]:
        """Return (name of the bucket, limit) of each that holds for an operation."""
        return [
            (f"{number}:{'*' if '*' in limit.operations else '+'.join(limit.operations)}", limit)
            for number, limit in enumerate(self.limits)
            if operation in limit.operations or "*" in limit.operations
        ]


def quotas_of(connector: str) -> Quotas:
    """Read the limits of a connector from its `quotas.json`."""
    return registry.data(connector, "quotas.json", Quotas)


def quotas_for(account: Account) -> Quotas:
    """Return the limits of an account: its connector's, times its option `pace`. `ConfigError`
    where that is no number above 0 and up to `limits.QUOTA_PACE_MAX`."""
    text = account.options.get("pace", "1")
    try:
        pace = float(text)
    except ValueError:
        pace = 0.0
    if not 0.0 < pace <= limits.QUOTA_PACE_MAX:
        name = account.name
        raise ConfigError(f"account {name!r}: option pace is {text!r}, not a number above 0")
    return quotas_of(account.connector).times(pace)
