"""Medians with ranges, and ratios with an interval: how every benchmark turns samples into figures.

A result line holds `rows`, one for each case and contestant with all its samples, and `ratios`
between them with the goal each is held against. Samples are one number a round, in the order of
the rounds; rounds of contestants that are compared are interleaved, so that number i of both was
measured side by side. A round whose check failed counts as 0.
"""

import math
import statistics
from collections.abc import Sequence

import numpy

RESAMPLES = 10_000
CONFIDENCE = 0.95


def median_range(samples: Sequence[float]) -> tuple[float, float, float]:
    """Return (median, least, most) of at least one sample."""
    return statistics.median(samples), min(samples), max(samples)


def rates(costs: Sequence[float]) -> list[float]:
    """Return what is done in one unit of cost. A failed round (0) stays 0: it did nothing.

    A ratio of costs is taken from these, turned round, lest a failed round look cheap.
    """
    return [1 / cost if cost else 0.0 for cost in costs]


def ratio_interval(
    top: Sequence[float], bottom: Sequence[float], *, failed: float = 0.0, seed: int = 1
) -> tuple[float, float, float]:
    """Return (value, low, high): median(top) ÷ median(bottom), and its bootstrap 95 % interval.

    With as many samples on both sides the rounds are drawn as pairs, else each side by itself.
    `failed` is what a draw of failed rounds only counts as. All three are 0 where so many of the
    bottom's rounds failed that nothing can be said.
    """
    above, below = numpy.asarray(top, float), numpy.asarray(bottom, float)
    if not numpy.median(below):
        return 0.0, 0.0, 0.0
    pick = numpy.random.default_rng(seed)
    first = pick.integers(0, len(above), (RESAMPLES, len(above)))
    paired = len(above) == len(below)
    second = first if paired else pick.integers(0, len(below), (RESAMPLES, len(below)))
    tops = numpy.median(above[first], axis=1)
    bottoms = numpy.median(below[second], axis=1)
    drawn = numpy.divide(tops, bottoms, out=numpy.full(RESAMPLES, failed), where=bottoms > 0)
    tail = (1 - CONFIDENCE) / 2
    low, high = numpy.quantile(drawn, (tail, 1 - tail), method="inverted_cdf")
    if not math.isfinite(high):
        return 0.0, 0.0, 0.0
    return float(numpy.median(above) / numpy.median(below)), float(low), float(high)


def ratio_row(
    name: str,
    top: Sequence[float],
    bottom: Sequence[float],
    *,
    floor: float | None = None,
    target: float | None = None,
    less_is_better: bool = False,
) -> dict:
    """Return one entry of a result's `ratios`: `name` says what is divided by what."""
    failed = math.inf if less_is_better else 0.0
    value, low, high = ratio_interval(top, bottom, failed=failed)
    return {
        "name": name,
        "value": value,
        "low": low,
        "high": high,
        "floor": floor,
        "target": target,
        "less_is_better": less_is_better,
    }


def sample_row(case: str, contestant: str, unit: str, samples: Sequence[float], **extra) -> dict:
    """Return one entry of a result's `rows`; `extra` fields stand beside the samples."""
    return {
        "case": case,
        "contestant": contestant,
        "unit": unit,
        "samples": [float(sample) for sample in samples],
        **extra,
    }


def verdict(ratio: dict) -> str:
    """Return how a ratio stands against its goal: `target`, `floor`, `missed`, or `` without one.

    The bad end of the interval must pass, not the median; a ratio of failed runs never does.
    """
    less = ratio.get("less_is_better", False)
    bad_end = ratio["high"] if less else ratio["low"]
    if ratio.get("floor") is None and ratio.get("target") is None:
        return ""
    for goal in ("target", "floor"):
        bound = ratio.get(goal)
        if bound is None or not ratio["value"]:
            continue
        if bad_end <= bound if less else bad_end >= bound:
            return goal
    return "missed"
