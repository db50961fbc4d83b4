"""Why an order's units come from where they come: a decision's receipt, and it as a sentence.

A receipt holds what went in and what came out: policy version and strategy, who was shut out by
which filter, what the chosen plan costs by part, the runner-up's the same way, and the bound that
says how far from the best the plan can be. Costs are in mills, as the planner counts them.
"""

from collections import Counter

import msgspec

from engine.core.routing import costs, plan, tariff
from engine.core.routing.costs import DAY_US, MILLS, Ask, Case, Site
from engine.core.routing.instance import Instance, Plan, used
from engine.core.routing.policy import Policy

REASONS = {
    "inactive": "inactive",
    "channel": "not for this channel",
    "region": "not for this region",
    "capacity": "no capacity left today",
    "cut_off": "past the cut-off",
    "stock": "without stock",
    "handling": "not equipped for these goods",
    "no_rate": "without a rate to the destination",
    "no_distance": "at an unknown distance",
    "slower": "slower",
}


class Shipment(msgspec.Struct, omit_defaults=True):
    """What one location sends: units of each SKU, weight and packages, the parts of its cost in
    mills, and the days on which it leaves and arrives, in µs."""

    location: str
    units: dict[str, int]
    grams: int
    packages: int
    cost: dict[str, int]
    sends: int
    arrives: int
    km: int | None = None


class Option(msgspec.Struct, omit_defaults=True):
    """A plan: its shipments, what it costs in all, and what of that is for having split."""

    shipments: list[Shipment]
    cost: int
    split: int = 0


class Receipt(msgspec.Struct, omit_defaults=True):
    """One routing decision. `chosen` is None where no plan was allowed; `short` then, or where less
    than all is sent, says how many units of a SKU nobody has who may serve the order."""

    policy: int
    strategy: str
    channel: str
    candidates: int
    excluded: dict[str, str]
    chosen: Option | None = None
    runner_up: Option | None = None
    bound: int = 0
    short: dict[str, int] = {}
    unsplit: bool = False

    @property
    def exact(self) -> bool:
        """Whether no plan is cheaper than the chosen one."""
        return self.chosen is not None and self.chosen.cost == self.bound


def decide(policy: Policy, ask: Ask, sites: list[Site]) -> tuple[Case, Plan | None, Receipt]:
    """Route `ask` among `sites`: the case, its plan (None where none is allowed), the receipt."""
    case = costs.case_of(policy, ask, sites)
    found = plan.plan(case.instance)
    return case, found, receipt_of(policy, ask, case, found)


def receipt_of(policy: Policy, ask: Ask, case: Case, found: Plan | None) -> Receipt:
    """Return the receipt of a plan that was found for a case, here or by the compiled planner."""
    receipt = Receipt(
        policy=policy.put.version,
        strategy=case.strategy.strategy,
        channel=ask.channel,
        candidates=len(case.candidates),
        excluded=dict(case.excluded),
        short={d.sku: s for d, s in zip(ask.demands, case.short, strict=True) if s},
        unsplit=case.instance.shipments_max == 1,
    )
    if found is None:
        return receipt
    receipt.chosen = _option(ask, case, found.picks, found.cost)
    receipt.bound = found.bound
    if found.runner_up_places:
        other = plan.plan(_only(case.instance, found.runner_up_places))
        receipt.runner_up = _option(ask, case, other.picks, other.cost)
    return receipt


def _only(instance: Instance, places: list[int]) -> Instance:
    """Return the instance with the stock of `places` alone."""
    kept = set(places)
    stock = [[n if j in kept else 0 for j, n in enumerate(row)] for row in instance.stock]
    return msgspec.structs.replace(instance, stock=stock)


def _option(ask: Ask, case: Case, picks: list[list[int]], cost: int) -> Option:
    places = used(picks)
    shipments = [_shipment(ask, case, picks, j) for j in places]
    return Option(shipments, cost, case.instance.split * max(len(places) - 1, 0))


def _shipment(ask: Ask, case: Case, picks: list[list[int]], j: int) -> Shipment:
    one, candidate = case.instance, case.candidates[j]
    grams = sum(row[j] * g for row, g in zip(picks, one.grams, strict=True))
    parts = {"rate": tariff.cost(one.tariffs[j], grams), **candidate.parts}
    units = sum(row[j] * unit[j] for row, unit in zip(picks, one.unit, strict=True))
    if units:
        parts["units"] = units
    return Shipment(
        location=candidate.name,
        units={d.sku: row[j] for d, row in zip(ask.demands, picks, strict=True) if row[j]},
        grams=grams,
        packages=tariff.packages(one.tariffs[j], grams),
        cost=parts,
        sends=candidate.send_day * DAY_US,
        arrives=candidate.arrival_day * DAY_US,
        km=candidate.km,
    )


def explain(receipt: Receipt) -> str:
    """Return a decision as one or two sentences for people."""
    left_out = _left_out(receipt)
    if receipt.chosen is None:
        reason = "no location has it all, and the order is too small to be split"
        if receipt.short or not receipt.unsplit:
            names = ", ".join(f"{n} of {sku}" for sku, n in receipt.short.items()) or "some units"
            reason = f"{names} cannot come from any location that may serve it"
        return f"Not routed: {reason}.{left_out}"
    chosen, other = receipt.chosen, receipt.runner_up
    text = f"{_goes(chosen)}: {_why(receipt)} by strategy {receipt.strategy!r}"
    text += f" (policy {receipt.policy}), at {money(chosen.cost - _rank(receipt, chosen))}"
    if other is not None:
        more = other.cost - _rank(receipt, other) - chosen.cost + _rank(receipt, chosen)
        text += f"; next best was {_names(other)}, {money(abs(more))} "
        text += "more" if more >= 0 else "less"
    return f"{text}.{left_out}"


def _why(receipt: Receipt) -> str:
    if receipt.exact:
        return f"the best of {receipt.candidates} candidate{'s' * (receipt.candidates != 1)}"
    gap = (receipt.chosen.cost - receipt.bound) * 1_000 // max(receipt.chosen.cost, 1)
    tenths = f"{gap // 10}.{gap % 10}"
    return f"within {tenths} % of the best of {receipt.candidates} candidates"


def _rank(receipt: Receipt, option: Option) -> int:
    """Return what of an option's cost only ranks it: no money."""
    split = option.split if option.split % costs.FEWEST_MILLS == 0 else 0
    steps = (s.cost.get("distance", 0) for s in option.shipments)
    return split + sum(step for step in steps if step % costs.NEAREST_KM_MILLS == 0)


def _goes(option: Option) -> str:
    if len(option.shipments) == 1:
        return f"All from {option.shipments[0].location}"
    parts = (f"{sum(s.units.values())} units from {s.location}" for s in option.shipments)
    return f"Split over {len(option.shipments)} locations, " + ", ".join(parts)


def _names(option: Option) -> str:
    return " and ".join(shipment.location for shipment in option.shipments)


def _left_out(receipt: Receipt) -> str:
    counts = Counter(receipt.excluded.values())
    if not counts:
        return ""
    words = ", ".join(f"{n} {REASONS[reason]}" for reason, n in sorted(counts.items()))
    return f" Left out: {words}."


def money(mills: int) -> str:
    """Return mills as major units with two decimals, rounded to the nearest minor unit."""
    minor = (mills + MILLS // 2) // MILLS
    return f"{minor // 100}.{minor % 100:02d}"
