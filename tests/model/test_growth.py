"""Tables and arrays far beyond their first size: what is there is found, what is gone is not, and
nothing is lost while they grow and shrink (P4)."""

from itertools import count
from random import Random

import pytest

from engine.core import limits, packed
from engine.core.commands import PutLocation, PutSku, ReceiptLine, Receive, Request
from engine.core.outcomes import Accepted

ledgers = pytest.importorskip("ext.ledger")
Packer = pytest.importorskip("ext.packed").Packer

# Of 72 bytes and more each: enough for arrays that have a mapping of their own, and that move it.
ORDERS = 150_000
START_US = 1_800_000_000_000_000
FRAME, KEPT_FRAMES = 1_000, 100  # what is closed is kept for so many frames


def stocked() -> ledgers.Ledger:
    ledger = ledgers.Ledger(b"sixteen bytes ok")
    ledger.begin(START_US)
    ledger.decide(Request(PutLocation("main", "Main", "warehouse", "DE")))
    ledger.decide(Request(PutSku("TEA", "Green tea")))
    ledger.decide(Request(Receive("opening", "main", (ReceiptLine("TEA", 10 * ORDERS),))))
    ledger.drain()
    return ledger


def wanted(kind: int, name: str) -> bytes:
    """Return a command for one unit."""
    lines = '"lines":[{"sku":"TEA","quantity":1}]'
    if kind == packed.Kind.RESERVE:
        return f'{{"reservation_id":"{name}","channel":"web","ttl_s":60,{lines}}}'.encode()
    return f'{{"order_id":"{name}","channel":"web",{lines}}}'.encode()


def frame(ledger: ledgers.Ledger, now_us: int, numbers: range) -> None:
    """Place an order and make a reservation of each number; end what is due, forget what is old."""
    packer = Packer()
    for n in numbers:
        for kind, letter in ((packed.Kind.PLACE_ORDER, "o"), (packed.Kind.RESERVE, "r")):
            assert packer.body(kind, wanted(kind, f"{letter}{n}"), b"t")
    ledger.begin(now_us)
    while ledger.expire():
        pass
    ledger.decide_packed(packer.take())
    ledger.drain()


def test_rows_are_found_while_their_tables_grow_and_shrink() -> None:
    ledger, pick, now_us = stocked(), Random(7), START_US
    for first in range(0, ORDERS, FRAME):
        now_us += limits.IDEMPOTENCY_RETENTION_US // KEPT_FRAMES
        frame(ledger, now_us, range(first, first + FRAME))
    again = ledgers.Ledger.load(ledger.dump())
    assert again.digest() == ledger.digest()
    # The last frame's live; each frame ends the one before, which is kept for so many more.
    live, closed = ORDERS - FRAME, ORDERS - (KEPT_FRAMES + 1) * FRAME
    for each in (ledger, again):
        assert each.sizes()["orders"] == ORDERS
        assert each.sizes()["reservations_live"] == FRAME
        assert each.sizes()["reservations"] == ORDERS - closed
        for n in pick.sample(range(ORDERS), 5_000):
            assert each.order("web", f"o{n}").order_id == f"o{n}"
        for n in range(ORDERS):
            found = each.reservation(f"r{n}")
            status = found.status if found else ""
            assert status == ("" if n < closed else "expired" if n < live else "reserved")
        assert each.order("web", "o-1") is None


def test_positions_are_found_while_their_table_grows() -> None:
    """Against a dict, with as many units in each cell as only that cell has."""
    places, skus, pick = 60, 700, Random(11)
    ledger, held, now = ledgers.Ledger(b"sixteen bytes ok"), {}, count(START_US)

    def apply(*commands) -> None:
        ledger.begin(next(now))
        for command in commands:
            assert isinstance(ledger.decide(Request(command)), Accepted)
        ledger.drain()

    apply(*(PutLocation(f"p{n}", "Place", "warehouse", "DE") for n in range(places)))
    apply(*(PutSku(f"s{n}", "Thing") for n in range(skus)))
    cells = [(f"s{sku}", f"p{place}") for sku in range(skus) for place in range(places)]
    pick.shuffle(cells)
    units = dict(zip(cells, range(1, len(cells) + 1), strict=True))
    for first in range(0, len(cells), FRAME):
        part = cells[first : first + FRAME]
        for place in {place for _, place in part}:
            lines = [ReceiptLine(sku, units[sku, at]) for sku, at in part if at == place]
            apply(Receive(f"{first}-{place}", place, tuple(lines)))
        held |= {cell: units[cell] for cell in part}
        for sku in pick.sample([f"s{n}" for n in range(skus)], 20):
            stock = ledger.stock(sku)
            found = {(sku, one.location): one.on_hand for one in stock.locations}
            assert found == {cell: held[cell] for cell in held if cell[0] == sku}
    again = ledgers.Ledger.load(ledger.dump())
    assert again.digest() == ledger.digest() and again.sizes()["positions"] == len(cells)
