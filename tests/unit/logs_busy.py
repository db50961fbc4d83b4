"""A chain with everything in it, decided by the ledger, in an order that a seed decides."""

import random

from engine.core.commands import (
    Adjust,
    AdjustLine,
    Cancel,
    CancelLine,
    Commit,
    Component,
    Count,
    CountLine,
    Extend,
    Hold,
    OrderLine,
    PlaceOrder,
    PutChannel,
    PutLocation,
    PutSku,
    ReceiptLine,
    Receive,
    Release,
    ReleaseHold,
    Request,
    Reserve,
    ReserveLine,
    Ship,
    ShipLine,
    Transfer,
    TransferLine,
)
from tests.model.policies import put
from tests.unit.logkit import Chain, stocked

STOCKED = ["S0", "S1", "S2", "S3", "S4", "S5"]
SKUS = [*STOCKED, "SET", "BOX"]


def _order(pick: random.Random, name: str) -> PlaceOrder:
    lines = tuple(
        OrderLine(
            pick.choice(SKUS),
            pick.randint(1, 4),
            unit_price=pick.choice([None, 999]),
            line_id=pick.choice([None, "a line"]),
        )
        for _ in range(pick.randint(1, 3))
    )
    when_short = pick.choice(["refuse", "split", "backorder"])
    policy = pick.choice([None, None, "main"])
    return PlaceOrder(
        order_id=name, channel="web", lines=lines, when_short=when_short, policy=policy
    )


def _command(pick: random.Random, name: str, known: str):
    """One command with id `name`, or about what was made as `known`."""
    skus = pick.sample(STOCKED, pick.randint(1, 3))
    match pick.randint(0, 20):
        case 0 | 1 | 2 | 3:
            return _order(pick, name)
        case 4 | 5 | 6:
            lines = tuple(ReserveLine(pick.choice(SKUS), pick.randint(1, 3)) for _ in range(2))
            return Reserve(known, "web", 30, lines)
        case 7:
            return Commit(reservation_id=known)
        case 8:
            return pick.choice([Release(known), Extend(known, 60)])
        case 9:
            return Cancel("web", known)
        case 10 | 11:
            return Cancel("web", known, (CancelLine(pick.choice(SKUS), 1),))
        case 12:
            return Receive(name, "L1", tuple(ReceiptLine(sku, 5) for sku in skus))
        case 13:
            return Count(name, "L0", tuple(CountLine(sku, pick.randint(0, 50)) for sku in skus))
        case 14:
            bucket = pick.choice([None, "damaged", "quality_control", "safety_stock"])
            lines = tuple(AdjustLine(sku, pick.randint(-2, 2), "found", bucket) for sku in skus)
            return Adjust(name, "L0", lines)
        case 16:
            return Ship("web", known, f"s-{name}")
        case 17:
            return Ship("web", known, f"s-{name}", pick.choice([None, "L0", "L1"]))
        case 18:
            return Ship("web", known, f"s-{name}", None, (ShipLine(pick.choice(SKUS), 1),))
        case 19:
            return Hold("web", known, f"h{name[-1]}", "review", keeps_stock=pick.random() < 0.3)
        case 20:
            return ReleaseHold("web", known, f"h{pick.randint(0, 9)}")
        case 15:
            return Transfer(name, "L0", "L1", tuple(TransferLine(sku, 2) for sku in skus))


def busy(seed: int, rounds: int = 80) -> Chain:
    """A chain of `rounds` frames; refusals leave no event."""
    pick, chain = random.Random(seed), stocked(on_hand=60, skus=6)
    chain.done(PutLocation("L1", "two", "store", "DE"))
    chain.done(PutChannel("web", cap=5), PutChannel("web", cap=6))
    chain.done(PutSku("SET", "a set", components=(Component("S0", 2), Component("S1", 1))))
    chain.done(PutSku("BOX", "nested", components=(Component("SET", 1), Component("S2", 3))))
    chain.done(PutSku("S5", "thing", backorderable=True))
    chain.done(PutLocation("L0", "one", "warehouse", "DE", latitude=52.0, longitude=13.0))
    for n in range(rounds):
        if n % 20 == 0:
            chain.done(put(pick, ("L0", "L1"), n + 1))
        batch = [
            Request(_command(pick, f"{n}-{i}", f"{pick.randint(max(n - 4, 0), n)}-0"), "me", key)
            for i, key in enumerate(pick.choice([[""], ["", f"k{n}"], [f"k{n}", "", "", ""]]))
        ]
        chain.ask(*batch, wait_us=pick.choice([1_000, 1_000, 9_000_000]))
    return chain
