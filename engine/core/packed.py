"""Commands and answers as packed bytes: what doors put many commands to the ledger with at once.

Public format: docs/packed-format.md. This file is the specification and the slow twin of
`ext.packed`; both write the same bytes. Little-endian; a text is `u16 length, UTF-8`, a blob
`u32 length, bytes`, as in the log's records.

    request  size u32, kind u8, flags u8, zero u16, tag u64, fingerprint u64, actor text, key text
      PLACE_ORDER  channel text, order_id text, when_short u8, [latitude f64, longitude f64],
                   lines u16, line …, details blob, [policy text, strategy text (empty: none)]
      RESERVE      reservation_id text, channel text, ttl_s u32, lines u16, line …
      COMMIT       reservation_id text, order_id text (empty: none), details blob
      EXTEND       reservation_id text, ttl_s u32
      RELEASE      reservation_id text
      READ_STOCK   sku text
      line         flags u8, quantity u32, sku text, [price u64], [line_id text], [location text]

    answer   size u32, code u8, flags u8, zero u16, tag u64, seq u64, body

`tag` is the sender's and comes back with the answer. `code` is 0 for accepted, a refusal's `Code`,
or a `Trouble`. The body of an accepted request is its JSON answer; of a refused one, what a problem
document says after its `code`: `"detail":…}`. With the flag BRIEF the body is empty.
"""

import struct
from enum import IntEnum
from typing import Any

import msgspec

from engine.core import answers, kept, limits
from engine.core.commands import (
    Address,
    Command,
    Commit,
    Details,
    Extend,
    OrderLine,
    PlaceOrder,
    Release,
    Request,
    Reserve,
    ReserveLine,
    fingerprint,
)
from engine.core.kept import document_of
from engine.core.outcomes import Accepted, Code, Fault, Outcome


class Kind(IntEnum):
    """What a packed request asks for."""

    PLACE_ORDER = 1
    RESERVE = 2
    COMMIT = 3
    EXTEND = 4
    RELEASE = 5
    READ_STOCK = 6


class Trouble(IntEnum):
    """Answer codes beyond those of `Code`: the request was not decided, or nobody knows."""

    UNAVAILABLE = 64
    OUTCOME_UNKNOWN = 65
    OVERLOADED = 66
    MALFORMED = 67


BRIEF, LOCATED, ROUTED, UNSURE = 1, 2, 4, 128  # of a request; UNSURE: look at every field of it
REPLAYED, CREATED, MISSING = 1, 2, 4  # of an answer; MISSING: what is read does not exist
PRICED, NAMED, BOUND = 2, 4, 16  # of a line
REQUEST_BYTES_MAX = 1 << 20
COMMANDS = (PlaceOrder, Reserve, Commit, Extend, Release)
WHEN_SHORT = ("refuse", "backorder", "split", "complete")

HEAD = struct.Struct("<IBBHQQ")
ANSWER = struct.Struct("<IBBHQQ")
_U8, _U16, _U32, _U64 = (struct.Struct(f) for f in ("<B", "<H", "<I", "<Q"))
_PLACE = struct.Struct("<dd")
_LINE = struct.Struct("<BI")
_json = msgspec.json.Encoder().encode


class _Rest(msgspec.Struct, omit_defaults=True):
    """What a problem document says of a refusal after its code."""

    detail: str
    errors: tuple[Fault, ...] = ()
    seq: int | None = None
    retry_after_s: int | None = None


class Read(msgspec.Struct, frozen=True):
    """The request to read one SKU's stock."""

    sku: str


class Asked(msgspec.Struct, frozen=True):
    """One unpacked request."""

    request: Request | Read
    tag: int
    brief: bool
    fingerprint: int


class Answer(msgspec.Struct, frozen=True):
    """One unpacked answer; see the format above."""

    code: int
    tag: int
    seq: int
    body: bytes
    replayed: bool = False
    created: bool = False
    missing: bool = False


