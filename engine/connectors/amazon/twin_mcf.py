"""The twin's Multi-Channel Fulfillment: orders that Amazon's warehouses ship for the seller.

Nothing moves by itself: a test has the warehouse ship and deliver what was released to it.
"""

import itertools
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from engine.connectors.amazon.twin_documents import now
from engine.connectors.amazon.twin_feeds import refused

ROOT = "/fulfillment/outbound/2026-07-04"


class Warehouses:
    """`stock` is units by the seller's SKU; `book` the orders by id, with what was `refused` of
    them: an id that is there already, say."""

    def __init__(self) -> None:
        self.stock: dict[str, int] = {}
        self.book: dict[str, dict[str, Any]] = {}
        self.refused: list[str] = []
        self._numbers = itertools.count(1)

    def rows(self) -> list[tuple[str, Any, str]]:
        """Return (path, handler, method) of each call."""
        return [
            (f"{ROOT}/previews", self._preview, "POST"),
            (f"{ROOT}/orders", self._create, "POST"),
            (f"{ROOT}/orders/{{order}}", self._get, "GET"),
            (f"{ROOT}/orders/{{order}}", self._update, "PUT"),
            (f"{ROOT}/orders/{{order}}/cancel", self._cancel, "PUT"),
        ]

    # What a test has happen.

    def ship(self, order: str, parts: int = 1) -> list[str]:
        """Have what was released leave, its first line in `parts` packages; return their tracking
        numbers."""
        row = self.book[order]
        assert row["fulfillmentConfiguration"]["action"] == "SHIP", "it is on hold"
        items, packages = [], []
        for part in range(parts):
            number = next(self._numbers)
            carrier = {"carrierCode": "UPS", "trackingNumber": f"1Z{number:05}"}
            package = {"packageId": f"p-{number}", "status": "IN_TRANSIT"}
            packages.append(package | {"tracking": {"carrier": carrier}})
            for at, line in enumerate(row["lineItems"]):
                units = int(line["amount"]["value"])
                share = units // parts + (1 if part < units % parts else 0) if at == 0 else units
                if share and (at == 0 or part == 0):
                    items.append(_item(line, share) | {"packageId": package["packageId"]})
        shipment = {"amazonShipmentId": f"S{next(self._numbers)}", "status": "SHIPPED"}
        facility = {"facilityId": "LTN2"}
        row["shipments"].append(
            shipment | {"amazonFacility": facility, "items": items, "packages": packages}
        )
        row["status"] = "COMPLETE"
        return [package["tracking"]["carrier"]["trackingNumber"] for package in packages]

    def deliver(self, order: str) -> None:
        """Have all of its packages arrive."""
        for shipment in self.book[order]["shipments"]:
            for package in shipment["packages"]:
                package["status"] = "DELIVERED"

    def fail(self, order: str) -> None:
        """Have the warehouse find that it cannot: the units are not where they should be."""
        self.book[order]["status"] = "UNFULFILLABLE"

    # Calls.

    async def _preview(self, request: Request) -> Response:
        asked = await request.json()
        if not asked.get("destination", {}).get("deliveryAddress", {}).get("postalCode"):
            return refused(400, "InvalidInput", "destination")
        there, missing = [], []
        for line in asked["lineItems"]:
            sku = line["product"]["productIdentifier"]["amazonSku"]
            enough = self.stock.get(sku, 0) >= int(line["amount"]["value"])
            (there if enough else missing).append((sku, line))
        found: dict[str, Any] = {
            "plannedShipments": [
                {"items": [_item(line, int(line["amount"]["value"])) for _, line in there]}
            ]
        }
        if missing:
            found["constraints"] = [
                {
                    "type": "ValidationError",
                    "code": "ItemQuantityNotAvailable",
                    "message": f"{sku} is out of stock.",
                }
                for sku, _ in missing
            ]
        return JSONResponse(found)

    async def _create(self, request: Request) -> Response:
        asked = await request.json()
        name = asked.get("orderId")
        if not name or len(name) > 40 or not asked.get("lineItems"):
            return refused(400, "InvalidInput", "orderId, lineItems")
        if name in self.book:
            self.refused.append(name)
            return refused(400, "InvalidInput", f"the order {name} exists already")
        for line in asked["lineItems"]:
            sku, units = line["product"]["productIdentifier"]["amazonSku"], line["amount"]["value"]
            if self.stock.get(sku, 0) < int(units):
                return refused(400, "InvalidInput", f"{sku} is out of stock")
        for line in asked["lineItems"]:
            sku = line["product"]["productIdentifier"]["amazonSku"]
            self.stock[sku] -= int(line["amount"]["value"])
        at = {"receiveTime": now(), "status": "PROCESSING", "shipments": []}
        self.book[name] = asked | at
        return JSONResponse({"order": self.book[name]})

    async def _get(self, request: Request) -> Response:
        row = self.book.get(request.path_params["order"])
        return JSONResponse({"order": row}) if row else refused(404, "NotFound")

    async def _update(self, request: Request) -> Response:
        row = self.book.get(request.path_params["order"])
        if row is None:
            return refused(404, "NotFound")
        if row["status"] != "PROCESSING":
            return refused(400, "InvalidInput", f"the order is {row['status']}")
        action = (await request.json()).get("fulfillmentConfiguration", {}).get("action")
        if action == "SHIP":
            row["fulfillmentConfiguration"]["action"] = action
        return JSONResponse({}, 202)

    async def _cancel(self, request: Request) -> Response:
        row = self.book.get(request.path_params["order"])
        if row is None:
            return refused(404, "NotFound")
        if row["shipments"]:
            return refused(400, "InvalidInput", "it has left")
        if row["status"] == "PROCESSING":
            for line in row["lineItems"]:
                sku = line["product"]["productIdentifier"]["amazonSku"]
                self.stock[sku] += int(line["amount"]["value"])
        row["status"] = "CANCELLED"
        return JSONResponse({}, 202)


def _item(line: dict[str, Any], units: int) -> dict[str, Any]:
    found = {"productIdentifier": line["product"]["productIdentifier"]}
    found["amount"] = {"unit": "EACHES", "value": str(units)}
    if "lineItemId" in line:
        found["lineItemId"] = line["lineItemId"]
    return found
