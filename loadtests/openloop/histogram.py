"""Latencies in logarithmic buckets, in µs: each value keeps its leading bits, as HdrHistogram does.

With 11 bits a value is known to one part in 1,024 (three digits), with 8 bits to one in 128.
"""

import math
from collections.abc import Iterable

import numpy

PERCENTILES = (50.0, 90.0, 99.0, 99.9)


class Histogram:
    """Counts by bucket, `bits` leading bits kept."""

    def __init__(self, counts: numpy.ndarray, bits: int) -> None:
        self.counts, self.bits = numpy.asarray(counts, numpy.int64), bits
        self._running = numpy.cumsum(self.counts)

    @property
    def total(self) -> int:
        """How many values there are."""
        return int(self._running[-1])

    def percentile(self, share: float) -> int:
        """Return the highest value (µs) of the bucket that `share` percent reach; 0 if empty."""
        if not self.total:
            return 0
        rank = max(math.ceil(share / 100 * self.total), 1)
        return self._highest(int(numpy.searchsorted(self._running, rank)))

    @property
    def most(self) -> int:
        """The highest value, in µs, to the precision of its bucket."""
        return self.percentile(100.0)

    def _highest(self, bucket: int) -> int:
        """Return the highest value that falls into a bucket."""
        half = 1 << (self.bits - 1)
        if bucket < 2 * half:
            return bucket
        shift = bucket // half - 1
        return ((bucket - shift * half + 1) << shift) - 1

    def summary(self) -> dict[str, int]:
        """Return count, percentiles and the highest value, in µs."""
        named = {f"p{share:g}": self.percentile(share) for share in PERCENTILES}
        return {"count": self.total, **named, "max": self.most}

    def curve(self, steps: int = 12) -> list[tuple[float, int]]:
        """Return (percentile, µs) pairs, ten for each factor of ten nearer to 100 %."""
        if not self.total:
            return []
        shares = [0.0, *(100 * (1 - 10 ** (-n / 10)) for n in range(1, steps * 10))]
        known = [s for s in shares if (1 - s / 100) * self.total >= 1]
        return [(share, self.percentile(share)) for share in known] + [(100.0, self.most)]


def merged(histograms: Iterable[Histogram]) -> Histogram:
    """Return one histogram of all values; they need to have the same bits, and one has to exist."""
    found = list(histograms)
    return Histogram(numpy.sum([one.counts for one in found], axis=0), found[0].bits)
