"""Waves: many orders released at once. The last ones are kept, so that a repeated id is known."""

from typing import Any

import msgspec

from engine.core import limits
from engine.core.answers.base import Answer
from engine.core.errors import LedgerError
from engine.core.register import Code, Entry, Register


class Wave(msgspec.Struct, frozen=True, omit_defaults=True):
    """A wave that was released: the (channel, id) of its orders, and behind which order the next
    one may look (None: there are no more). `fingerprint` is that of the request."""

    wave_id: str
    fingerprint: int
    orders: tuple[tuple[str, str], ...] = ()
    next_after: int | None = None


class WaveOrderAnswer(msgspec.Struct):
    """An order of a wave."""

    channel: str
    order_id: str


class WaveAnswer(Answer):
    """The orders that a wave has released. With `next_after`, more may be found behind it."""

    wave_id: str
    orders: list[WaveOrderAnswer]
    next_after: int | None = None


def answer(wave: Wave, seq: int) -> WaveAnswer:
    """Answer for a wave released at `seq`."""
    orders = [WaveOrderAnswer(*name) for name in wave.orders]
    return WaveAnswer(seq=seq, wave_id=wave.wave_id, orders=orders, next_after=wave.next_after)


class Waves(Register):
    """The register of waves, a ring: when it is full, a new one takes the place of the oldest."""

    def __init__(self) -> None:
        super().__init__(Code.WAVES, "wave_id", Wave, limits.WAVES_KEPT_MAX, answer)
        self._newest = -1  # number of the newest

    @property
    def next_number(self) -> int:
        """The number of the next new wave."""
        full = len(self.rows) == self.most
        return (self._newest + 1) % self.most if full else len(self.rows)

    def put(self, number: int, document: bytes, seq: int) -> Any:
        """Set a wave, always a new one; `LedgerError` if it does not fit."""
        wave = self._decode(document)
        replaces = number < len(self.rows)
        if wave.wave_id in self.numbers or number != self.next_number:
            raise LedgerError(f"wave number {number} is not its own")
        if replaces:
            del self.numbers[self.rows[number].put.wave_id]
            self.rows[number] = Entry(wave, seq)
            self.numbers[wave.wave_id] = number
        else:
            super().put(number, document, seq)
        if self._newest < 0 or seq > self.rows[self._newest].seq:
            self._newest = number
