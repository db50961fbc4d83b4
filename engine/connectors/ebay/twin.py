"""A seller's eBay that runs here: orders, inventory by SKU, parcels, refunds, signed pushes.

It is strict where eBay is: 25 SKUs a call, 250 revisions of a listing in a day, 200 orders a page,
tokens that end. It pushes ORDER_CONFIRMATION once checkout is complete, and nothing else of orders.
"""

import base64
import itertools
import json
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.applications import Starlette
from starlette.routing import Route

from engine.connectors.base import Account
from engine.connectors.ebay.site import ROUTES, guarded, now, operation, token
from engine.connectors.twins import Faults, Mischief, Twin

REVISIONS_MAX = 250
DAY_S = 86_400.0
PRICE = 10


class Marketplace(Twin):
    """The account's state, and its HTTP face `app`. `stock` is units by SKU. `families` may put
    SKUs into one listing with variations: its revisions are counted together."""

    connector = "ebay"
    reduces = False

    def __init__(
        self, stock: Mapping[str, int], faults: Faults | None = None, seed: int = 1
    ) -> None:
        super().__init__(faults, seed)
        self.client_id, self.client_secret = "dibs-twin", "cl1ent-secret"
        self.refresh_token, self.verification_token = "v^1.1#refresh", "verification-token-of-twin"
        self.token_life_s = 7_200.0
        self.tokens: dict[str, float] = {}
        self.stock = dict(stock)
        self.families: dict[str, str] = {}
        self.revisions: dict[str, list[float]] = defaultdict(list)
        self.book: dict[str, dict[str, Any]] = {}
        self.shipped: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.paid_back: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.subscription, self.push_to = "ENABLED", ""
        self.key_id, self._key = "twin-key-1", ec.generate_private_key(ec.SECP256R1())
        self._wrong_key = ec.generate_private_key(ec.SECP256R1())
        self.ids = itertools.count(1_000)
        routes = [Route(path, guarded(self, call), methods=[how]) for path, how, call in ROUTES]
        routes.append(Route("/identity/v1/oauth2/token", token(self), methods=["POST"]))
        self.app = Mischief(Starlette(routes=routes), self.meter, self.faults, seed, operation)

    def account(self, url: str) -> Account:
        """Return the account with which the twin at `url` may be called."""
        secrets = {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "refresh_token": self.refresh_token,
            "verification_token": self.verification_token,
            "hook_path": "tw1n",
            "check_user": "ebay",
            "check_password": "ch3ck",
        }
        # Pushes tell of checkouts only, so what changes later is found by looking often.
        return Account(
            name="ebay",
            connector=self.connector,
            channel="ebay",
            url=url,
            secrets=secrets,
            options={"sweep_s": "1"},
        )

    def hook(self, url: str) -> None:
        """Have checkouts pushed to this address."""
        self.push_to = url

    def public_key(self) -> dict[str, str]:
        """Return the key that pushes are signed with, as eBay tells it: on one line."""
        pem = self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return {"key": pem.decode().replace("\n", ""), "algorithm": "ECDSA", "digest": "SHA1"}

    # Listings.

    def listings(self) -> dict[str, str]:
        """Return the SKU of each listing, which is its name, too."""
        return {sku: sku for sku in self.stock}

    def shown(self, listing: str) -> int:
        """Return the quantity of a listing."""
        return self.stock[listing]

    def meddle(self, listing: str, quantity: int) -> None:
        """The seller changes the quantity by hand."""
        self.stock[listing] = quantity

    def revise(self, sku: str, quantity: int) -> bool:
        """Change a quantity by the API; return False if it was done too often within a day."""
        now_s, past = time.monotonic(), self.revisions[self.families.get(sku, sku)]
        if sum(at > now_s - DAY_S for at in past) >= REVISIONS_MAX:
            return False
        past.append(now_s)
        self.stock[sku] = quantity
        return True

    # Orders.

    def buy(self, listing: str, quantity: int = 1, *, paid: bool = True) -> str | None:
        """Have a buyer check out; eBay lowers the quantity at once."""
        if self.stock[listing] < quantity:
            return None
        self.stock[listing] -= quantity
        number = next(self.ids)
        name = f"{number % 100:02}-{number:05}-{next(self.ids):05}"
        cost = {"value": f"{quantity * PRICE}.00", "currency": "GBP"}
        line = {
            "lineItemId": str(next(self.ids)),
            "legacyItemId": "110000000000",
            "sku": listing,
            "title": listing,
            "quantity": quantity,
            "lineItemCost": cost,
            "total": cost,
            "lineItemFulfillmentStatus": "NOT_STARTED",
            "lineItemFulfillmentInstructions": {"shipByDate": "2030-01-02T22:59:59.000Z"},
        }
        address = {"addressLine1": "St James's Sq 12", "city": "London", "countryCode": "GB"}
        contact = {"fullName": "Ada Lovelace", "contactAddress": address | {"postalCode": "SW1Y"}}
        self.book[name] = {
            "orderId": name,
            "legacyOrderId": name,
            "creationDate": now(),
            "buyer": {"username": "ada"},
            "orderPaymentStatus": "PAID" if paid else "PENDING",
            "orderFulfillmentStatus": "NOT_STARTED",
            "cancelStatus": {"cancelState": "NONE_REQUESTED", "cancelRequests": []},
            "fulfillmentStartInstructions": [{"shippingStep": {"shipTo": contact}}],
            "lineItems": [line],
            "paymentSummary": {"refunds": []},
        }
        self.changed(name)
        if paid:
            self.penalties.order(name)
            self._push(name)
        return name

    def pay(self, order: str) -> None:
        """The payment of an order arrives."""
        self.book[order]["orderPaymentStatus"] = "PAID"
        self.changed(order)
        self.penalties.order(order)
        self._push(order)

    def cancel(self, order: str) -> None:
        """The buyer's request to cancel is granted."""
        self.book[order]["cancelStatus"]["cancelState"] = "CANCELED"
        for line in self.book[order]["lineItems"]:
            self.stock[line["sku"]] += line["quantity"]
        self.changed(order)

    def orders(self) -> dict[str, str]:
        """Return each order's standing."""
        return {name: _standing(row) for name, row in self.book.items()}

    def parcels(self, order: str) -> list[str]:
        """Return the tracking number of each parcel."""
        return [row["shipmentTrackingNumber"] for row in self.shipped[order]]

    def refunds(self, order: str) -> list[int]:
        """Return the pennies of each refund."""
        return [round(float(r["amount"]["value"]) * 100) for r in self.paid_back[order]]

    def changed(self, name: str) -> None:
        """Note that an order changed just now."""
        self.book[name]["lastModifiedDate"] = now()

    # Pushing.

    def _push(self, order: str) -> None:
        if not self.push_to or self.subscription != "ENABLED":
            return
        number = next(self.ids)
        notice = {"notificationId": f"n-{number}", "eventDate": now(), "publishAttemptCount": 1}
        notice["data"] = {"orderId": order, "user": {"username": "seller"}}
        metadata = {"topic": "ORDER_CONFIRMATION", "schemaVersion": "1.0", "deprecated": False}
        body = json.dumps({"metadata": metadata, "notification": notice}).encode()

        def forged() -> tuple[dict[str, str], bytes]:
            other = body.replace(order.encode(), b"99-99999-99999")
            return self.signed(other, self._wrong_key), other

        self.pushes.send(order, self.push_to, self.signed(body, self._key), body, forged)

    def signed(self, body: bytes, key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
        """Return the headers of a push, signed."""
        signature = base64.b64encode(key.sign(body, ec.ECDSA(hashes.SHA1()))).decode()
        proof = {"alg": "ecdsa", "kid": self.key_id, "signature": signature, "digest": "SHA1"}
        header = base64.b64encode(json.dumps(proof).encode()).decode()
        return {"content-type": "application/json", "x-ebay-signature": header}


def _standing(row: Mapping[str, Any]) -> str:
    if row["cancelStatus"]["cancelState"] == "CANCELED":
        return "cancelled"
    if row["orderFulfillmentStatus"] == "FULFILLED":
        return "fulfilled"
    return "unpaid" if row["orderPaymentStatus"] == "PENDING" else "open"


TWIN = Marketplace
