"""Holds that were put on and taken off."""

from typing import TYPE_CHECKING

import msgspec

from engine.core import limits
from engine.core.fitting import misfit
from engine.core.notes.base import NoteBase
from engine.core.terms import HoldReason, HoldThen

if TYPE_CHECKING:
    from engine.core.lives import Happened, Life


class Held(NoteBase, frozen=True, tag="held", omit_defaults=True):
    """A hold was put on, until `until_us` (0: for as long as it takes); `then` is due after it. One
    that escalates goes to `escalate_to`, if somebody is named."""

    hold_id: str
    reason: HoldReason
    owner: str
    until_us: int
    then: HoldThen
    keeps_stock: bool
    escalate_to: str = ""

    def fold(self, life: "Life", happened: "Happened") -> None:
        """The hold is live."""
        misfit("a hold's id is used twice", self.hold_id in life.hold_ids)
        misfit("too many holds", len(life.holds) >= limits.HOLDS_MAX)
        life.holds[self.hold_id] = self
        life.hold_ids[self.hold_id] = happened.fingerprint


class HoldEnded(NoteBase, frozen=True, tag="hold_ended"):
    """A hold was taken off; `how` says by what."""

    hold_id: str
    how: HoldThen

    def fold(self, life: "Life", happened: "Happened") -> None:
        """The hold is live no more."""
        misfit("a hold that ends was not live", self.hold_id not in life.holds)
        del life.holds[self.hold_id]


class HoldEscalated(NoteBase, frozen=True, tag="hold_escalated", omit_defaults=True):
    """Nobody has decided about a hold in time: it stays, for somebody else to decide: `owner`, if
    somebody was named."""

    hold_id: str
    owner: str = ""

    def fold(self, life: "Life", happened: "Happened") -> None:
        """The hold is late, once."""
        hold = life.holds.get(self.hold_id)
        misfit("a hold that escalates was not live", hold is None)
        misfit("a hold escalates twice", self.hold_id in life.escalated)
        life.escalated.add(self.hold_id)
        if self.owner:
            life.holds[self.hold_id] = msgspec.structs.replace(hold, owner=self.owner)
