"""Calls that can wait leave a share of each quota to others, and are made in the end."""

import asyncio
import uuid

import httpx
import pytest

from engine.connectors.calls import Calls, patiently
from engine.connectors.quotas import Limit, Quotas
from engine.connectors.tokens import Tokens
from engine.connectors.twins import Meter
from engine.sync.gate import AccountGate
from tests.sync.open_gate import OpenGate
from tests.sync.test_pace import BRISK, Jam

URL = "http://shop.example/"


def quotas(**limit: float) -> Quotas:
    return Quotas((Limit(("a",), "a test", "2026-11-30", **limit),))


SLOW = quotas(per_s=0.01, burst=100)  # a unit comes in 100 seconds: never, for a test
COUNTED = quotas(calls=8, window_s=1)


def fresh(store, found: Quotas) -> AccountGate:
    return AccountGate(store, uuid.uuid4().hex[:8], found)


async def test_a_quarter_of_a_bucket_stays_for_who_cannot_wait(store) -> None:
    gate = fresh(store, SLOW)
    assert await gate.take("a", 75, "t0", True) == 0
    assert await gate.take("a", 1, "t1", True) > 0
    assert await gate.take("a", 25, "t2") == 0
    assert await gate.take("a", 1, "t3") > 0  # never more than there is, in sum
    await gate.spared("a", "t0", 75)
    assert await gate.take("a", 51, "t4", True) > 0
    assert await gate.take("a", 50, "t4", True) == 0


async def test_a_quarter_of_what_is_counted_stays_too(store) -> None:
    gate = fresh(store, COUNTED)
    for n in range(6):
        assert await gate.take("a", 1, f"t{n}", True) == 0
    assert 0 < await gate.take("a", 1, "t6", True) <= 1
    for n in range(2):
        assert await gate.take("a", 1, f"u{n}") == 0
    assert await gate.take("a", 1, "u2") > 0
    for n in range(3):
        await gate.spared("a", f"t{n}")
    assert await gate.take("a", 1, "t6", True) == 0
    assert await gate.take("a", 1, "t7", True) > 0


@pytest.mark.parametrize("burst", [1, 2, 3])
@pytest.mark.parametrize("kind", ["bucket", "counted"])
async def test_of_little_nothing_is_kept(store, burst, kind) -> None:
    found = quotas(per_s=0.01, burst=burst)
    gate = fresh(store, found if kind == "bucket" else quotas(calls=burst, window_s=1))
    for n in range(burst):
        assert await gate.take("a", 1, f"t{n}", True) == 0
    assert await gate.take("a", 1, "more", True) > 0


async def test_a_call_beside_which_no_share_fits_takes_all_there_is(store) -> None:
    gate = fresh(store, SLOW)
    assert await gate.take("a", 1, "t0") == 0
    assert await gate.take("a", 99, "t1", True) == 0


async def test_who_can_wait_lets_others_pass_and_goes_at_last(store) -> None:
    gate = fresh(store, SLOW)
    assert await gate.take("a", 74) == 0  # 26 are left
    transport = httpx.MockTransport(lambda _: httpx.Response(200))
    async with httpx.AsyncClient(transport=transport) as client, asyncio.timeout(10):
        calls = Calls(client, gate, "shop")

        async def wait() -> None:
            with patiently():
                await calls.ask("a", "GET", URL, units=10)

        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0.05)
        for _ in range(2):
            await calls.ask("a", "GET", URL, units=10)
        assert not waiting.done() and calls.counts["calls"] == 2
        await calls.settle("a", 40)  # what others took and did not use
        await waiting


