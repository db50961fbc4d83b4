"""Prometheus metrics of the office: how each account is doing, as it was last noted."""

from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from engine.sync.status import AccountStatus

Family = CounterMetricFamily | GaugeMetricFamily


_share, _allowed, _projected = map(attrgetter, ("share", "allowed", "projected"))
_GAUGES = {
    "dead_letters": ("documents that nobody could apply", lambda it: it.dead),
    "inbox": ("documents that wait to be applied", lambda it: it.inbox),
    "inbox_age_seconds": ("age of the oldest of them", lambda it: it.inbox_s),
    "listings": ("listings that are mapped", lambda it: it.listings),
    "noted_timestamp_seconds": ("when this was noted", lambda it: it.written_at.timestamp()),
    "open_until_timestamp_seconds": (
        "until when the account is left alone; 0: it is called",
        lambda it: it.open_until.timestamp() if it.open_until else 0.0,
    ),
    "outbox": ("what the channel is still to be told", lambda it: it.outbox),
    "stale_seconds": ("since when the stalest listing is stale", lambda it: it.stale_s),
    "swept_timestamp_seconds": (
        "until when changes were asked for; 0: never",
        lambda it: it.swept_until.timestamp() if it.swept_until else 0.0,
    ),
}
_RATES: dict[str, tuple[Callable, dict[str, tuple[str, Callable]]]] = {
    "cancelled_share": (
        lambda it: it.cancellations,
        {
            "": ("of the orders placed, those the seller cancelled", _share),
            "_allowed": ("the share that the channel allows", _allowed),
            "_projected": ("the share if what waits for stock is cancelled, too", _projected),
        },
    ),
    "late_share": (
        lambda it: it.late_shipments,
        {
            "": ("of the orders that left, those told after they were due", _share),
            "_allowed": ("the share that the channel allows", _allowed),
            "_projected": ("the share if open orders that are due, or soon, are late", _projected),
        },
    ),
    "untracked_share": (
        lambda it: it.untracked_parcels,
        {
            "": ("of the parcels told, those the channel cannot follow", _share),
            "_allowed": ("the share that the channel allows", _allowed),
        },
    ),
    "held_back_units": (
        lambda it: it.cancellations,
        {"": ("not shown while cancellations are near what is allowed", lambda it: it.held_back)},
    ),
}
_COUNTERS = {
    "audited": ("listings read back", lambda it: it.audited),
    "drifted": ("listings found changed at the channel", lambda it: it.drifted),
    "job_failures": ("times that a part of the work began anew", lambda it: it.job_failures),
    "published": ("quantities that the channel took", lambda it: it.published),
}
_BY_WORD = {
    "calls": (
        "calls by outcome",
        "outcome",
        lambda it: {
            "answered": it.calls - it.refused - it.failed,
            "refused": it.refused,
            "failed": it.failed,
        },
    ),
    "documents": ("documents by what became of them", "outcome", lambda it: it.documents),
    "pushes": ("pushes by what came of them", "outcome", lambda it: it.pushes),
}


class _Collector:
    def __init__(self, statuses: Iterable[AccountStatus]) -> None:
        self._statuses = list(statuses)

    def collect(self) -> Iterator[Family]:
        """Yield everything of every account."""
        for name, (meaning, value) in _GAUGES.items():
            yield self._family(GaugeMetricFamily, name, meaning, value)
        for name, (rate_of, parts) in _RATES.items():
            for part, (meaning, value) in parts.items():
                yield self._rated(name + part, meaning, rate_of, value)
        for name, (meaning, value) in _COUNTERS.items():
            yield self._family(CounterMetricFamily, name, meaning, value)
        for name, (meaning, label, values) in _BY_WORD.items():
            yield self._split(CounterMetricFamily, name, meaning, label, values)
        waiting = "listings that show something else than they ought to"
        yield self._split(GaugeMetricFamily, "waiting", waiting, "kind", _kinds)
        lag = "from a change to the channel's yes, in the last five minutes"
        yield self._split(GaugeMetricFamily, "publish_lag_seconds", lag, "quantile", _lags)

    def _family(self, kind: type, name: str, meaning: str, value: Callable) -> Family:
        family = kind(f"dibs_connection_{name}", meaning, labels=("account",))
        for status in self._statuses:
            family.add_metric((status.account,), value(status))
        return family

    def _rated(self, name: str, meaning: str, rate_of: Callable, value: Callable) -> Family:
        family = GaugeMetricFamily(f"dibs_connection_{name}", meaning, labels=("account",))
        for status in self._statuses:
            if (rate := rate_of(status)) is not None:
                family.add_metric((status.account,), value(rate))
        return family

    def _split(self, kind: type, name: str, meaning: str, label: str, values: Callable) -> Family:
        family = kind(f"dibs_connection_{name}", meaning, labels=("account", label))
        for status in self._statuses:
            for word, value in values(status).items():
                family.add_metric((status.account, word), value)
        return family


def _kinds(status: AccountStatus) -> dict[str, int]:
    waiting = status.waiting
    return {
        "sold_out": waiting.sold_out,
        "falling": waiting.falling,
        "rising": waiting.rising,
    }


def _lags(status: AccountStatus) -> dict[str, float]:
    found = {"0.5": status.p50_ms, "0.99": status.p99_ms}
    return {share: ms / 1e3 for share, ms in found.items() if ms is not None}


def scrape(statuses: Iterable[AccountStatus]) -> bytes:
    """Return all metrics in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(statuses))
    return generate_latest(registry)


def route(
    statuses: Callable[[], Iterable[AccountStatus]], may_read: Callable[[str], bool]
) -> Route:
    """Return the route `/metrics`. The world reaches the port that it is on, so it asks for an API
    key; `may_read` says whether that may be told."""

    async def metrics(request: Request) -> Response:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not may_read(token.strip()):
            challenge = {"www-authenticate": 'Bearer realm="dibs"'}
            return PlainTextResponse("send Authorization: Bearer KEY", 401, challenge)
        return Response(scrape(statuses()), media_type=CONTENT_TYPE_LATEST)

    return Route("/metrics", metrics, methods=["GET"])
