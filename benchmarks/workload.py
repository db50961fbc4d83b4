"""What the benchmarks ask for: which SKUs two-line orders want, drawn from a seed."""

import numpy

ZIPF = 1.1


def pairs(count: int, rows: int, pick: numpy.random.Generator, *, zipf: float = 0) -> numpy.ndarray:
    """Return `count` pairs of row numbers below `rows`, uint32, shape (count, 2).

    Uniform, or with `zipf` > 0 the k-th most wanted row has weight k ** -zipf; which rows are
    wanted is scattered over all of them. The two rows of a pair may be the same.
    """
    if not zipf:
        return pick.integers(0, rows, (count, 2), dtype=numpy.uint32)
    weights = numpy.cumsum(numpy.arange(1, rows + 1, dtype=float) ** -zipf)
    ranks = numpy.searchsorted(weights, pick.random((count, 2)) * weights[-1])
    return pick.permutation(rows).astype(numpy.uint32)[ranks]
