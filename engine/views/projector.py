"""The projector: frames in, rows out, the cursor with them. Each event is applied once."""

import gc
from collections.abc import Iterable
from typing import Any

import msgspec

from engine.core import events as e
from engine.core import records
from engine.log.frame import Frame, Link
from engine.views import audit, catalogue, notes, orders, reservations, stock
from engine.views.availability import Availability
from engine.views.schema import VERSION
from engine.views.work import Database, Work

_parse = msgspec.json.Decoder(dict).decode
_json = msgspec.json.Encoder().encode
_WORDS = {kind: kind.name.lower() for kind in e.Kind}


class Projector:
    """Writes one database. `link` is how far it has got. One that is `building` has to `finish`:
    what follows from other rows is written then."""

    def __init__(self, database: Database, *, building: bool = False) -> None:
        self._database, self._building = database, building
        self._work = Work(database)
        self.link = cursor_of(database)
        self._availability: Availability | None = None

    def apply(self, frames: Iterable[Frame]) -> None:
        """Apply frames, which have to follow on `link`, in one transaction: all or none."""
        frames = list(frames)
        if not frames:
            return
        work = self._work
        # All that is made here lives to the commit, and nothing of it is in a cycle: looking for
        # garbage meanwhile took a third of the time.
        if self._availability is None:
            self._availability = Availability(self._database, self.link.stamp_us)
        collects = gc.isenabled()
        gc.disable()
        try:
            self._database.begin()
            link = self._write(frames)
            self._database.commit()
        except BaseException:
            self._database.rollback()
            work.positions.clear()
            self._availability = None
            raise
        finally:
            work.clear()
            if collects:
                gc.enable()
        self.link = link

    def finish(self) -> None:
        """Write what follows from all rows, into tables that were built."""
        self._database.begin()
        Availability(self._database, self.link.stamp_us).write_all(self.link.stamp_us)
        self._database.commit()
        self._building = False

    def _write(self, frames: list[Frame]) -> Link:
        """Write rows and cursor into the open transaction; return where it ends."""
        batch = [
            (frame.stamp_us, frame.first_seq + n, records.decode(record, again=False))
            for frame in frames
            for n, record in enumerate(records.split(frame.body))
        ]
        self._load([event for _, _, event in batch])
        for stamp_us, seq, event in batch:
            self._one(seq, stamp_us, event)
        self._work.write()
        last = frames[-1]
        if not self._building:
            self._availability.write(self._work, last.stamp_us)
        link = Link(last.epoch, last.last_seq, last.stamp_us, last.digest)
        self._database.put("cursor", [(1, VERSION, *_fields(link))])
        return link

    def _load(self, events: list[Any]) -> None:
        """Load together what these events change of what was there before them."""
        after = self.link.seq
        changes = (e.OrderCancelled, e.OrderShipped, e.OrderChanged)
        old = {event.order for event in events if isinstance(event, changes)}
        self._work.load_orders(seq for seq in old if seq <= after)
        parts: dict[str, set[int]] = {}
        for event in events:
            if type(event) is e.OrderChanged and event.order <= after:
                for table in notes.needs(event.note):
                    parts.setdefault(table, set()).add(event.order)
        for table, some in parts.items():
            self._work.load_part(table, sorted(some))
        held = {getattr(event, "reservation", 0) for event in events}
        self._work.load_reservations(seq for seq in held if 0 < seq <= after)

    def _one(self, seq: int, stamp_us: int, event: Any) -> None:
        """Apply an event to all read models, and tell of it in `activity`."""
        what, order, ref, document = _APPLY[type(event)](self._work, seq, stamp_us, event)
        cause = getattr(event, "cause", None)
        if cause:
            audit.note(self._work, seq, stamp_us, event, ref, cause.actor)
        row = (
            seq,
            stamp_us,
            _WORDS[event.kind],
            what,
            order,
            ref,
            (cause.actor or None) if cause else None,
            document,
        )
        self._work.new["activity"].append(row)


def cursor_of(database: Database) -> Link:
    """Return how far the tables of a database have got."""
    rows = database.select("SELECT epoch, seq, stamp_us, digest FROM cursor")
    return Link(*rows[0][:3], bytes(rows[0][3])) if rows else Link()


def _fields(link: Link) -> tuple:
    return (link.epoch, link.seq, link.stamp_us, link.digest)


# One function per event: it changes the read models and returns (what, order's seq, ref, document)
# for the event's row in `activity`.

