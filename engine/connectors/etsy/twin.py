"""A twin of Etsy: a shop whose listings are put as a whole, and whose pushes tell of payment only.

It keeps what Etsy keeps: 10 calls in a second and 10,000 in 24 hours, 100 receipts a page and none
beyond 12,000, a listing that is never without a unit unless shoppers bought the last one.
"""

import itertools
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

from engine.connectors import signatures
from engine.connectors.base import Account
from engine.connectors.etsy.twin_api import ROUTES, guarded, operation, token
from engine.connectors.twins import Faults, Mischief, Twin

PRICE = 1_000
COLOUR = 200


class Shop(Twin):
    """The shop's state, and its HTTP face `app`. `stock` is units by SKU. `families` puts SKUs into
    one listing, as its variations; others have one of their own."""

    connector = "etsy"
    can_cancel = False
    reduces = False

    def __init__(
        self,
        stock: Mapping[str, int],
        faults: Faults | None = None,
        seed: int = 1,
        families: Sequence[Sequence[str]] = (),
    ) -> None:
        super().__init__(faults, seed)
        self.shop_id, self.keystring, self.shared_secret = 4_242, "dibs-twin", "shared-s3cret"
        self.refresh_token = "77.refresh-0"
        self.hook_secret = "whsec_ZGlicy10d2luLW9mLWV0c3ktc2VjcmV0"
        self.token_life_s = 3_600.0
        self.tokens: dict[str, float] = {}
        self.ids = itertools.count(1_001)
        self.shelf: dict[int, dict[str, Any]] = {}
        grouped = {sku for family in families for sku in family}
        for family in [*families, *([sku] for sku in stock if sku not in grouped)]:
            self._list(family, stock)
        self.book: dict[str, dict[str, Any]] = {}
        self.mails: list[str] = []
        self.carriers = frozenset(("dhl", "ups", "usps", "fedex", "other"))
        self.push_to = ""
        routes = [Route(path, guarded(self, call), methods=[how]) for path, how, call in ROUTES]
        routes.append(Route("/v3/public/oauth/token", token(self), methods=["POST"]))
        self.app = Mischief(Starlette(routes=routes), self.meter, self.faults, seed, operation)

    def _list(self, skus: Sequence[str], stock: Mapping[str, int]) -> None:
        number, many = next(self.ids), len(skus) > 1
        products = [
            {
                "product_id": next(self.ids),
                "sku": sku,
                "is_deleted": False,
                "offerings": [self.offering(stock[sku], PRICE)],
                "property_values": [self.colour(at)] if many else [],
            }
            for at, sku in enumerate(skus)
        ]
        by = [COLOUR] if many else []
        on = {f"{what}_on_property": by for what in ("quantity", "sku")}
        state = "active" if any(stock[sku] for sku in skus) else "sold_out"
        inventory = {"products": products, "price_on_property": [], **on}
        inventory["readiness_state_on_property"] = []
        self.shelf[number] = {"listing_id": number, "state": state, "inventory": inventory}

    def offering(self, units: int, price: int, *, shows: bool = True) -> dict[str, Any]:
        """Return an offering as Etsy shows it; its id is new."""
        return {
            "offering_id": next(self.ids),
            "quantity": units,
            "is_enabled": shows,
            "is_deleted": False,
            "price": {"amount": price, "divisor": 100, "currency_code": "GBP"},
            "readiness_state_id": 5,
        }

    def colour(self, at: int) -> dict[str, Any]:
        """Return what a variation differs in."""
        value = {"value_ids": [100 + at], "values": [f"colour {at}"], "scale_name": None}
        return {"property_id": COLOUR, "property_name": "Colour", "scale_id": None, **value}

    def account(self, url: str) -> Account:
        """Return the account with which the twin at `url` may be called."""
        words = {
            "keystring": self.keystring,
            "shared_secret": self.shared_secret,
            "refresh_token": self.refresh_token,
            "hook_secret": self.hook_secret,
            "hook_path": "tw1n",
        }
        # Pushes tell of payment only, so what changes later is found by looking often.
        return Account(
            name="etsy",
            connector=self.connector,
            channel="etsy",
            url=url,
            secrets=words,
            options={"shop_id": str(self.shop_id), "sweep_s": "2"},
        )

    def hook(self, url: str) -> None:
        """Have payments pushed to this address."""
        self.push_to = url

    # Listings.

    def products(self) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
        """Return the listing and the product of each name."""
        return {
            f"{number}/{product['sku']}": (row, product)
            for number, row in self.shelf.items()
            for product in row["inventory"]["products"]
        }

    def _product(self, listing: str) -> tuple[dict[str, Any], dict[str, Any]]:
        number, _, sku = listing.partition("/")
        row = self.shelf[int(number)]
        return row, next(it for it in row["inventory"]["products"] if it["sku"] == sku)

    def listings(self) -> dict[str, str]:
        """Return the SKU of each product: each is a listing to dibs."""
        return {name: product["sku"] for name, (_, product) in self.products().items()}

    def shown(self, listing: str) -> int:
        """Return the units that shoppers see."""
        row, product = self._product(listing)
        offering = product["offerings"][0]
        seen = row["state"] == "active" and offering["is_enabled"]
        return offering["quantity"] if seen else 0

    def meddle(self, listing: str, quantity: int) -> None:
        """The seller changes a quantity by hand."""
        row, product = self._product(listing)
        product["offerings"][0]["quantity"], row["state"] = quantity, "active"

    # Orders.

    def buy(self, listing: str, quantity: int = 1, *, paid: bool = True) -> str | None:
        """Have a shopper buy; a listing whose last unit goes is sold out."""
        if self.shown(listing) < quantity:
            return None
        row, product = self._product(listing)
        product["offerings"][0]["quantity"] -= quantity
        if not any(p["offerings"][0]["quantity"] for p in row["inventory"]["products"]):
            row["state"] = "sold_out"
        name, now = next(self.ids), int(time.time())
        line = {
            "transaction_id": next(self.ids),
            "receipt_id": name,
            "listing_id": row["listing_id"],
            "product_id": product["product_id"],
            "sku": product["sku"],
            "quantity": quantity,
            "is_digital": False,
            "price": product["offerings"][0]["price"],
            "expected_ship_date": now + 3 * 86_400,
        }
        address = {"first_line": "St James's Sq 12", "city": "London", "zip": "SW1Y"}
        self.book[str(name)] = {
            "receipt_id": name,
            "buyer_user_id": 77,
            "name": "Ada Lovelace",
            **address,
            "country_iso": "GB",
            "status": "paid" if paid else "payment processing",
            "is_paid": paid,
            "is_shipped": False,
            "created_timestamp": now,
            "transactions": [line],
            "shipments": [],
            "refunds": [],
        }
        self.changed(str(name))
        if paid:
            self._push(str(name))
        return str(name)

    def pay(self, order: str) -> None:
        """The payment of an order arrives."""
        self.book[order] |= {"is_paid": True, "status": "paid"}
        self.changed(order)
        self._push(order)

    def cancel(self, order: str) -> None:
        """The seller cancels an order on Etsy's page; what it held stays off the shelf."""
        self.book[order]["status"] = "canceled"
        self.changed(order)

    def orders(self) -> dict[str, str]:
        """Return each order's standing."""
        return {name: _standing(row) for name, row in self.book.items()}

    def parcels(self, order: str) -> list[str]:
        """Return the tracking number of each parcel."""
        return [row["tracking_code"] for row in self.book[order]["shipments"]]

    def refunds(self, order: str) -> list[int]:
        """Return nothing: Etsy has no call for it."""
        return []

    def changed(self, order: str) -> None:
        """Note that an order changed just now."""
        self.book[order]["updated_timestamp"] = int(time.time())

    def _push(self, order: str) -> None:
        if not self.push_to:
            return
        place = f"https://openapi.etsy.com/v3/application/shops/{self.shop_id}/receipts/{order}"
        push = {"event_type": "order.paid", "resource_url": place, "shop_id": self.shop_id}
        body, name = json.dumps(push).encode(), f"msg_{secrets.token_hex(8)}"

        def forged() -> tuple[dict[str, str], bytes]:
            return signed, body.replace(order.encode(), b"999999")

        signed = signatures.signed([self.hook_secret], name, body)
        signed["content-type"] = "application/json"
        self.pushes.send(order, self.push_to, signed, body, forged)


def _standing(row: Mapping[str, Any]) -> str:
    if row["status"] == "canceled":
        return "cancelled"
    if row["is_shipped"]:
        return "fulfilled"
    return "open" if row["is_paid"] else "unpaid"


TWIN = Shop
