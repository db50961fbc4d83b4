"""What the orders of a SKU usually take: a mean and a mean deviation, in two numbers a SKU.

The estimator is that of round-trip times in TCP (Jacobson, "Congestion Avoidance and Control",
1988; RFC 6298): each order moves the mean by an eighth of how far it is off, and the deviation by a
quarter of how far that is off. It is all whole numbers, so both twins and replay agree to the last
bit, and it forgets, so that it follows a season. A single order of hundreds must not teach it that
hundreds are usual: what lies beyond twice the mean and eight deviations counts as that much only.

The compiled twin does the same in `ext/plane/usual.pxi`.
"""

SCALE_BITS = 8  # of mean and deviation: 1/256 of a unit
SURE_ORDERS = 20  # before that many, nothing is called unusual
_SPREADS = 4  # deviations above the mean that are still usual


def learned(mean: int, spread: int, orders: int, quantity: int) -> tuple[int, int, int]:
    """Return (mean, deviation, orders seen) after one more line of `quantity` units."""
    seen = quantity << SCALE_BITS
    if not orders:
        return seen, seen >> 1, 1
    off = min(seen, 2 * (mean + _SPREADS * spread)) - mean
    return mean + (off >> 3), spread + ((abs(off) - spread) >> 2), min(orders + 1, 2**32 - 1)


def unusual(mean: int, spread: int, orders: int, quantity: int, times: int) -> bool:
    """Say whether `quantity` is more than `times` what is usual: the mean and four deviations."""
    if orders < SURE_ORDERS:
        return False
    return quantity << SCALE_BITS > times * (mean + _SPREADS * spread)
