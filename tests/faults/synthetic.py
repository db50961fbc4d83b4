"""Histories and logs made without processes: a slow ledger, frames, and clients that tell the
truth. Tests then change one thing, and the judge must find it."""

import random
from collections import deque
from datetime import UTC, datetime
from typing import Any

import msgspec

from engine.core import commands
from engine.core.ledger import Ledger
from engine.core.outcomes import Accepted, Outcome
from engine.log.frame import GENESIS, pack, pack_fence
from tests.faults import lives
from tests.faults.history import History, Mark, Op

START_US = 1_800_000_000_000_000
TODAY = datetime.fromtimestamp(START_US // 1_000_000, UTC).date()


class Story:
    """One writer at a time and its clients."""

    def __init__(self, ledger: Any = None) -> None:
        self.ledger = ledger or Ledger()
        self.entries: list[tuple[str, bytes]] = []
        self.history = History()
        self.stamp_us, self.ns, self.epoch, self.previous = START_US, 1_000, 0, GENESIS
        self.indexes = 0
        self.open_epoch()

    def open_epoch(self) -> None:
        """Let a new writer take over."""
        self.epoch += 1
        self.entries.append((f"{self.epoch}-0", pack_fence(self.epoch, "w")))
        self.begin()
        self.ledger.open_epoch(self.epoch, "w", "test")
        self.seal()

    def begin(self, step_us: int = 1_000) -> None:
        """Stamp a batch `step_us` after the last."""
        self.stamp_us += step_us
        self.ns += step_us * 1_000
        self.ledger.begin(self.stamp_us)

    def seal(self) -> None:
        """Append the open batch as a frame."""
        batch = self.ledger.drain()
        if batch.count:
            data, self.previous = pack(self.epoch, self.previous, batch)
            last = batch.first_seq + batch.count - 1
            self.entries.append((f"{self.epoch}-{last}", data))

    def batch(
        self,
        *wishes: commands.Command,
        step_us: int = 1_000,
        key: str = "",
        sweep: bool = True,
    ) -> list[Op]:
        """Decide commands in one batch; return what their clients saw. Without `sweep` the
        reservations that are due are not ended first."""
        sent = self.tick()
        self.begin(step_us)
        if sweep:
            self.ledger.expire()
        outcomes = [self.ledger.decide(commands.Request(wish, "k1", key)) for wish in wishes]
        self.seal()
        ops = []
        for wish, outcome in zip(wishes, outcomes, strict=True):
            self.indexes += 1
            op = Op(
                self.indexes % 4, self.indexes, type(wish).__name__, json_of(wish), sent, key=key
            )
            tell(op, outcome, self.tick())
            self.history.add(op)
            ops.append(op)
        return ops

    def stock(self, sku: str) -> Op:
        """Read stock as a client would."""
        self.indexes += 1
        op = Op(0, self.indexes, "stock", {"sku": sku}, self.tick(), "ok", status=200)
        op.answer = json_of(self.ledger.stock(sku))
        op.answered_ns = self.tick()
        self.history.add(op)
        return op

    def order(self, channel: str, order_id: str) -> Op:
        """Read an order as a client would."""
        self.indexes += 1
        body = {"channel": channel, "order_id": order_id}
        op = Op(0, self.indexes, "order", body, self.tick(), "ok", status=200)
        op.answer = json_of(self.ledger.order(channel, order_id))
        op.answered_ns = self.tick()
        self.history.add(op)
        return op

    def crash(self) -> Mark:
        """Note where the log ends."""
        mark = Mark("tail", self.tick(), int(self.entries[-1][0].split("-")[1]))
        self.history.add(mark)
        return mark

    def tick(self) -> int:
        """Let time pass."""
        self.ns += 1_000
        return self.ns


def tell(op: Op, outcome: Outcome, ns: int) -> None:
    """Fill an op with what the front would answer."""
    op.answered_ns = ns
    if isinstance(outcome, Accepted):
        op.outcome, op.status, op.answer = "ok", 201, json_of(outcome.answer)
        return
    op.outcome, op.status = "refused", 409
    op.answer = {
        "code": outcome.code.slug,
        "seq": outcome.seq,
        "errors": [json_of(fault) for fault in outcome.faults],
    }


def json_of(answer: Any) -> Any:
    """Return an answer as a client has it after decoding."""
    return msgspec.json.decode(msgspec.json.encode(answer))


def seed_story(story: Story) -> None:
    """Two warehouses, three plain SKUs, a backorderable one, two bundles that share a part."""
    place, sku, part = commands.PutLocation, commands.PutSku, commands.Component
    story.batch(
        place("east", "East", "warehouse", "DE"), place("west", "West", "store", "DE", priority=50)
    )
    story.batch(
        *(sku(name, name) for name in "abc"),
        sku("d", "d", backorderable=True),
        sku("ab", "ab", components=(part("a", 1), part("b", 2))),
        sku("aa", "aa", components=(part("a", 2),)),
    )
    line = commands.ReceiptLine
    story.batch(
        commands.Receive("r1", "east", (line("a", 5), line("b", 9), line("c", 3))),
        commands.Receive("r2", "west", (line("a", 4), line("b", 2))),
    )


def random_story(seed: int, steps: int = 120) -> Story:
    """A busy story with every kind of command, refusals, repeats and a takeover."""
    rng, story = random.Random(seed), Story()
    seed_story(story)
    names = ["a", "a", "a", "b", "c", "d", "ab", "aa"]
    told: list[commands.Command] = []
    for step in range(steps):
        wishes = [wish(rng, f"{step}-{n}", names, told) for n in range(rng.randint(1, 6))]
        told += wishes
        story.batch(*wishes, step_us=rng.choice([1_000, 50_000, 400_000]))
        story.stock(rng.choice(names))
        if step == steps // 2:
            story.crash()
            story.open_epoch()
    return story


def lively_story(seed: int, steps: int = 150) -> Story:
    """A story of orders that are held, worked on, sent back and given to each other, with refusals,
    repeats and a takeover."""
    rng, story = random.Random(seed), Story()
    seed_story(story)
    story.batch(*lives.catalogue(("east", "west")))
    known, told = lives.Lives(rng, ("a", "b", "c"), ("east", "west"), TODAY), []
    orders: deque[tuple[str, str]] = deque(maxlen=12)
    kinds = [*lives.KINDS, *["order"] * 4, "ship", "cancel", "receive", "again"]
    for step in range(steps):
        wishes = []
        for n in range(rng.randint(1, 4)):
            kind = rng.choice(kinds)
            drawn = _lively(rng, kind, f"{step}-{n}", known, orders) or told[-1:]
            wishes += drawn if isinstance(drawn, list) else [drawn]
            wishes += [rng.choice(told)] if kind == "again" and told else []
        told += wishes
        ops = story.batch(*wishes, step_us=rng.choice([1_000, 50_000, 400_000, 20_000_000]))
        for wish, op in zip(wishes, ops, strict=True):
            if op.outcome == "ok":
                known.learn(wish, op)
            if op.outcome == "ok" and isinstance(wish, commands.PlaceOrder):
                orders.append((wish.channel, wish.order_id))
        if orders:
            story.order(*rng.choice(orders))
        story.stock(rng.choice("abc"))
        if step == steps // 2:
            story.crash()
            story.open_epoch()
    return story


def _lively(rng: random.Random, kind: str, name: str, known: lives.Lives, orders: deque):
    match kind:
        case "receive":
            lines = tuple(commands.ReceiptLine(sku, rng.randint(2, 6)) for sku in "abc")
            return commands.Receive(f"g{name}", rng.choice(["east", "west"]), lines)
        case "order":
            lines = tuple(
                commands.OrderLine(rng.choice(["a", "b", "c", "d", "ab"]), rng.choice([1, 1, 2, 5]))
                for _ in range(rng.randint(1, 2))
            )
            made = commands.PlaceOrder(
                order_id=f"o{name}",
                channel=rng.choice(["web", lives.CHECKED, lives.COOLED, "routed"]),
                lines=lines,
                required_by=lives.due(rng),
                when_short=rng.choice(["refuse", "backorder", "split"]),
            )
            return known.dressed(made)
        case "ship" if orders:
            return commands.Ship(*rng.choice(orders), f"s{name}")
        case "cancel" if orders:
            return commands.Cancel(*rng.choice(orders))
    return known.draw(kind, name, orders)


def wish(rng: random.Random, name: str, skus: list[str], told: list) -> commands.Command:
    def lines(kind: type) -> tuple:
        return tuple(kind(rng.choice(skus), rng.randint(1, 2)) for _ in range(rng.randint(1, 3)))

    reservations = [w.reservation_id for w in told if isinstance(w, commands.Reserve)] or ["none"]
    orders = [w.order_id for w in told if isinstance(w, commands.PlaceOrder)] or ["none"]
    kind = rng.choice(
        ["order"] * 4
        + ["reserve"] * 3
        + ["commit"] * 2
        + ["extend", "release", "cancel", "cut"]
        + ["receive", "count", "again", "ship"]
    )
    match kind:
        case "reserve":
            return commands.Reserve(
                f"v{name}", "web", rng.randint(1, 3), lines(commands.ReserveLine)
            )
        case "commit":
            return commands.Commit(reservation_id=rng.choice(reservations[-6:]))
        case "extend":
            return commands.Extend(rng.choice(reservations[-6:]), rng.randint(1, 3))
        case "release":
            return commands.Release(rng.choice(reservations[-6:]))
        case "cancel":
            return commands.Cancel("web", rng.choice(orders[-6:]))
        case "cut":
            return commands.Cancel("web", rng.choice(orders[-6:]), lines(commands.CancelLine)[:1])
        case "ship":
            return commands.Ship("web", rng.choice(orders[-6:]), f"s{name}")
        case "receive":
            sku = rng.choice("abcd")
            return commands.Receive(f"g{name}", "east", (commands.ReceiptLine(sku, 3),))
        case "count":
            sku, units = rng.choice("abc"), rng.randint(0, 9)
            return commands.Count(f"c{name}", "west", (commands.CountLine(sku, units),))
        case "again" if told:
            return rng.choice(told)
    return commands.PlaceOrder(
        order_id=f"o{name}",
        channel="web",
        lines=lines(commands.OrderLine),
        when_short=rng.choice(["refuse", "backorder", "split"]),
    )
