"""Random histories as frames, for whoever reads the log; and what views of them have to say."""

from random import Random

from engine.core import records
from engine.core.commands import PutSku, Request
from engine.core.ledger import Ledger
from engine.core.state import State
from engine.log import frame
from engine.log.frame import Frame, Link
from tests.model import drawing, fencing, restatements, returning, viewed, working

START_US = 1_700_000_000_000_000
COMMANDS_MAX, STEPS = 12, 4


class History:
    """A ledger, and the frames of what it decided."""

    def __init__(self, seed: int) -> None:
        self.rng, self.ledger, self.link = Random(seed), Ledger(), Link()
        self.now_us, self.frames = START_US, []

    def _frame(self, batch: records.Batch) -> None:
        if batch.count:
            data, digest = frame.pack(1, self.link.digest, batch)
            last = batch.first_seq + batch.count - 1
            self.link = Link(1, last, batch.stamp_us, digest)
            self.frames.append(frame.unpack(data, f"1-{last}"))

    def decide(self, requests: list[Request]) -> None:
        """One batch."""
        self.now_us += self.rng.choice((1, 900_000, 3_000_000, 3_700_000_000))
        self.ledger.begin(self.now_us)
        self.ledger.expire()
        for request in requests:
            self.ledger.decide(request)
        self._frame(self.ledger.drain())

    def open(self) -> None:
        """The batch that every history begins with."""
        self.decide([Request(command) for command in drawing.OPENING])

    def go_on(self) -> None:
        """A batch of drawn commands, or a change that no command of today makes."""
        rng, state = self.rng, self.ledger._state
        if rng.random() < 0.1:
            event = restatements.change(rng, state)
            if event is not None:
                self.now_us += 1
                batch = records.Batch(self.now_us, state.seq + 1, 1, records.encode(event))
                self.ledger.apply(batch.stamp_us, batch.first_seq, batch.records)
                self._frame(batch)
            return
        steps = rng.choice((None, None, working.step, returning.step))
        if rng.random() < 0.03:
            drawn = [Request(fencing.put(rng, state, drawing.SKUS, drawing.LOCATIONS), "alice")]
        elif steps:
            drawn = [Request(steps(rng, state), "alice") for _ in range(STEPS)]
        else:
            drawn = [drawing.request(rng, state) for _ in range(rng.randint(1, COMMANDS_MAX))]
        self.decide([request for request in drawn if not _recomposes(request.command, state)])

    def taken(self) -> list[Frame]:
        """The frames since the last call."""
        frames, self.frames = self.frames, []
        return frames


def _recomposes(command, state: State) -> bool:
    """Whether a bundle that is there gets other components. Long histories leave that out: lines
    that are raised afterwards would hold two proportions, which no command can take apart."""
    return (
        isinstance(command, PutSku)
        and command.sku in drawing.BUNDLES
        and (command.sku in state.sku_numbers)
    )


def same_as_the_ledger(views, state: State) -> None:
    """Every table says what the ledger does, of what the ledger still has."""
    ask = views.select
    assert [row[:10] for row in ask("SELECT * FROM positions ORDER BY 1")] == viewed.positions(
        state
    )
    kept = set(state.orders)
    found = ask(f"SELECT {viewed.ORDER_COLUMNS} FROM orders ORDER BY seq")
    assert [row for row in found if row[0] in kept] == viewed.orders(state)
    for table, known in (("order_lines", viewed.lines), ("allocations", viewed.allocations)):
        found = ask(f"SELECT * FROM {table} ORDER BY 1, 2, 3")
        assert [row for row in found if row[0] in kept] == known(state)
    columns = "order_seq, hold_id, reason, owner, then_what, keeps_stock"
    live = ask(f"SELECT {columns} FROM holds WHERE ended_us IS NULL ORDER BY 1, 2")
    assert live == viewed.holds(state)
    for sql, rows in viewed.rare(state).items():
        found = ask(f"{sql} ORDER BY 1, 2, 3, 4, 5")
        assert [row for row in found if row[0] in kept] == sorted(rows), sql
    columns = "seq, reservation_id, channel, status, expires_us, closed_us, order_seq"
    found = ask(f"SELECT {columns} FROM reservations ORDER BY seq")
    assert [row for row in found if row[0] in state.reservations] == viewed.reservations(state)
    stamp_us = ask("SELECT stamp_us FROM cursor")[0][0]
    sql = "SELECT channel, sku, available, sellable FROM sellable ORDER BY 1, 2"
    assert ask(sql) == viewed.availability(state, stamp_us)
    for sql, rows in viewed.catalogue(state).items():
        assert ask(f"{sql} ORDER BY 1, 2") == sorted(rows), sql


def adds_up(views) -> None:
    """Movements add up to positions, hours to lines, and every event has its row."""
    ask = views.select
    buckets = ["on_hand", "reserved", "allocated", "damaged", "quality_control", "safety_stock"]
    sums = {
        (p, b): units
        for p, b, units in ask("SELECT position, bucket, SUM(delta) FROM movements GROUP BY 1, 2")
    }
    for number, *found in ask(f"SELECT position, {', '.join(buckets)} FROM positions"):
        assert found == [sums.get((number, bucket), 0) for bucket in buckets]
    assert not ask(
        "SELECT * FROM movements m JOIN movements b ON b.position = m.position AND b.bucket ="
        " m.bucket AND b.seq < m.seq WHERE m.quantity - m.delta < 0"
    )
    assert ask(
        "SELECT SUM(orders), SUM(units), SUM(units_cancelled), SUM(units_shipped) FROM kpis"
    ) == ask(
        "SELECT (SELECT COUNT(*) FROM orders), SUM(quantity), SUM(cancelled), SUM(shipped)"
        " FROM order_lines"
    )
    assert ask("SELECT SUM(revenue_minor - cancelled_minor) FROM kpis") == ask(
        "SELECT SUM(value_minor) FROM orders"
    )
    assert ask("SELECT COUNT(*), MIN(seq), MAX(seq) FROM activity") == ask(
        "SELECT seq, 1, seq FROM cursor"
    )
    assert ask("SELECT COUNT(*) FROM stock_history") == ask("SELECT COUNT(*) FROM movements")
    assert ask("SELECT COUNT(*) FROM order_items") == ask("SELECT COUNT(*) FROM order_lines")
    assert ask("SELECT COUNT(*) FROM stock") == ask("SELECT COUNT(*) FROM positions")
