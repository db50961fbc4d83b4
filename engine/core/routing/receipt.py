"""Why an order's units come from where they come: a decision's receipt, and it as a sentence.

A receipt is a slip with names: policy and version, strategy, who was shut out by which filter, what
the chosen plan costs by part, the runner-up's the same way, and the bound that says how far from
the best the plan can be. Costs are in mills, a thousandth of the minor unit, as the planner counts.
"""

from datetime import date, timedelta

import msgspec

from engine.core.routing import costs
from engine.core.routing.costs import MILLS
from engine.core.routing.slip import (
    COMPLETE,
    HELD,
    ONE_SHIPMENT,
    PARTS,
    REASONS,
    STAYS,
    Leg,
    Slip,
)

WORDS = {
    "inactive": "inactive",
    "channel": "not for this channel",
    "region": "not for this region",
    "cut_off": "past the cut-off",
    "capacity": "no capacity left that day",
    "no_rate": "without a rate to the destination",
    "no_distance": "at an unknown distance",
    "stock": "without stock",
    "handling": "not equipped for these goods",
    "slower": "slower",
    "fenced": "with units for other channels only",
    "picked_short": "picked short",
    "rejected": "rejected",
    "expired": "not accepted in time",
}
# What led to a later decision, by the tag of its note.
LED_BY = {
    "rerouted": "Given to others",
    "moved": "Given to others",
    "fulfillment_step": "Others were looked for",
    "released": "Released, and moved from where it is closed",
    "filled": "Stock has come",
    "took_over": "Taken over from other orders",
    "hold_ended": "A hold is over",
    "edited": "Edited",
    "fact": "The channel told something new",
}
_FIRST_DAY = date(1970, 1, 1)


class Shipment(msgspec.Struct, omit_defaults=True):
    """What one location sends: units of each SKU, weight and packages, the parts of its cost in
    mills, the days on which it leaves and arrives, and how far it goes, where that is known."""

    location: str
    units: dict[str, int]
    grams: int
    packages: int
    cost_mills: dict[str, int]
    sends: date
    arrives: date
    km: int | None = None


class Option(msgspec.Struct, omit_defaults=True):
    """A plan: its shipments, what it costs in all, and what of that is for having split."""

    shipments: list[Shipment]
    cost_mills: int
    split_mills: int = 0


class Receipt(msgspec.Struct, omit_defaults=True):
    """One routing decision, made at log position `seq`; `because` is the note of the change that
    led to it, none where the order was placed. `chosen` is left out where no plan was allowed.
    `left_out` counts the locations with stock that could not take part, by reason; `excluded` names
    the first of them. No plan costs less than `bound_mills`."""

    policy: str
    version: int
    strategy: str
    sentence: str
    candidates: int
    seq: int = 0
    because: str | None = None
    chosen: Option | None = None
    runner_up: Option | None = None
    bound_mills: int = 0
    left_out: dict[str, int] = {}
    excluded: dict[str, str] = {}

    @property
    def exact(self) -> bool:
        """Whether no plan is cheaper than the chosen one."""
        return self.chosen is not None and self.chosen.cost_mills == self.bound_mills


def receipt_of(slip: Slip, names, seq: int = 0, why: tuple[str, str] | None = None) -> Receipt:
    """Return a slip with names, as `names` (a state) gives them for numbers. `why` are the tag of
    the note that led to it, and the reason given."""
    receipt = Receipt(
        policy=names.policy_name(slip.policy),
        version=slip.version,
        strategy=slip.strategy,
        sentence="",
        candidates=slip.candidates,
        seq=seq,
        bound_mills=slip.bound,
        left_out={REASONS[reason]: count for reason, count in slip.left_out},
        excluded={names.location_name(place): REASONS[r] for place, r in slip.excluded},
    )
    if slip.chosen:
        receipt.chosen = _option(slip, slip.chosen, slip.cost, names)
    if slip.other:
        receipt.runner_up = _option(slip, slip.other, slip.other_cost, names)
    receipt.sentence = explain(receipt, slip.flags)
    if why is not None:
        receipt.because, reason = why
        phrase = LED_BY.get(receipt.because, receipt.because.replace("_", " ").capitalize())
        receipt.sentence = f"{phrase}{f' ({reason})' if reason else ''}: {receipt.sentence}"
    return receipt


