"""What a channel may show of a SKU, and why it is not more.

    available at each location ─▶ its locations ─▶ not fenced there ─▶ its buffers ─▶ sum
             ─▶ not fenced anywhere ─▶ the last units kept for channels before it ─▶ its cap

Only fences (`core.fences`) bind the ledger too. For the rest, an order that a channel has sold
already is still taken: a channel that shows less sells less, and can be made to do no more.
"""

from datetime import UTC, datetime
from typing import Literal

import msgspec

from engine.core import bundles
from engine.core.answers import moment
from engine.core.commands import Buffer, PutChannel, Season
from engine.core.fences import Share, share
from engine.core.purchases import IncomingAnswer
from engine.core.state import LIVE, State

Cause = Literal["location", "fenced", "fence_only", "buffer", "protected", "cap"]


class WithheldAnswer(msgspec.Struct, omit_defaults=True):
    """`units` that the channel is not shown: because the `location` is not one of its own, or not
    active; because they are set aside for another channel, or it takes only what is set aside for
    it; by its buffer number `buffer`; because they are the last ones; above its cap."""

    cause: Cause
    units: int
    location: str | None = None
    buffer: int | None = None


class ShownAtAnswer(msgspec.Struct):
    """Units at one location: available, and shown before what holds for the sum."""

    location: str
    available: int
    sellable: int


class SellableAnswer(msgspec.Struct, omit_defaults=True):
    """What a channel may show of one SKU. With `backorderable` it may sell beyond that. `waiting`
    units are asked for by orders that wait; `promisable` can be had by the date that was asked
    for: what may be shown now and what is to come until then, less what waits. `own_fence` units of
    what is available are set aside for this channel."""

    sku: str
    sellable: int
    available: int
    locations: list[ShownAtAnswer]
    withheld: list[WithheldAnswer] = []
    backorderable: bool = False
    incoming: list[IncomingAnswer] = []
    waiting: int = 0
    promisable: int | None = None
    own_fence: int = 0


class AvailabilityAnswer(msgspec.Struct):
    """What a channel may show, as of log position `seq`; seasons are those of `as_of`."""

    channel: str
    seq: int
    as_of: datetime
    skus: list[SellableAnswer]


