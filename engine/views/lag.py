"""How far views are behind the log."""

import msgspec


class Lag(msgspec.Struct, frozen=True):
    """`events` that views lack, and `seconds` since the last one that they have, 0 if they lack
    none."""

    events: int
    seconds: float


def lag(seq: int, stamp_us: int, log_seq: int, now_us: int) -> Lag:
    """Return the lag at `now_us` of views whose last event is `seq`, stamped `stamp_us`, while the
    log ends at `log_seq`."""
    behind = max(log_seq - seq, 0)
    return Lag(behind, max(now_us - stamp_us, 0) / 1e6 if behind and seq else 0.0)
