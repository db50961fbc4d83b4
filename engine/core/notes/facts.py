"""What a channel told of an order."""

from typing import TYPE_CHECKING, Any

import msgspec

from engine.core.fact_commands import TOLD, TellFact
from engine.core.fitting import misfit
from engine.core.notes.base import NoteBase
from engine.core.notes.holds import Held

if TYPE_CHECKING:
    from engine.core.lives import Happened, Life


class Told(msgspec.Struct, frozen=True):
    """What holds of one field: its value, and by which version of which event."""

    version: int
    event_id: str
    value: Any

    @property
    def rank(self) -> tuple[int, str]:
        """What decides between two values of a field: the greatest holds."""
        return self.version, self.event_id


def news(told: dict[str, Told], fact: TellFact) -> dict[str, Told]:
    """Return what a fact says that holds from now on, by field."""
    found = {}
    for name in TOLD:
        value = getattr(fact, name)
        if value is not None and value is not False:
            now = Told(fact.version, fact.event_id, value)
            if name not in told or told[name].rank < now.rank:
                found[name] = now
    return found


class FactTold(NoteBase, frozen=True, tag="fact"):
    """A channel told `fact`; what it said of `stood` held then. These holds ended (`ended`) or
    began (`held`) with it."""

    fact: TellFact
    stood: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()
    held: tuple[Held, ...] = ()

    def fold(self, life: "Life", happened: "Happened") -> None:
        """It is done, and what it says holds unless something newer was told."""
        life.once("fact", self.fact.event_id, happened)
        life.told.update(news(life.told, self.fact))
        for hold_id in self.ended:
            misfit("a hold that ends was not live", hold_id not in life.holds)
            del life.holds[hold_id]
        for hold in self.held:
            hold.fold(life, happened)
