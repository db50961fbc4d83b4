"""The proof that the judge sees: each planted bug in the scenario in which it shows, and the same
scenario without it, which must be clean."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable

import msgspec

from engine.core import limits
from tests.faults import flips
from tests.faults.bugs import BUGS, LIFE_BUGS, SLOW_ONLY
from tests.faults.contest import contest, order
from tests.faults.errands import errands
from tests.faults.history import History
from tests.faults.judge import judge
from tests.faults.storm import RANDOM, Plan, Round, Storm
from tests.faults.supervisor import Ground, read_log
from tests.faults.verdict import Counts, Verdict
from tests.faults.workload import Client, catalogue

QUEUE = 100
FLOOD_CALLS, FLOOD_ORDERS = 30, 20
# What a full queue holds, and as much in each frame under way.
FLOOD_WAITING_MAX = (1 + limits.ROUNDS_UNDER_WAY_MAX) * QUEUE
FLOOD_PATIENCE_S = 5.0  # less than clients and appends wait for an answer


class Catch(msgspec.Struct):
    """One bug: which promises the judge saw broken with it, and without it."""

    bug: str
    scenario: str
    promises: list[str]
    control: list[str]
    first: str
    seconds: float

    @property
    def caught(self) -> bool:
        """Whether it was found, and only because it was there."""
        return bool(self.promises) and not self.control


def _aim(site: str, *victims: str) -> Callable[..., Plan]:
    def plans(rng: random.Random, *, may_aim: bool) -> Plan:
        chosen = site if may_aim else RANDOM
        return Plan(chosen, rng.choice(victims), rng.randint(5, 25), 0.4, 0.0)

    return plans


def _ledger(bug: str) -> str:
    return "slow" if bug in SLOW_ONLY else "auto"


async def _stormy(bug: str, kills: int, seed: int = 7, **options) -> Verdict:
    with Ground() as ground:
        storm = Storm(ground, seed, bug=bug, ledger=_ledger(bug), **options)
        found: Round = await storm.run(kills)
    if found.failure and not bug:
        found.verdict.add(0, "P12", 0, found.failure)
    return found.verdict


async def half_sent(bug: str) -> Verdict:
    """Half of an entry is sent, clients wait and look, then the writer dies."""
    plans = _aim("half_sent", "ledger", "both")
    return await _stormy(bug, 4, plans=plans, hold_ms=150.0)


async def answered_never(bug: str) -> Verdict:
    """A frame is stored and its answer held back; another waits behind it; then the log server
    dies. The first is to be told that it holds, the second that it does not."""
    before = len(catalogue())
    words = ["--site", "sent_no_reply", "--victim", "redis", "--hit", str(before + 10)]
    words += ["--hold-ms", "2000", *(["--bug", bug] if bug else [])]
    with Ground() as ground:
        history = History()
        ground.front.start(*words)
        await ground.front.ready()
        first, second = (Client(number, ground.front, history, 1) for number in range(2))
        for command in catalogue():
            await first.insist(command)
        pid = ground.server.pid
        for number in range(before + 20):
            call = asyncio.create_task(first.send(order(f"first-{number}", ("sku-0", 1))))
            if not (await asyncio.wait({call}, timeout=0.5))[0]:
                await second.send(order(f"second-{number}", ("sku-0", 1)))
            await call
            if ground.server.pid != pid:
                break
        await ground.front.ready()
        for client in (first, second):
            for command, key in list(client.unknown.values()):
                await client.insist(command, key)
            client.wire.close()
        verdict = judge(history, read_log(ground.server.url).entries)
    verdict.reach("the log server died with two frames under way", bool(second.index))
    return verdict


async def restarts(bug: str) -> Verdict:
    """The writer dies and comes back; clients repeat what they do not know."""
    return await _stormy(bug, 5, plans=_aim("durable_unreleased", "ledger"))


async def slow_clock(bug: str) -> Verdict:
    """The engine's clock is an hour behind the wall's: its stamps alone must count."""
    plans = _aim(RANDOM, "ledger")
    return await _stormy(bug, 2, plans=plans, launch=("--clock-offset-s", "-3600"))


async def many_in_a_batch(bug: str) -> Verdict:
    """200 clients want one unit, decided in one batch."""
    return (await contest("last_unit", bug=bug, ledger="slow")).verdict


async def one_sku_on_many_lines(bug: str) -> Verdict:
    """Orders that name one SKU on several lines."""
    return (await contest("same_sku", bug=bug, ledger="slow")).verdict


async def the_last_is_fenced(bug: str) -> Verdict:
    """The last unit is set aside for one channel, and everybody wants it."""
    return (await contest("fenced", bug=bug, ledger="slow")).verdict


async def rot(bug: str) -> Verdict:
    """A byte of the stored log is flipped while everything is down; then a start."""
    verdict = Verdict(Counts(), [], {})
    with Ground() as ground:
        entries = await flips.small_log(ground)
        ground.server.kill()
        (path,) = (ground.front.folder / "server" / "appendonlydir").glob("*.incr.aof")
        whole = path.read_bytes()
        entry_id, data = entries[-1]
        place = whole.index(data) + len(data) // 2
        path.write_bytes(flips.flipped(whole, place, 0x01))
        launch = ("--bug", bug) if bug else ()
        if not await flips.serve_refuses(ground, *launch):
            verdict.add(2, "P6", 0, f"a flipped byte in entry {entry_id} was taken for good")
    return verdict


async def flood(bug: str) -> Verdict:
    """The log server hangs and clients go on: what waits must be bounded (P9)."""
    with Ground() as ground:
        history = History()
        launch = ["--limit", f"QUEUE_COMMANDS_MAX={QUEUE}", *(["--bug", bug] if bug else [])]
        ground.front.start(*launch)
        await ground.front.ready()
        first = Client(0, ground.front, history, 1)
        for command in catalogue():
            await first.insist(command)
        clients = [Client(n + 1, ground.front, history, 1) for n in range(FLOOD_CALLS)]
        pid = ground.server.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            calls = [asyncio.create_task(_flood(client)) for client in clients]
            await _refused(history)
        finally:
            os.kill(pid, signal.SIGCONT)
        await asyncio.gather(*calls)
        log = read_log(ground.server.url)
        verdict = judge(history, log.entries)
        waited = _waiting(history)
        if waited > FLOOD_WAITING_MAX:
            verdict.add(0, "P9", 0, f"{waited} commands waited; the queue holds {QUEUE}")
        for client in (first, *clients):
            if client.wire:
                client.wire.close()
    return verdict


def _waiting(history: History) -> int:
    """How many orders of the flood were not refused at once."""
    return FLOOD_CALLS * FLOOD_ORDERS - sum(op.status == 429 for op in history.ops)


async def _refused(history: History) -> None:
    """Wait until all are refused that a bounded queue cannot hold, or for as long as may be."""
    deadline = time.monotonic() + FLOOD_PATIENCE_S
    while _waiting(history) > FLOOD_WAITING_MAX and time.monotonic() < deadline:
        await asyncio.sleep(0.02)


async def _flood(client: Client) -> None:
    # A front that holds too much answers late, not never.
    names = [f"{client.number}-{n}" for n in range(FLOOD_ORDERS)]
    await client.send_batch([order(name, ("sku-0", 1)) for name in names])


SCENARIOS: dict[str, Callable[[str], Awaitable[Verdict]]] = {
    "ack before append": half_sent,
    "doubts told as one": answered_never,
    "skip fence": restarts,
    "split check/take": many_in_a_batch,
    "per-line check": one_sku_on_many_lines,
    "fence unseen": the_last_is_fenced,
    ">= for >": many_in_a_batch,
    "expiry by wall clock": slow_clock,
    "forget keys on restart": restarts,
    "skip checksum": rot,
    "read before durable": half_sent,
    "unbounded queue": flood,
    **dict.fromkeys(sorted(LIFE_BUGS), errands),
}
# A server that refuses one frame and takes the next is left to the simulation.
assert set(SCENARIOS) == set(BUGS) - {"gap allowed"}


async def hunt(
    names: list[str], told: Callable[[str], None] = lambda text: None, *, controls: bool = True
) -> list[Catch]:
    """Hunt the bugs named; each scenario runs once without any bug."""
    clean: dict[str, list[str]] = {}
    caught = []
    for bug in names:
        scenario = SCENARIOS[bug]
        began = time.monotonic()
        if controls and scenario.__name__ not in clean:
            verdict = await scenario("")
            clean[scenario.__name__] = sorted(verdict.promises())
        verdict = await scenario(bug)
        first = verdict.violations[0].message if verdict.violations else ""
        caught.append(
            Catch(
                bug,
                scenario.__name__,
                sorted(verdict.promises()),
                clean.get(scenario.__name__, []),
                first,
                time.monotonic() - began,
            )
        )
        told(bug)
    return caught