def availability(
    state: State,
    channel: str,
    skus: list[str],
    now_us: int,
    by: datetime | None = None,
    reservation: str | None = None,
):
    """Return the `AvailabilityAnswer` of a channel for the SKUs that exist among `skus`.

    With `by`, also what can be had by then. Units that the live `reservation` holds count as
    available: they are its owner's. Returns None if there is no such channel.
    """
    found = state.registers.channels.find(channel)
    if found is None:
        return None
    put, now = found.put, datetime.fromtimestamp(now_us // 1_000_000, UTC)
    others = (c.put for c in state.registers.channels.rows)
    kept = max((c.protect for c in others if c.priority < put.priority), default=0)
    question = _Question(state, put, kept, now.strftime("%m-%d"), by)
    question.held = _held(state, reservation, now_us) if reservation else {}
    rows = [question.answer(name) for name in skus if state.sku_numbers.get(name) is not None]
    return AvailabilityAnswer(channel, state.seq, moment(now_us), rows)


def _held(state: State, reservation: str, now_us: int) -> dict[int, int]:
    """Return the units that a reservation holds now, by position."""
    found, held = state.reservation(reservation), {}
    if found and found.status == LIVE and found.expires_us > now_us:
        for take in (take for line in found.event.lines for take in line.takes):
            held[take.position] = held.get(take.position, 0) + take.quantity
    return held


def in_season(season: Season | None, today: str) -> bool:
    """Say whether a day, as MM-DD, lies in a season; always without one."""
    if season is None:
        return True
    if season.first <= season.last:
        return season.first <= today <= season.last
    return today >= season.first or today <= season.last


class _Question:
    """One channel's view of the state. `kept` units of each SKU are for channels before it."""

    def __init__(
        self, state: State, put: PutChannel, kept: int, today: str, by: datetime | None
    ) -> None:
        self.state, self.put, self.kept, self.by = state, put, kept, by
        self.held: dict[int, int] = {}
        self.own = None if put.locations is None else frozenset(put.locations)
        # Only the buffers of this day, each with its number and the names it holds for.
        self.buffers = [
            (at, buffer, frozenset(buffer.skus), frozenset(buffer.locations))
            for at, buffer in enumerate(put.buffers)
            if in_season(buffer.season, today)
        ]

    def answer(self, name: str) -> SellableAnswer:
        state = self.state
        number = state.sku_numbers.get(name)
        sku = state.skus[number]
        withheld: list[WithheldAnswer] = []
        rows = (
            self._bundle(number, name, withheld)
            if sku.components
            else self._stocked(number, name, withheld)
        )
        available, sellable = sum(r.available for r in rows), sum(r.sellable for r in rows)
        found = SellableAnswer(name, sellable, available, rows, withheld)
        bounds = self._fenced(number, found)
        bounds += [("protected", max(available - self.kept, 0)), ("cap", self.put.cap)]
        for cause, most in bounds:
            if most is not None and found.sellable > most:
                withheld.append(WithheldAnswer(cause, found.sellable - most))
                found.sellable = most
        found.backorderable = sku.put.backorderable
        found.incoming = [
            row
            for row in state.registers.purchase_orders.incoming(name)
            if self.own is None or row.location in self.own
        ]
        queue = state.waiting.queues.get(number)
        found.waiting = queue.units if queue else 0
        if self.by is not None:
            found.promisable = self._promisable(number, found)
        return found

    def _share(self, number: int) -> Share | None:
        return share(self.state, number, self.put.channel)

    def _fenced(self, number: int, found: SellableAnswer) -> list[tuple[Cause, int | None]]:
        """Return what bounds the sum because units are set aside, and say which are its own."""
        leaves: dict[int, int] = {}
        bundles.leaves(self.state.skus, number, 1, leaves)
        most: list[tuple[Cause, int | None]] = []
        for leaf, per_unit in leaves.items():
            known = self._share(leaf)
            if known is None:
                continue
            held = sum(self.held.get(at, 0) for at in self.state.skus[leaf].positions)
            own = sum(known.own.values())
            if leaf == number:
                found.own_fence = own
            most.append(("fenced", (own + known.common + held) // per_unit))
            most.append(("fence_only", (known.total + held) // per_unit))
        return most

    def _promisable(self, number: int, found: SellableAnswer) -> int:
        """Units that a new order can be promised by the date: what is to come by then goes to
        those that wait first; what is available is not for them, unless it has just come."""
        components = self.state.skus[number].components
        if components:
            leaves: dict[int, int] = {}
            bundles.leaves(self.state.skus, number, 1, leaves)
            parts = [(self.answer(self.state.sku_name(leaf)), n) for leaf, n in leaves.items()]
            return min((part.promisable or 0) // n for part, n in parts)
        coming = sum(row.units for row in found.incoming if row.expected_at <= self.by)
        if number in self.state.waiting.due:
            return max(found.sellable + coming - found.waiting, 0)
        return found.sellable + max(coming - found.waiting, 0)

    def _stocked(self, number: int, name: str, withheld: list) -> list[ShownAtAnswer]:
        state, rows = self.state, []
        baseline, known = state.skus[number].put.baseline, self._share(number)
        for at in state.skus[number].positions:
            position = state.positions[at]
            place = state.locations[position.location].put
            units = max(position.available, 0) + self.held.get(at, 0)
            shown = units
            if not place.active or (self.own is not None and place.location not in self.own):
                shown = 0
                if units:
                    withheld.append(WithheldAnswer("location", units, place.location))
            row = ShownAtAnswer(place.location, units, shown)
            self._fence(row, known, at, withheld)
            self._buffer(row, name, baseline, withheld, named=False)
            rows.append(row)
        return rows

    def _fence(self, row: ShownAtAnswer, known: Share | None, at: int, withheld: list) -> None:
        """Take away what is kept at this position for others."""
        most = row.sellable if known is None else known.most.get(at, 0) + self.held.get(at, 0)
        if row.sellable > most:
            cause: Cause = "fenced" if known.kept else "fence_only"
            withheld.append(WithheldAnswer(cause, row.sellable - most, row.location))
            row.sellable = most

    def _bundle(self, number: int, name: str, withheld: list) -> list[ShownAtAnswer]:
        """As many as the parts allow that the channel is shown, at each location that has all.
        Buffers that name the bundle take from those; the others have taken from the parts."""
        state = self.state
        leaves: dict[int, int] = {}
        bundles.leaves(state.skus, number, 1, leaves)
        found: dict[str, list[int]] | None = None
        for leaf, per_unit in leaves.items():
            parts = self._stocked(leaf, state.sku_name(leaf), [])
            here = {p.location: [p.available // per_unit, p.sellable // per_unit] for p in parts}
            if found is not None:
                both = found.keys() & here.keys()
                here = {
                    p: [min(pair) for pair in zip(found[p], here[p], strict=True)] for p in both
                }
            found = here
        rows = [ShownAtAnswer(place, *units) for place, units in sorted((found or {}).items())]
        for row in rows:
            self._buffer(row, name, state.skus[number].put.baseline, withheld, named=True)
        return rows

    def _buffer(
        self, row: ShownAtAnswer, sku: str, baseline: int | None, withheld: list, *, named: bool
    ) -> None:
        for at, buffer, skus, places in self.buffers:
            if (skus or named) and sku not in skus:
                continue
            if places and row.location not in places:
                continue
            units = min(_units(buffer, row.available, baseline), row.sellable)
            if units:
                row.sellable -= units
                withheld.append(WithheldAnswer("buffer", units, row.location, at))


def _units(buffer: Buffer, available: int, baseline: int | None) -> int:
    """Return what a buffer takes at a location with `available` units."""
    if buffer.below is not None and available >= buffer.below:
        return 0
    if buffer.below_baseline and (baseline is None or available >= baseline):
        return 0
    return buffer.units - (-available * buffer.percent // 100)
