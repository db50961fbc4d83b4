"""What a run of the generator says, as plain data, and as a table for a person."""

import msgspec
import numpy
from rich.table import Table

from loadtests.openloop.core import COARSE_BITS, FINE_BITS, LATE_US, Generator
from loadtests.openloop.histogram import Histogram, merged
from loadtests.openloop.mix import Part

FIELDS = ("due", "sent", "ok", "refused", "broken", "failed", "max")
LATE_SHARE_MAX = 0.01


class Outcome(msgspec.Struct):
    """One run. `by_second` is int64 (seconds, 7), columns as in `FIELDS`: requests by the second in
    which they were due, sent, answered with 2xx, 4xx, 5xx, or failed, and the longest latency (µs)
    of those due. `units` is int64 (3, skus): allocated, reserved, in doubt. Times are µs."""

    name: str
    seconds: float
    parts: dict[str, Histogram]
    lateness: Histogram
    by_second: numpy.ndarray
    second_latency: numpy.ndarray
    statuses: dict[str, dict[int, int]]
    counts: dict[str, int]
    cpu_share: float
    units: numpy.ndarray
    acknowledged: int
    samples: list[int]

    @property
    def latency(self) -> Histogram:
        """Of all requests together."""
        return merged(self.parts.values())

    @property
    def per_s(self) -> float:
        """2xx and 4xx answers per second of the schedule: what the server has dealt with."""
        whole = int(self.seconds)
        if not whole:
            return float(self.by_second[0, 2:4].sum()) / max(self.seconds, 1e-6)
        return float(self.by_second[:whole, 2:4].sum()) / whole

    @property
    def generator_bound(self) -> bool:
        """Whether the generator itself was late with more than 1 % of its sends."""
        return self.counts["late"] > LATE_SHARE_MAX * max(self.counts["sent"], 1)

    def window(self, first: int, last: int) -> Histogram:
        """Latencies of requests due in seconds `first` to `last`, the last not included."""
        return Histogram(self.second_latency[first:last].sum(axis=0), COARSE_BITS)

    def accepted(self, part: str) -> int:
        """Answers with 2xx to requests of one part."""
        return sum(n for status, n in self.statuses.get(part, {}).items() if status < 300)

    def series(self) -> list[dict[str, int]]:
        """Return a row a second of the schedule: counts as in `FIELDS`, and percentiles."""
        rows = []
        for second in range(max(int(numpy.ceil(self.seconds)), 1)):
            counts = dict(zip(FIELDS, self.by_second[second].tolist(), strict=True))
            found = self.window(second, second + 1).summary()
            rows.append({"second": second, **found, **counts})
        return rows

    def plain(self) -> dict:
        """Return what goes into a JSON file."""
        return {
            "name": self.name,
            "seconds": self.seconds,
            "per_s": self.per_s,
            "counts": self.counts,
            "statuses": self.statuses,
            "latency_us": {
                "all": self.latency.summary(),
                **{name: found.summary() for name, found in self.parts.items()},
            },
            "generator": {
                "bound": self.generator_bound,
                "cpu_share": self.cpu_share,
                "late_sends": self.counts["late"],
                "lateness_us": self.lateness.summary(),
            },
            "acknowledged_orders": self.acknowledged,
            "units": dict(
                zip(
                    ("allocated", "reserved", "in_doubt"),
                    self.units.sum(axis=1).tolist(),
                    strict=True,
                )
            ),
            "curve": self.latency.curve(),
            "series": self.series(),
        }

    def table(self) -> Table:
        """Return latencies by part, and what became of the requests."""
        columns = ("answers", "p50", "p90", "p99", "p99.9", "max")
        table = Table(
            "ms", *columns, "statuses", title=f"{self.name}: {self.per_s:,.0f}/s answered"
        )
        for name, found in [*self.parts.items(), ("all", self.latency)]:
            summary = found.summary()
            times = [f"{value / 1000:.2f}" for value in list(summary.values())[1:]]
            said = self.statuses.get(name, {})
            text = "  ".join(f"{status}: {n:,}" for status, n in sorted(said.items()))
            table.add_row(name, f"{summary['count']:,}", *times, text)
        late, odd = self.lateness, {k: v for k, v in self.counts.items() if v and k not in _USUAL}
        table.caption = (
            f"generator: {self.cpu_share:.0%} of its core, lateness p99 "
            f"{late.percentile(99) / 1000:.2f} ms, most {late.most / 1000:.2f} ms, "
            f"{self.counts['late']:,} sends later than {LATE_US / 1000:g} ms"
        )
        if odd:
            table.caption += "\n" + ", ".join(f"{name} {n:,}" for name, n in odd.items())
        if self.generator_bound:
            table.caption += "\nTHE GENERATOR ITSELF WAS LATE: these times are in part its own"
        return table


_COUNTED = ("started", "sent", "answered", "lost", "timed_out", "unsent", "unanswered")
_COUNTED += ("malformed", "late", "reconnected", "connect_failures")
_USUAL = ("started", "sent", "answered", "late")


def read(name: str, generator: Generator, parts: list[Part], seconds: float) -> Outcome:
    """Take everything out of a generator that has run. Parts of the same name are put together."""
    by_name: dict[str, list[int]] = {}
    for number, part in enumerate(parts):
        by_name.setdefault(part.name, []).append(number)
    said = {
        part: {
            int(status): int(count)
            for status, count in enumerate(generator.statuses[numbers].sum(axis=0))
            if count
        }
        for part, numbers in by_name.items()
    }
    kept = min(generator.acknowledged, len(generator.samples))
    return Outcome(
        name=name,
        seconds=seconds,
        parts={
            part: Histogram(generator.latency[numbers].sum(axis=0), FINE_BITS)
            for part, numbers in by_name.items()
        },
        lateness=Histogram(generator.lateness, FINE_BITS),
        by_second=generator.by_second,
        second_latency=generator.second_latency,
        statuses=said,
        counts={field: getattr(generator, field) for field in _COUNTED},
        cpu_share=generator.cpu_ns / max(generator.wall_ns, 1),
        units=generator.units,
        acknowledged=generator.acknowledged,
        samples=generator.samples[:kept].tolist(),
    )
