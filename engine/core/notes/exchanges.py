"""What links an order to the return that it is given for."""

from typing import TYPE_CHECKING

from engine.core.fitting import misfit
from engine.core.notes.base import NoteBase
from engine.core.notes.holds import Held

if TYPE_CHECKING:
    from engine.core.lives import Happened, Life

HOLD = "exchange"


class ExchangeFor(NoteBase, frozen=True, tag="exchange_for"):
    """The order was placed for return `return_id` of `order_id`, placed at `seq`. If it `waits`, it
    is on hold until those goods have come."""

    return_id: str
    order_id: str
    seq: int
    waits: bool

    def fold(self, life: "Life", happened: "Happened") -> None:
        """The order is linked, and perhaps on hold."""
        misfit("an order is an exchange twice", life.exchange_for is not None)
        life.exchange_for = self
        if self.waits:
            Held(HOLD, "return", "", 0, "escalate", True).fold(life, happened)
