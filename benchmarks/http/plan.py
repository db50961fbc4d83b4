"""Which contestants run which workloads side by side, and what is divided by what afterwards."""

from collections.abc import Callable, Sequence

import msgspec

from benchmarks.stats import ratio_row

MAIN = "two_lines"
PEERS = ("redis_lua", "postgres")
PEAK_PER_S = 58_300  # a tenth of the largest peak ever published, orders a second
BATCH_GOAL_PER_S = 300_000


class Entry(msgspec.Struct, frozen=True):
    """One contestant at one workload."""

    workload: str
    contestant: str


class Section(msgspec.Struct, frozen=True):
    """Entries that take turns in every round. In the short run only `short` of them do. Without
    the contestant `about` there is nothing to compare."""

    name: str
    entries: tuple[Entry, ...]
    short: tuple[Entry, ...] = ()
    about: str = ""

    @property
    def cases(self) -> set[str]:
        """The names by which it can be asked for: its own and those of its workloads."""
        beside = set() if self.name == MAIN else {MAIN}
        return {self.name, *(entry.workload for entry in self.entries)} - beside


def _all(workload: str, *contestants: str) -> tuple[Entry, ...]:
    return tuple(Entry(workload, name) for name in contestants)


_FRONTS = ("dibs_sleeping", "dibs_not_durable", "dibs_slow_lane")
_STACKS = ("tigerfans", "pydantic_front")
_ECHOES = ("raw_asgi", "bare_echo", "asyncio_echo")
_BESIDE = _all(MAIN, "dibs")
_SLEEPING = _all(MAIN, "dibs_sleeping")  # where CPU is compared
_STREAMS = _all("one_stream", "dibs") + _all("four_streams", "dibs")

SECTIONS = (
    Section(
        MAIN,
        _all(MAIN, "dibs", *_FRONTS, *PEERS, *_STACKS, *_ECHOES),
        _all(MAIN, "dibs", *_FRONTS[:2], "redis_lua", "raw_asgi", "bare_echo"),
    ),
    Section("hot_key", _all("one_sku", "dibs", *PEERS) + _all("million_skus", "dibs", *PEERS)),
    Section("thirteen_lines", _all("thirteen_lines", "dibs", *PEERS)),
    Section("seventy_lines", _all("seventy_lines", "dibs", *PEERS)),
    Section(
        "sold_out",
        _SLEEPING + _all("sold_out", "dibs", "dibs_sleeping", *PEERS),
        _SLEEPING + _all("sold_out", "dibs_sleeping"),
    ),
    Section("batch", _BESIDE + _all("batch", "dibs"), _BESIDE + _all("batch", "dibs")),
    Section("stream", _BESIDE + _STREAMS, _BESIDE + _STREAMS),
    Section("reserve_commit", _all("reserve_commit", "dibs", "dibs_slow_lane")),
    Section("read_stock", _all("read_stock", "dibs", "dibs_slow_lane")),
    Section("fronts", _SLEEPING + _all(MAIN, "dibs_two_fronts"), about="dibs_two_fronts"),
)

Samples = Callable[[str, str, str], Sequence[float] | None]
"""(workload, contestant, field) → one number a round, or None if it did not run."""


def ratios(section: str, samples: Samples) -> list[dict]:
    """Return the ratios of a section, those whose both sides ran."""
    rate, cost = _Ratio(samples, "per_s"), _Ratio(samples, "per_cpu_s")
    found = _OWN.get(section, _nothing)(rate, cost)
    for work in _BESIDE_PEERS:
        found += [rate.of(f"{work}: dibs ÷ {p}", (work, "dibs"), (work, p)) for p in PEERS]
    return [ratio for ratio in found if ratio]


def _nothing(rate: "_Ratio", cost: "_Ratio") -> list[dict | None]:
    return []


def _main(rate: "_Ratio", cost: "_Ratio") -> list[dict | None]:
    def versus(name: str, floor: float | None = None, target: float | None = None):
        return rate.of(f"dibs ÷ {name}", _DIBS, (MAIN, name), floor, target)

    light, raw, bare = ((MAIN, name) for name in ("dibs_not_durable", "raw_asgi", "bare_echo"))
    return [
        rate.absolute("dibs orders/s", _DIBS, PEAK_PER_S),
        versus("redis_lua", 15, 23),
        versus("postgres"),
        versus("tigerfans", 10, 25),
        versus("raw_asgi", 3.5),
        versus("bare_echo", 0.5, 0.75),
        # Says more than the rates where wrk cannot fill the echo's core.
        cost.of("orders per CPU-second: dibs ÷ bare_echo", _AT_REST, bare),
        versus("asyncio_echo"),
        versus("dibs_not_durable", 0.9),
        versus("dibs_slow_lane"),
        versus("dibs_sleeping"),
        cost.less("CPU: dibs with log off ÷ raw_asgi", light, raw, 1.5, 1.25),
        # The idiomatic front's cost over ours: the more, the leaner our route.
        cost.of("CPU: pydantic_front ÷ dibs", _AT_REST, (MAIN, "pydantic_front"), 2, 3.5),
    ]


