"""Shoppers: they buy what listings show, pay late, cancel, and want less; and what each order must
end as, by what they did."""

import asyncio
import random
from collections.abc import Callable

import msgspec

from benchmarks.channels.site import Shop

PAYS_LATE, NEVER_PAYS, CANCELS, TAKES_LESS = 0.1, 0.02, 0.08, 0.05
_LATER_S = 0.5
_OFTEN = 1.1  # exponent of Zipf's law, by which SKUs are asked for


class Wish(msgspec.Struct):
    """What became of one order: `units` of `sku` are wanted, whether it was paid, and whether the
    seller sent it."""

    sku: str
    units: int
    paid: bool = True
    cancelled: bool = False
    shipped: bool = False

    @property
    def wanted(self) -> int:
        """Units that must be dibs' concern in the end."""
        return self.units if self.paid and not self.cancelled else 0


def weights(skus: int) -> list[float]:
    """Return how often each of so many SKUs is asked for, all together 1."""
    raw = [1 / (n + 1) ** _OFTEN for n in range(skus)]
    return [one / sum(raw) for one in raw]


class Crowd:
    """Shoppers of all shops. `wishes` is by (shop, order); `found_none` counts who left, since too
    little was shown."""

    def __init__(self, shops: list[Shop], skus: list[str], seed: int) -> None:
        self._shops, self._skus, self._random = shops, skus, random.Random(seed)
        self._weights = weights(len(skus))
        self._later: set[asyncio.TimerHandle] = set()
        self.wishes: dict[tuple[str, str], Wish] = {}
        self.found_none = 0

    def one(self, shop: Shop | None = None) -> bool:
        """Have one shopper come to any shop, or to this one; return whether an order was made."""
        draw = self._random
        shop = shop or draw.choice(self._shops)
        (sku,) = draw.choices(self._skus, self._weights)
        units, late = draw.choice((1, 1, 1, 2)), draw.random() < PAYS_LATE + NEVER_PAYS
        order = shop.twin.buy(shop.listing_of[sku], units, paid=not late)
        if order is None:
            self.found_none += 1
            return False
        wish = self.wishes[shop.name, order] = Wish(sku, units, paid=not late)
        if late:
            if draw.random() * (PAYS_LATE + NEVER_PAYS) < PAYS_LATE:
                self._soon(lambda: self._pay(shop, order, wish))
        elif (mood := draw.random()) < CANCELS:
            self._soon(lambda: self._cancel(shop, order, wish))
        elif mood < CANCELS + TAKES_LESS and units > 1 and shop.twin.reduces:
            self._soon(lambda: self._less(shop, order, wish))
        return True

    def _soon(self, deed: Callable[[], None]) -> None:
        def go() -> None:
            self._later.discard(handle)
            deed()

        delay_s = self._random.random() * _LATER_S
        handle = asyncio.get_running_loop().call_later(delay_s, go)
        self._later.add(handle)

    def _pay(self, shop: Shop, order: str, wish: Wish) -> None:
        shop.twin.pay(order)
        wish.paid = True

    def _cancel(self, shop: Shop, order: str, wish: Wish) -> None:
        shop.twin.cancel(order)
        wish.cancelled = True

    def _less(self, shop: Shop, order: str, wish: Wish) -> None:
        shop.twin.reduce(order, 1)
        wish.units -= 1

    async def gone(self) -> None:
        """Wait until all have done what they meant to do."""
        while self._later:
            await asyncio.sleep(0.05)
