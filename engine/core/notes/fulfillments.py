"""What became of an order's fulfillments: the work of one location each."""

from typing import TYPE_CHECKING

import msgspec

from engine.core import fulfillment_life, limits
from engine.core.fitting import misfit
from engine.core.fulfillment_commands import Package
from engine.core.fulfillment_life import FulfillmentStatus
from engine.core.notes.base import NoteBase

if TYPE_CHECKING:
    from engine.core.lives import Happened, Life

# (line of the order, position, units)
Row = tuple[int, int, int]


class Shipment(msgspec.Struct, frozen=True):
    """What has left of a fulfillment at once, and how."""

    shipment_id: str
    carrier: str
    tracking_number: str
    packages: tuple[Package, ...]


class Fulfillment(msgspec.Struct):
    """The work of a location for an order, as it stands: `units` that it has to see to, by line
    and position. `made_seq` is the log position of its release, `accept_by_us` (0: none) when it
    is lost unless it was accepted, `patience_us` how long that was; `steps` counts its notes, and
    `failed` says that the location did not have the goods, or did not want to."""

    number: int
    location: int
    made_seq: int
    units: dict[tuple[int, int], int]
    accept_by_us: int = 0
    patience_us: int = 0
    pickup: bool = False
    status: FulfillmentStatus = "requested"
    reason: str = ""
    steps: int = 0
    failed: bool = False
    packages: tuple[Package, ...] = ()
    shipments: list[Shipment] = []

    @property
    def open(self) -> bool:
        """Whether something is still to be done with its units."""
        return self.status in fulfillment_life.OPEN

    @property
    def due_us(self) -> int:
        """When its time to be accepted is over; 0 if that matters no more."""
        return self.accept_by_us if self.status == "requested" else 0


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Fulfillment `number` of the order, at location number `location`."""

    number: int
    location: int
    rows: tuple[Row, ...]


class Released(NoteBase, frozen=True, tag="released"):
    """Units were given to the locations that have them, to accept until `accept_by_us` (0: for as
    long as it takes)."""

    release_id: str
    parts: tuple[Part, ...]
    accept_by_us: int = 0
    pickup: bool = False

    def fold(self, life: "Life", happened: "Happened") -> None:
        """The fulfillments are requested."""
        life.once("release", self.release_id, happened)
        misfit("a release is of nothing", not self.parts)
        _request(life, happened, self.parts, self.accept_by_us, self.pickup)


class Rerouted(NoteBase, frozen=True, tag="rerouted"):
    """What fulfillment `number` had was given to other locations instead, to accept until
    `accept_by_us` (0: for as long as it takes); `waits` units of the order's lines found none."""

    number: int
    parts: tuple[Part, ...]
    accept_by_us: int
    waits: int
    reason: str

    def fold(self, life: "Life", happened: "Happened") -> None:
        """The fulfillments are requested."""
        misfit("what is rerouted does not exist", self.number not in life.work)
        _request(life, happened, self.parts, self.accept_by_us, False)


def _request(
    life: "Life", happened: "Happened", parts: tuple[Part, ...], accept_by_us: int, pickup: bool
) -> None:
    for part in parts:
        misfit("a fulfillment's number is not the next", part.number != len(life.work) + 1)
        misfit("too many fulfillments", part.number > limits.FULFILLMENTS_MAX)
        units = {(line, position): units for line, position, units in part.rows}
        misfit("a fulfillment is of nothing", not units or min(units.values()) < 1)
        misfit("units stand twice in a fulfillment", len(units) != len(part.rows))
        life.work[part.number] = Fulfillment(
            part.number,
            part.location,
            happened.seq,
            units,
            accept_by_us,
            accept_by_us and accept_by_us - happened.stamp_us,
            pickup,
        )


class FulfillmentStep(NoteBase, frozen=True, tag="fulfillment_step", omit_defaults=True):
    """Fulfillment `number` has come to `status`; the units in `rows` are its concern no more, of
    one that is open no more all that are left. A step with a `shipment_id` says that they left, one
    with a `short_id` that they were not there. `ahead` are (line, SKU, units) of parts that have
    left now while others of their bundle have not, of each line of which that changes."""

    number: int
    status: FulfillmentStatus
    rows: tuple[Row, ...] = ()
    reason: str = ""
    packages: tuple[Package, ...] = ()
    shipment_id: str = ""
    carrier: str = ""
    tracking_number: str = ""
    short_id: str = ""
    ahead: tuple[tuple[int, int, int], ...] = ()

    def fold(self, life: "Life", happened: "Happened") -> None:
        """The fulfillment has come to the status."""
        found = life.work.get(self.number)
        misfit("a fulfillment does not exist", found is None)
        misfit(
            f"a fulfillment that is {found.status} would be {self.status}",
            not fulfillment_life.check(found.status, self.status),
        )
        for line, position, units in self.rows:
            left = found.units.pop((line, position), 0) - units
            misfit("a fulfillment gives up what it does not have", left < 0 or units < 1)
            if left:
                found.units[line, position] = left
        found.status, found.steps = self.status, found.steps + 1
        found.reason = self.reason or found.reason
        found.failed = found.failed or bool(self.short_id) or self.status in ("rejected", "expired")
        if self.short_id:
            life.once("short", self.short_id, happened)
        for line, sku, units in self.ahead:
            misfit("parts leave ahead of nothing", units < 0 or not self.shipment_id)
            life.ahead[line, sku] = units
            if not units:
                del life.ahead[line, sku]
        if self.shipment_id:
            carried = (self.carrier, self.tracking_number, self.packages)
            found.shipments.append(Shipment(self.shipment_id, *carried))
        else:
            found.packages = self.packages or found.packages
        if not found.open:
            found.units = {}
        misfit("an open fulfillment is of nothing", found.open and not found.units)