async def test_who_waits_and_is_patient_no_more_goes_at_once(store) -> None:
    gate, patient = fresh(store, SLOW), True
    assert await gate.take("a", 74) == 0  # 26 are left
    transport = httpx.MockTransport(lambda _: httpx.Response(200))
    async with httpx.AsyncClient(transport=transport) as client, asyncio.timeout(10):
        calls = Calls(client, gate, "shop")

        async def wait() -> None:
            with patiently(lambda: patient):
                await calls.ask("a", "GET", URL, units=10)

        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0.05)
        calls.wake()
        await asyncio.sleep(0.05)
        assert not waiting.done()
        patient = False
        calls.wake()
        await waiting
    assert not calls._hurried["a"]


async def test_what_is_reserved_goes_at_once_or_is_given_back(store) -> None:
    gate = fresh(store, SLOW)
    transport = httpx.MockTransport(lambda _: httpx.Response(200))
    async with httpx.AsyncClient(transport=transport) as client, asyncio.timeout(10):
        calls = Calls(client, gate, "shop")
        first, second = await calls.reserve("a", 60), await calls.reserve("a", 40)
        assert await gate.take("a", 1) > 0  # nothing is left
        await calls.ask("a", "GET", URL, units=60, reserved=first)
        for _ in range(2):
            await calls.release(first)  # a call was made with it
            await calls.release(second)
        assert await gate.take("a", 41) > 0
        assert await gate.take("a", 40) == 0


async def test_who_needs_more_than_the_share_is_not_held_up_by_many_who_can_wait(store) -> None:
    gate, made = fresh(store, SLOW), []
    assert await gate.take("a", 40) == 0  # 60 are left

    def answer(request: httpx.Request) -> httpx.Response:
        made.append(request.url.path)
        return httpx.Response(200)

    transport = httpx.MockTransport(answer)
    async with httpx.AsyncClient(transport=transport) as client, asyncio.timeout(10):
        calls = Calls(client, gate, "shop")

        async def wait() -> None:
            with patiently():
                for _ in range(3):
                    await calls.ask("a", "GET", URL + "small", units=10)

        large = asyncio.create_task(calls.ask("a", "GET", URL + "large", units=70))
        while not calls._hurried["a"]:
            await asyncio.sleep(0)
        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0.05)
        assert not made
        await calls.settle("a", 20)
        await large
        await calls.settle("a", 60)
        await waiting
    assert made == ["/large", *3 * ["/small"]]


class Noting(OpenGate):
    """Notes which operations are called by somebody patient."""

    def __init__(self) -> None:
        self.patient: list[tuple[str, bool]] = []

    async def take(
        self, operation: str, units: int = 1, ticket: str = "", patient: bool = False
    ) -> float:
        """Note it."""
        self.patient.append((operation, patient))
        return 0.0


async def test_nobody_waits_for_a_token_that_a_patient_one_fetches() -> None:
    gate = Noting()
    transport = httpx.MockTransport(lambda _: httpx.Response(200))
    async with httpx.AsyncClient(transport=transport) as client:
        calls = Calls(client, gate, "shop")

        async def fetch() -> tuple[str, float]:
            await calls.ask("token", "POST", URL)
            return "t", 60.0

        with patiently():
            await Tokens(fetch).call(lambda _: calls.ask("a", "GET", URL))
        await calls.ask("a", "GET", URL)
    assert gate.patient == [("token", False), ("a", True), ("a", False)]


@pytest.mark.parametrize("found", [BRISK, COUNTED], ids=["bucket", "counted"])
async def test_both_together_are_never_too_many_and_all_are_made(store, found) -> None:
    name, count = uuid.uuid4().hex[:8], 60 if found is BRISK else 24
    meter = Meter(found, asyncio.get_running_loop().time)
    async with httpx.AsyncClient(transport=Jam(meter)) as client:

        async def work(patient: bool) -> None:
            calls = Calls(client, AccountGate(store, name, found), name)
            with patiently(lambda patient=patient: patient):
                for _ in range(count // 4):
                    await calls.ask("a", "GET", URL)

        await asyncio.gather(*(work(n % 2 == 0) for n in range(4)))
    assert meter.calls["a"] == count and not meter.over
