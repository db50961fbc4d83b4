"""Multi-Channel Fulfillment: Amazon's warehouses ship what was sold elsewhere, API 2026-07-04.

An order is made on HOLD, which sets units aside, and set to SHIP later. FILL_OR_KILL: what cannot
be shipped whole is not begun, so that it can be had from another location at once.
"""

from typing import Any
from urllib.parse import quote

import msgspec

from engine.connectors.amazon.auth import Api
from engine.connectors.base import Account, ConnectorError
from engine.connectors.calls import CallError, Calls, document, none_if_missing
from engine.connectors.providers import Sent, Standing, Work

_PATH = "/fulfillment/outbound/2026-07-04"
_OVER = frozenset(("COMPLETE", "COMPLETE_PARTIAL", "CANCELLED", "UNFULFILLABLE", "INVALID"))
_TIER = "STANDARD"
_ASKED = ("name", "line1", "postcode", "country")


class _Camel(msgspec.Struct, frozen=True, rename="camel"):
    pass


class _Identifier(_Camel, frozen=True):
    amazon_sku: str


class _Amount(_Camel, frozen=True):
    value: str | float | int


class _Product(_Camel, frozen=True):
    product_identifier: _Identifier


class _Line(_Camel, frozen=True):
    product: _Product
    amount: _Amount


class _Carrier(_Camel, frozen=True):
    carrier_code: str = ""
    tracking_number: str | None = None


class _Tracking(_Camel, frozen=True):
    carrier: _Carrier | None = None
    amazon: _Carrier | None = None


class _Package(_Camel, frozen=True):
    package_id: str
    status: str | None = None
    tracking: _Tracking = _Tracking()


class _Item(_Camel, frozen=True):
    product_identifier: _Identifier
    amount: _Amount
    package_id: str | None = None


class _Shipment(_Camel, frozen=True):
    status: str
    items: list[_Item] = []
    packages: list[_Package] = []


class _Configuration(_Camel, frozen=True):
    action: str | None = None


class _Order(_Camel, frozen=True):
    line_items: list[_Line]
    status: str | None = None
    fulfillment_configuration: _Configuration = _Configuration()
    shipments: list[_Shipment] = []


class _Whole(_Camel, frozen=True):
    order: _Order


class _Constraint(_Camel, frozen=True):
    message: str = ""
    code: str = ""


class _Planned(_Camel, frozen=True):
    items: list[_Item] = []


class _Preview(_Camel, frozen=True):
    planned_shipments: list[_Planned] = []
    constraints: list[_Constraint] = []


class Mcf:
    """Multi-Channel Fulfillment for a seller's account, a `providers.Provider`."""

    def __init__(self, account: Account, calls: Calls) -> None:
        self._api, self._tier = Api(account, calls), account.options.get("tier", _TIER)

    async def preview(self, work: Work) -> str:
        """Ask for a preview; units that no shipment is planned for are not there."""
        to = work.ship_to
        if to is None or any(not getattr(to, name) for name in _ASKED):
            return "Amazon wants a name, a first line, a postcode and a country to ship to"
        body = self._asked(work)
        del body["fulfillmentConfiguration"]["action"], body["fulfillmentConfiguration"]["policy"]
        for line in body["lineItems"]:
            del line["lineItemId"]
        try:
            answer = await self._api.ask("mcf_preview", "POST", f"{_PATH}/previews", json=body)
        except CallError as error:
            if error.status == 400:
                return f"Amazon cannot: {error}"
            raise
        found = document(answer, _Preview)
        if found.constraints:
            return "; ".join(row.message or row.code for row in found.constraints)
        planned = _counted(item for row in found.planned_shipments for item in row.items)
        short = [sku for sku, units in work.lines if planned.get(sku, 0) < units]
        return f"Amazon has too few of {', '.join(short)}" if short else ""

    async def create(self, work: Work) -> None:
        """The id is ours: one that Amazon has already is refused, and is what was wanted."""
        body = self._asked(work) | {"orderId": work.work_id}
        try:
            await self._api.ask("mcf_create", "POST", f"{_PATH}/orders", json=body, once=True)
        except CallError:
            if await self.standing(work.work_id) is None:
                raise

    async def release(self, work_id: str) -> None:
        """Set it to SHIP."""
        body = {"fulfillmentConfiguration": {"action": "SHIP"}}
        await self._api.ask("mcf_update", "PUT", _place(work_id), json=body)

    async def standing(self, work_id: str) -> Standing | None:
        """Read the order."""
        answer = await none_if_missing(self._api.ask("mcf_get", "GET", _place(work_id)))
        if answer is None:
            return None
        order = document(answer, _Whole).order
        state = "held" if order.fulfillment_configuration.action == "HOLD" else "working"
        over = order.status in _OVER
        return Standing(
            state="over" if over else state,
            lines=tuple(
                (line.product.product_identifier.amazon_sku, _units(line.amount))
                for line in order.line_items
            ),
            parcels=tuple(p for row in order.shipments for p in _sent(row)),
            reason=f"Amazon says {order.status}" if over else "",
            there=order.status == "CANCELLED",
        )

    async def cancel(self, work_id: str) -> bool:
        """Amazon refuses what its warehouses have begun with."""
        try:
            await self._api.ask("mcf_cancel", "PUT", _place(work_id) + "/cancel")
        except CallError as error:
            if error.status in (400, 404, 409):
                return error.status == 404
            raise
        return True

    def _asked(self, work: Work) -> dict[str, Any]:
        if work.ship_to is None:
            raise ConnectorError(f"order {work.order_id} has no address")
        fields = {
            "name": "name",
            "line1": "addressLine1",
            "line2": "addressLine2",
            "city": "city",
            "region": "stateOrRegion",
            "postcode": "postalCode",
            "country": "countryCode",
            "phone": "phone",
            "email": "email",
        }
        to = {theirs: getattr(work.ship_to, ours) for ours, theirs in fields.items()}
        return {
            "fulfillmentConfiguration": {
                "serviceLevel": {"serviceTiers": [self._tier]},
                "action": "HOLD",
                "policy": "FILL_OR_KILL",
            },
            "destination": {"deliveryAddress": {name: text for name, text in to.items() if text}},
            "lineItems": [
                {
                    "lineItemId": str(number),
                    "product": {"productIdentifier": {"amazonSku": sku}},
                    "amount": {"unit": "EACHES", "value": str(units)},
                }
                for number, (sku, units) in enumerate(work.lines, 1)
            ],
        }


def _place(work_id: str) -> str:
    return f"{_PATH}/orders/{quote(work_id, safe='')}"


def _units(amount: _Amount) -> int:
    return int(float(amount.value))


def _counted(items: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for item in items:
        sku = item.product_identifier.amazon_sku
        found[sku] = found.get(sku, 0) + _units(item.amount)
    return found


def _sent(shipment: _Shipment) -> list[Sent]:
    """Return the parcels of a shipment that has left."""
    if shipment.status != "SHIPPED":
        return []
    found = []
    for package in shipment.packages:
        inside = [
            item
            for item in shipment.items
            if item.package_id == package.package_id
            or (item.package_id is None and len(shipment.packages) == 1)
        ]
        way = package.tracking.carrier or package.tracking.amazon or _Carrier()
        found.append(
            Sent(
                parcel_id=package.package_id,
                lines=tuple(_counted(inside).items()),
                carrier=way.carrier_code or "Amazon",
                tracking=way.tracking_number,
                delivered=package.status == "DELIVERED",
            )
        )
    return found
