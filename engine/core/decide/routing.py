"""Routing by policy: which policy an order is routed by, its locations, and the receipt.

Filters that do not depend on stock shut a location out before anything is granted, so an order
never counts on units that it may not have. What is granted is then planned for the least cost, and
plan and take are one step. Both twins decide by this; the fast one has its own way for the many.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from engine.core.commands import PlaceOrder, Request
from engine.core.decide import Decision, Replay, cause_of, refusals
from engine.core.decide.allotment import Allotment, Source
from engine.core.events import EntryPut
from engine.core.outcomes import Code, Refused
from engine.core.routing import costs, plan, slip
from engine.core.routing.costs import Ask, Candidate, Demand, Site
from engine.core.routing.policy import Policy, PutScarcity, RoutingPolicy
from engine.core.state import State

_json = msgspec.json.Encoder().encode
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)


def put_policy(state: State, request: Request) -> Decision:
    """Create or change a routing policy; putting the same again is a replay."""
    put: RoutingPolicy = request.command
    policies = state.registers.policies
    known = policies.find(put.policy)
    if known and known.put == put:
        return Replay(policies.answer(known.put, known.seq), known.seq)
    if known and put.version <= known.put.version:
        detail = f"must be above {known.put.version}, the version that is there"
        return refusals.invalid_policy(state, "version", detail)
    number = policies.numbers.get(put.policy, len(policies.rows))
    if number >= policies.most:
        return refusals.full(state, "routing policies")
    for index, rule in enumerate(put.locations):
        if state.location_numbers.get(rule.location) is None:
            path = f"locations[{index}].location"
            return refusals.missing_location(state, path, rule.location)
    try:
        Policy(put)
    except ValueError as error:
        return refusals.invalid_policy(state, *str(error).split(": ", 1))
    return [EntryPut(cause_of(request), policies.code, number, _json(put))]


def put_scarcity(state: State, request: Request) -> Decision:
    """Set the scarcity prices of a SKU; putting the same again is a replay."""
    put: PutScarcity = request.command
    scarcity = state.registers.scarcity
    known, sku = scarcity.find(put.sku), state.sku_numbers.get(put.sku)
    if known and known.put == put:
        return Replay(scarcity.answer(known.put, known.seq), known.seq)
    if sku is None:
        return refusals.missing_sku(state, "sku", put.sku)
    seen = set()
    for index, price in enumerate(put.prices):
        place, path = state.location_numbers.get(price.location), f"prices[{index}].location"
        if place is None:
            return refusals.missing_location(state, path, price.location)
        if state.cells.get((sku, place)) is None or place in seen:
            return refusals.no_scarcity(state, path, price.location, twice=place in seen)
        seen.add(place)
    number = scarcity.numbers.get(put.sku, len(scarcity.rows))
    return [EntryPut(cause_of(request), scarcity.code, number, _json(put))]


def source_of(state: State, command: PlaceOrder, now_us: int) -> Source | Refused:
    """Return what an order is allotted from at a time: by the policy that it names, else by its
    channel's, else by the fewest locations."""
    policies, name = state.registers.policies, command.policy
    if name is None:
        channel = state.registers.channels.find(command.channel)
        name = channel.put.policy if channel else None
    if name is None:
        if command.strategy is not None:
            return refusals.unknown_strategy(state, command.strategy, None)
        return Source(state, channel=command.channel)
    number = policies.numbers.get(name)
    if number is None:
        return refusals.unknown_policy(state, "policy", name)
    policy = policies.tables[number]
    if command.strategy is not None and command.strategy not in policy.strategies:
        return refusals.unknown_strategy(state, command.strategy, name)
    return Routed(state, policy, number, _ask(command, now_us))


def receipt_of(source: Source) -> bytes:
    """Return the packed receipt of what a source has chosen; empty without a policy."""
    return slip.pack(source.slip) if isinstance(source, Routed) else b""


def _ask(command: PlaceOrder, now_us: int) -> Ask:
    due = command.required_by
    return Ask(
        command.channel,
        [],
        command.ship_to,
        now_us,
        None if due is None else (due - _EPOCH) // _US,
        command.strategy,
        sum(line.quantity * (line.unit_price or 0) for line in command.lines),
    )


