"""The twin's stock: a source, the stocks that sell from it, and what their websites show."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from engine.connectors.magento.twin_orders import Refused

SOURCE = "default"


class Stocks:
    """Units by SKU of the source `default`, from which the stocks 1 and 2 sell. Each stock keeps
    units for its orders and knows nothing of the other's."""

    def __init__(self, units: Mapping[str, int]) -> None:
        self.source: dict[str, int] = dict(units)
        self.out: set[str] = {sku for sku, n in units.items() if n <= 0}
        """SKUs that are out of stock at the source, whatever their quantity."""
        self.kept: dict[tuple[str, int], int] = {}
        self.unmanaged: set[str] = set()
        """SKUs of the source of which any quantity may be bought."""
        self.bare: set[str] = set()
        """SKUs of products that no source has: they are assigned to no stock."""
        self.composite: dict[str, bool] = {}
        """SKUs of products that are made of others, and have no source of their own; whether any
        of what they are made of is to be had."""
        self.channels: dict[int, list[dict[str, str]]] = {
            stock: [{"type": "website", "code": code}]
            for stock, code in ((1, "base"), (2, "second"))
        }

    def salable(self, sku: str, stock: int = 1) -> int:
        """Return what shoppers of a stock are shown."""
        there = 0 if sku in self.out else self.source[sku]
        return there - self.kept.get((sku, stock), 0)

    def keep(self, sku: str, stock: int, units: int) -> None:
        """Keep units for an order, or fewer."""
        self.kept[sku, stock] = self.kept.get((sku, stock), 0) + units

    def put(self, sku: str, units: int, status: int) -> None:
        """Give the source a quantity, in or out of stock."""
        self.source[sku] = units
        self.bare.discard(sku)
        (self.out.discard if status else self.out.add)(sku)

    def set(self, rows: Collection[Mapping[str, Any]]) -> None:
        """Take source items, all or none."""
        for row in rows:
            known = row["sku"] in self.source or row["sku"] in self.bare
            if not known or row["source_code"] != SOURCE:
                raise Refused(f"Product with SKU {row['sku']} does not exist.")
        for row in rows:
            self.put(row["sku"], int(row["quantity"]), row["status"])

    def items(self, skus: Iterable[str]) -> list[dict[str, Any]]:
        """Return the source items of SKUs."""
        return [
            {
                "sku": sku,
                "source_code": SOURCE,
                "quantity": self.source[sku],
                "status": int(sku not in self.out),
            }
            for sku in skus
            if sku in self.source
        ]

    def one(self, sku: str, stock: int) -> int | None:
        """Return what a stock shows of one SKU; None if there is no such product. Raises `Refused`
        for one that is made of others."""
        if sku in self.composite:
            raise Refused("Can't check requested quantity for products without Source Items.")
        if sku in self.bare:
            return 0
        return self.salable(sku, stock) if sku in self.source else None

    def exported(self, website: str, skus: Iterable[str], sort: str) -> list[dict[str, Any]]:
        """Return what a website shows: of the SKUs those that are assigned to its stock, and, as a
        shop of 2.4.9 does, all products that are made of others. `sort` "type_id" puts these
        last; they were in the shop first."""
        stock = self._of(website)
        rows = [self._row(sku, stock) for sku in skus if sku in self.source]
        made = [
            {"sku": sku, "qty": 0.0, "is_salable": any_} for sku, any_ in self.composite.items()
        ]
        return rows + made if sort == "type_id" else made + rows

    def _of(self, website: str) -> int:
        wanted = {"type": "website", "code": website}
        found = (stock for stock, channels in self.channels.items() if wanted in channels)
        stock = next(found, None)
        if stock is None:
            raise Refused("No linked stock found")
        return stock

    def _row(self, sku: str, stock: int) -> dict[str, Any]:
        if sku in self.unmanaged:
            return {"sku": sku, "qty": 0.0, "is_salable": True}
        units = self.salable(sku, stock)
        return {"sku": sku, "qty": float(units), "is_salable": units > 0}