_Told = tuple[str | None, int | None, str | None, str | None]


def _epoch_opened(work: Work, seq: int, stamp_us: int, event: e.EpochOpened) -> _Told:
    told = {"epoch": event.epoch, "writer": event.writer, "software": event.software}
    return None, None, str(event.epoch), _json(told).decode()


def _location_put(work: Work, seq: int, stamp_us: int, event: e.LocationPut) -> _Told:
    return None, None, catalogue.location_put(work, seq, event), event.document.decode()


def _sku_put(work: Work, seq: int, stamp_us: int, event: e.SkuPut) -> _Told:
    return None, None, catalogue.sku_put(work, seq, event), event.document.decode()


def _entry_put(work: Work, seq: int, stamp_us: int, event: e.EntryPut) -> _Told:
    name = catalogue.entry_put(work, seq, event)
    return None, None, name, event.document.decode()


def _position_opened(work: Work, seq: int, stamp_us: int, event: e.PositionOpened) -> _Told:
    stock.opened(work, seq, event)
    return None, None, str(event.number), None


def _stock_moved(work: Work, seq: int, stamp_us: int, event: e.StockMoved) -> _Told:
    stock.moved(work, seq, event)
    return event.document.name.lower(), None, event.document_id, None


def _reserved(work: Work, seq: int, stamp_us: int, event: e.Reserved) -> _Told:
    reservations.reserved(work, seq, stamp_us, event)
    stock.reserve(work, seq, event.lines)
    return None, None, event.reservation_id, None


def _extended(work: Work, seq: int, stamp_us: int, event: e.ReservationExtended) -> _Told:
    row = reservations.extended(work, event.reservation, event.expires_us)
    return None, None, row[reservations.NAME], None


def _released(work: Work, seq: int, stamp_us: int, event: e.ReservationReleased) -> _Told:
    row, takes = reservations.closed(work, event.reservation, stamp_us, "released")
    stock.give_back(work, seq, takes)
    return None, None, row[reservations.NAME], None


def _expired(work: Work, seq: int, stamp_us: int, event: e.ReservationExpired) -> _Told:
    row, takes = reservations.closed(work, event.reservation, stamp_us, "expired")
    stock.give_back(work, seq, takes)
    return None, None, row[reservations.NAME], None


def _order_placed(work: Work, seq: int, stamp_us: int, event: e.OrderPlaced) -> _Told:
    n = 0
    if event.reservation:
        _, takes = reservations.closed(work, event.reservation, stamp_us, "committed", seq)
        n = stock.give_back(work, seq, takes)
    orders.placed(work, seq, stamp_us, event, n)
    return None, seq, event.order_id, None


def _order_cancelled(work: Work, seq: int, stamp_us: int, event: e.OrderCancelled) -> _Told:
    order = orders.cancelled(work, seq, stamp_us, event)
    lines = [{"line": cut.line, "quantity": cut.quantity} for cut in event.cuts]
    told = _json({"reason": event.reason, "lines": lines}).decode()
    return None, event.order, order.head[orders.NAME], told


def _order_shipped(work: Work, seq: int, stamp_us: int, event: e.OrderShipped) -> _Told:
    order = orders.shipped(work, seq, stamp_us, event)
    told = _json({"shipment_id": event.shipment_id, "carrier": event.carrier}).decode()
    return None, event.order, order.head[orders.NAME], told


def _order_changed(work: Work, seq: int, stamp_us: int, event: e.OrderChanged) -> _Told:
    order = orders.changed(work, seq, stamp_us, event)
    name = order.head[orders.NAME]
    if not event.note:
        return None, event.order, name, None
    note = _parse(event.note)
    notes.fold(work, seq, stamp_us, order, note)
    return note["what"], event.order, name, event.note.decode()


_APPLY = {
    e.EpochOpened: _epoch_opened,
    e.LocationPut: _location_put,
    e.SkuPut: _sku_put,
    e.EntryPut: _entry_put,
    e.PositionOpened: _position_opened,
    e.StockMoved: _stock_moved,
    e.Reserved: _reserved,
    e.ReservationExtended: _extended,
    e.ReservationReleased: _released,
    e.ReservationExpired: _expired,
    e.OrderPlaced: _order_placed,
    e.OrderCancelled: _order_cancelled,
    e.OrderShipped: _order_shipped,
    e.OrderChanged: _order_changed,
}
