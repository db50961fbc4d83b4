"""A round of the loop: what was decided together, and what its callers are told when it failed."""

import asyncio
import time
from typing import Any

from engine.core import packed
from engine.core.errors import OUTCOME_UNKNOWN, OutcomeUnknownError, UnavailableError
from engine.core.outcomes import Accepted, Outcome
from engine.service.client import Parcel

# What was decided: an outcome for a future, or packed answers for a parcel.
Decided = list[tuple[asyncio.Future, Outcome] | tuple[Parcel, bytes]]
Asked = list[tuple[asyncio.Future, Any]]  # reads and what they are told
_UNCHANGED = "nothing was changed; try again"


class Round:
    """What was decided together, and waits for one frame, or one question, to the log."""

    __slots__ = (
        "asked",
        "commands",
        "decided",
        "durable",
        "events",
        "last_seq",
        "sent_s",
        "since_s",
    )

    def __init__(self, decided: Decided, asked: Asked, commands: int, since_s: float) -> None:
        self.decided, self.asked, self.commands = decided, asked, commands
        self.since_s = since_s  # when the first of its commands came
        self.events = self.last_seq = 0
        self.sent_s = time.perf_counter()
        self.durable = False


def settle(target: asyncio.Future | Parcel, outcome: Outcome | bytes, stored: bool | None) -> None:
    """Tell a caller what became of a round that failed: its frame is stored, or is not, or, where
    None, nobody can say."""
    if type(outcome) is bytes:
        target.deliver(_settled(outcome, stored))
    elif target.done():
        return
    elif stored:
        target.set_result(outcome)
    elif stored is None and isinstance(outcome, Accepted):
        target.set_exception(OutcomeUnknownError(OUTCOME_UNKNOWN))
    else:
        target.set_exception(UnavailableError(_UNCHANGED))


def _settled(answers: bytes, stored: bool | None) -> bytes:
    """Return what is told instead of packed answers whose frame failed."""
    if stored:
        return answers
    if stored is None:
        return packed.in_doubt(answers, OUTCOME_UNKNOWN, _UNCHANGED)
    return packed.withdraw(answers, _UNCHANGED)
