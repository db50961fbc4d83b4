"""Units that went from one order to another that comes first."""

from typing import TYPE_CHECKING

from engine.core.notes.base import NoteBase

if TYPE_CHECKING:
    from engine.core.lives import Happened, Life


class TookOver(NoteBase, frozen=True, tag="took_over"):
    """The order took units over from others: `lines` are (number of its line, units), `given` are
    (seq of the other order, its channel, its id, units), in the order in which they gave."""

    reallocation_id: str
    lines: tuple[tuple[int, int], ...]
    given: tuple[tuple[int, str, str, int], ...]

    def fold(self, life: "Life", happened: "Happened") -> None:
        """The reallocation is done."""
        life.once("reallocation", self.reallocation_id, happened)


class GaveUp(NoteBase, frozen=True, tag="gave_up"):
    """The order gave units to `order_id` of `channel`, placed at `seq`, which comes first because
    of its `priority` or its `required_by`: `lines` are (number of the line, units)."""

    channel: str
    order_id: str
    seq: int
    because: str
    lines: tuple[tuple[int, int], ...]

    def fold(self, life: "Life", happened: "Happened") -> None:
        """Nothing follows."""
