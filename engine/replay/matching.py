"""Which earlier order does a cancellation document cancel?

The document names a customer, SKUs and quantities, but no order. For each of its lines, among
that customer's earlier orders that still hold units of the SKU, the newest first:

1. `exact`: the newest that holds exactly that many;
2. `enough`: else the newest that holds more;
3. `spread`: else the newest ones together, if they hold enough in sum;
4. otherwise, or without a customer, nothing matches: the line is a goods return.
"""

from collections import defaultdict


class OpenOrders:
    """Units by customer and SKU that earlier orders hold and that are not yet cancelled."""

    def __init__(self) -> None:
        self._by_customer: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._left: dict[str, dict[str, int]] = {}

    def add(self, customer: str, order_id: str, lines: dict[str, int]) -> None:
        """Note an order (units by SKU). Orders come in time order."""
        if customer:
            self._left[order_id] = dict(lines)
            for sku in lines:
                self._by_customer[customer, sku].append(order_id)

    def match(self, customer: str, sku: str, quantity: int) -> tuple[str, dict[str, int]]:
        """Return (rule, units by order) for one line and take the units; ("", {}) if none."""
        if not customer:
            return "", {}
        orders = self._by_customer.get((customer, sku), [])[::-1]
        held = [(order, self._left[order][sku]) for order in orders if self._left[order][sku]]
        for rule, fits in (("exact", quantity.__eq__), ("enough", quantity.__lt__)):
            for order, units in held:
                if fits(units):
                    return rule, self._take(sku, {order: quantity})
        if sum(units for _, units in held) < quantity:
            return "", {}
        cuts, rest = {}, quantity
        for order, units in held:
            if rest:
                cuts[order] = min(units, rest)
                rest -= cuts[order]
        return "spread", self._take(sku, cuts)

    def emptied(self, order_id: str) -> bool:
        """Whether nothing of the order is left."""
        return not any(self._left[order_id].values())

    def _take(self, sku: str, cuts: dict[str, int]) -> dict[str, int]:
        for order, units in cuts.items():
            self._left[order][sku] -= units
        return cuts
