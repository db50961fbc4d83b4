"""Both twins under the same commands, compared after every step (P1, P2, P5, P7)."""

from collections import Counter, defaultdict
from datetime import UTC, datetime
from random import Random

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from engine.core import limits, packed, records
from engine.core.commands import Request
from engine.core.events import BucketId, OrderChanged, OrderPlaced, OrderShipped, StockMoved
from engine.core.ledger import Ledger as SlowLedger
from engine.core.records import Batch
from engine.core.state import LIVE
from ext.ledger import Ledger as FastLedger
from tests.model import drawing, fencing, restatements, returning, turns, working

START_US = 1_800_000_000_000_000
RETENTION_US = limits.IDEMPOTENCY_RETENTION_US
KEPT_US = limits.CLOSED_ORDER_RETENTION_US
JUMPS_US = (1, 1, 50_000, 100_000, 999_999, 1_000_000, 1_000_000, 5_000_000, 40 * 3_600 * 1_000_000)
JUMPS_US += (RETENTION_US - 1, RETENTION_US, KEPT_US, KEPT_US + 1)
STEPS: Counter = Counter()


class Twins(RuleBasedStateMachine):
    """Two ledgers, the frames so far, and what the frames say about units on hand."""

    def __init__(self) -> None:
        super().__init__()
        self.slow, self.fast = SlowLedger(), FastLedger(bytes(range(16)))
        self.frames: list = []
        self.on_hand: dict[int, int] = defaultdict(int)
        self.placed: dict[int, OrderPlaced] = {}
        self.sent: list[Request] = []
        self.foreign: set[int] = set()  # orders that another writer changed
        self.now_us = START_US
        for ledger in (self.slow, self.fast):
            ledger.watch()
            ledger.begin(self.now_us)

    def both(self, call):
        """Do `call` to both twins; the results must be equal."""
        slow, fast = call(self.slow), call(self.fast)
        assert slow == fast, f"\nslow {slow}\nfast {fast}"
        STEPS["calls"] += 1
        return slow

    def decide(self, request: Request) -> None:
        before = fencing.watched(self.slow._state, request.command)
        outcome = self.both(lambda ledger: ledger.decide(request))
        STEPS["fenced"] += fencing.check(self.slow._state, request.command, before)
        code = getattr(outcome, "code", None)
        STEPS[f"{type(request.command).__name__} {code.slug if code else 'accepted'}"] += 1
        STEPS["steps"] += 1
        self.sent = [*self.sent[-15:], request]

    def decide_packed(self, requests: list[Request], brief: bool) -> None:
        """Many at once, as packed bytes; their answers must be equal bytes."""
        data = b"".join(packed.pack(r, n, brief=brief) for n, r in enumerate(requests))
        answers, end = self.both(lambda ledger: ledger.decide_packed(data))
        assert end == len(data)
        for answer in map(packed.unpack_answer, packed.split(answers)):
            STEPS[f"packed {'replayed' if answer.replayed else answer.code}"] += 1
        STEPS["steps"] += len(requests)
        self.sent = [*self.sent, *requests][-16:]

    def next_batch(self, stamp_us: int) -> None:
        STEPS["steps"] += 1
        STEPS["waiting"] += turns.check(self.slow._state)
        batch = self.both(lambda ledger: ledger.drain())
        if batch.count:
            self.frames.append(batch)
            self.tally(batch)
        self.now_us = max(stamp_us, self.now_us + 1)
        self.both(lambda ledger: ledger.begin(self.now_us))

    def tally(self, batch) -> None:
        for seq, record in enumerate(records.split(batch.records), batch.first_seq):
            event = records.decode(record)
            if isinstance(event, StockMoved):
                for move in event.movements:
                    if move.bucket is BucketId.ON_HAND:
                        self.on_hand[move.position] += move.delta
            elif isinstance(event, OrderPlaced):
                self.placed[seq] = event
            elif isinstance(event, OrderChanged) and event.lines:
                STEPS["filled"] += b'"filled"' in event.note
                lines = tuple(row.line for row in event.lines)
                placed = self.placed[event.order]
                self.placed[event.order] = msgspec.structs.replace(placed, lines=lines)
            elif isinstance(event, OrderShipped):
                for freed in event.freed:
                    take = self.placed[event.order].lines[freed.line].takes[freed.take]
                    self.on_hand[take.position] -= freed.quantity

    @initialize(opened=st.booleans())
    def open(self, opened) -> None:
        for command in drawing.OPENING:
            self.decide(Request(command))
        if opened:
            self.both(lambda ledger: ledger.open_epoch(7, "writer-é", "1.0"))

    @rule(seed=st.integers(0, 2**32), count=st.integers(1, 16))
    def batch(self, seed, count) -> None:
        rng = Random(seed)
        for _ in range(count):
            self.decide(drawing.request(rng, self.slow._state))

    @rule(seed=st.integers(0, 2**32), count=st.integers(1, 16))
    def come_back(self, seed, count) -> None:
        """Units leave, and steps of returns follow one another."""
        rng = Random(seed)
        self.decide(Request(drawing.ship(rng, self.slow._state)))
        for _ in range(count):
            key = rng.choice(("", "", "", f"key-{rng.randint(0, 40)}"))
            self.decide(Request(returning.step(rng, self.slow._state), "alice", key))

    @rule(seed=st.integers(0, 2**32), count=st.integers(1, 16))
    def work(self, seed, count) -> None:
        """Orders are released, and their fulfillments go on, or not."""
        rng = Random(seed)
        for _ in range(count):
            key = rng.choice(("", "", "", f"key-{rng.randint(0, 40)}"))
            self.decide(Request(working.step(rng, self.slow._state), "alice", key))
        assert not working.faults(self.slow._state, self.foreign)

    @rule(seed=st.integers(0, 2**32), count=st.integers(1, 16), brief=st.booleans())
    def packed_batch(self, seed, count, brief) -> None:
        rng = Random(seed)
        drawn = [drawing.request(rng, self.slow._state) for _ in range(4 * count)]
        again = self.sent[-2:] if rng.random() < 0.5 else []
        self.decide_packed(
            [r for r in (*drawn, *again) if isinstance(r.command, packed.COMMANDS)], brief
        )
        for sku in rng.sample((*drawing.SKUS, *drawing.BUNDLES, "none"), 3):
            self.both(lambda ledger, sku=sku: ledger.decide_packed(packed.pack_read(sku, 9)))

    @rule(back=st.integers(1, 16), key=st.sampled_from(("", "", "key-1")), same=st.booleans())
    def retry(self, back, key, same) -> None:
        """The same command again, or another body under the same id; with or without its key."""
        if self.sent:
            request = self.sent[-min(back, len(self.sent))]
            command = request.command if same else drawing.other_body(request.command)
            self.decide(Request(command, request.actor, key or request.key))

    @rule(jump_us=st.sampled_from(JUMPS_US))
    def wait(self, jump_us) -> None:
        self.next_batch(self.now_us + jump_us)

    @rule(edge=st.integers(-1, 1), slot=st.booleans())
    def wait_for_deadline(self, edge, slot) -> None:
        """To the microsecond around a reservation's end, or around its wheel slot's."""
        due = self.both(lambda ledger: ledger.next_expiry_us())
        live = [r.expires_us for r in self.slow._state.reservations.values() if r.status == LIVE]
        if live:
            self.next_batch((due if slot else min(live)) + edge)

    def shown(self, ledger, channel: str):
        """What a channel may show of everything; never more than there is, nor less than none."""
        names = [*drawing.SKUS, *drawing.BUNDLES, "none"]
        found = ledger.availability(channel, names, self.slow._state.now_us)
        for row in found.skus if found else ():
            assert 0 <= row.sellable <= row.available
        return found

    @rule(seed=st.integers(0, 2**32), count=st.integers(1, 4))
    def restate(self, seed, count) -> None:
        """Frames of another writer, with changes that no command of today makes."""
        rng = Random(seed)
        for _ in range(count):
            self.next_batch(self.now_us + 1)
            event = restatements.change(rng, self.slow._state)
            if event is None:
                return
            self.foreign.add(event.order)
            record = records.encode(event)
            frame = Batch(self.now_us, self.slow.seq + 1, 1, record)
            self.both(lambda ledger, f=frame: ledger.apply(f.stamp_us, f.first_seq, f.records))
            self.frames.append(frame)
            self.tally(frame)
            STEPS["restated" if event.lines else "changed"] += 1
            self.next_batch(self.now_us + 1)

    @rule(limit=st.sampled_from((0, 1, 2, 4_096)))
    def expire(self, limit) -> None:
        STEPS["expired"] += self.both(lambda ledger: ledger.expire(limit))

    @rule(
        sku=st.sampled_from((*drawing.SKUS, *drawing.BUNDLES, "none", "\ud800")),
        place=st.sampled_from((*drawing.LOCATIONS, "none")),
        status=st.sampled_from(("", "allocated", "cancelled", "nonsense")),
        channel=st.sampled_from(("", "shop")),
        q=st.sampled_from(("", "1")),
        limit=st.integers(0, 4),
        after=st.integers(-1, 5),
    )
    def read(self, sku, place, status, channel, q, limit, after) -> None:
        self.both(lambda ledger: ledger.stock(sku))
        self.both(lambda ledger: ledger.stocked([sku, "none", sku]))
        self.both(lambda ledger: (ledger.sku(sku), ledger.location(place)))
        self.both(lambda ledger: ledger.skus(after=after, limit=limit))
        self.both(lambda ledger: ledger.locations(after=after, limit=limit))
        self.both(lambda ledger: ledger.channels(after=after, limit=limit))
        self.both(lambda ledger: ledger.purchase_orders(after=after, limit=limit))
        self.both(lambda ledger: ledger.validations(after=after, limit=limit))
        self.both(lambda ledger: ledger.fences(channel=channel, after=after, limit=limit + 1))
        for name in (*drawing.PURCHASES, "none"):
            self.both(lambda ledger, name=name: ledger.purchase_order(name))
        for name in (*drawing.CHANNELS, "market", "\ud800"):
            self.both(lambda ledger, name=name: ledger.channel(name))
            self.both(lambda ledger, name=name: ledger.validation(name))
            self.both(lambda ledger, name=name: self.shown(ledger, name))
        ask = {"status": status, "channel": channel, "q": q, "limit": limit}
        rows, cursor = self.both(lambda ledger: ledger.orders(**ask))
        if cursor is not None:
            self.both(lambda ledger: ledger.orders(**ask, before=cursor, scan=3))
        for row in rows:
            self.both(lambda ledger, row=row: ledger.order(row.channel, row.order_id))
            name = (row.channel, row.order_id, after, limit + 1)
            self.both(lambda ledger, name=name: ledger.timeline(*name))
        self.both(lambda ledger: ledger.reservation(f"r{after + 1}"))
        rows, cursor = self.both(lambda ledger: ledger.returns(limit=limit or 1, scan=3))
        self.both(lambda ledger: ledger.returns(status="received", before=cursor or 0))
        for row in rows:
            name = (row.channel, row.order_id)
            self.both(lambda ledger, row=row, name=name: ledger.return_(*name, row.return_id))
            self.both(lambda ledger, name=name: ledger.returns(channel=name[0], order_id=name[1]))
        rows, cursor = self.both(lambda ledger: ledger.fulfillments(limit=limit + 1, scan=3))
        self.both(lambda ledger: ledger.fulfillments(location=place, after=cursor or -1, limit=9))
        for row in rows:
            self.both(lambda ledger, row=row: ledger.fulfillment(row.fulfillment_id))
        self.both(lambda ledger: ledger.touched())
        for row in rows:
            self.both(lambda ledger, row=row: ledger.promises(row.channel, row.order_id))
        self.both(lambda ledger: (ledger.turns(sku, 3), ledger.backorders(after=after, limit=2)))
        soon = datetime(2026, 12, 2, tzinfo=UTC)
        names, now_us = [*drawing.SKUS, *drawing.BUNDLES], self.slow._state.now_us
        self.both(lambda ledger: ledger.availability("web", names, now_us, soon, f"r{after + 1}"))
        count = len(self.slow._state.positions)
        self.both(lambda ledger: ledger.positions(list(range(count))))

    @rule()
    def restart(self) -> None:
        """Go on from each other's dump."""
        self.next_batch(self.now_us + 1)
        dump = self.both(lambda ledger: ledger.dump())
        self.slow, self.fast = SlowLedger.load(dump), FastLedger.load(dump, b"another seed 16b")
        for ledger in (self.slow, self.fast):
            ledger.watch()
            ledger.begin(self.now_us)

    @invariant()
    def same_state(self) -> None:
        """The states are the same bytes, and load to the same bytes."""
        dump = self.slow.dump()
        assert self.fast.dump() == dump
        self.both(lambda ledger: (ledger.seq, ledger.stamp_us, ledger.pending_bytes))
        self.both(
            lambda ledger: (
                ledger.sizes(),
                ledger.standing(),
                ledger.placed(),
                ledger.next_expiry_us(),
                ledger.filling,
            )
        )

    @invariant()
    def promises(self) -> None:
        """P1 and P2 on the slow state."""
        state = self.slow._state
        reserved, allocated = Counter(), Counter()
        for entry in state.reservations.values():
            if entry.status == LIVE:
                for line in entry.event.lines:
                    for take in line.takes:
                        reserved[take.position] += take.quantity
        for order in state.orders.values():
            for line, left in zip(order.event.lines, order.takes, strict=True):
                for take, units in zip(line.takes, left, strict=True):
                    allocated[take.position] += units
        if not self.foreign:
            fencing.check_marks(state)
        for number, position in enumerate(state.positions):
            assert position.reserved == reserved[number]
            assert position.allocated == allocated[number]
            assert 0 <= position.unavailable <= position.on_hand
            if not state.skus[position.sku].put.backorderable:
                assert position.available >= 0

    def teardown(self) -> None:
        self.next_batch(self.now_us + 1)
        assert not working.faults(self.slow._state, self.foreign)
        for number, position in enumerate(self.slow._state.positions):
            assert position.on_hand == self.on_hand[number]
        dump = self.slow.dump()
        for make in (SlowLedger, FastLedger):
            ledger, half = make(), len(self.frames) // 2
            for index, frame in enumerate(self.frames):
                ledger.apply(frame.stamp_us, frame.first_seq, frame.records)
                if index == half:
                    ledger = make.load(ledger.dump())
            assert ledger.dump() == dump
            assert ledger.digest() == self.fast.digest()
            STEPS["replays"] += 1
