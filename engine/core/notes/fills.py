"""What was given to an order that waited."""

from typing import TYPE_CHECKING

from engine.core.notes.base import NoteBase

if TYPE_CHECKING:
    from engine.core.lives import Happened, Life


class Filled(NoteBase, frozen=True, tag="filled"):
    """Stock came, and the order got of it: `lines` are (number of the line, units). `cause` is the
    kind of the event that brought it, and `seq` its log position."""

    cause: str
    seq: int
    lines: tuple[tuple[int, int], ...]

    def fold(self, life: "Life", happened: "Happened") -> None:
        """Nothing follows."""
