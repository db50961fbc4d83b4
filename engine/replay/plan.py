"""From documents and catalogue to prepared requests, and the tags that say what each one is.

Every request carries an id that depends on the files alone, so a second replay against the same
server is answered as the first one was. The ids of opening stock also depend on its amounts, those
of returns and adjustments on where they are booked: another seed brings stock of its own.
"""

import hashlib
from collections import defaultdict
from datetime import UTC, datetime

import msgspec

from engine.core import limits
from engine.core.commands import Adjust, AdjustLine, Cancel, PlaceOrder, ReceiptLine, Receive
from engine.core.paths import order_path, path_of
from engine.core.return_commands import (
    InspectedLine,
    InspectReturn,
    OpenReturn,
    ReceiveReturn,
    ReturnedLine,
)
from engine.replay.documents import (
    Adjustment,
    Cancellation,
    Document,
    GivenBack,
    GoodsReturn,
    Leaving,
    Order,
)
from engine.replay.sender import Exchange, Sender
from engine.replay.stocking import Catalogue

_json = msgspec.json.Encoder().encode


class Booking(msgspec.Struct, frozen=True):
    """A receipt or adjustment at one location: units by SKU, signed. `paper` is the document's own
    id."""

    kind: str
    location: str
    lines: tuple[tuple[str, int], ...]
    paper: str = ""


class Back(msgspec.Struct, frozen=True):
    """A step of a return at one location: goods are `received`, or `inspected` and restocked.
    `last` says that it is the last step of the return."""

    step: str
    document: GivenBack
    location: str
    lines: tuple[tuple[str, int], ...]
    last: bool


def _without(struct: msgspec.Struct, *names: str) -> bytes:
    body = msgspec.to_builtins(struct)
    for name in names:
        del body[name]
    return _json(body)


def order_name(command: PlaceOrder | Cancel | OpenReturn | Leaving) -> str:
    """What an order is called in reports."""
    return f"{command.channel}/{command.order_id}"


def stock_read(sender: Sender, sku: str) -> bytes:
    """The request for one SKU's stock."""
    return sender.encode("GET", path_of("stock", sku))


def stock_reads(sender: Sender, catalogue: Catalogue) -> list[Exchange]:
    """One read of each SKU's stock."""
    return [Exchange(stock_read(sender, put.sku), put.sku) for put in catalogue.skus]


def order_reads(sender: Sender, orders: list[Order]) -> list[Exchange]:
    """One read of each order."""
    return [
        Exchange(
            sender.encode("GET", order_path(o.command.channel, o.command.order_id)),
            order_name(o.command),
        )
        for o in orders
    ]


def catalogue_puts(sender: Sender, catalogue: Catalogue) -> list[list[Exchange]]:
    """Locations, then SKUs. Each list may go out at once, when the one before is through."""
    places = [
        Exchange(
            sender.encode("PUT", path_of("locations", put.location), _without(put, "location")), put
        )
        for put in catalogue.locations
    ]
    skus = [
        Exchange(sender.encode("PUT", path_of("skus", put.sku), _without(put, "sku")), put)
        for put in catalogue.skus
    ]
    return [places, skus]


def opening_receipts(sender: Sender, catalogue: Catalogue, name: str) -> list[Exchange]:
    """The opening stock, in receipts of at most `DOCUMENT_LINES_MAX` lines."""
    by_place: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for (sku, place), units in catalogue.opening.items():
        for units_left in range(units, 0, -limits.QUANTITY_MAX):
            by_place[place].append((sku, min(units_left, limits.QUANTITY_MAX)))
    digest = hashlib.blake2b(repr(sorted(by_place.items())).encode(), digest_size=6).hexdigest()
    found = []
    for number, (place, lines) in enumerate(sorted(by_place.items())):
        for at in range(0, len(lines), limits.DOCUMENT_LINES_MAX):
            part = tuple(lines[at : at + limits.DOCUMENT_LINES_MAX])
            page = at // limits.DOCUMENT_LINES_MAX
            paper = _paper("opening", name, digest, str(number), str(page))
            found.append(_booking(sender, Booking("receipt", place, part), paper))
    return found


def _paper(*parts: str) -> str:
    """An id of these parts; where they are too long for one, of their digest."""
    name = "-".join(parts)
    if len(name) > limits.ID_CHARS_MAX:
        name = hashlib.blake2b(repr(parts).encode(), digest_size=32).hexdigest()
    return name


def _booking(sender: Sender, booking: Booking, paper: str, reasons=(), **when) -> Exchange:
    if booking.kind == "receipt":
        lines = tuple(ReceiptLine(sku, units) for sku, units in booking.lines)
        path, body = path_of("stock", "receipts"), _json(Receive(paper, booking.location, lines))
    else:
        lines = tuple(
            AdjustLine(sku, units, reason)
            for (sku, units), reason in zip(booking.lines, reasons, strict=True)
        )
        path, body = path_of("stock", "adjustments"), _json(Adjust(paper, booking.location, lines))
    return Exchange(sender.encode("POST", path, body), booking, **when)


