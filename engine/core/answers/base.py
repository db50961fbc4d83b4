"""What all answers share."""

from datetime import UTC, datetime

import msgspec


class Answer(msgspec.Struct, omit_defaults=True, kw_only=True):
    """Base of the answers to what changed or is one thing, as of log position `seq`."""

    seq: int
    replayed: bool = False


def moment(stamp_us: int) -> datetime:
    """Return a stamp (UTC, microseconds since 1970) as a datetime."""
    return datetime.fromtimestamp(stamp_us // 1_000_000, UTC).replace(
        microsecond=stamp_us % 1_000_000
    )


def no_sku(name: str) -> str:
    """Say that a SKU does not exist."""
    return f"SKU {name!r} does not exist"
