"""What an order's locations have to send, counted anew beside what else happens to it."""

from typing import TYPE_CHECKING

from engine.core.notes.base import NoteBase

if TYPE_CHECKING:
    from engine.core.lives import Happened, Life


class Recounted(NoteBase, frozen=True, tag="recounted"):
    """Units that are cancelled leave locations without anything to send: `sends` says of which the
    order counts still."""

    def fold(self, life: "Life", happened: "Happened") -> None:
        """Nothing follows."""
