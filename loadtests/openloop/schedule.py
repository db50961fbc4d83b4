"""When requests are due: fixed before the run, from a seed."""

from collections.abc import Sequence

import numpy

ARRIVALS = ("poisson", "constant")
SECONDS_MAX = 3_600
_GRID_S = 0.01

Phase = tuple[float, float, float]


def length_s(phases: Sequence[Phase]) -> float:
    """Return how long the phases last, in seconds."""
    return sum(seconds for seconds, _, _ in phases)


def arrivals(phases: Sequence[Phase], kind: str = "poisson", seed: int = 1) -> numpy.ndarray:
    """Return the due times in µs since the start, ascending, uint32.

    A phase is (seconds, rate at its start, rate at its end), rates per second, linear between.
    `poisson` draws independent arrivals, `constant` spaces them evenly. `ValueError` for other
    kinds, negative rates or more than `SECONDS_MAX`.
    """
    if kind not in ARRIVALS:
        raise ValueError(f"arrivals are {' or '.join(ARRIVALS)}, not {kind!r}")
    if any(s <= 0 or a < 0 or b < 0 for s, a, b in phases) or length_s(phases) > SECONDS_MAX:
        raise ValueError(f"phases need positive seconds, at most {SECONDS_MAX}, and rates from 0")
    times, expected = _expected(phases)
    total = expected[-1]
    if kind == "constant":
        units = numpy.arange(int(total)) + 0.5
    else:
        units = _poisson(total, numpy.random.default_rng(seed))
    return (numpy.interp(units, expected, times) * 1e6).astype(numpy.uint32)


def _expected(phases: Sequence[Phase]) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Return times on a grid and how many arrivals are expected up to each."""
    times, expected, at, so_far = [0.0], [0.0], 0.0, 0.0
    for seconds, first, last in phases:
        steps = max(int(seconds / _GRID_S), 1)
        within = numpy.linspace(0.0, seconds, steps + 1)[1:]
        grown = first * within + (last - first) * within**2 / (2 * seconds)
        times.extend(at + within)
        expected.extend(so_far + grown)
        at, so_far = at + seconds, so_far + float(grown[-1])
    return numpy.asarray(times), numpy.asarray(expected)


def _poisson(total: float, draw: numpy.random.Generator) -> numpy.ndarray:
    """Return arrivals of a unit-rate Poisson process up to `total`."""
    parts, at = [], 0.0
    while at < total:
        part = at + numpy.cumsum(draw.exponential(size=1_000_000))
        parts.append(part)
        at = float(part[-1])
    units = numpy.concatenate(parts) if parts else numpy.empty(0)
    return units[units < total]