class Routed(Source):
    """What an order is allotted from by a routing policy. `slip` says what was chosen; `sends` are
    the (location, day) that count the order already. `spent` counts orders, by location, that the
    running step has given it and the state does not know of."""

    def __init__(
        self,
        state: State,
        policy: Policy,
        number: int,
        ask: Ask,
        own: dict[int, int] | None = None,
        shut: Mapping[int, str] | None = None,
        *,
        first: bool = False,
        holder: int = 0,
        sends: tuple[tuple[int, int], ...] = (),
    ) -> None:
        super().__init__(state, own, shut, channel=ask.channel, first=first, holder=holder)
        self.policy, self.number, self.ask, self.sends = policy, number, ask, sends
        self.spent: dict[int, int] = {}
        self.strategy = policy.strategy_of(ask.channel, ask.strategy)
        self.zone = policy.zone_of(ask.destination)
        self.slip = slip.Slip(number, policy.put.version, 0, self.strategy.strategy, ())
        self._found: dict[int, Candidate | str] = {}
        self._offers: dict[int, dict[int, int]] = {}

    def found(self, location: int) -> Candidate | str:
        """Return a location as a candidate, or the filter that shuts it out."""
        if location not in self._found:
            site = self._site(location, [], [])
            self._found[location] = costs.consider(
                self.policy, self.strategy, self.ask, self.zone, site
            )
        return self._found[location]

    def _site(self, location: int, skus: list[int], stock: list[int]) -> Site:
        put = self.state.locations[location].put
        day = costs.send_day(costs.rule_of(self.policy, put.location), self.ask.now_us)
        latest, used = self.state.loads.get(location, (0, 0))
        used = used if latest == day else 0
        used += self.spent.get(location, 0) - ((location, day) in self.sends)
        mills = self.state.registers.scarcity.mills
        prices = [mills(self.state.sku_name(sku), put.location) for sku in skus]
        capacity = self.state.registers.capacities.of(put.location, day)
        shut = self.shut.get(location)
        return Site(put, stock, prices, max(used, 0), capacity=capacity, shut=shut)

    def open(self, location: int) -> bool:
        """Say whether a location may give: the policy's filters allow it."""
        return not isinstance(self.found(location), str)

    def offers(self, sku: int) -> dict[int, int]:
        """Return what each location can give of `sku`, if it is equipped for it."""
        if sku not in self._offers:
            handling = self.state.skus[sku].put.handling
            self._offers[sku] = {
                place: units
                for place, units in super().offers(sku).items()
                if costs.handles(self.policy, self.state.location_name(place), handling)
            }
        return self._offers[sku]

    def choose(self, skus, demands, stock, rank):
        """Return the cheapest plan by the policy, or why there is none; see `Source.choose`."""
        # Candidates in the order in which the demands' positions were opened.
        places = list(
            dict.fromkeys(
                self.state.positions[number].location
                for sku in skus
                for number in self.state.skus[sku].positions
                if self.gives(number) > 0 or self._fenced(number)
            )
        )
        rows = [self._demand(sku, units) for sku, units in zip(skus, demands, strict=True)]
        sites = [
            self._site(place, skus, self._stock(place, skus, stock))._replace(
                fenced=any(self._fenced(self.state.cells.get((sku, place))) for sku in skus)
            )
            for place in places
        ]
        case = costs.case_of(self.policy, self.ask._replace(demands=rows), sites)
        try:
            found = plan.plan(case.instance)
        except ValueError:
            return refusals.many_units_to_route(self.state)
        self.slip = slip.slip_of(self.policy, self.number, case, found, skus, places)
        if found is None:
            return refusals.not_routable(
                self.state, "no locations that the routing policy allows have all of it together"
            )
        numbers = [places[candidate.site] for candidate in case.candidates]
        return [
            [(place, units) for place, units in zip(numbers, row, strict=True) if units]
            for row in found.picks
        ]

    def _fenced(self, number: int | None) -> bool:
        """Say whether all that is available at a position is set aside for others."""
        if number is None or self.gives(number) > 0:
            return False
        return self.state.positions[number].available > 0

    def _stock(self, place: int, skus: list[int], stock: list[dict[int, int]]) -> list[int]:
        """Return what a location has left of each demand; of goods that it is not equipped for,
        all that it has."""
        state, units = self.state, []
        for sku, offer in zip(skus, stock, strict=True):
            number = state.cells.get((sku, place))
            if place in offer or number is None:
                units.append(offer.get(place, 0))
            else:
                handling = state.skus[sku].put.handling
                there = costs.handles(self.policy, state.location_name(place), handling)
                units.append(0 if there else max(self.gives(number), 0))
        return units

    def _demand(self, sku: int, units: int) -> Demand:
        put = self.state.skus[sku].put
        return Demand(put.sku, units, put.weight_g or 0, put.handling)

    def kept_whole(self, allotted: Allotment | Refused, command: PlaceOrder) -> Allotment | Refused:
        """Let an order that may wait wait whole, where its strategy sends complete orders only, or
        where no plan is allowed."""
        partial = command.when_short != "refuse"
        if isinstance(allotted, Refused):
            waits = command.when_short in ("backorder", "complete")
            if allotted.code is Code.NOT_ROUTABLE and waits:
                return self._nothing(command, [])
            return allotted
        if partial and allotted.short and self.strategy.complete:
            self.wait()
            return self._nothing(command, allotted.short)
        return allotted

    def wait(self, flag: int = slip.COMPLETE) -> None:
        """Let the receipt say that nothing is taken, because of this flag of a slip."""
        version, name = self.policy.put.version, self.strategy.strategy
        self.slip = slip.Slip(self.number, version, flag, name, self.slip.demands)

    def _nothing(self, command: PlaceOrder, short: list) -> Allotment:
        count = len(command.lines)
        return Allotment([], [0] * count, [[] for _ in range(count)], short)
