"""Checkouts in batches, and the three engines of boundary B0 that decide them in process.

A step is (verb, arguments) as the dict engine takes them; the ledger gets the same as `Request`s,
one call each, or as packed bytes, one call a batch. What a door wants is prepared before the clock
starts. No log is written, but the ledger's records for it are.
"""

import gc
import random
import time
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy

from benchmarks.bench_ledger import Growth
from benchmarks.peers.dict_engine import DictEngine, Outcome
from engine.core import commands as c
from engine.core import packed
from engine.core.commands import Request
from engine.core.outcomes import Accepted
from engine.core.records import Batch
from ext.ledger import Ledger

BATCH, CHUNK = 1_024, 32
STOCK = 1 << 29
TTL_S = 3_600
Step = tuple[str, tuple]


class Opening:
    """`skus` SKUs at one location with `units` each: the state that every run starts from."""

    def __init__(self, skus: int, units: int = STOCK) -> None:
        growth = Growth(skus, 1)
        growth.add_skus(skus)
        for at in range(0, skus, 1_000):
            names = range(at, min(at + 1_000, skus))
            lines = tuple(c.ReceiptLine(f"SKU-{n}", units) for n in names)
            growth.now_us += 1
            growth.ledger.begin(growth.now_us)
            growth.ledger.decide(Request(c.Receive(f"opening-{at}", "place-0", lines)))
            growth.ledger.drain()
        self.skus, self.units = skus, units
        self.now_us, self.seq = growth.now_us, growth.ledger.seq
        self.state = growth.ledger.dump()

    def ledger(self) -> Ledger:
        """Return a ledger in this state."""
        return Ledger.load(self.state)

    def dicts(self) -> DictEngine:
        """Return a dict engine in this state."""
        return DictEngine({f"SKU-{n}": self.units for n in range(self.skus)}, self.seq)


class Work:
    """Steps of one case: `wanted` (shape (n, 2)) names the SKUs of two-line reservations, each
    followed by its commit a batch later, or of two-line orders."""

    def __init__(self, name: str, wanted: numpy.ndarray, *, orders: bool = False) -> None:
        self.name, self.wanted, self.orders = name, wanted, orders
        self.commands = len(wanted) * (1 if orders else 2)
        self._packed: list[bytes] = []

    def batches(self) -> Iterator[list[Step]]:
        """Yield batches of at most 1,024 steps."""
        for at in range(0, len(self.wanted), BATCH):
            rows = enumerate(self.wanted[at : at + BATCH].tolist(), at)
            asked = [(f"cart-{n}", ((f"SKU-{a}", 1), (f"SKU-{b}", 1))) for n, (a, b) in rows]
            if self.orders:
                yield [("place", (name, "web", lines)) for name, lines in asked]
            else:
                yield [("reserve", (name, "web", TTL_S, lines)) for name, lines in asked]
                yield [("commit", (name,)) for name, _ in asked]

    def packed(self) -> list[bytes]:
        """Return the batches as packed bytes, made once."""
        if not self._packed:
            self._packed = [pack(batch) for batch in self.batches()]
        return self._packed


def reservation(n: int) -> Step:
    """Return the `n`th of many reservations of two lines, over a thousand SKUs."""
    lines = ((f"SKU-{n % 997}", 1), (f"SKU-{n % 991}", 2))
    return ("reserve", (f"reservation-{n:09d}", "web", TTL_S, lines))


def request_of(step: Step) -> Request:
    """Return the command that a step stands for."""
    match step:
        case ("reserve", (name, channel, ttl_s, lines)):
            asked = tuple(c.ReserveLine(*line) for line in lines)
            return Request(c.Reserve(name, channel, ttl_s, asked))
        case ("commit", (name,)):
            return Request(c.Commit(reservation_id=name))
        case ("release", (name,)):
            return Request(c.Release(name))
        case ("place", (name, channel, lines)):
            asked = tuple(c.OrderLine(*line) for line in lines)
            return Request(c.PlaceOrder(order_id=name, channel=channel, lines=asked))
    raise ValueError(f"there is no {step[0]}")


def pack(steps: Sequence[Step]) -> bytes:
    """Return steps as packed bytes whose answers are brief."""
    return b"".join(packed.pack(request_of(step), brief=True) for step in steps)


def seconds_of(ledger: Ledger, steps: Sequence[Step], now_us: int) -> float:
    """Decide steps as batches of packed bytes, each a microsecond after the last, from `now_us` on;
    return the seconds that the ledger took."""
    batches = [pack(steps[at : at + BATCH]) for at in range(0, len(steps), BATCH)]
    spent = 0.0
    gc.collect()
    gc.disable()  # a collection in the middle would be counted as theirs
    try:
        for number, batch in enumerate(batches):
            ledger.begin(now_us + number)
            at, began = 0, time.perf_counter()
            while at < len(batch):
                _, at = ledger.decide_packed(batch, at)
            spent += time.perf_counter() - began
            ledger.drain()
    finally:
        gc.enable()
    return spent


class Door(Protocol):
    """One engine behind one kind of call."""

    name: str

    def prepared(self, work: Work) -> Iterator[object]:
        """Yield what `decide` wants, a batch each."""

    def decide(self, batch: object, now_us: int) -> object:
        """Decide one batch and return its outcomes as this door gives them."""

    def outcomes(self, answer: object) -> list[Outcome]:
        """Return outcomes as (0 or a `Code`, seq, replayed)."""


