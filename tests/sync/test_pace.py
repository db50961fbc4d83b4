"""What all connectors call through: quotas that count costs, refusals inside a 200, tokens."""

import asyncio
import random
import uuid
from pathlib import Path

import httpx
import pytest

from engine.config import Settings
from engine.connectors.base import Account
from engine.connectors.calls import CallError, Calls
from engine.connectors.quotas import Limit, Quotas, quotas_for
from engine.connectors.tokens import Tokens
from engine.connectors.twins import Meter
from engine.core import limits
from engine.core.errors import ConfigError
from engine.service.wiring import Wiring
from engine.sync.gate import AccountGate
from engine.sync.store import SyncStore

SLOW = Quotas((Limit(("a", "b"), "a test", "2026-11-29", per_s=0.1, burst=101),))


@pytest.fixture
async def gate(dibs):
    wiring = Wiring(Settings(Path(dibs.folder)))
    store = SyncStore(wiring.url("sync"))
    yield AccountGate(store, uuid.uuid4().hex[:8], SLOW)
    await store.close()
    wiring.close()


async def test_a_call_takes_what_it_costs_and_gives_back_what_it_did_not_use(gate) -> None:
    assert await gate.take("a", 90) == 0
    assert await gate.take("b", 90) > 100  # eleven are left; a unit comes every ten seconds
    await gate.take("a", -80)
    assert await gate.take("b", 90) == 0
    await gate.take("a", -10_000)  # never more than the bucket holds
    assert await gate.take("a", 101) == 0 and await gate.take("a", 1) > 0


async def test_a_refusal_says_how_much_there_will_be_and_when(gate) -> None:
    await gate.refused("a", 0.05, 30)
    assert await gate.take("a", 30) > 0
    await asyncio.sleep(0.06)
    assert await gate.take("a", 31) > 0 and await gate.take("a", 30) == 0


BRISK = Quotas((Limit(("a",), "a test", "2026-11-29", per_s=50.0, burst=5),))
_ONE = Limit(("a",), "a test", "2026-11-29", per_s=0.01, burst=1)
COUNTED = Quotas((Limit(("a",), "a test", "2026-11-29", calls=10, window_s=1),))


def brisk(gate) -> AccountGate:
    return AccountGate(gate._store, uuid.uuid4().hex[:8], BRISK)


async def test_a_call_fills_its_place_until_it_is_answered(gate) -> None:
    brisk_gate = brisk(gate)
    for n in range(5):
        assert await brisk_gate.take("a", 1, f"t{n}") == 0
    await asyncio.sleep(0.25)  # twelve would be allowed by now, if it were known when they arrived
    assert await brisk_gate.take("a", 1, "t5") > 0
    await brisk_gate.landed("a", {"t0": 1}, well=True)
    assert await brisk_gate.take("a", 1, "t5") > 0  # it leaves its place from now on
    await asyncio.sleep(0.025)
    assert await brisk_gate.take("a", 1, "t5") == 0
    await brisk_gate.spared("a", "t5")
    assert await brisk_gate.take("a", 1, "t6") == 0


async def test_a_call_that_is_never_answered_has_arrived_after_a_while(gate, monkeypatch) -> None:
    monkeypatch.setattr(limits, "CALL_ARRIVES_S", 1.0)
    brisk_gate = brisk(gate)
    for n in range(5):
        assert await brisk_gate.take("a", 1, f"t{n}") == 0
    assert await brisk_gate.take("a", 1, "more") > 0
    await asyncio.sleep(1.05)
    assert await brisk_gate.take("a", 1, "more") == 0
    await brisk_gate.spared("a", "more")
    await brisk_gate.landed("a", {"t0": 1}, well=True)  # too late to count once more
    await asyncio.sleep(0.15)
    for n in range(5):
        assert await brisk_gate.take("a", 1, f"u{n}") == 0


class Jam(httpx.AsyncBaseTransport):
    """A way to the channel on which calls are held up, and then arrive all together."""

    def __init__(self, meter: Meter) -> None:
        self.meter, self._random = meter, random.Random(5)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Wait for the next time that the way is free, then count."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(0.12 - loop.time() % 0.12 if self._random.random() < 0.7 else 0)
        allowed = self.meter.take("a")
        await asyncio.sleep(self._random.random() * 0.02)
        return httpx.Response(200 if allowed else 429)


async def test_few_calls_of_a_window_are_counted_from_when_they_were_answered(gate) -> None:
    ten = AccountGate(gate._store, uuid.uuid4().hex[:8], COUNTED)
    for n in range(9):
        assert await ten.take("a", 1, f"t{n}") == 0
    assert await ten.take("a") == 0 and await ten.take("a", 1, "more") > 0
    await ten.spared("a", "t0")
    assert await ten.take("a", 1, "more") == 0
    await asyncio.sleep(0.5)
    await ten.landed("a", {f"t{n}": 1 for n in range(1, 9)}, well=True)
    await asyncio.sleep(0.6)  # only the one that was had at once is a second old
    assert await ten.take("a", 1, "u0") == 0 and 0 < await ten.take("a", 1, "u1") < 0.5
    await asyncio.sleep(0.5)
    for n in range(8):
        assert await ten.take("a", 1, f"v{n}") == 0
    assert await ten.take("a", 1, "w") > 0  # the tenth is under way still
    await ten.refused("a", 0.05)
    await asyncio.sleep(0.06)
    await ten.landed("a", {"more": 1}, well=True)
    assert await ten.take("a", 1, "w") > 0.8


