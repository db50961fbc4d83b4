"""SKUs, locations, channels and whatever else is kept as it was last put: read model. Not every
database keeps NUL in a text: it is shown as U+FFFD."""

from datetime import UTC, datetime, timedelta

import msgspec

from engine.core.events import EntryPut, LocationPut, SkuPut
from engine.core.purchases import PurchaseOrder
from engine.core.purchases import answer as purchase_order
from engine.core.register import Code
from engine.views.work import Work

_parse = msgspec.json.Decoder(dict).decode
_purchase = msgspec.json.Decoder(PurchaseOrder).decode
_EPOCH, _US = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


def sku_put(work: Work, seq: int, event: SkuPut) -> str:
    """A SKU was put; return its id."""
    put, number = _parse(event.document), event.number
    work.changed["skus"][number] = (
        number,
        put["sku"],
        put["title"].replace("\0", "\ufffd"),
        put.get("weight_g"),
        int(event.backorderable),
        int(bool(event.components)),
        event.document.decode(),
        seq,
    )
    work.components[number] = [
        (number, n, part, units) for n, (part, units) in enumerate(event.components)
    ]
    return put["sku"]


def location_put(work: Work, seq: int, event: LocationPut) -> str:
    """A location was put; return its id."""
    put = _parse(event.document)
    work.changed["locations"][event.number] = (
        event.number,
        put["location"],
        put["name"].replace("\0", "\ufffd"),
        put["kind"],
        put["country"],
        int(put.get("active", True)),
        put.get("priority", 100),
        event.document.decode(),
        seq,
    )
    return put["location"]


def entry_put(work: Work, seq: int, event: EntryPut) -> str:
    """An entry of a register was put; return its id."""
    put, document = _parse(event.document), event.document.decode()
    name = _name(put)
    key = (event.register, event.number)
    work.changed["entries"][key] = (*key, name, document, seq)
    if event.register == Code.CHANNELS:
        shown = put.get("name", "").replace("\0", "\ufffd")
        row = (event.number, name, shown, put.get("priority", 100), document, seq)
        work.changed["channels"][event.number] = row
    elif event.register == Code.PURCHASE_ORDERS:
        _purchased(work, event.number, seq, event.document)
    return name


def _name(put: dict) -> str:
    """Return an entry's id: its first field, or of one that has none of its own (a fence) those of
    what it is for."""
    first = next(iter(put.values()))
    if isinstance(first, str):
        return first
    return "/".join(first[name] for name in ("channel", "sku", "location") if first.get(name))


def _purchased(work: Work, number: int, seq: int, document: bytes) -> None:
    found = purchase_order(_purchase(document), seq)
    work.changed["purchase_orders"][number] = (
        number,
        found.purchase_order,
        found.status,
        found.location,
        found.supplier.replace("\0", "\ufffd"),
        (found.expected_at - _EPOCH) // _US,
        sum(line.quantity for line in found.lines),
        sum(line.received for line in found.lines),
        seq,
    )
    work.purchase_lines[number] = [
        (number, n, line.sku, line.quantity, line.received) for n, line in enumerate(found.lines)
    ]