class Dicts:
    """The dict engine."""

    name = "Python dicts"

    def __init__(self, opening: Opening) -> None:
        self.engine = opening.dicts()

    def prepared(self, work: Work) -> Iterator[list]:
        """Yield bound methods with their arguments."""
        return map(self.prepare, work.batches())

    def prepare(self, steps: Sequence[Step]) -> list:
        """Return what `decide` wants."""
        return [(getattr(self.engine, verb), args) for verb, args in steps]

    def decide(self, batch: list, now_us: int) -> list[Outcome]:
        """Decide one batch."""
        self.engine.begin(now_us)
        return [method(*args) for method, args in batch]

    def outcomes(self, answer: list[Outcome]) -> list[Outcome]:
        """Return them as they are."""
        return answer


class _LedgerDoor:
    """A ledger from the opening's state; its drained batches are kept for replay."""

    def __init__(self, opening: Opening) -> None:
        self.ledger = opening.ledger()
        self.drained: list[Batch] = []

    def decide(self, batch, now_us: int):
        """Decide one batch: begin, expire, decide, drain."""
        self.ledger.begin(now_us)
        self.ledger.expire()
        answer = self.call(batch)
        self.drained.append(self.ledger.drain())
        return answer


class Single(_LedgerDoor):
    """The compiled ledger, one `decide` a command."""

    name = "dibs, one call each"

    def prepared(self, work: Work) -> Iterator[list[Request]]:
        """Yield lists of requests."""
        return map(self.prepare, work.batches())

    def prepare(self, steps: Sequence[Step]) -> list[Request]:
        """Return what `decide` wants."""
        return [request_of(step) for step in steps]

    def call(self, batch: list[Request]) -> list:
        """Decide each request."""
        return [self.ledger.decide(request) for request in batch]

    def outcomes(self, answer: list) -> list[Outcome]:
        """Return outcomes in the common form."""
        return [
            (0, found.seq, found.replayed)
            if isinstance(found, Accepted)
            else (int(found.code), found.seq, False)
            for found in answer
        ]


class Packed(_LedgerDoor):
    """The compiled ledger, one `decide_packed` a batch, brief answers."""

    name = "dibs, packed batches"

    def prepared(self, work: Work) -> Iterator[bytes]:
        """Yield packed batches."""
        return iter(work.packed())

    def prepare(self, steps: Sequence[Step]) -> bytes:
        """Return what `decide` wants."""
        return pack(steps)

    def call(self, batch: bytes) -> bytes:
        """Decide all requests of a batch; it is less than a frame."""
        answers, end = self.ledger.decide_packed(batch)
        if end != len(batch):
            raise SystemExit("a batch did not fit into one frame")
        return answers

    def outcomes(self, answer: bytes) -> list[Outcome]:
        """Return outcomes in the common form."""
        found = map(packed.unpack_answer, packed.split(answer))
        return [(one.code, one.seq, one.replayed) for one in found]


def run(door: Door, work: Work, now_us: int) -> float:
    """Decide all of `work` from `now_us` on; return nanoseconds a command, 0 if any was refused."""
    seconds, answers, batches = 0.0, [], door.prepared(work)
    while chunk := [batch for _, batch in zip(range(CHUNK), batches, strict=False)]:
        gc.collect()
        gc.disable()
        started = time.perf_counter()
        for batch in chunk:
            now_us += 1_000
            answers.append(door.decide(batch, now_us))
        seconds += time.perf_counter() - started
        gc.enable()
    found = [outcome for answer in answers for outcome in door.outcomes(answer)]
    fine = len(found) == work.commands and not any(code or again for code, _, again in found)
    return seconds / work.commands * 1e9 if fine else 0.0


def mixed(seed: int, count: int, skus: int) -> list[list[Step]]:
    """Return batches of steps that also repeat ids, clash, run short and come too late."""
    pick, batches = random.Random(seed), []
    for _ in range(count):
        batch = []
        for _ in range(pick.randrange(1, 30)):
            name = f"cart-{pick.randrange(count * 4)}"
            lines = tuple(
                (f"SKU-{pick.randrange(skus + pick.randrange(2))}", pick.choice((1, 1, 2)))
                for _ in range(2)
            )
            verb = pick.choice(("reserve", "reserve", "commit", "release", "place"))
            rest = {"reserve": ("web", pick.choice((1, 60)), lines), "place": ("web", lines)}
            batch.append((verb, (name, *rest.get(verb, ()))))
        batches.append(batch)
    return batches


def agree(seed: int, batches: int = 400) -> int:
    """Decide mixed steps in all three; return how many outcomes agreed. `SystemExit` at the first
    that does not, or where the books do not."""
    opening, pick = Opening(20, units=60), random.Random(seed)
    doors = [kind(opening) for kind in (Dicts, Single, Packed)]
    now_us, agreed, kinds = opening.now_us, 0, set()
    for steps in mixed(seed, batches, opening.skus):
        now_us += pick.randrange(1, 120_000)
        found = [door.outcomes(door.decide(door.prepare(steps), now_us)) for door in doors]
        for step, *outcomes in zip(steps, *found, strict=True):
            if len(set(outcomes)) > 1:
                raise SystemExit(f"{step} ends differently: {outcomes}; nothing here counts")
            kinds.add((step[0], outcomes[0][0], outcomes[0][2]))
            agreed += 1
    dicts, ledger = doors[0].engine, doors[1].ledger
    for sku, (_, reserved, allocated) in dicts.cells.items():
        stock = ledger.stock(sku)
        if (stock.reserved, stock.allocated) != (reserved, allocated):
            raise SystemExit(f"{sku}: the dicts hold {reserved}, {allocated}, the ledger {stock}")
    if ledger.digest() != doors[2].ledger.digest() or not dicts.balanced():
        raise SystemExit("the books differ; nothing here counts")
    if len(kinds) < 14:
        raise SystemExit(f"only {len(kinds)} kinds of outcome were met; the check is too weak")
    return agreed
