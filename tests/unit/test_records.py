"""The packed record of each event: golden bytes, round trip, and every way to damage one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import events as e
from engine.core.errors import LedgerError
from engine.core.events import Cause, Cut, Freed, Line, Movement, Take
from engine.core.records import HEADER, decode, encode, split

CAUSE = Cause(0x0123456789ABCDEF, "key-ü", "idem-1")
LINES = (
    Line(7, 3, (Take(2, 3),)),
    Line(8, 5, (Take(3, 2), Take(9, 1)), 2, 1_999, "L1"),
    Line(9, 4, (), 4),
)
# The public format of the log: these bytes never change while VERSION is 1.
GOLDEN = [
    (
        e.EpochOpened(5, "host-1", "0.1.0"),
        "1f000000 01 01 0000 0500000000000000 0600 686f73742d31 0500 302e312e30",
    ),
    (
        e.LocationPut(Cause(1), 2, b"{}"),
        "1e000000 02 01 0000 0100000000000000 0000 0000 02000000 02000000 7b7d",
    ),
    (
        e.OrderShipped(
            Cause(1),
            6,
            e.OrderStatus.PARTIALLY_SHIPPED,
            "s1",
            "dhl",
            "",
            (e.Left(0, 2),),
            (e.Freed(0, 1, 2),),
        ),
        "3c000000 0d 01 0000 0100000000000000 0000 0000 0600000000000000 06 0200 7331"
        " 0300 64686c 0000 0100 0000 02000000 01000000 0000 0100 02000000",
    ),
    (
        e.EntryPut(Cause(1), 1, 2, b"{}"),
        "20000000 0c 01 0000 0100000000000000 0000 0000 0100 02000000 02000000 7b7d",
    ),
    (
        e.OrderChanged(
            Cause(1),
            6,
            e.OrderStatus.ON_HOLD,
            (e.Standing(e.Line(3, 5, (), 2), 1, 2),),
            b"{}",
            b"[]",
        ),
        "43000000 0e 01 0000 0100000000000000 0000 0000 0600000000000000 09 01 0100"
        " 09 03000000 05000000 02000000 0000 01000000 02000000 02000000 7b7d 02000000 5b5d",
    ),
    (
        e.OrderChanged(Cause(1), 6, e.OrderStatus.DELIVERED),
        "26000000 0e 01 0000 0100000000000000 0000 0000 0600000000000000 0d 00 00000000 00000000",
    ),
    (
        e.SkuPut(Cause(1), 3, True, ((4, 2),), b"{}"),
        "29000000 03 01 0000 0100000000000000 0000 0000 03000000 01 0100 04000000 02000000"
        " 02000000 7b7d",
    ),
    (e.PositionOpened(1, 2, 3), "14000000 04 01 0000 01000000 02000000 03000000"),
    (
        e.StockMoved(
            Cause(1, "a", "k"),
            e.Document.ADJUSTMENT,
            "d1",
            2,
            e.NO_LOCATION,
            (Movement(4, e.BucketId.DAMAGED, -2, 3, "lost"),),
        ),
        "40000000 05 01 0000 0100000000000000 0100 61 0100 6b 03 02000000 ffffffff 0200 6431 0100"
        " 04000000 01 feffffffffffffff 0300000000000000 0400 6c6f7374",
    ),
    (
        e.Reserved(Cause(1), "r1", "web", 9, (Line(7, 3, (Take(2, 3),)),)),
        "34000000 06 01 0000 0100000000000000 0000 0000 0200 7231 0300 776562 0900000000000000"
        " 0100 00 07000000 03000000 02000000",
    ),
    (
        e.ReservationExtended(Cause(1), 6, 9),
        "24000000 07 01 0000 0100000000000000 0000 0000 0600000000000000 0900000000000000",
    ),
    (
        e.ReservationReleased(Cause(1), 6),
        "1c000000 08 01 0000 0100000000000000 0000 0000 0600000000000000",
    ),
    (e.ReservationExpired(6), "10000000 09 01 0000 0600000000000000"),
    (
        e.OrderPlaced(
            Cause(1), "web", "o1", e.OrderStatus.PARTIALLY_ALLOCATED, 6, 1, LINES[1:2], b"{}"
        ),
        "5b000000 0a 01 0000 0100000000000000 0000 0000 0300 776562 0200 6f31 02 0600000000000000"
        " 0100 0100 0f 08000000 05000000 02000000 cf07000000000000 0200 4c31 0200"
        " 03000000 02000000 09000000 01000000 02000000 7b7d",
    ),
    (
        e.OrderCancelled(
            Cause(1), 6, e.OrderStatus.CANCELLED, "x", (Cut(1, 3, 1),), (Freed(1, 0, 2),)
        ),
        "38000000 0b 01 0000 0100000000000000 0000 0000 0600000000000000 04 0100 78"
        " 0100 0100 03000000 01000000 01000000 0100 0000 02000000",
    ),
]
RICH = [
    e.SkuPut(CAUSE, 3, False, ((4, 2), (5, 1)), b'{"sku":"x","title":"t"}'),
    e.StockMoved(
        CAUSE,
        e.Document.TRANSFER,
        "überführung",
        0,
        1,
        (Movement(4, e.BucketId.ON_HAND, -2, 3), Movement(5, e.BucketId.ON_HAND, 2, 2, "r")),
    ),
    e.Reserved(CAUSE, "r-é", "web", 2**60, LINES[:1]),
    e.OrderPlaced(CAUSE, "web", "o", e.OrderStatus.BACKORDERED, 0, 1, LINES, b'{"note":"n"}'),
    e.OrderCancelled(
        CAUSE, 9, e.OrderStatus.ALLOCATED, "", (Cut(0, 1, 0), Cut(2, 4, 4)), (Freed(0, 0, 1),)
    ),
]
EVENTS = [event for event, _ in GOLDEN] + RICH


def _name(value) -> str:
    return type(value).__name__ if isinstance(value, e._Event) else ""


@pytest.mark.parametrize("event, text", GOLDEN, ids=_name)
def test_golden_bytes(event, text: str) -> None:
    assert encode(event).hex() == text.replace(" ", "")
    assert decode(bytes.fromhex(text)) == event


def test_every_kind_has_golden_bytes() -> None:
    assert {event.kind for event, _ in GOLDEN} == set(e.Kind)


@pytest.mark.parametrize("event", EVENTS, ids=_name)
def test_round_trip(event) -> None:
    record = encode(event)
    assert decode(record) == event
    assert split(record * 3) == [record] * 3


@pytest.mark.parametrize("event", EVENTS, ids=_name)
def test_every_truncation_is_found(event) -> None:
    record = encode(event)
    for size in range(len(record)):
        cut = record[:size]
        with pytest.raises(LedgerError):
            decode(cut)
        if size >= HEADER.size:  # the same with a size that agrees
            _, kind, version, zero = HEADER.unpack_from(record)
            with pytest.raises(LedgerError):
                decode(HEADER.pack(size, kind, version, zero) + cut[HEADER.size :])
        if size:
            with pytest.raises(LedgerError):
                split(cut)


@pytest.mark.parametrize("event", EVENTS, ids=_name)
def test_every_damaged_byte_is_refused_or_another_event(event) -> None:
    record = encode(event)
    for at in range(len(record)):
        for bit in range(8):
            damaged = record[:at] + bytes([record[at] ^ (1 << bit)]) + record[at + 1 :]
            try:
                other = decode(damaged)
            except LedgerError:
                continue
            assert other != event
            assert encode(other) == damaged


@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(st.binary(max_size=80), st.integers(0, 13))
def test_noise_is_refused_or_is_a_record(noise: bytes, kind: int) -> None:
    record = HEADER.pack(HEADER.size + len(noise), kind, 1, 0) + noise
    try:
        event = decode(record)
    except LedgerError:
        return
    assert encode(event) == record


_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_u32 = st.integers(0, 2**32 - 1)
_u64 = st.integers(0, 2**64 - 1)
_cause = st.builds(Cause, _u64, _text, _text)
_take = st.builds(Take, _u32, _u32)
_line = st.builds(
    Line,
    _u32,
    _u32,
    st.lists(_take, max_size=3).map(tuple),
    _u32,
    st.integers(-(2**63), 2**63 - 1),
    _text,
)
_some_lines = st.lists(_line, max_size=4).map(tuple)


@settings(max_examples=200, deadline=None, database=None, derandomize=True)
@given(
    st.one_of(
        st.builds(e.Reserved, _cause, _text, _text, _u64, _some_lines),
        st.builds(
            e.OrderPlaced,
            _cause,
            _text,
            _text,
            st.sampled_from(e.OrderStatus),
            _u64,
            st.integers(0, 2**16 - 1),
            _some_lines,
            st.binary(max_size=30),
        ),
    )
)
def test_any_lines_go_round(event) -> None:
    assert decode(encode(event)) == event
