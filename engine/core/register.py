"""One register: things of one type, kept as they were last put (`events.EntryPut`)."""

from collections.abc import Callable
from enum import IntEnum
from typing import Any

import msgspec

from engine.core.errors import LedgerError

_json = msgspec.json.Encoder().encode


class Code(IntEnum):
    """Numbers of registers in the log."""

    CHANNELS = 1
    PURCHASE_ORDERS = 2
    WAVES = 20
    VALIDATIONS = 15
    ROUTING_POLICIES = 3
    EARLY_FACTS = 16
    SCARCITY = 5
    RING_FENCES = 6
    CAPACITIES = 18


class Entry(msgspec.Struct):
    """A thing, as last put at log position `seq`."""

    put: Any
    seq: int


class Register:
    """Entries of one type by number, in order of creation, and their numbers by id.

    `noun` is also the field that holds an entry's id; `answer` makes what callers are told from an
    entry's thing and seq.
    """

    def __init__(
        self, code: Code, noun: str, kind: type, most: int, answer: Callable[[Any, int], Any]
    ) -> None:
        self.code, self.noun, self.most, self.answer = code, noun, most, answer
        self.rows: list[Entry] = []
        self.numbers: dict[str, int] = {}
        self._decode = msgspec.json.Decoder(kind).decode

    def find(self, name: str) -> Entry | None:
        """Return the entry that bears this id."""
        number = self.numbers.get(name)
        return None if number is None else self.rows[number]

    def put(self, number: int, document: bytes, seq: int) -> None:
        """Set entry `number`, a known one or the next; `LedgerError` if it does not fit."""
        thing = self._decode(document)
        name = getattr(thing, self.noun)
        if number != self.numbers.get(name, len(self.rows)) or number >= self.most:
            raise LedgerError(f"{self.noun} number {number} is not its own")
        if _json(thing) != document:
            raise LedgerError(f"a {self.noun}'s JSON is not as dibs writes it")
        if number == len(self.rows):
            self.rows.append(Entry(thing, seq))
            self.numbers[name] = number
        else:
            self.rows[number] = Entry(thing, seq)