def _text(value: str | None) -> bytes:
    data = (value or "").encode()
    return _U16.pack(len(data)) + data


def _blob(value: bytes) -> bytes:
    return _U32.pack(len(value)) + value


def _line(line: OrderLine | ReserveLine) -> bytes:
    price, name = getattr(line, "unit_price", None), getattr(line, "line_id", None)
    flags = (
        (PRICED if price is not None else 0)
        | (NAMED if name else 0)
        | (BOUND if line.location is not None else 0)
    )
    return b"".join(
        (
            _LINE.pack(flags, line.quantity),
            _text(line.sku),
            _U64.pack(price) if price is not None else b"",
            _text(name) if name else b"",
            _text(line.location) if line.location is not None else b"",
        )
    )


def _lines(lines: tuple) -> bytes:
    return _U16.pack(len(lines)) + b"".join(map(_line, lines))


def _body(command: Command) -> tuple[Kind, int, bytes]:
    """Return (kind, flags, what follows the head)."""
    match command:
        case PlaceOrder():
            to, flags, place = command.ship_to, 0, b""
            if to is not None and to.latitude is not None and to.longitude is not None:
                flags, place = LOCATED, _PLACE.pack(to.latitude, to.longitude)
            names = _text(command.channel) + _text(command.order_id)
            short = _U8.pack(WHEN_SHORT.index(command.when_short))
            rest = _lines(command.lines) + _blob(document_of(command))
            if command.policy is not None or command.strategy is not None:
                flags |= ROUTED
                rest += _text(command.policy) + _text(command.strategy)
            return Kind.PLACE_ORDER, flags, names + short + place + rest
        case Reserve():
            names = _text(command.reservation_id) + _text(command.channel)
            return Kind.RESERVE, 0, names + _U32.pack(command.ttl_s) + _lines(command.lines)
        case Commit():
            names = _text(command.reservation_id) + _text(command.order_id)
            return Kind.COMMIT, 0, names + _blob(document_of(command))
        case Extend():
            return Kind.EXTEND, 0, _text(command.reservation_id) + _U32.pack(command.ttl_s)
        case Release():
            return Kind.RELEASE, 0, _text(command.reservation_id)
    raise TypeError(f"{type(command).__name__} has no packed form")


def _headed(kind: Kind, flags: int, tag: int, mark: int, body: bytes) -> bytes:
    return HEAD.pack(HEAD.size + len(body), kind, flags, 0, tag, mark) + body


def pack(request: Request, tag: int = 0, *, brief: bool = False) -> bytes:
    """Return one packed request; `TypeError` if its command has no packed form."""
    kind, flags, body = _body(request.command)
    names = _text(request.actor) + _text(request.key)
    flags |= BRIEF if brief else 0
    return _headed(kind, flags, tag, fingerprint(request.command), names + body)


def pack_read(sku: str, tag: int = 0) -> bytes:
    """Return the packed request to read one SKU's stock."""
    return _headed(Kind.READ_STOCK, 0, tag, 0, _text("") + _text("") + _text(sku))


def split(data: bytes) -> list[bytes]:
    """Return the requests, or answers, that stand one behind the other in `data`.

    `ValueError` if they do not end where the data ends."""
    found, at = [], 0
    while at < len(data):
        size = _U32.unpack_from(data, at)[0] if at + 4 <= len(data) else 0
        if size < HEAD.size or at + size > len(data):
            raise ValueError(f"packed data is cut or damaged at byte {at}")
        found.append(data[at : at + size])
        at += size
    return found


