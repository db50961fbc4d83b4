"""Damaged frames and dumps: both twins refuse them with `LedgerError`, or both take them and hold
the same state. Nothing else may come out, least of all a crash."""

from random import Random

import pytest

from engine.core.commands import Request
from engine.core.errors import LedgerError
from engine.core.ledger import Ledger as SlowLedger
from engine.core.records import HEADER, split
from ext.ledger import Ledger as FastLedger
from tests.model import drawing

START_US = 1_800_000_000_000_000
TWINS = (SlowLedger, FastLedger)


def _history(number: int) -> tuple[list, bytes]:
    """Return frames of a random history, and the dump before its last frame."""
    rng, ledger, frames, dump = Random(number), SlowLedger(), [], b""
    now_us = START_US
    for batch in range(6):
        ledger.begin(now_us)
        ledger.open_epoch(batch + 1, "w", "1")
        requests = [Request(command) for command in drawing.OPENING] if not batch else []
        for request in requests:
            ledger.decide(request)
        for _ in range(25):
            ledger.decide(drawing.request(rng, ledger._state))
        ledger.expire()
        if batch == 5:
            dump = SlowLedger.load(dump).dump()
        frames.append(ledger.drain())
        dump = dump if batch == 5 else ledger.dump()
        now_us += rng.choice((1_000_000, 70_000_000))
    return frames, dump


def _outcome(call) -> bytes | None:
    """Return the dump of what `call` gives, None if it refuses."""
    try:
        return call().dump()
    except LedgerError:
        return None


def _agree(calls) -> bool:
    """Say whether both twins took it; they must do the same."""
    slow, fast = map(_outcome, calls)
    assert slow == fast, "one twin took what the other refused, or made another state of it"
    return slow is not None


def _damage(rng: Random, data: bytes) -> bytes:
    at, kind = rng.randrange(len(data)), rng.random()
    if kind < 0.5:
        return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]
    if kind < 0.75:
        return data[:at] + bytes([rng.choice((0, 1, 127, 255))]) + data[at + 1 :]
    if kind < 0.85:
        return data[:at]
    if kind < 0.95:
        size = min(8, len(data) - at)
        return data[:at] + rng.randbytes(size) + data[at + size :]
    return data[:at] + rng.randbytes(rng.randint(1, 9)) + data[at:]


def _shuffle(rng: Random, body: bytes) -> bytes:
    """Whole records, one of them doubled, dropped, swapped or of another kind."""
    records, kind = split(body), rng.random()
    at, other = rng.randrange(len(records)), rng.randrange(len(records))
    if kind < 0.3:
        records.insert(other, records[at])
    elif kind < 0.6:
        del records[at]
    elif kind < 0.8:
        records[at], records[other] = records[other], records[at]
    else:
        size, _, version, zero = HEADER.unpack_from(records[at])
        head = HEADER.pack(size, rng.randint(0, 12), version, zero)
        records[at] = head + records[at][HEADER.size :]
    return b"".join(records)


def _applied(make, dump: bytes, frame, body: bytes):
    ledger = make.load(dump)
    ledger.apply(frame.stamp_us, frame.first_seq, body)
    return ledger


@pytest.mark.parametrize("number", range(6))
def test_damaged_frames(number: int) -> None:
    frames, dump = _history(number)
    rng, frame, taken = Random(number), frames[-1], 0
    for turn in range(250):
        spoil = _shuffle if turn % 4 == 0 else _damage
        body = spoil(rng, frame.records)
        calls = [lambda make=make, body=body: _applied(make, dump, frame, body) for make in TWINS]
        taken += _agree(calls)
    assert 0 < taken < 250, "damage went unnoticed everywhere, or changed nothing anywhere"


@pytest.mark.parametrize("number", range(6))
def test_damaged_dumps(number: int) -> None:
    _, dump = _history(number)
    rng, taken = Random(number), 0
    for _ in range(250):
        damaged = _damage(rng, dump)
        taken += _agree([lambda make=make, d=damaged: make.load(d) for make in TWINS])
    assert taken < 250


def test_noise() -> None:
    rng = Random(0)
    for size in (0, 1, 7, 8, 9, 26, 40, 400):
        for _ in range(50):
            noise = rng.randbytes(size)
            calls = [lambda make=make, n=noise: make.load(n) for make in TWINS]
            calls_2 = [lambda make=make, n=noise: _fresh(make, n) for make in TWINS]
            _agree(calls)
            assert _agree(calls_2) == (size == 0)


def _fresh(make, body: bytes):
    ledger = make()
    ledger.apply(1, 1, body)
    return ledger


@pytest.mark.parametrize("make", TWINS)
def test_a_failed_fast_ledger_stops(make) -> None:
    """Fail-stop: what an event half changed is never shown as a state."""
    ledger = make()
    with pytest.raises(LedgerError):
        ledger.apply(1, 1, b"\x08\x00\x00\x00\x63\x01\x00\x00")
    if make is FastLedger:
        for call in (ledger.dump, ledger.drain, ledger.expire, lambda: ledger.begin(9)):
            with pytest.raises(LedgerError):
                call()
