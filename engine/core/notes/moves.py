"""Units that went from one location to others before anybody was asked for them."""

from typing import TYPE_CHECKING

from engine.core.notes.base import NoteBase

if TYPE_CHECKING:
    from engine.core.lives import Happened, Life


class Moved(NoteBase, frozen=True, tag="moved"):
    """What the order had at `location` (its number) comes from others now."""

    location: int
    reason: str

    def fold(self, life: "Life", happened: "Happened") -> None:
        """Nothing follows."""
