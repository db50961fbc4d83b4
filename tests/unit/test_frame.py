"""Frames: a wrong byte, a missing one, a frame of another place or log cannot pass (P6)."""

import pytest

from engine.core.commands import OrderLine, PlaceOrder
from engine.core.errors import CorruptLogError
from engine.core.records import Batch
from engine.log import frame
from engine.log.frame import Link
from tests.unit.logkit import stocked

MASKS = (0x01, 0x80, 0xFF)


@pytest.fixture(scope="module")
def chain():
    made = stocked()
    made.done(PlaceOrder(order_id="o1", channel="web", lines=(OrderLine("S0", 1),)))
    made.done(PlaceOrder(order_id="o2", channel="web", lines=(OrderLine("S1", 2),)))
    return made


def test_every_flipped_byte_is_detected(chain) -> None:
    entry_id, data = chain.entries[-1]
    detected = 0
    for at in range(len(data)):
        for mask in MASKS:
            bad = bytearray(data)
            bad[at] ^= mask
            with pytest.raises(CorruptLogError):
                frame.unpack(bytes(bad), entry_id)
            detected += 1
    assert detected == len(data) * len(MASKS) > 300


def test_every_truncation_and_extension_is_detected(chain) -> None:
    entry_id, data = chain.entries[-1]
    for size in range(len(data)):
        with pytest.raises(CorruptLogError):
            frame.unpack(data[:size], entry_id)
    for more in (b"\0", b"\xff", data):
        with pytest.raises(CorruptLogError):
            frame.unpack(data + more, entry_id)


def test_a_frame_comes_back_as_it_was(chain) -> None:
    for entry_id, data in chain.entries[1:]:
        found = frame.unpack(data, entry_id)
        assert found.data == data
        assert found.entry_id == entry_id


def test_a_frame_at_another_entry_is_refused(chain) -> None:
    _, data = chain.entries[-1]
    with pytest.raises(CorruptLogError, match="holds frame"):
        frame.unpack(data, "1-999")


def test_valid_checksum_with_fields_that_disagree_is_refused() -> None:
    empty, _ = frame.pack(1, frame.GENESIS, Batch(5, 1, 0, b""))
    nothing, _ = frame.pack(1, frame.GENESIS, Batch(5, 0, 1, b"x"))
    for data in (empty, nothing):
        with pytest.raises(CorruptLogError, match="disagree"):
            frame.unpack(data)


@pytest.mark.parametrize(
    ("link", "why"),
    [
        (Link(1, 3, 10, b"p" * 16), "gap"),
        (Link(1, 5, 10, b"p" * 16), "gap"),
        (Link(3, 4, 10, b"p" * 16), "epoch"),
        (Link(2, 4, 20, b"p" * 16), "stamp"),
        (Link(2, 4, 21, b"p" * 16), "stamp"),
        (Link(2, 4, 10, b"q" * 16), "chain"),
    ],
)
def test_follow_names_what_does_not_follow(link: Link, why: str) -> None:
    data, _ = frame.pack(2, b"p" * 16, Batch(20, 5, 1, b"x"))
    with pytest.raises(CorruptLogError, match=why) as error:
        frame.follow(link, frame.unpack(data))
    assert error.value.seq == min(5, link.seq + 1), "the first that cannot be trusted"


def test_follow_goes_on_where_all_is_right() -> None:
    data, digest = frame.pack(2, b"p" * 16, Batch(20, 5, 3, b"x"))
    assert frame.follow(Link(1, 4, 19, b"p" * 16), frame.unpack(data)) == Link(2, 7, 20, digest)


def test_a_frame_of_another_log_is_refused(chain) -> None:
    """Same seq, same stamp, same epoch: only what came before differs."""
    other, link = stocked(on_hand=11), Link()
    for found in other.frames:
        link = frame.follow(link, found)
    ours = chain.frames[len(other.frames)]
    assert (ours.first_seq, ours.epoch) == (link.seq + 1, link.epoch)
    with pytest.raises(CorruptLogError, match="chain"):
        frame.follow(link, ours)


def test_every_flipped_byte_and_truncation_of_a_fence_is_detected() -> None:
    data = frame.pack_fence(7, "host/123")
    assert frame.unpack_fence(data, "7-0") == (7, "host/123")
    for at in range(len(data)):
        for mask in MASKS:
            bad = bytearray(data)
            bad[at] ^= mask
            assert not frame.is_fence(bytes(bad))
        assert not frame.is_fence(data[:at])
    with pytest.raises(CorruptLogError):
        frame.unpack_fence(data, "8-0")


def test_a_frame_is_no_fence_and_a_fence_no_frame(chain) -> None:
    assert not frame.is_fence(chain.entries[-1][1])
    with pytest.raises(CorruptLogError):
        frame.unpack(frame.pack_fence(1, "w" * 100))
