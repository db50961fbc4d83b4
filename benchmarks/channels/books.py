"""The judge: every order as its channel has it, and every unit accounted for.

It reads the API of dibs and the twins' own books, and nothing of the office.
"""

from collections import Counter

import msgspec

from benchmarks.channels.shoppers import Crowd, Wish
from benchmarks.channels.site import Shop, Site


class Verdict(msgspec.Struct):
    """What is wrong, and what may be. `lost`, `doubled`, `invented` and `otherwise` count orders:
    not there; holding more units than the channel wants; that no shopper made; any other way unlike
    the channel's. `forged_taken` counts pushes, `dead` documents, `astray` units of stock that the
    orders do not explain. `oversold` are units sold that are not there: what listings showed too
    long. `examples` are the first of each."""

    lost: int = 0
    doubled: int = 0
    invented: int = 0
    otherwise: int = 0
    forged_taken: int = 0
    dead: int = 0
    astray: int = 0
    oversold: int = 0
    orders: int = 0
    examples: list[str] = []

    @property
    def wrong(self) -> int:
        """How much is wrong; 0: all books agree."""
        found = (self.lost, self.doubled, self.invented, self.otherwise, self.forged_taken)
        return sum(found) + self.dead + self.astray

    def see(self, kind: str, what: str) -> None:
        """Count one thing that is wrong."""
        setattr(self, kind, getattr(self, kind) + 1)
        if len(self.examples) < 20:
            self.examples.append(f"{kind}: {what}")


async def judge(site: Site, crowd: Crowd, received: dict[str, int]) -> Verdict:
    """Compare all books; `received` is units by SKU."""
    verdict, promised, left = Verdict(), Counter(), Counter()
    for shop in site.shops:
        await _shop(site, shop, crowd, verdict, promised, left)
        verdict.forged_taken += shop.forged_taken
        for letter in await site.store.dead(shop.name, count=1_000):
            verdict.see("dead", f"{shop.name} {letter.id}: {letter.problem}")
    for sku, units in received.items():
        stock, units = await site.ask("GET", f"/v1/stock/{sku}"), units - left[sku]
        if (stock["on_hand"], stock["allocated"]) != (units, promised[sku]):
            what = f"{sku}: {stock['on_hand']} on hand of {units}, {stock['allocated']} allocated"
            verdict.see("astray", f"{what}, {promised[sku]} by its orders")
        verdict.astray += stock["available"] != units - promised[sku]
    return verdict


async def _shop(
    site: Site,
    shop: Shop,
    crowd: Crowd,
    verdict: Verdict,
    promised: Counter[str],
    left: Counter[str],
) -> None:
    there, words = await site.orders(shop.account.channel), shop.twin.orders()
    mine = {order: wish for (name, order), wish in crowd.wishes.items() if name == shop.name}
    for order, row in there.items():
        for line in row["lines"]:
            promised[line["sku"]] += _held(line)
            left[line["sku"]] += line.get("shipped", 0)
            verdict.oversold += line.get("backordered", 0)
        if order not in mine:
            verdict.see("invented", f"{shop.name} {order}")
    for order, wish in mine.items():
        verdict.orders += 1
        name = f"{shop.name} {order}"
        judge_order(name, words.get(order, "missing"), wish, there.get(order), verdict)


def judge_order(name: str, word: str, wish: Wish, row: dict | None, verdict: Verdict) -> None:
    """Judge one order: the channel's `word` for it, what its shopper wants, and dibs' `row`."""
    if word != _word(wish):
        verdict.see("otherwise", f"{name}: the twin has it as {word}, its shopper {_word(wish)}")
    if row is None:
        if wish.wanted:
            verdict.see("lost", name)
        return
    held = sum(
        _held(line) + line.get("backordered", 0) + line.get("shipped", 0) for line in row["lines"]
    )
    if held > wish.wanted:
        verdict.see("doubled", f"{name}: {held} units for {wish.wanted}, {row['status']}")
    elif held < wish.wanted or {line["sku"] for line in row["lines"]} != {wish.sku}:
        verdict.see("otherwise", f"{name}: {held} units for {wish.wanted}, {row['status']}")


def _word(wish: Wish) -> str:
    if wish.cancelled:
        return "cancelled"
    if wish.shipped:
        return "fulfilled"
    return "open" if wish.paid else "unpaid"


def _held(line: dict) -> int:
    return sum(row["quantity"] for row in line["allocations"])