def _option(slip: Slip, legs: tuple[Leg, ...], cost: int, names) -> Option:
    shipments = [_shipment(slip, leg, names) for leg in legs]
    return Option(shipments, cost, slip.split * (len(legs) - 1))


def _shipment(slip: Slip, leg: Leg, names) -> Shipment:
    demands = zip(slip.demands, leg.units, strict=True)
    return Shipment(
        location=names.location_name(leg.place),
        units={names.sku_name(sku): units for (sku, _), units in demands if units},
        grams=leg.grams,
        packages=leg.packages,
        cost_mills={name: n for name, n in zip(PARTS, leg.parts, strict=True) if n},
        sends=_FIRST_DAY + timedelta(leg.send_day),
        arrives=_FIRST_DAY + timedelta(leg.send_day + leg.transit_days),
        km=None if leg.km < 0 else leg.km,
    )


def explain(receipt: Receipt, flags: int = 0) -> str:
    """Return a decision as one or two sentences for people; `flags` are those of its slip."""
    left_out = _left_out(receipt)
    if flags & STAYS:
        return "Split off from another order: its units stay where they are."
    if receipt.chosen is None:
        reason = "no locations that may serve it have enough"
        if flags & HELD:
            reason = "it is on hold, without stock"
        elif flags & COMPLETE:
            reason = "not all of it is there, and it is to leave complete"
        elif flags & ONE_SHIPMENT:
            reason = "no location has it all, and it is not to be split"
        return f"Not routed: {reason}.{left_out}"
    chosen, other = receipt.chosen, receipt.runner_up
    text = f"{_goes(chosen)}: {_why(receipt)} by strategy {receipt.strategy!r}"
    text += f" (policy {receipt.policy!r}, version {receipt.version})"
    text += f", at {money(chosen.cost_mills - _rank(chosen))}"
    if other is not None:
        more = other.cost_mills - _rank(other) - chosen.cost_mills + _rank(chosen)
        text += f"; next best was {_names(other)}, {money(abs(more))} "
        text += "more" if more >= 0 else "less"
    return f"{text}.{left_out}"


def _why(receipt: Receipt) -> str:
    if receipt.exact:
        return f"the best of {receipt.candidates} candidate{'s' * (receipt.candidates != 1)}"
    cost = receipt.chosen.cost_mills
    gap = (cost - receipt.bound_mills) * 1_000 // max(cost, 1)
    tenths = f"{gap // 10}.{gap % 10}"
    return f"within {tenths} % of the best of {receipt.candidates} candidates"


def _rank(option: Option) -> int:
    """Return what of an option's cost only ranks it: no money."""
    split = option.split_mills if option.split_mills % costs.FEWEST_MILLS == 0 else 0
    steps = (shipment.cost_mills.get("distance", 0) for shipment in option.shipments)
    return split + sum(step for step in steps if step % costs.NEAREST_KM_MILLS == 0)


def _goes(option: Option) -> str:
    if len(option.shipments) == 1:
        return f"All from {option.shipments[0].location}"
    parts = (f"{sum(s.units.values())} units from {s.location}" for s in option.shipments)
    return f"Split over {len(option.shipments)} locations, " + ", ".join(parts)


def _names(option: Option) -> str:
    return " and ".join(shipment.location for shipment in option.shipments)


def _left_out(receipt: Receipt) -> str:
    if not receipt.left_out:
        return ""
    words = ", ".join(f"{n} {WORDS[reason]}" for reason, n in receipt.left_out.items())
    return f" Left out: {words}."


def money(mills: int) -> str:
    """Return mills as major units with two decimals, rounded to the nearest minor unit."""
    minor = (mills + MILLS // 2) // MILLS
    return f"{minor // 100}.{minor % 100:02d}"