class _Reader:
    """Walks over one request; whatever is missing or too much is a `ValueError`."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at

    def raw(self, size: int) -> bytes:
        self.at += size
        if self.at > len(self.data):
            raise ValueError("a packed request is cut")
        return self.data[self.at - size : self.at]

    def number(self, form: struct.Struct) -> int:
        return form.unpack(self.raw(form.size))[0]

    def text(self) -> str:
        return self.raw(self.number(_U16)).decode()

    def blob(self) -> bytes:
        return self.raw(self.number(_U32))

    def lines(self, make: type) -> list[dict[str, Any]]:
        found = []
        for _ in range(self.number(_U16)):
            flags = self.number(_U8)
            line = {"quantity": self.number(_U32), "sku": self.text()}
            if flags & PRICED:
                line["unit_price"] = self.number(_U64)
            if flags & NAMED:
                line["line_id"] = self.text()
            if flags & BOUND:
                line["location"] = self.text()
            if flags & ~(PRICED | NAMED | BOUND):
                raise ValueError("a line's flags are unknown")
            found.append(line)
        return msgspec.convert(found, tuple[make, ...])


def _details_fields(document: bytes, *, complete: bool = False) -> dict[str, Any]:
    found = kept.read(document)
    if found.ships_complete != complete or document_of(found) != document:
        raise ValueError("the details are not written as dibs writes them")
    return {name: getattr(found, name) for name in Details.__struct_fields__}


def _located(details: dict, place: bytes) -> bool:
    """Say whether a place beside the details is the one in them."""
    to: Address | None = details["ship_to"]
    inside = to is not None and to.latitude is not None and to.longitude is not None
    return place == (_PLACE.pack(to.latitude, to.longitude) if inside else b"")


def _command(kind: int, flags: int, read: _Reader) -> Command | Read:
    match kind:
        case Kind.PLACE_ORDER:
            channel, order_id = read.text(), read.text()
            when_short = WHEN_SHORT[min(read.number(_U8), len(WHEN_SHORT) - 1)]
            place = read.raw(_PLACE.size) if flags & LOCATED else b""
            lines = read.lines(OrderLine)
            details = _details_fields(read.blob(), complete=when_short == "complete")
            if not _located(details, place):
                raise ValueError("the place beside the details is not the one in them")
            if flags & ROUTED:
                details |= {"policy": read.text() or None, "strategy": read.text() or None}
            return PlaceOrder(
                order_id=order_id, channel=channel, lines=lines, when_short=when_short, **details
            )
        case Kind.RESERVE:
            return Reserve(read.text(), read.text(), read.number(_U32), read.lines(ReserveLine))
        case Kind.COMMIT:
            reservation_id, order_id = read.text(), read.text() or None
            details = _details_fields(read.blob())
            return Commit(reservation_id=reservation_id, order_id=order_id, **details)
        case Kind.EXTEND:
            return Extend(read.text(), read.number(_U32))
        case Kind.RELEASE:
            return Release(read.text())
        case Kind.READ_STOCK:
            return Read(read.text())
    raise ValueError(f"kind {kind} is unknown")


def unpack(data: bytes) -> Asked:
    """Return one request; `ValueError` (of which msgspec's errors are) if it cannot be one.

    The fields are checked as those of a JSON body are.
    """
    size, kind, flags, _, tag, mark = HEAD.unpack_from(data)
    read = _Reader(data, HEAD.size)
    actor, key = read.text(), read.text()
    command = _command(kind, flags, read)
    if read.at != size or size != len(data):
        raise ValueError("a packed request has bytes that belong to nothing")
    if len(actor) > limits.ID_CHARS_MAX or len(key) > limits.IDEMPOTENCY_KEY_CHARS_MAX:
        raise ValueError("actor or key is too long")
    if isinstance(command, Read):
        return Asked(command, tag, False, 0)
    # msgspec checks what it decodes, not what is constructed.
    command = msgspec.convert(msgspec.to_builtins(command), type(command))
    return Asked(Request(command, actor, key), tag, bool(flags & BRIEF), mark)


def _answer(code: int, flags: int, tag: int, seq: int, body: bytes) -> bytes:
    return ANSWER.pack(ANSWER.size + len(body), code, flags, 0, tag, seq) + body


def pack_answer(outcome: Outcome, tag: int, *, brief: bool = False) -> bytes:
    """Return the packed answer of one outcome."""
    if isinstance(outcome, Accepted):
        flags = (REPLAYED if outcome.replayed else 0) | (CREATED if outcome.created else 0)
        body = b"" if brief else _json(outcome.answer)
        return _answer(0, flags, tag, outcome.seq, body)
    rest = _Rest(outcome.detail, outcome.faults, outcome.seq)
    return _answer(outcome.code, 0, tag, outcome.seq, b"" if brief else _json(rest)[1:])


def pack_trouble(trouble: Trouble, detail: str, tag: int, retry_after_s: int = 1) -> bytes:
    """Return the answer of a request that was not decided, or whose outcome is not known."""
    rest = _Rest(detail, retry_after_s=retry_after_s or None)
    return _answer(trouble, 0, tag, 0, _json(rest)[1:])


def unpack_answer(data: bytes) -> Answer:
    """Return one answer."""
    _, code, flags, _, tag, seq = ANSWER.unpack_from(data)
    marks = (bool(flags & mark) for mark in (REPLAYED, CREATED, MISSING))
    return Answer(code, tag, seq, data[ANSWER.size :], *marks)


def fail_all(data: bytes, trouble: Trouble, detail: str) -> bytes:
    """Return the same trouble for every request, or answer, in `data`."""
    tags = [HEAD.unpack_from(one)[4] for one in split(data)]
    return b"".join(pack_trouble(trouble, detail, tag) for tag in tags)


def withdraw(answers: bytes, detail: str) -> bytes:
    """Return the answers of a frame that is surely not stored: nothing was changed."""
    return fail_all(answers, Trouble.UNAVAILABLE, detail)


def tally(answers: bytes) -> tuple[int, int]:
    """Return how many answers there are, and how many of them are refusals."""
    codes = [ANSWER.unpack_from(one)[1] for one in split(answers)]
    return len(codes), sum(1 for code in codes if code)


def in_doubt(data: bytes, unknown: str, unavailable: str) -> bytes:
    """Return answers of a frame whose fate is unknown: what was accepted may hold, what was
    refused or read was decided on a state that may not."""
    found = []
    for answer in map(unpack_answer, split(data)):
        if answer.code == 0 and answer.seq:
            found.append(pack_trouble(Trouble.OUTCOME_UNKNOWN, unknown, answer.tag))
        else:
            found.append(pack_trouble(Trouble.UNAVAILABLE, unavailable, answer.tag))
    return b"".join(found)


def _read(ledger: Any, sku: str, tag: int) -> bytes:
    answer = ledger.stock(sku)
    if answer is None:
        rest = _Rest(answers.no_sku(sku), (Fault("sku", "does not exist"),))
        return _answer(Code.UNKNOWN_SKU, MISSING, tag, 0, _json(rest)[1:])
    return _answer(0, 0, tag, 0, _json(answer))


def answer_one(ledger: Any, data: bytes) -> bytes:
    """Decide one packed request with `ledger.decide` and return its packed answer."""
    try:
        asked = unpack(data)
    except ValueError as error:
        tag = HEAD.unpack_from(data)[4]
        return pack_trouble(Trouble.MALFORMED, str(error), tag, 0)
    if isinstance(asked.request, Read):
        return _read(ledger, asked.request.sku, asked.tag)
    outcome = ledger.decide(asked.request)
    return pack_answer(outcome, asked.tag, brief=asked.brief)


def decide_packed(ledger: Any, data: bytes, start: int = 0) -> tuple[bytes, int]:
    """Decide packed requests from byte `start` on, until the open frame is full. Returns their
    answers, in order, and where the next request starts."""
    found, at = [], start
    while at < len(data) and ledger.pending_bytes <= limits.FRAME_BODY_BYTES_TARGET:
        size = _U32.unpack_from(data, at)[0]
        if size < HEAD.size or at + size > len(data):
            raise ValueError(f"packed data is cut or damaged at byte {at}")
        found.append(answer_one(ledger, data[at : at + size]))
        at += size
    return b"".join(found), at