def requests(
    sender: Sender,
    documents: list[Document],
    catalogue: Catalogue,
    *,
    speed: float = 0.0,
    channel: str | None = None,
    when_short: str = "refuse",
) -> list[Exchange]:
    """The documents as requests in time order. `speed` is how many times faster than real time
    they are due, 0 for at once. A cancellation waits for its order, and for earlier
    cancellations of it. `channel` replaces the files' own."""
    found: list[Exchange] = []
    orders: dict[tuple[str, str], list[Exchange]] = {}
    first_us = documents[0].at_us if documents else 0
    for document in documents:
        due_s = (document.at_us - first_us) / 1e6 / speed if speed else 0.0
        if isinstance(document, Order):
            command = document.command
            channel_of = channel or command.channel
            command = msgspec.structs.replace(command, channel=channel_of, when_short=when_short)
            command = msgspec.structs.replace(command, placed_at=_moment(document.at_us))
            document = msgspec.structs.replace(document, command=command)
            request = sender.encode("POST", "/v1/orders", _json(command))
            exchange = Exchange(request, document, due_s=due_s)
            orders[channel_of, command.order_id] = [exchange]
            found.append(exchange)
        elif isinstance(document, Cancellation):
            command = msgspec.structs.replace(
                document.command, channel=channel or document.command.channel
            )
            document = msgspec.structs.replace(document, command=command)
            found.append(_cancel(sender, document, orders, due_s))
        elif isinstance(document, Leaving):
            document = msgspec.structs.replace(document, channel=channel or document.channel)
            found.append(_shipment(sender, document, orders, due_s))
        elif isinstance(document, GivenBack):
            command = msgspec.structs.replace(
                document.command, channel=channel or document.command.channel
            )
            document = msgspec.structs.replace(document, command=command)
            found += _given_back(sender, document, catalogue, orders, due_s)
        else:
            found += _bookings(sender, document, catalogue, channel, due_s)
    return found


def _moment(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).replace(microsecond=at_us % 1_000_000)


def _cancel(sender: Sender, document: Cancellation, orders: dict, due_s: float) -> Exchange:
    command = document.command
    name = (command.channel, command.order_id)
    path = order_path(*name, "cancel")
    key = f"cancel-{hashlib.blake2b(repr((name, document.cancellation_id)).encode()).hexdigest()}"
    request = sender.encode("POST", path, _without(command, "channel", "order_id"), key[:64])
    return _chained(orders[name], request, document, due_s)


def _shipment(sender: Sender, document: Leaving, orders: dict, due_s: float) -> Exchange:
    name = (document.channel, document.order_id)
    body = _json({"shipment_id": "all"})
    request = sender.encode("POST", order_path(*name, "shipments"), body)
    return _chained(orders[name], request, document, due_s)


def _chained(chain: list[Exchange], request: bytes, tag, due_s: float) -> Exchange:
    chain.append(Exchange(request, tag, due_s=due_s, after=chain[-1], root=chain[0]))
    return chain[-1]


def _given_back(
    sender: Sender, document: GivenBack, catalogue: Catalogue, orders: dict, due_s: float
) -> list[Exchange]:
    """A return: announced, then at each SKU's home location received and inspected."""
    command = document.command
    chain = orders[command.channel, command.order_id]
    names = ("channel", "order_id")
    path = ("orders", command.channel, command.order_id, "returns")
    request = sender.encode("POST", path_of(*path), _without(command, *names))
    found = [_chained(chain, request, document, due_s)]
    by_place: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for line in command.lines:
        by_place[catalogue.home[line.sku]].append((line.sku, line.quantity))
    names = (*names, "return_id")
    one = (command.channel, command.order_id, command.return_id)
    for number, (place, lines) in enumerate(sorted(by_place.items()), 1):
        came = tuple(ReturnedLine(*line) for line in lines)
        seen = tuple(InspectedLine(*line, "restock") for line in lines)
        last = number == len(by_place)
        for step, word, body in (
            ("received", "receipts", ReceiveReturn(*one, str(number), place, came)),
            ("inspected", "inspections", InspectReturn(*one, str(number), place, seen)),
        ):
            url = path_of(*path, command.return_id, word)
            request = sender.encode("POST", url, _without(body, *names))
            tag = Back(step, document, place, tuple(lines), last and step == "inspected")
            found.append(_chained(chain, request, tag, due_s))
    return found


def _bookings(
    sender: Sender,
    document: GoodsReturn | Adjustment,
    catalogue: Catalogue,
    channel: str | None,
    due_s: float,
) -> list[Exchange]:
    """A return or adjustment, at each SKU's home location."""
    by_place: dict[str, list[tuple[str, int, str]]] = defaultdict(list)
    returned = isinstance(document, GoodsReturn)
    for line in document.lines:
        units, reason = (line.quantity, "") if returned else (line.delta, line.reason)
        by_place[catalogue.home[line.sku]].append((line.sku, units, reason))
    name = document.return_id if returned else document.adjustment_id
    found = []
    for place, lines in sorted(by_place.items()):
        kind = "receipt" if returned else "adjustment"
        booking = Booking(kind, place, tuple((sku, units) for sku, units, _ in lines), name)
        paper = _paper(channel or document.channel, name, place)
        reasons = [reason for _, _, reason in lines]
        found.append(_booking(sender, booking, paper, reasons, due_s=due_s))
    return found
