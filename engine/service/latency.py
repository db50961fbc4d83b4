"""How long commands wait for their answers: counts by logarithmic classes, four to an octave."""

from collections.abc import Sequence

_BITS_MAX = 40  # of a latency in µs: twelve days
CLASSES = 4 * (_BITS_MAX + 1)


class Latencies:
    """How many took how long. A class is at most 25 % wide, so a percentile is at most that much
    above the truth."""

    def __init__(self) -> None:
        self.counts = [0] * CLASSES
        self.total_s = 0.0

    def add(self, seconds: float, count: int) -> None:
        """Count `count` commands that waited so long."""
        self.counts[_class_of(int(seconds * 1e6))] += count
        self.total_s += seconds * count


def _class_of(us: int) -> int:
    us = min(max(us, 4), (1 << _BITS_MAX) - 1)
    bits = us.bit_length()
    return 4 * bits + ((us >> (bits - 3)) & 3)


def bound_us(number: int) -> int:
    """Return the latency in µs that all of a class are below."""
    bits, quarter = divmod(number, 4)
    return (5 + quarter) << bits >> 3


def percentile_us(counts: Sequence[int], share: float) -> int | None:
    """Return the latency in µs that `share` (0 to 1) of what is counted is below, or None where
    nothing is counted."""
    left = share * sum(counts)
    if not left:
        return None
    for number, count in enumerate(counts):
        left -= count
        if count and left <= 1e-9:
            return bound_us(number)
    return bound_us(len(counts) - 1)
