"""What was found when an order was placed."""

from typing import TYPE_CHECKING

from engine.core.notes.base import NoteBase
from engine.core.notes.holds import Held

if TYPE_CHECKING:
    from engine.core.lives import Happened, Life


class Checked(NoteBase, frozen=True, tag="checked"):
    """The order failed checks of its channel in the step in which it was placed: these holds."""

    holds: tuple[Held, ...]

    @property
    def keeps_stock(self) -> bool:
        """Whether all of these holds let the order keep its units."""
        return all(hold.keeps_stock for hold in self.holds)

    def fold(self, life: "Life", happened: "Happened") -> None:
        """All of them are live."""
        for hold in self.holds:
            hold.fold(life, happened)
