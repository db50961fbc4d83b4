"""The ledger, compiled: the fast twin of engine/core/ledger.py, with the same face and the same
answers, records and dumps, byte for byte. A change of one is a change of both.

The data plane (`plane/*.pxi`) is free functions over C structs that neither hold nor need the
GIL; the class is the Python door. It fills this file, since Cython wants a class in one piece.
Rooms, in the order in which a command meets them:

    octets     memory that grows, bytes read and written in place
    memory     keyed hashing, tables of ids, those of positions
    allot      from lines to takes: expand, grant, deal out;  route  which places give
    sites, single, costs  which places give by a policy
    fences     what is set aside;  waiting    who waits;  dealing  fills of plain orders
    decide     reservations and orders: records are written and applied
    records    the packed events;  effects, restate  the only code that changes stock;  rows, wheel
    catalogue  locations and SKUs;  answers  what callers are told;  view  what the decisions
               shared with the slow twin (stock, catalogue) read;  standing  orders, as they do
    doors      where Python commands come in;  packed  where packed ones do;  say  their answers
    reads      questions;  life  made, freed, replayed
    dump, load the whole state

Invariants, beside those of core/state.py: a row's record was checked when it came, so reading it
again needs no checks; every table holds exactly the rows in use; `out` holds whole records only.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_DecodeUTF8
from libc.math cimport M_PI as PI
from libc.stdlib cimport calloc, free, malloc, qsort, realloc
from libc.string cimport memcmp, memcpy, memmove, memset, strlen

cimport ext.scorer as scorer

from datetime import UTC, datetime, timedelta
from hashlib import blake2b

import msgspec
from msgspec import UNSET, to_builtins

from engine.core import (
    actors, answers, bundles, capacities, commands, decisions, dump, effects, events, limits,
    promises, reading, registers, sellable, sends, state, timeline, told, worklists,
)
from engine.core.decide import (
    Replay, capacity, catalogue, conflict, creates, edits, facts, fences, fills, fulfillments,
    holds, joins, orders, purchases, refusals, reservations, returns, routing, rows, shipments,
    steals, stock, timers, undo, validation, waves,
)
from engine.core.errors import LedgerError
from engine.core.events import Document, EpochOpened, OrderStatus
from engine.core.lives import Happened, Lives, note_bytes
from engine.core.notes.fills import Filled
from engine.core.outcomes import Accepted, Code, Refused
from engine.core.fence_moves import refill_fences
from engine.core.fitting import check_ahead
from engine.core.kept import document_of
from engine.core.kept import read as read_kept
from engine.core.packed import answer_one
from engine.core.ranks import NEVER_US, entry_of
from engine.core.records import Batch
from engine.core.records import decode as decode_record
from engine.core.records import encode as encode_event
from engine.core.records import pack_line
from engine.core.routing import POLICY_COSTS as COSTS
from engine.core.routing import POLICY_FEWEST, costs, slip
from engine.core.routing.policy import WEEKDAYS
from engine.core.waiting import Entry, Waiting

cdef extern from *:
    """
    #define ctz(x) __builtin_ctzll(x)
    #define prefetch(p) __builtin_prefetch(p)
    """
    int ctz(uint64_t) noexcept nogil
    void prefetch(const void*) noexcept nogil

cdef int64_t NO_PRICE = -1
cdef uint16_t POLICY = POLICY_FEWEST
cdef uint16_t POLICY_COSTS = COSTS
cdef int64_t FRAME_EVENTS_MAX = limits.FRAME_EVENTS_MAX
cdef object _msgpack = msgspec.msgpack.Encoder().encode
cdef object _json = msgspec.json.Encoder().encode
cdef object _decode_place = msgspec.json.Decoder(commands.PutLocation).decode
cdef object _decode_sku = msgspec.json.Decoder(commands.PutSku).decode
cdef object _Reservation = answers.ReservationAnswer
cdef object _ReservedLine = answers.ReservedLineAnswer
cdef object _Order = answers.OrderAnswer
cdef object _OrderLine = answers.OrderLineAnswer
cdef object _Allocation = answers.AllocationAnswer
cdef object _Quantities = answers.QuantitiesAnswer
cdef object _Position = state.Position
cdef dict _DOCUMENTS = {d.value: d.name.lower() for d in Document}
cdef tuple _KINDS = (
    "", "epoch_opened", "location_put", "sku_put", "position_opened", "stock_moved", "reserved",
    "reservation_extended", "reservation_released", "reservation_expired", "order_placed",
    "order_cancelled", "entry_put", "order_shipped", "order_changed",
)
cdef dict _SHARED = {
    commands.PutLocation: catalogue.put_location,
    commands.PutSku: catalogue.put_sku,
    commands.PutChannel: catalogue.put_channel,
    commands.Ship: shipments.ship,
    commands.PutPurchaseOrder: purchases.put_purchase_order,
    commands.PutValidation: validation.put_validation,
    commands.RoutingPolicy: routing.put_policy,
    commands.PutScarcity: routing.put_scarcity,
    commands.PutFence: fences.put_fence,
    commands.PutCapacity: capacity.put_capacity,
    commands.Receive: purchases.receive,
    commands.Hold: holds.hold,
    commands.ReleaseHold: holds.release_hold,
    commands.TellFact: facts.tell,
    commands.EditOrder: edits.edit,
    commands.MergeOrders: joins.merge,
    commands.SplitOrder: joins.split,
    **returns.RULES,
    commands.Count: stock.count,
    commands.Adjust: stock.adjust,
    commands.Transfer: stock.transfer,
    **fulfillments.RULES,
    commands.ReleaseWave: waves.wave,
    commands.Reallocate: steals.reallocate,
}
_SEED = b"dibs ledger seed"

include "plane/octets.pxi"
include "plane/memory.pxi"
include "plane/records.pxi"
include "plane/wheel.pxi"
include "plane/waiting.pxi"
include "plane/fences.pxi"
include "plane/rows.pxi"
include "plane/slip.pxi"
include "plane/trail.pxi"
include "plane/usual.pxi"
include "plane/effects.pxi"
include "plane/restate.pxi"
include "plane/allot.pxi"
include "plane/route.pxi"
include "plane/policies.pxi"
include "plane/details.pxi"
include "plane/sites.pxi"
include "plane/single.pxi"
include "plane/costs.pxi"
include "plane/decide.pxi"
include "plane/catalogue.pxi"
include "plane/standing.pxi"
include "plane/view.pxi"
include "plane/answers.pxi"
include "plane/dump.pxi"
include "plane/load.pxi"
include "plane/life.pxi"
include "plane/doors.pxi"
include "plane/say.pxi"
include "plane/packed.pxi"
include "plane/reads.pxi"
include "plane/dealing.pxi"


@cython.final
cdef class Ledger:
    """All stock, reservations and orders of one partition. Not thread-safe: it has one owner.

    `seed` (16 bytes) keys the hashing of ids; give a random one where ids come from outside.
    """

    def __cinit__(self, seed=b"", *_):
        memset(&self.core, 0, sizeof(Core))
        self._places = []
        self._parents = {}
        self._place_rows = {}
        self._registers = registers.Registers()
        self._lives = Lives()
        self._waiting = Waiting()
        self._looks = 0
        self._classes = {}
        self._broken = False
        new_core(&self.core)

    def __init__(self, bytes seed=b""):
        cdef bytes key = seed or _SEED
        if len(key) != 16:
            raise ValueError("a ledger's seed has 16 bytes")
        self.core.seed0 = load64(<const uint8_t*> PyBytes_AS_STRING(key))
        self.core.seed1 = load64(<const uint8_t*> PyBytes_AS_STRING(key) + 8)
        if wheel_new(&self.core) != DONE:
            raise MemoryError("no memory for the timing wheel")

    def __dealloc__(self):
        free_core(&self.core)

    # Writing.

    @property
    def seq(self):
        """Sequence number of the last event, decided or applied."""
        return self.core.seq

    @property
    def stamp_us(self):
        """Stamp of the last batch that held an event."""
        return self.core.stamp_us

    @property
    def filling(self):
        """Whether stock has come for which waiting orders were not all looked at yet; each
        `expire` and each accepted command goes on with it."""
        return bool(self._waiting.due)

    @property
    def pending_bytes(self):
        """Bytes of the records decided since `begin`."""
        return self.core.out.size

    def begin(self, stamp_us):
        """Open a batch at `stamp_us` (UTC, microseconds), later than any before."""
        check_whole(self)
        if self.core.out_count:
            raise LedgerError("begin: the batch before was not drained")
        if not self.core.now_us < stamp_us <= self.core.limit.stamp_us:
            raise LedgerError(f"begin: stamp {stamp_us} is not after {self.core.now_us}")
        self.core.now_us = stamp_us
        self.core.first_seq = self.core.seq + 1
        self._looks = limits.FILLS_PER_BATCH_MAX
        began = self._waiting.hour_began(stamp_us)
        if self._waiting.fresh:
            rise_all(self, "recovered")
        elif began and self._registers.policies.rows:
            look_again(self, "hour_began")
        mark_waited(self)

    def decide(self, request):
        """Decide one command; accepted effects hold at once, refusals change nothing."""
        check_whole(self)
        outcome = decide_one(self, request)
        if stirs(self) and type(outcome) is Accepted and not outcome.replayed:
            fill_waiting(self)
        return outcome

    def decide_packed(self, bytes data not None, start=0):
        """Decide packed requests from byte `start` on; see `core.packed.decide_packed`."""
        check_whole(self)
        return decide_all(self, data, start)

    def expire(self, limit=limits.EXPIRIES_PER_TICK_MAX):
        """End at most `limit` reservations whose time is over, in the order of their wheel slots
        and, within a slot, of arming; then do what is due with orders (`decide.timers`), for
        `timers.most_at_once` of them. Returns how many things were done. What is
        free then goes to orders that wait."""
        cdef int64_t most = limit
        cdef int64_t done
        check_whole(self)
        with nogil:
            done = expire_due(&self.core, most)
        if done < 0:
            broken(self, <int> done)
        done += do_due(self, most - done)
        fill_waiting(self)
        return done

    def open_epoch(self, epoch, writer, software):
        """Record that a writer takes over; the first event of each epoch."""
        check_whole(self)
        record_event(self, EpochOpened(epoch, writer, software))

    def drain(self):
        """Close the batch and return its records, empty when nothing changed."""
        cdef Core* c = &self.core
        check_whole(self)
        records = PyBytes_FromStringAndSize(<char*> c.out.data, c.out.size)
        batch = Batch(c.now_us, c.first_seq, c.out_count, records)
        if c.out_count:
            c.out.size = c.out_count = 0
            c.stamp_us = c.now_us
            evict(c)
            forget_lives(self)
        c.first_seq = c.seq + 1
        return batch

    # Replay.

    def apply(self, stamp_us, first_seq, const uint8_t[::1] body):
        """Apply one frame's records. `LedgerError` if they do not follow on this state, which is
        then of no more use."""
        cdef Core* c = &self.core
        check_whole(self)
        if (
            first_seq != c.seq + 1
            or not c.stamp_us < stamp_us <= c.limit.stamp_us
            or c.out_count
        ):
            raise LedgerError(f"frame at seq {first_seq} does not follow seq {c.seq}")
        c.now_us = c.stamp_us = stamp_us
        try:
            if body.shape[0]:
                replay(self, &body[0], <uint64_t> body.shape[0])
        except BaseException:
            self._broken = True
            raise
        sync_waiting(self)
        self._waiting.fresh = True
        evict(c)
        forget_lives(self)
        c.first_seq = c.seq + 1

    # Reading. Nothing here changes anything; `seq` says as of when it is true.

    def stock(self, str sku):
        """Stock of one SKU; of a bundle, what its components allow."""
        return stock_answer(self, sku)

    def stocked(self, skus):
        """The positions of several SKUs at one moment, and its `seq`; see `reading.stocked`."""
        return self.core.seq, [positions_of(self, sku) for sku in skus]

    def order(self, str channel, str order_id):
        """One order as it stands."""
        cdef Key key
        cdef uint32_t row
        if not text_to_find(channel, &key.first) or not text_to_find(order_id, &key.second):
            return None
        row = find(&self.core, ORDER_IDS, &key)
        if row == NONE:
            return None
        answer = order_answer(self, row, True)
        if order_at(&self.core, row).waits:
            promises.date(new_view(self), order_struct(self, row), answer)
        return answer

    def orders(
        self, *, str status="", str channel="", str q="", before=0,
        limit=limits.PAGE_ROWS_DEFAULT, scan=4_096,
    ):
        """A page of orders, newest first; see `reading.orders`."""
        return order_page(self, status, channel, q, before, limit, scan)

    def fulfillment(self, str name):
        """One fulfillment as it stands."""
        return worklists.fulfillment(new_view(self), name)

    def fulfillments(self, *, str location="", str status="", after=-1, limit, scan=512):
        """A page of open fulfillments, the oldest first; see `worklists.fulfillments`."""
        return worklists.fulfillments(new_view(self), location, status, after, limit, scan)

    def reservation(self, str reservation_id):
        """One reservation as it stands."""
        cdef Text text
        cdef uint32_t row
        if not text_to_find(reservation_id, &text):
            return None
        row = find_text(&self.core, RESERVATION_IDS, text)
        if row == NONE:
            return None
        return reservation_answer(self, row, True, reservation_at(&self.core, row).seq)

    def location(self, str name):
        """One location."""
        return reading.location(new_view(self), name)

    def sku(self, str name):
        """One SKU."""
        return reading.sku(new_view(self), name)

    def channel(self, str name):
        """One channel."""
        return reading.entry(self._registers.channels, name)

    def channels(self, *, after=-1, limit=limits.PAGE_ROWS_DEFAULT):
        """A page of channels in order of creation: (answers, number to go on after or None)."""
        return reading.entries(self._registers.channels, after, limit)

    def purchase_order(self, str name):
        """One purchase order."""
        return reading.entry(self._registers.purchase_orders, name)

    def purchase_orders(self, *, after=-1, limit=limits.PAGE_ROWS_DEFAULT):
        """A page of purchase orders in order of creation, as `channels`."""
        return reading.entries(self._registers.purchase_orders, after, limit)

    def validation(self, str name):
        """What the orders of one channel are checked for."""
        return reading.entry(self._registers.validations, name)

    def validations(self, *, after=-1, limit=limits.PAGE_ROWS_DEFAULT):
        """A page of what channels' orders are checked for, as `channels`."""
        return reading.entries(self._registers.validations, after, limit)

    def fences(
        self, *, str channel="", str sku="", after=-1, limit=limits.PAGE_ROWS_DEFAULT, scan=4_096
    ):
        """A page of fences in order of creation; see `reading.fences`."""
        return reading.fences(new_view(self), channel, sku, after, limit, scan)

    def return_(self, str channel, str order_id, str return_id):
        """One return of an order as it stands."""
        return reading.return_(new_view(self), channel, order_id, return_id)

    def returns(
        self, *, str status="", str channel="", str order_id="", before=0,
        limit=limits.PAGE_ROWS_DEFAULT, scan=4_096,
    ):
        """A page of returns, newest first; see `reading.returns`."""
        return reading.returns(new_view(self), status, channel, order_id, before, limit, scan)

    def routing_policy(self, str name):
        """One routing policy."""
        return reading.entry(self._registers.policies, name)

    def scarcity(self, str name):
        """The scarcity prices of one SKU."""
        return reading.entry(self._registers.scarcity, name)

    def day(self, str location):
        """What one location has to send on a day, and can; see `capacities.day_of`."""
        return capacities.day_of(new_view(self), location)

    def decisions(self, str channel, str order_id):
        """How the units of an order were routed; see `decisions.of_order`."""
        return decisions.of_order(new_view(self), channel, order_id)

    def timeline(self, str channel, str order_id, after=0, limit=limits.PAGE_ROWS_DEFAULT):
        """A page of what happened to an order; see `timeline.of_order`."""
        return timeline.of_order(new_view(self), channel, order_id, after, limit)

    def preview(self, command, now_us):
        """How an order would be routed at a time; see `decisions.preview`."""
        return decisions.preview(new_view(self), command, now_us)

    def availability(self, str channel, skus, now_us, by=None, reservation=None):
        """What a channel may show of these SKUs at a time; see `sellable.availability`."""
        return sellable.availability(new_view(self), channel, skus, now_us, by, reservation)

    def promises(self, str channel, str order_id):
        """By when an order that waits can have what it waits for."""
        return promises.promises(new_view(self), channel, order_id)

    def backorders(self, *, after=-1, limit=limits.PAGE_ROWS_DEFAULT):
        """A page of SKUs that somebody waits for; see `promises.backorders`."""
        return promises.backorders(new_view(self), after, limit)

    def turns(self, str sku, limit=limits.PAGE_ROWS_DEFAULT):
        """The first of those that wait for a SKU; see `promises.turns`."""
        return promises.turns(new_view(self), sku, limit)

    def locations(self, *, after=-1, limit=limits.PAGE_ROWS_DEFAULT):
        """A page of locations in order of creation: (answers, number to go on after or None)."""
        return catalogue_page(new_view(self).locations, answers.location, after, limit)

    def skus(self, *, after=-1, limit=limits.PAGE_ROWS_DEFAULT):
        """A page of SKUs in order of creation: (answers, number to go on after or None)."""
        return catalogue_page(new_view(self).skus, answers.sku, after, limit)

    def positions(self, numbers):
        """SKU and quantities of positions by number, for streams."""
        cdef Core* c = &self.core
        cdef uint64_t number
        found = []
        for given in numbers:
            if not 0 <= given < c.positions.count:
                raise IndexError(f"there is no position {given}")
            number = given
            found.append(
                (sku_name(c, position_at(c, number).sku), quantities(self, position_at(c, number)))
            )
        return found

    def watch(self):
        """Note from now on which positions change, for `touched`."""
        forget_touches(&self.core)
        self.core.watching = 1

    def touched(self):
        """Return (position, seq, kind of event) for each position changed since the last call,
        in the order of their last change, and forget them. Empty unless `watch` was called."""
        cdef Touch* touches = <Touch*> self.core.touched.data
        cdef uint64_t i
        found = [
            (touches[i].position, touches[i].seq, _KINDS[touches[i].kind])
            for i in range(self.core.touched.count)
            if touches[i].position != NONE
        ]
        forget_touches(&self.core)
        return found

    def sizes(self):
        """Rows of each table, for metrics."""
        cdef Core* c = &self.core
        return {
            "skus": c.skus.count,
            "locations": c.places.count,
            "positions": c.positions.count,
            "orders": c.order_count,
            "reservations": c.reservation_count,
            "reservations_live": c.live,
            "documents": c.paper_count,
        }

    def standing(self):
        """Orders by status."""
        return {
            name: self.core.standing[status]
            for status, name in enumerate(_ORDER_STATUS)
            if self.core.standing[status]
        }

    def placed(self):
        """See `core.reads.Reads.placed`."""
        return self.core.placed_orders, self.core.placed_units

    def next_expiry_us(self):
        """When the next wheel slot that holds something is over, or something is due with an
        order; 0 when nothing is to come."""
        cdef Core* c = &self.core
        cdef uint32_t row = earliest(c)
        cdef int64_t end_us = 0
        cdef int64_t due_us = timers.wake_us(
            self._lives, self._registers, self._waiting, c.now_us
        )
        if row != NONE:
            end_us = (tick_of(c, reservation_at(c, row)) + 1) * c.limit.tick_us
        return timers.first_due(end_us, due_us)

    # The whole state.

    def dump(self):
        """Return the canonical bytes of the state (docs/snapshot-format.md). Equal states give
        equal bytes, whichever twin holds them and however they came about."""
        check_whole(self)
        return dump_bytes(self)

    @classmethod
    def load(cls, const uint8_t[::1] data, bytes seed=b""):
        """Return a ledger with the dumped state; `LedgerError` if the bytes are damaged."""
        cdef Ledger ledger = cls(seed)
        try:
            load_bytes(ledger, data)
        except (LookupError, ValueError, msgspec.MsgspecError) as error:
            raise LedgerError(f"snapshot is damaged ({error!r}); use an older one") from error
        return ledger

    def digest(self):
        """Return the digest of the canonical state, 32 hex digits."""
        return dump.digest(self.dump())
