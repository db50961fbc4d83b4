"""The load generator tells the truth: latencies count from when a request was due, histograms keep
three digits, requests are whole, and a wrong book is caught. What dibs promises is not judged here.
"""

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import msgspec
import numpy
import pytest

from loadtests.expectation import Expectation
from loadtests.openloop import core, schedule
from loadtests.openloop.drive import Plan, drive
from loadtests.openloop.histogram import Histogram, merged
from loadtests.openloop.mix import NAMES, Share, share_of
from loadtests.openloop.outcome import Outcome
from loadtests.verify import Buckets, Stock, judge_order, judge_stock

SKUS = 20
STALL_S = 0.3
OK = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"


class Till:
    """A small HTTP server in a thread: `answer(number)` gives the bytes for each request, and may
    wait. Notes requests, open connections and the most there were."""

    def __init__(self, answer: Callable[[int], Awaitable[bytes]]) -> None:
        self.answer = answer
        self.requests: list[bytes] = []
        self.open = self.most = self.port = 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                self.requests.append(head + await reader.readexactly(int(size or 0)))
                text = await self.answer(len(self.requests))
                writer.write(text)
                if not text or b"connection: close" in text.lower():
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def run(self, ready: threading.Event, stop: asyncio.Event) -> None:
        """Serve until stopped."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        server.close()


@contextmanager
def till(answer: Callable[[int], Awaitable[bytes]]) -> Iterator[Till]:
    """Run a till in a thread of its own."""
    found, ready = Till(answer), threading.Event()
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(found.run(ready, stop)))
    thread.start()
    assert ready.wait(5)
    try:
        yield found
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(5)
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


def load(at: Till, **more) -> Outcome:
    """Drive orders at a till."""
    settings = {"phases": [(1.0, 100, 100)], "connections": 8, "shares": [Share("orders")]}
    settings |= {"arrivals": "constant", "grace_s": 1.0} | more
    url = f"http://127.0.0.1:{at.port}"
    return drive(Plan(name="t", url=url, key="k", world="w", run="r", skus=SKUS, **settings))


async def at_once(number: int) -> bytes:
    """Answer every request."""
    return OK


def slow(found: Outcome, us: int) -> int:
    """Count latencies of at least `us`."""
    return int(found.latency.counts[core.bucket_of(us, core.FINE_BITS) :].sum())


class Stall:
    """Answers at once but for one moment, in which nothing at all is answered."""

    def __init__(self) -> None:
        self.until = 0.0

    async def __call__(self, number: int) -> bytes:
        if number == 500:
            self.until = time.monotonic() + STALL_S
        left = self.until - time.monotonic()
        if left > 0:
            await asyncio.sleep(left)
        return OK


def test_a_stall_counts_for_everyone_who_was_due() -> None:
    with till(Stall()) as at:
        found = load(at, phases=[(1.5, 1000, 1000)])
    assert found.counts["answered"] == found.counts["sent"] == 1500
    # 300 were due while nothing was answered; the first of them waited longest.
    assert 200 <= slow(found, 50_000) <= 600
    assert found.latency.percentile(99) > 200_000
    assert at.most <= 8
    assert len(set(at.requests)) == 1500


def test_a_closed_loop_hides_the_same_stall() -> None:
    """The control: a generator that waits for answers shows one slow request a connection."""
    with till(Stall()) as at:
        found = load(at, phases=None, seconds=5.0, count=1500)
    assert found.counts["answered"] == 1500
    assert slow(found, 50_000) <= 8


def test_an_overloaded_server_is_not_flattered() -> None:
    async def crawl(number: int) -> bytes:
        await asyncio.sleep(0.1)
        return OK

    with till(crawl) as at:
        found = load(at, phases=[(1.0, 200, 200)], connections=2, grace_s=0.3)
    assert found.counts["unsent"] > 150
    assert found.latency.total == 200
    assert found.latency.percentile(50) > 300_000


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "malformed"),
        (b"SSH-2.0-OpenSSH_9.2p1 somewhere\r\n\r\n", "malformed"),
        (OK + OK, "malformed"),
        (b"", "lost"),
    ],
    ids=["chunked", "no length", "not HTTP", "two answers", "closed"],
)
def test_what_is_no_answer_is_counted_and_left_in_doubt(text: bytes, field: str) -> None:
    async def third(number: int) -> bytes:
        return text if number == 3 else OK

    with till(third) as at:
        found = load(at, phases=[(0.5, 100, 100)], connections=1)
    assert found.counts[field] == 1
    assert found.units[2].sum() == 2 and found.units[0].sum() == 2 * 49
    assert found.counts["reconnected"] == 1


def test_silence_times_out() -> None:
    async def third(number: int) -> bytes:
        await asyncio.sleep(3 if number == 3 else 0)
        return OK

    with till(third) as at:
        found = load(at, phases=[(1.0, 50, 50)], timeout_s=0.3)
    assert found.counts["timed_out"] == 1 and found.counts["answered"] == 49
    assert slow(found, 300_000) == 1


def test_units_follow_what_was_answered() -> None:
    async def every_third_is_sold_out(number: int) -> bytes:
        return OK if number % 3 else b"HTTP/1.1 409 Conflict\r\nConnection: close\r\n" + OK[22:]

    with till(every_third_is_sold_out) as at:
        found = load(at, phases=[(1.0, 300, 300)])
    assert found.statuses == {"order": {201: 200, 409: 100}}
    assert found.units.sum(axis=1).tolist() == [400, 0, 0]
    assert found.acknowledged == 200 == len(set(found.samples))


def test_a_reservation_is_followed_on_its_own_connection() -> None:
    shares = [Share("reserve_commit", 1.0), Share("reserve_release", 1.0), Share("reserve", 1.0)]
    with till(at_once) as at:
        found = load(at, phases=[(1.0, 300, 300)], shares=shares)
    said = {name: found.accepted(name) for name in found.parts}
    assert said["reserve"] == 300 and said["commit"] + said["release"] < 300
    held = 300 - said["commit"] - said["release"]
    assert found.units.sum(axis=1).tolist() == [2 * said["commit"], 2 * held, 0]


def test_reservations_aim_at_one_second() -> None:
    ends = time.time() + 100
    with till(at_once) as at:
        load(at, shares=[Share("reserve")], ttl_end_s=ends)
    bodies = [json.loads(text.partition(b"\r\n\r\n")[2]) for text in at.requests]
    assert {body["ttl_s"] for body in bodies} <= {99, 100}


def test_requests_are_whole_http_and_json() -> None:
    shares = [Share(name, 1.0, lines=3) for name in NAMES]
    with till(at_once) as at:
        load(at, shares=shares, hot=5, hot_share=0.5)
    assert len(at.requests) >= 100
    for text in at.requests:
        head, _, body = text.partition(b"\r\n\r\n")
        assert b"Authorization: Bearer k\r\n" in head + b"\r\n"
        if head.startswith(b"POST") and b"/commit" not in head:
            skus = [line["sku"] for line in json.loads(body)["lines"]]
            assert len(set(skus)) == 3
            assert all(0 <= int(sku.removeprefix("w-")) < SKUS for sku in skus)


def test_the_same_seed_sends_the_same() -> None:
    sent = []
    for seed in (1, 1, 2):
        with till(at_once) as at:
            load(at, phases=[(0.3, 200, 200)], seed=seed, arrivals="poisson", connections=1)
        sent.append([text.partition(b"\r\n\r\n")[2] for text in at.requests])
    assert sent[0] == sent[1] != sent[2]


def test_bad_plans_are_refused() -> None:
    nobody = Till(at_once)
    with pytest.raises(ValueError, match="more lines than there are hot"):
        load(nobody, shares=[Share("orders", 1.0, 3)], hot=2, hot_share=1.0)
    for text in ("orders=x", "nothing=1", "orders:=1"):
        with pytest.raises(ValueError, match="names are"):
            share_of(text)


# Schedules and histograms.


def test_arrivals_follow_their_rates() -> None:
    phases = [(2.0, 1000.0, 1000.0), (2.0, 0.0, 2000.0)]
    due = schedule.arrivals(phases, "poisson", 7)
    assert (due == schedule.arrivals(phases, "poisson", 7)).all()
    assert (numpy.diff(due.astype(int)) >= 0).all()
    first, rising = (due < 2_000_000).sum(), ((due >= 2_000_000) & (due < 3_000_000)).sum()
    assert abs(first - 2000) < 200 and abs(rising - 500) < 120
    gaps = numpy.diff(due[:first].astype(int))
    assert 0.9 < gaps.std() / gaps.mean() < 1.1
    even = numpy.diff(schedule.arrivals([(1.0, 1000, 1000)], "constant").astype(int))
    assert set(even) <= {999, 1000, 1001}
    with pytest.raises(ValueError, match="poisson or constant"):
        schedule.arrivals(phases, "uniform")


def test_histograms_keep_three_digits() -> None:
    draw = numpy.random.default_rng(3)
    values = numpy.exp(draw.uniform(0, 20, 5_000)).astype(int)
    found = [Histogram(_counted(part), core.FINE_BITS) for part in numpy.split(values, 2)]
    both = merged(found)
    assert both.total == 5_000
    for share in (0.0, 12.5, 50.0, 90.0, 99.0, 99.9, 100.0):
        exact = numpy.sort(values)[max(int(numpy.ceil(share / 100 * 5_000)), 1) - 1]
        assert exact <= both.percentile(share) <= exact * 1.001 + 1
    assert Histogram(numpy.zeros(8), 3).summary()["max"] == 0
    edge = [core.bucket_of(v, 11) for v in (0, 2047, 2048, 2049, 2050, 2**32 - 1, 2**40)]
    assert edge == [0, 2047, 2048, 2048, 2049, core.buckets(11) - 1, core.buckets(11) - 1]


def _counted(values: numpy.ndarray) -> numpy.ndarray:
    counts = numpy.zeros(core.buckets(core.FINE_BITS), int)
    for value in values:
        counts[core.bucket_of(int(value), core.FINE_BITS)] += 1
    return counts


# The judge.


def book(**wrong) -> Stock:
    """A right book of ten units: three sold, two put aside; with some fields made wrong."""
    fields = {"on_hand": 10, "reserved": 2, "allocated": 3, "unavailable": 0, "available": 5}
    place = Buckets(**(fields | wrong), location="here")
    return Stock(**(fields | wrong), sku="w-0000000", locations=[place])


def expected(**more) -> Expectation:
    """What that book has to say."""
    right = Expectation("w", "load", [10], [3], [2], [0], [], 100.0, 200.0)
    return msgspec.structs.replace(right, **more)


def test_a_right_book_is_right() -> None:
    assert judge_stock(book(), expected(), 0, now=50.0) == []
    assert judge_stock(book(), expected(allocated=[1], doubt=[2]), 0, now=50.0) == []
    assert judge_stock(book(reserved=0, available=7), expected(), 0, now=250.0) == []


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"on_hand": 4, "available": -1}, "oversold"),
        ({"available": -1}, "available is not negative"),
        ({"available": 6}, "available is what is left"),
        ({"on_hand": 11, "available": 6}, "on_hand is what was received"),
        ({"allocated": 2, "available": 6}, "allocated is what was acknowledged"),
        ({"allocated": 4, "available": 4}, "allocated is what was acknowledged"),
        ({"reserved": 1, "available": 6}, "reserved is what was acknowledged"),
    ],
)
def test_a_wrong_book_is_caught(wrong: dict, rule: str) -> None:
    assert rule in [one.rule for one in judge_stock(book(**wrong), expected(), 0, now=50.0)]


def test_what_outlives_its_time_or_its_places_is_caught() -> None:
    late = judge_stock(book(), expected(), 0, now=250.0)
    assert [one.rule for one in late] == ["nothing is reserved after the end"]
    torn = book()
    torn.locations[0].allocated, torn.locations[0].available = 2, 6
    rules = {one.rule for one in judge_stock(torn, expected(), 0, now=50.0)}
    assert rules == {"allocated of all places", "available of all places"}


def test_a_lost_order_is_caught() -> None:
    def body(units: int, name: str = "a") -> bytes:
        line = {"sku": "w-0000000", "quantity": 2, "allocations": [{"quantity": units}]}
        return json.dumps({"order_id": name, "channel": "load", "lines": [line]}).encode()

    assert judge_order(expected(), "a", 200, body(2)) == []
    assert len(judge_order(expected(), "a", 200, body(1))) == 1
    assert len(judge_order(expected(), "a", 200, body(2, "b"))) == 1
    assert len(judge_order(expected(), "a", 404, b"")) == 1
