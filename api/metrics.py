"""Prometheus metrics: read from the engine and the front at each scrape, nothing is kept twice."""

import time
from collections.abc import Iterator
from typing import Any

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from api import guard
from engine.core.packed import Kind
from engine.views.lag import lag

MEDIA = CONTENT_TYPE_LATEST
_COUNTERS = {
    "append_seconds": "seconds spent waiting for appends to be durable",
    "batches": "batches appended",
    "commands": "commands decided",
    "events": "events appended",
    "expiries": "reservations expired",
    "gc_passes": "passes of the garbage collector",
    "gc_seconds": "seconds that passes of the garbage collector took",
    "recoveries": "times the engine recovered from its log",
    "refusals": "commands refused",
}
_STREAMS = ("orders", "changes", "states", "live")
_STATES = ("leading", "recovering", "stopped")


_LANE_CALLS = {
    Kind.PLACE_ORDER: "place_order",
    Kind.RESERVE: "reserve",
    Kind.COMMIT: "commit",
    Kind.EXTEND: "extend",
    Kind.RELEASE: "release",
    Kind.READ_STOCK: "get_stock",
}


def count_answers(front: Any) -> None:
    """Add what the fast lane has answered since the last call to the front's answers."""
    for (kind, status), count in front.lane.tally().items():
        front.answers[_LANE_CALLS[Kind(kind)], status] += count


class Report(msgspec.Struct, omit_defaults=True):
    """What a front process tells the writer's about itself: whether it `listens` since now, and
    what it has answered and refused since the report before."""

    listens: bool = False
    answers: list[tuple[str, int, int]] = []  # endpoint, status, how many
    refusals: dict[str, int] = {}


def take_report(front: Any) -> Report:
    """Return the report of a front process, whose counts begin anew."""
    if front.lane is not None:
        count_answers(front)
    answers = [(name, status, count) for (name, status), count in front.answers.items()]
    report = Report(answers=answers, refusals=dict(guard.refusals))
    front.answers.clear()
    guard.refusals.clear()
    return report


def add_report(front: Any, report: Report) -> None:
    """Count what a front process has answered as if this one had."""
    for name, status, count in report.answers:
        front.answers[name, status] += count
    guard.refusals.update(report.refusals)


class _Collector:
    """Collects from one front."""

    def __init__(self, front: Any) -> None:
        self._front = front

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        requests = CounterMetricFamily(
            "dibs_http_requests", "requests answered", labels=("endpoint", "status")
        )
        if self._front.lane is not None:
            count_answers(self._front)
        for (endpoint, status), count in sorted(self._front.answers.items()):
            requests.add_metric((endpoint, str(status)), count)
        yield requests
        refused = CounterMetricFamily(
            "dibs_http_refusals", "connections refused and closed", labels=("code",)
        )
        for code, count in sorted(guard.refusals.items()):
            refused.add_metric((code,), count)
        yield refused
        streams = GaugeMetricFamily("dibs_streams", "streams that are open", labels=("kind",))
        for kind in _STREAMS:
            streams.add_metric((kind,), self._front.streams[kind])
        yield streams
        client = self._front.client
        rows = GaugeMetricFamily("dibs_ledger_rows", "rows in the ledger", labels=("table",))
        for table, count in client.sizes().items():
            rows.add_metric((table,), count)
        yield rows
        status = client.status()
        state = GaugeMetricFamily("dibs_engine_state", "1 for the present one", labels=("state",))
        for name in _STATES:
            state.add_metric((name,), float(status.state == name))
        yield state
        yield GaugeMetricFamily("dibs_engine_epoch", "epoch of the writer", status.epoch)
        yield GaugeMetricFamily("dibs_engine_seq", "last durable log position", status.seq)
        if self._front.views_at:
            seq, stamp_us = self._front.views_at
            found = lag(seq, stamp_us, status.seq, time.time_ns() // 1_000)
            yield GaugeMetricFamily("dibs_views_seq", "log position of the views", seq)
            yield GaugeMetricFamily("dibs_views_lag_events", "events that views lack", found.events)
            yield GaugeMetricFamily(
                "dibs_views_lag_seconds",
                "age of the views' newest event if they lack others",
                found.seconds,
            )
        for name, value in client.counters().items():
            if name in _COUNTERS:
                yield CounterMetricFamily(f"dibs_engine_{name}", _COUNTERS[name], value)
            else:
                yield GaugeMetricFamily(f"dibs_engine_{name}", name.replace("_", " "), value)


def scrape(front: Any) -> bytes:
    """Return all metrics in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(front))
    return generate_latest(registry)
