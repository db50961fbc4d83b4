"""Random histories with fences, walked by the second reader: no fence loses units to another
channel (P1), and what is out of each is what a snapshot says (P7)."""

from random import Random

import pytest

from engine.core.commands import Request
from engine.core.ledger import Ledger
from engine.log.books import Books
from engine.log.books_snapshot import differences, read_books
from tests.model import drawing, fencing, returning, working

START_US = 1_800_000_000_000_000
BATCHES = 60
USED: list[int] = []  # units out of fences at the end of each history
STEPS = (1, 900_000, 3_000_000, 3_700_000_000)


def history(seed: int) -> tuple[Ledger, Books, list]:
    """Draw a history, and walk it."""
    rng, ledger, problems, now_us = Random(seed), Ledger(), [], START_US
    books = Books(lambda promise, why: problems.append((books.seq, promise, why)))
    for number in range(BATCHES):
        now_us += rng.choice(STEPS)
        ledger.begin(now_us)
        ledger.expire()
        requests = [Request(command) for command in drawing.OPENING] if not number else []
        for _ in range(12):
            step = rng.choice((drawing.request, drawing.request, returning.step, working.step))
            found = step(rng, ledger._state)
            requests.append(found if isinstance(found, Request) else Request(found))
        if rng.random() < 0.5:
            wish = fencing.put(rng, ledger._state, drawing.SKUS, drawing.LOCATIONS)
            requests.append(Request(wish))
        for request in requests:
            ledger.decide(request)
        batch = ledger.drain()
        if batch.count:
            books.stamp_us = now_us
            books.take(batch.records, 0, len(batch.records), batch.first_seq, batch.count)
    ledger.begin(now_us + 1)
    return ledger, books, problems


@pytest.mark.parametrize("seed", range(12))
def test_the_second_reader_finds_nothing_wrong(seed: int) -> None:
    ledger, books, problems = history(seed)
    assert not [why for _, promise, why in problems if promise == "P1"]
    assert differences(books, read_books(ledger.dump())) == []
    USED.append(sum(row.used for row in books.fences.rows))


def test_units_were_out_of_fences() -> None:
    """Otherwise the histories above would say little."""
    assert sum(1 for units in USED if units) >= 6


def test_it_finds_units_that_were_set_aside_and_taken(monkeypatch) -> None:
    """A control: the same histories, decided by a ledger that does not look at fences."""
    monkeypatch.setattr("engine.core.decide.allotment.share", lambda state, sku, channel: None)
    told = [why for seed in range(12) for _, _, why in history(seed)[2]]
    assert any("took what is set aside" in why for why in told)
    assert any("units of SKU" in why for why in told)
