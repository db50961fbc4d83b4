"""The walker on fulfillments: right histories are clean, and what it must find, planted."""

import pytest

from engine.core import fulfillment_commands as f
from engine.core.answers import fulfillment_id
from engine.core.commands import Cancel, OrderLine, PlaceOrder, PutLocation
from engine.core.events import (
    NO_LOCATION,
    BucketId,
    Cause,
    Document,
    Movement,
    OrderChanged,
    OrderStatus,
    StockMoved,
)
from engine.core.lives import Note, note_bytes
from engine.core.notes.fulfillments import FulfillmentStep, Part, Released
from engine.log import snapshot
from engine.log.verify import walk
from tests.unit.logkit import Chain, stocked

NOBODY = Cause()


def scene() -> Chain:
    """Order o has two S0, released and picked at one location."""
    chain = stocked()
    chain.done(PlaceOrder(order_id="o", channel="web", lines=(OrderLine("S0", 2),)))
    chain.done(f.ReleaseOrder("web", "o", "w", accept_minutes=5))
    chain.done(f.PickFulfillment(one(chain)))
    return chain


def order_of(chain: Chain) -> int:
    return chain.ledger._state.order_seqs["web", "o"]


def one(chain: Chain, number: int = 1) -> str:
    return fulfillment_id(order_of(chain), number)


def test_a_whole_history_is_clean_from_the_start_and_from_a_snapshot(tmp_path) -> None:
    chain = scene()
    snapshot.write(tmp_path / "snapshots", chain.ledger.dump(), chain.link)
    middle = chain.link.seq
    chain.done(f.PickShort(one(chain), "x", (f.ShortLine("S0", 1),)))
    chain.done(f.PackFulfillment(one(chain)))
    chain.done(f.ShipFulfillment(one(chain), "p"))
    chain.done(f.DeliverFulfillment(one(chain)))
    chain.done(PlaceOrder(order_id="store", channel="web", lines=(OrderLine("S0", 1),)))
    chain.done(f.ReleaseOrder("web", "store", "w", pickup=True))
    fetched = fulfillment_id(chain.ledger._state.order_seqs["web", "store"], 1)
    chain.done(f.PickFulfillment(fetched))
    chain.done(f.PackFulfillment(fetched))
    chain.done(f.ReadyFulfillment(fetched))
    chain.done(f.HandOver(fetched, "till"))
    assert chain.ledger.order("web", "store").status == "delivered"
    chain.done(PlaceOrder(order_id="q", channel="web", lines=(OrderLine("S0", 1),)))
    chain.done(f.ReleaseWave("wave", limit=5))
    chain.ask(PutLocation("L0", "closed", "warehouse", "DE", active=False))
    chain.ask()
    chain.done(Cancel("web", "q"))
    snapshot.write(tmp_path / "snapshots", chain.ledger.dump(), chain.link)
    chain.archived(tmp_path)
    report = walk(None, tmp_path)
    assert report.ok, report.first_bad
    assert [check.state for check in report.snapshots] == ["equal", "equal"]
    part = walk(None, tmp_path, from_seq=middle + 1)
    assert part.ok and part.base_seq == middle, part.first_bad


def step(number: int = 1, status: str = "packed", rows=(), **more) -> FulfillmentStep:
    return FulfillmentStep(number, status, rows, **more)


PLANTED: dict[str, tuple[Note, str]] = {
    "no such fulfillment": (step(7), "does not exist"),
    "no such way": (step(status="accepted"), "goes from picking to accepted"),
    "more than it has": (step(rows=((0, 0, 3),)), "gives up more than it has"),
    "open without work": (step(rows=((0, 0, 2),)), "has nothing to do"),
    "a number that is not the next": (
        Released("w2", (Part(5, 0, ((0, 0, 1),)),)),
        "is made of nothing",
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_notes_that_cannot_be_are_found(name: str, tmp_path) -> None:
    chain = scene()
    note, words = PLANTED[name]
    chain.plant(OrderChanged(NOBODY, order_of(chain), OrderStatus.PICKING, note=note_bytes(note)))
    chain.archived(tmp_path)
    problems = walk(None, tmp_path).problems
    assert any(words in one.why for one in problems), problems


def test_a_short_pick_that_takes_more_than_its_note_says_is_found(tmp_path) -> None:
    chain = scene()
    there = chain.ledger._state.positions[0].on_hand
    lost = Movement(0, BucketId.ON_HAND, -1, there - 1)
    name = f"{one(chain)}:x"
    chain.plant(StockMoved(NOBODY, Document.SHORT, name, 0, NO_LOCATION, (lost,)))
    chain.archived(tmp_path)
    problems = walk(None, tmp_path).problems
    assert any("takes more than was not there" in one.why for one in problems), problems
