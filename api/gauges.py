"""How the system is doing, for a screen: rates, latencies, what lags behind."""

import contextlib
import time
from typing import Any

import msgspec

from api import overview
from api.overview import Overview
from engine.core.errors import ServiceError
from engine.service.client import Pulse
from engine.service.latency import percentile_us
from engine.views.lag import lag
from engine.views.reader import position


class Gauges(msgspec.Struct):
    """What happened since the reading before: a second, counts a second. Latencies are of commands,
    from when the first of their round came until it was durable; None where there was none.
    `undurable` counts events that are decided and not durable yet; the lag of views is None where
    there are no views."""

    orders_per_s: float = 0.0
    units_per_s: float = 0.0
    decided_per_s: float = 0.0
    refused_per_s: float = 0.0
    p50_ms: float | None = None
    p99_ms: float | None = None
    append_ms: float | None = None
    queue: int = 0
    undurable: int = 0
    views_behind: int | None = None
    views_lag_s: float | None = None


class Now(msgspec.Struct):
    """What the page Now shows. `at` counts seconds since 1970."""

    at: float
    overview: Overview
    gauges: Gauges


class _Reading(msgspec.Struct):
    at_s: float
    pulse: Pulse
    counters: dict[str, float]
    latencies: list[int]


class Meter:
    """Makes rates of readings. The first reading after a break has none."""

    def __init__(self) -> None:
        self._before: _Reading | None = None

    def read(self, client: Any, pulse: Pulse, patience_s: float = 5.0) -> Gauges:
        """Return the gauges as of now."""
        now = _Reading(time.monotonic(), pulse, client.counters(), client.latencies())
        before, self._before = self._before, now
        said = now.counters
        found = Gauges(
            queue=int(said.get("queue_depth", 0)),
            undurable=int(said.get("decided_seq", 0) - said.get("durable_seq", 0)),
        )
        if before is None or now.at_s - before.at_s > patience_s:
            return found
        if pulse.placed_orders < before.pulse.placed_orders:
            return found
        seconds = now.at_s - before.at_s

        def grown(name: str) -> float:
            return max(said.get(name, 0.0) - before.counters.get(name, 0.0), 0.0)

        waited = [a - b for a, b in zip(now.latencies, before.latencies, strict=True)]
        found.orders_per_s = (pulse.placed_orders - before.pulse.placed_orders) / seconds
        found.units_per_s = (pulse.placed_units - before.pulse.placed_units) / seconds
        found.decided_per_s = grown("commands") / seconds
        found.refused_per_s = grown("refusals") / seconds
        if grown("batches"):
            found.append_ms = 1e3 * grown("append_seconds") / grown("batches")
        if min(waited) >= 0 and (p50 := percentile_us(waited, 0.5)) is not None:
            found.p50_ms, found.p99_ms = p50 / 1e3, percentile_us(waited, 0.99) / 1e3
        return found


async def look(front: Any, meter: Meter, pulse: Pulse) -> Now:
    """Return what the page Now shows, of an `api.endpoint.Front`."""
    found = meter.read(front.client, pulse)
    if front.views:
        with contextlib.suppress(ServiceError):
            seq, stamp_us = await front.views.ask(position)
            behind = lag(seq, stamp_us, front.client.status().seq, time.time_ns() // 1_000)
            found.views_behind, found.views_lag_s = behind.events, behind.seconds
    return Now(time.time(), await overview.shared(front), found)
