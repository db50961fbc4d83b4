"""What was found when an order was placed."""

from typing import TYPE_CHECKING

import msgspec

from engine.core.fact_commands import TellFact
from engine.core.notes.base import NoteBase
from engine.core.notes.facts import Told, news
from engine.core.notes.holds import Held

if TYPE_CHECKING:
    from engine.core.lives import Happened, Life


class Checked(NoteBase, frozen=True, tag="checked"):
    """What was found in the step in which the order was placed: the checks that it failed became
    these holds; these facts, by requests of these fingerprints, had been told before; of the
    `unknown` SKUs nothing was known. An order with the same `mark` may be the same."""

    holds: tuple[Held, ...]
    facts: tuple[TellFact, ...] = ()
    fingerprints: tuple[int, ...] = ()
    unknown: tuple[str, ...] = ()
    mark: int = 0

    @property
    def told(self) -> dict[str, Told]:
        """What held by these facts, by field."""
        told: dict[str, Told] = {}
        for fact in self.facts:
            told |= news(told, fact)
        return told

    @property
    def keeps_stock(self) -> bool:
        """Whether all of these holds let the order keep its units."""
        return all(hold.keeps_stock for hold in self.holds)

    def fold(self, life: "Life", happened: "Happened") -> None:
        """The holds are live, the facts told."""
        for fact, fingerprint in zip(self.facts, self.fingerprints, strict=True):
            happened_then = msgspec.structs.replace(happened, fingerprint=fingerprint)
            life.once("fact", fact.event_id, happened_then)
        life.told |= self.told
        life.unknown, life.mark = self.unknown, self.mark
        for hold in self.holds:
            hold.fold(life, happened)
