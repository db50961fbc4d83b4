"""A listing's inventory, which Etsy takes as a whole or not at all.

So it is read, changed and put back: each variation that is not ours to change keeps what it has.
Etsy takes no inventory without a unit in it, so a listing that sells out is left one, and closed
(`inactive`). By that unit it is known again: who closed a listing on Etsy's page had a reason, and
such a listing stays closed.

    active     some left      put              none left   put the one unit, close
    closed     some again     open, put        none left   as it is
    sold_out   some again     open, put        none left   as it is

Wherever this ends early, the next try goes on from there; what is shown meanwhile is one unit, and
where a listing is opened, of what there is again. Etsy changes no state of a listing that has more
than 999 units, which none has at that moment.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from engine.connectors.base import Quantity
from engine.connectors.etsy import wire

UNITS_MAX = 999


class Plan(msgspec.Struct):
    """What is to be done for a listing, step by step: an inventory to put, or a state to give it.
    By SKU, the `problems` of what cannot be done."""

    steps: list[dict[str, Any] | str] = []
    problems: dict[str, str] = {}


def quantities(inventory: wire.Inventory, state: str) -> dict[str, int]:
    """Return the units of each SKU that shoppers see."""
    found: dict[str, int] = {}
    for product in _there(inventory):
        seen = _quantity(product) if state == "active" and _enabled(product) else 0
        found[product.sku or ""] = max(seen, found.get(product.sku or "", 0))
    return found


def plan(inventory: wire.Inventory, rows: Mapping[str, Quantity]) -> Plan:
    """Say how to have a listing show these quantities, which go by SKU ("" where it has none)."""
    products = _there(inventory)
    state = inventory.listing.state if inventory.listing else "active"
    closed = _closed_by_us(inventory, products, rows)
    found = Plan([], {})
    good: dict[str, int] = {}
    for sku, row in rows.items():
        problem = _problem(inventory, products, sku)
        if not problem and row.quantity > 0:
            problem = _hidden(products, sku, "active" if closed else state)
        if problem:
            found.problems[sku] = problem
        else:
            good[sku] = row.quantity
    before = [_quantity(product) for product in products]
    empty = closed or state == "sold_out"
    others = [0] * len(before) if empty else before
    after = [good.get(p.sku or "", n) for p, n in zip(products, others, strict=True)]
    left = [n > 0 and _enabled(p) for p, n in zip(products, after, strict=True)]
    if good and state == "active" and not any(left):
        one = _one(inventory, products, [_enabled(product) for product in products])
        moved = _total(inventory, products, before) != 1
        found.steps = [_body(inventory, products, one), "inactive"] if moved else ["inactive"]
    elif state == "active" and after != before:
        found.steps = [_body(inventory, products, after)]
    elif empty and any(left):
        found.steps = ["active", _body(inventory, products, after)]
        if closed and not any(n and yes for n, yes in zip(before, left, strict=True)):
            found.steps.insert(0, _body(inventory, products, _one(inventory, products, left)))
    return found


def _closed_by_us(
    inventory: wire.Inventory, products: list[wire.Product], rows: Mapping[str, Quantity]
) -> bool:
    """Say whether a listing is closed because it sold out: by the one unit that it was left."""
    if inventory.listing is None or inventory.listing.state != "inactive":
        return False
    units = [_quantity(product) for product in products]
    told = any(row.shown == 0 for row in rows.values())
    return told and _total(inventory, products, units) == 1


def _there(inventory: wire.Inventory) -> list[wire.Product]:
    return [product for product in inventory.products if not product.is_deleted]


def _offerings(product: wire.Product) -> list[wire.Offering]:
    return [offering for offering in product.offerings if not offering.is_deleted]


def _quantity(product: wire.Product) -> int:
    return max((offering.quantity for offering in _offerings(product)), default=0)


def _enabled(product: wire.Product) -> bool:
    return any(offering.is_enabled for offering in _offerings(product))


def _group(inventory: wire.Inventory, product: wire.Product) -> tuple:
    """Return which products share one quantity: those alike in all that quantities differ by."""
    return tuple(
        (value.property_id, *value.value_ids, *value.values)
        for value in product.property_values
        if value.property_id in inventory.quantity_on_property
    )


def _total(inventory: wire.Inventory, products: list[wire.Product], units: list[int]) -> int:
    """Return how many units shoppers can buy: products that share a quantity have it once."""
    keys = (_group(inventory, product) for product in products)
    return sum(dict(zip(keys, units, strict=True)).values())


def _problem(inventory: wire.Inventory, products: list[wire.Product], sku: str) -> str:
    """Say why a SKU's quantity cannot be set without changing another's."""
    ours = [product for product in products if (product.sku or "") == sku]
    if not ours:
        return f"the listing has no product with the SKU {sku!r}"
    groups = {_group(inventory, product) for product in ours}
    if len(groups) > 1:
        return f"several quantities have the SKU {sku!r}: give each variation a SKU of its own"
    shared = {p.sku or "" for p in products if _group(inventory, p) in groups} - {sku}
    if shared:
        return f"shares its quantity with {sorted(shared)}: let quantity vary by what SKUs vary by"
    return ""


def _hidden(products: list[wire.Product], sku: str, state: str) -> str:
    """Say why shoppers would see nothing of a SKU, whatever its quantity."""
    if state not in ("active", "sold_out"):
        return f"the listing is {state}: activate it on Etsy to have it sold"
    if not any(_enabled(product) for product in products if (product.sku or "") == sku):
        return f"the product {sku!r} is hidden: show it on Etsy to have it sold"
    return ""


def _one(inventory: wire.Inventory, products: list[wire.Product], among: list[bool]) -> list[int]:
    """Return the least that Etsy takes: one unit, of the first that is among these."""
    first = next((p for p, yes in zip(products, among, strict=True) if yes), products[0])
    key = _group(inventory, first)
    return [int(_group(inventory, product) == key) for product in products]


def _body(
    inventory: wire.Inventory, products: list[wire.Product], units: list[int]
) -> dict[str, Any]:
    """Return the whole inventory with these units, without what Etsy only shows."""
    body = {
        "products": [_product(p, n) for p, n in zip(products, units, strict=True)],
        "price_on_property": inventory.price_on_property,
        "quantity_on_property": inventory.quantity_on_property,
        "sku_on_property": inventory.sku_on_property,
    }
    if inventory.readiness_state_on_property is not None:
        body["readiness_state_on_property"] = inventory.readiness_state_on_property
    return body


def _product(product: wire.Product, units: int) -> dict[str, Any]:
    values = []
    for value in product.property_values:
        row: dict[str, Any] = {"property_id": value.property_id, "value_ids": value.value_ids}
        row |= {"values": value.values, "scale_id": value.scale_id}
        values.append(row | ({"property_name": value.property_name} if value.property_name else {}))
    offerings = [
        {
            "price": float(Decimal(offering.price.amount) / (offering.price.divisor or 1)),
            "quantity": units,
            "is_enabled": offering.is_enabled,
            "readiness_state_id": offering.readiness_state_id,
        }
        for offering in _offerings(product)
    ]
    return {"sku": product.sku or "", "property_values": values, "offerings": offerings}