def _hot_key(rate: "_Ratio", cost: "_Ratio") -> list[dict | None]:
    def spread(name: str, floor: float | None = None):
        sides = ("one_sku", name), ("million_skus", name)
        return rate.of(f"{name}: one SKU ÷ a million SKUs", *sides, floor)

    return [spread("dibs", 1.0), *map(spread, PEERS)]


def _sold_out(rate: "_Ratio", cost: "_Ratio") -> list[dict | None]:
    return [cost.less("CPU of a refusal ÷ of an order", _REFUSED, _AT_REST, 0.8, 0.6)]


def _batch(rate: "_Ratio", cost: "_Ratio") -> list[dict | None]:
    batch = ("batch", "dibs")
    return [
        rate.of("orders/s: batch ÷ single", batch, _DIBS, 15, 40),
        rate.absolute("batch orders/s", batch, BATCH_GOAL_PER_S),
    ]


def _stream(rate: "_Ratio", cost: "_Ratio") -> list[dict | None]:
    one, four = ("one_stream", "dibs"), ("four_streams", "dibs")
    return [
        rate.of("orders/s: one stream ÷ single", one, _DIBS),
        rate.of("orders/s: four streams ÷ one", four, one),
        rate.absolute("orders/s of four streams", four, BATCH_GOAL_PER_S),
    ]


def _fronts(rate: "_Ratio", cost: "_Ratio") -> list[dict | None]:
    fronted = (MAIN, "dibs_two_fronts")
    return [
        cost.of("orders per CPU-second: two fronts ÷ one process", fronted, _AT_REST, 0.75, 0.9),
        cost.within(
            "cores of fronts that fill one writer", fronted, "fronts_cpu_us", "writer_cpu_us"
        ),
    ]


_DIBS, _AT_REST = (MAIN, "dibs"), (MAIN, "dibs_sleeping")
_REFUSED = ("sold_out", "dibs_sleeping")
_BESIDE_PEERS = ("one_sku", "million_skus", "thirteen_lines", "seventy_lines", "sold_out")
_OWN = {
    MAIN: _main,
    "hot_key": _hot_key,
    "sold_out": _sold_out,
    "batch": _batch,
    "stream": _stream,
    "fronts": _fronts,
}


class _Ratio:
    """Divides one field of two entries, round by round."""

    def __init__(self, samples: Samples, field: str) -> None:
        self._samples, self._field = samples, field

    def of(self, name, top, bottom, floor=None, target=None) -> dict | None:
        """Return top ÷ bottom, each (workload, contestant), or None if one did not run."""
        above, below = self._samples(*top, self._field), self._samples(*bottom, self._field)
        if not above or not below:
            return None
        return ratio_row(name, above, below, floor=floor, target=target)

    def less(self, name, top, bottom, floor=None, target=None) -> dict | None:
        """Return cost of top ÷ cost of bottom, less being better, from what each gets done in a
        CPU-second. With a failed round (0) on either side it is void: it must not look cheap."""
        found = self.of(name, bottom, top, floor, target)
        if found is None:
            return None
        sides = (*self._samples(*top, self._field), *self._samples(*bottom, self._field))
        void = {} if all(sides) else {"value": 0.0, "low": 0.0, "high": 0.0}
        return {**found, **void, "less_is_better": True}

    def within(self, name, entry, top: str, bottom: str) -> dict | None:
        """Return one field of an entry ÷ another of the same."""
        above, below = (self._samples(*entry, field) for field in (top, bottom))
        return ratio_row(name, above, below) if above and below else None

    def absolute(self, name, top, goal: float) -> dict | None:
        """Return top ÷ a fixed goal."""
        above = self._samples(*top, self._field)
        if not above:
            return None
        name = f"{name} ÷ {goal:,.0f}"
        return ratio_row(name, above, [goal] * len(above), target=1.0)