@pytest.mark.parametrize("quotas", [BRISK, COUNTED], ids=["bucket", "counted"])
@pytest.mark.parametrize("workers", [1, 4, 16])
async def test_calls_that_arrive_together_are_never_too_many(gate, workers, quotas) -> None:
    name, count = uuid.uuid4().hex[:8], 80 if quotas is BRISK else 32
    meter = Meter(quotas, asyncio.get_running_loop().time)
    async with httpx.AsyncClient(transport=Jam(meter)) as client:
        calls = [
            Calls(client, AccountGate(gate._store, name, quotas), name) for _ in range(workers)
        ]

        async def work(own: Calls) -> None:
            for _ in range(count // workers):
                if workers == 4:
                    await own.prepay("a")
                    await asyncio.sleep(0.001)
                await own.ask("a", "GET", "http://shop.example/")

        await asyncio.gather(*(work(own) for own in calls))
    assert meter.calls["a"] == count and not meter.over


async def test_a_call_taken_ahead_that_grew_too_old_is_given_back(gate, monkeypatch) -> None:
    monkeypatch.setattr(limits, "CALL_ARRIVES_S", 0.4)
    one = AccountGate(gate._store, uuid.uuid4().hex[:8], Quotas((_ONE,)))
    transport = httpx.MockTransport(lambda _: httpx.Response(200))
    async with httpx.AsyncClient(transport=transport) as client:
        calls = Calls(client, one, "shop")
        await calls.prepay("a")
        await asyncio.sleep(0.25)  # longer than half of what a call is taken to be under way
        async with asyncio.timeout(10):
            await calls.ask("a", "GET", "http://shop.example/")


def test_a_twin_counts_costs_as_the_gate_does() -> None:
    now = [0.0]
    meter = Meter(SLOW, lambda: now[0])
    assert meter.take("a", 60) and not meter.take("a", 60) and meter.over["a"] == 1
    meter.give_back("a", 20)
    assert meter.left("a") == 61 and meter.take("a", 60)
    now[0] = 100.0
    assert meter.left("a") == 11


async def test_a_no_inside_a_200_is_a_refusal_and_tried_again(gate) -> None:
    answers = ["slow down", "slow down", "fine"]
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text=answers.pop(0)))

    def check(answer: httpx.Response) -> None:
        if answer.text == "slow down":
            raise CallError("slow down", 429, safe=True, retry_s=0.01)
        if answer.text == "no":
            raise CallError("no", 422)

    async with httpx.AsyncClient(transport=transport) as client:
        calls = Calls(client, gate, "shop")
        url = "http://shop.example/"
        answer = await calls.ask("a", "POST", url, units=5, once=True, check=check)
        assert answer.text == "fine" and not answers
        answers += ["no", "fine"]
        with pytest.raises(CallError):
            await calls.ask("c", "POST", url, check=check)
        assert answers == ["fine"]  # a no that stays one is not repeated


async def test_a_token_is_fetched_once_for_all_and_again_before_it_ends() -> None:
    now, fetched = [0.0], []

    async def fetch() -> tuple[str, float]:
        await asyncio.sleep(0.01)
        fetched.append(f"t{len(fetched)}")
        return fetched[-1], 100.0

    tokens = Tokens(fetch, lambda: now[0])
    assert set(await asyncio.gather(*(tokens.get() for _ in range(10)))) == {"t0"}
    now[0] = 91.0
    assert set(await asyncio.gather(*(tokens.get() for _ in range(10)))) == {"t1"}
    tokens.drop("t0")  # somebody else had it refused, and was late to say so
    assert await tokens.get() == "t1"
    tokens.drop("t1")
    assert await tokens.get() == "t2" and len(fetched) == 3


@pytest.mark.parametrize("text", ["fast", "0", "-1", "nan", "1e9"])
def test_a_pace_that_is_none_is_refused(text: str) -> None:
    account = Account(
        name="shop",
        connector="woocommerce",
        channel="c",
        url="http://x.example",
        options={"pace": text},
    )
    with pytest.raises(ConfigError, match="pace"):
        quotas_for(account)


async def test_a_refusal_for_seconds_says_nothing_of_a_quota_for_a_day(gate) -> None:
    day = Quotas((Limit(("*",), "a test", "2026-11-29", calls=2_000, window_s=86_400),))
    daily = AccountGate(gate._store, uuid.uuid4().hex[:8], day)
    await daily.refused("a", 0.05)
    assert 0 < await daily.take("a") < 0.06
    await asyncio.sleep(0.06)
    assert await daily.take("a", 80) == 0 and await daily.take("a", 80) > 0
