"""What clients of a storm put while it rages that is about no order: purchase orders and what comes
of them, the policy that orders are routed by, and what locations can send on a day."""

import random
from datetime import date

from engine.core import commands as c
from engine.core.commands import Command
from engine.core.routing.policy import (
    Lane,
    LocationRule,
    PutCapacity,
    RateBand,
    RoutingPolicy,
    Strategy,
    Zone,
)
from tests.faults.changes import DUE
from tests.faults.history import Op

KINDS = {"purchase": 3, "arrival": 3, "policy": 2, "capacity": 3}
ROUTED, POLICY = "routed", "best"  # the channel whose orders go by the policy
NOBODY = ("nobody",)  # the channels that a location serves that is shut
_STRATEGIES = ("fewest", "cheapest", "balanced")


def policy(version: int, places: tuple[str, ...], kind: str, shut: str | None) -> RoutingPolicy:
    """Return a policy by which orders go, but not to the location that is `shut`."""
    return RoutingPolicy(
        POLICY,
        version,
        (Strategy("plain", kind),),
        zones=(Zone("all", "DE"),),
        lanes=tuple(
            Lane(place, "all", (RateBand(50_000, 100 * cost),)) for cost, place in enumerate(places)
        ),
        locations=tuple(
            LocationRule(place, place, NOBODY if place == shut else None) for place in places
        ),
    )


def catalogue(places: tuple[str, ...]) -> list[Command]:
    """Return what has to be there beside locations, SKUs and stock."""
    return [policy(1, places, "fewest", None), c.PutChannel(ROUTED, policy=POLICY)]


class Papers:
    """What one client knows of papers. `skus` may be bought for `places`; `today` is a day on which
    locations send."""

    def __init__(
        self, rng: random.Random, skus: tuple[str, ...], places: tuple[str, ...], today: date
    ) -> None:
        self.rng, self.skus, self.places, self.today = rng, skus, places, today
        self.version = 1
        self.bought: dict[str, tuple[str, ...]] = {}  # the SKUs of purchase orders

    def draw(self, kind: str, name: str) -> Command | None:
        """Return a command of this kind, None while nothing is known that it could be about."""
        rng = self.rng
        match kind:
            case "purchase":
                known = rng.choice(list(self.bought)) if self.bought else ""
                again = known and rng.random() < 0.3
                return self._purchase(known if again else f"q{name}")
            case "arrival" if self.bought:
                number = rng.choice(list(self.bought))
                skus = rng.choice((self.bought[number], self.skus[:1]))
                lines = tuple(c.ReceiptLine(sku, rng.randint(1, 4)) for sku in skus)
                return c.Receive(f"u{name}", rng.choice(self.places), lines, number)
            case "policy":
                shut = rng.choice((None, *self.places))
                # Others put it too, so that now and then a version is not above the last one.
                self.version += rng.randint(0, 40)
                return policy(self.version, self.places, rng.choice(_STRATEGIES), shut)
            case "capacity":
                return PutCapacity(rng.choice(self.places), self.today, rng.choice((0, 2, 5, 50)))
        return None

    def _purchase(self, number: str) -> Command:
        rng = self.rng
        skus = self.bought.get(number) or tuple(rng.sample(self.skus, rng.randint(1, 2)))
        lines = tuple(c.PurchaseLine(sku, rng.randint(1, 9)) for sku in skus)
        place, when = rng.choice(self.places), rng.choice(DUE)
        return c.PutPurchaseOrder(number, place, when, lines, cancelled=rng.random() < 0.1)

    def learn(self, command: Command, op: Op) -> None:
        """Note what an accepted command was answered, whether now or again."""
        if isinstance(command, c.PutPurchaseOrder):
            self.bought[command.purchase_order] = tuple(line.sku for line in command.lines)
            while len(self.bought) > 6:
                del self.bought[next(iter(self.bought))]
