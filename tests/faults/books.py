"""All books that the judge keeps beside the twin, from nothing but what was asked and what the log
says happened. None of them shares a rule with the ledger."""

from engine.core.commands import Command
from engine.core.events import Event
from tests.faults.deeds import Deeds
from tests.faults.hearsay import Hearsay
from tests.faults.paperwork import Paperwork
from tests.faults.timetable import Timetable
from tests.faults.wants import Wants


class Books:
    """Each method returns what is wrong, each as `P… : sentence`."""

    def __init__(self) -> None:
        self.deeds, self.timetable = Deeds(), Timetable()
        self.wants, self.hearsay = Wants(), Hearsay()
        self.paperwork = Paperwork(self.wants)

    def decided(
        self, first_seq: int, events: list[Event], stamp_us: int, command: Command | None
    ) -> list[str]:
        """Book the events of one decision, the first at `first_seq`, and what was asked for (None:
        nobody has asked)."""
        return [
            *self.deeds.decided(first_seq, events),
            *self.timetable.decided(events, stamp_us),
            *self.wants.decided(first_seq, events, command),
            *self.hearsay.decided(first_seq, events, command),
            *self.paperwork.decided(first_seq, events, command),
        ]

    def frame(self, stamp_us: int) -> list[str]:
        """Close the frame stamped so."""
        return self.timetable.frame(stamp_us)
