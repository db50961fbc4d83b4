"""Registers: things that touch no stock by themselves, all put by one kind of event (`EntryPut`).

    channels ──────── what each may show                  (core.commands.PutChannel)
    purchase_orders ─ what is on its way, and has come    (core.purchases)
    validations ───── what its orders are checked for     (core.validation)
    policies ──────── how orders find their locations     (core.policies)
    early_facts ───── what was told before its order came (core.facts)
    waves ─────────── which orders were released at once  (core.waves)
    scarcity ──────── what units are worth to later ones  (core.scarcity)
    fences ────────── what is set aside for one channel   (core.fences)
    capacities ────── what locations can send on a day    (core.capacities)

Both twins keep the same objects: adding a register is a line here, a command, its rule and its
answer.
"""

import struct
from collections.abc import Iterator
from typing import Any

import msgspec

from engine.core import answers, limits
from engine.core.capacities import Capacities
from engine.core.commands import PutChannel
from engine.core.errors import LedgerError
from engine.core.events import EntryPut
from engine.core.facts import EarlyFacts
from engine.core.fences import Fences
from engine.core.policies import Policies
from engine.core.purchases import PurchaseOrders
from engine.core.register import Code, Register
from engine.core.scarcity import Scarcity
from engine.core.validation import Validations
from engine.core.waves import Waves

_SOME = struct.Struct("<H")
_COUNT = struct.Struct("<Q")
_ROW = struct.Struct("<QI")
_json = msgspec.json.Encoder().encode


class Registers:
    """All registers of a ledger."""

    def __init__(self) -> None:
        self.channels = Register(
            Code.CHANNELS, "channel", PutChannel, limits.CHANNELS_MAX, answers.channel
        )
        self.purchase_orders = PurchaseOrders()
        self.validations, self.early_facts = Validations(), EarlyFacts()
        self.policies = Policies()
        self.waves = Waves()
        self.scarcity = Scarcity()
        self.fences = Fences()
        every = (self.channels, self.purchase_orders, self.validations, self.policies)
        self.capacities = Capacities()
        every += (self.early_facts, self.waves, self.scarcity, self.fences, self.capacities)
        self._all = {one.code: one for one in every}

    def __iter__(self) -> Iterator[Register]:
        return iter(self._all.values())

    def of(self, code: int) -> Register:
        """Return the register of this number."""
        found = self._all.get(code)
        if found is None:
            raise LedgerError(f"no register {code}; the log is of a newer version")
        return found

    def apply(self, event: EntryPut, seq: int) -> Any:
        """Put what the event holds; return the answer to who put it."""
        register = self.of(event.register)
        register.put(event.number, event.document, seq)
        return self.answer(event)

    def answer(self, event: EntryPut) -> Any:
        """Return the answer to who put the entry of the last such event."""
        register = self.of(event.register)
        entry = register.rows[event.number]
        return register.answer(entry.put, entry.seq)

    def dump(self) -> bytes:
        """Return the snapshot's section of the registers that hold anything."""
        filled = [register for register in self if register.rows]
        parts = [_SOME.pack(len(filled))]
        for register in filled:
            parts += (_SOME.pack(register.code), _COUNT.pack(len(register.rows)))
            for row in register.rows:
                document = _json(row.put)
                parts += (_ROW.pack(row.seq, len(document)), document)
        return b"".join(parts)

    def load(self, data: bytes, seq: int) -> int:
        """Fill them from the section that opens `data`, of a state at `seq`; return its size.

        Raises `LedgerError`, or what its JSON raises, if it is damaged.
        """
        try:
            return self._load(data, seq)
        except struct.error as error:
            raise LedgerError(f"snapshot is damaged ({error}); use an older one") from error

    def _load(self, data: bytes, seq: int) -> int:
        (many,), at = _SOME.unpack_from(data), _SOME.size
        for _ in range(many):
            (code,) = _SOME.unpack_from(data, at)
            register, (count,) = self.of(code), _COUNT.unpack_from(data, at + _SOME.size)
            at += _SOME.size + _COUNT.size
            for number in range(count):
                made, size = _ROW.unpack_from(data, at)
                at += _ROW.size + size
                if made > seq or at > len(data):
                    raise LedgerError(f"snapshot is damaged: a {register.noun}'s seq or size")
                # One that stands twice has its first number, not this one.
                register.put(number, bytes(data[at - size : at]), made)
        return at
