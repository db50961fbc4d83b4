"""A TikTok Shop that runs here: signed calls, tokens that end, orders that can be held for an hour
after they were paid, and packages that are split and combined.

Shoppers buy what may be ordered, which lowers it. A push says which order changed, and no more.
"""

import hmac
import itertools
import json
import time
from collections.abc import Mapping
from typing import Any

from engine.connectors.base import Account
from engine.connectors.tiktok.twin_api import Api
from engine.connectors.twins import Faults, Mischief, Twin

_LEFT = ("PROCESSING", "FULFILLING", "COMPLETED")
PLACES = ("W1", "W2")


class Shop(Twin):
    """The shop's state, and its HTTP face `app`. `stock` is units by SKU, each a product. While
    `holds`, what is paid is on hold until `release`; while `packs`, TikTok makes the package."""

    connector = "tiktok"
    collect_s = 86_400.0  # after an order is to have left, until its carrier is to have it

    def __init__(
        self, stock: Mapping[str, int], faults: Faults | None = None, seed: int = 1
    ) -> None:
        super().__init__(faults, seed)
        self.key, self.secret, self.cipher = "key_twin", "secret_twin", "cipher_twin"
        self.skus: dict[str, dict[str, Any]] = {
            str(5_000 + n): {
                "product": str(1_000 + n),
                "sku": sku,
                "stock": dict.fromkeys(PLACES, 0) | {PLACES[0]: units},
            }
            for n, (sku, units) in enumerate(stock.items(), 1)
        }
        self.book: dict[str, dict[str, Any]] = {}
        self.address = ""
        self.tokens: dict[str, float] = {}
        self.refresh = self.refresh_before = "refresh_0"
        self.holds = self.packs = False
        self.shipments: list[tuple[str, str]] = []  # (package, number) of each that was told
        self.ids = itertools.count(576_000_000_000_000_000)
        self._notes = itertools.count(7_327_000_000_000_000_000)
        self.app = Mischief(Api(self).app(), self.meter, self.faults, seed, _operation)

    def account(self, url: str) -> Account:
        """Return the account with which the twin at `url` may be called."""
        secrets = {
            "app_key": self.key,
            "app_secret": self.secret,
            "refresh_token": self.refresh,
            "shop_cipher": self.cipher,
            "hook_path": "tw1n",
        }
        return Account(
            name="shop",
            connector=self.connector,
            channel="shop",
            url=url,
            secrets=secrets,
            options={"auth_url": url},
        )

    def hook(self, url: str) -> None:
        """Have changes pushed to this address."""
        self.address = url

    # Listings.

    def listings(self) -> dict[str, str]:
        """Return the SKU, as the seller named it, of each PRODUCT/SKU."""
        return {f"{row['product']}/{name}": row["sku"] for name, row in self.skus.items()}

    def shown(self, listing: str) -> int:
        """Return the units that may be ordered."""
        return sum(self.skus[listing.partition("/")[2]]["stock"].values())

    def meddle(self, listing: str, quantity: int) -> None:
        """Somebody changes the stock in the Seller Center."""
        stock = self.skus[listing.partition("/")[2]]["stock"]
        stock |= dict.fromkeys(stock, 0) | {PLACES[0]: quantity}

    # Orders.

    def buy(self, listing: str, quantity: int = 1, *, paid: bool = True) -> str | None:
        """Have a shopper buy; each unit is a line item."""
        if self.shown(listing) < quantity:
            return None
        product, _, name = listing.partition("/")
        left = quantity
        for place, units in self.skus[name]["stock"].items():
            taken = min(units, left)
            self.skus[name]["stock"][place] -= taken
            left -= taken
        number = str(next(self.ids))
        items = [
            {
                "id": str(next(self.ids)),
                "sku_id": name,
                "product_id": product,
                "seller_sku": self.skus[name]["sku"],
                "sale_price": "10.00",
                "currency": "GBP",
                "package_id": "",
                "package_status": "TO_FULFILL",
            }
            for _ in range(quantity)
        ]
        self.book[number] = {
            "id": number,
            "create_time": int(time.time()),
            "user_id": "7494049642642441621",
            "shipping_type": "SELLER",
            "delivery_option_id": "d1",
            "payment": {"currency": "GBP", "total_amount": f"{quantity * 10}.00"},
            "is_on_hold_order": self.holds,
            "line_items": items,
        }
        self._become(number, "UNPAID")
        if paid:
            self._paid(number)
        self.push(number)
        return number

    def _paid(self, number: str) -> None:
        now_s = int(time.time())
        due_s = now_s + round(self.ship_by_s)
        collect_by_s = due_s + round(self.collect_s)
        times = {"paid_time": now_s, "rts_sla_time": due_s, "tts_sla_time": collect_by_s}
        self.book[number] |= times
        self.penalties.order(number)
        self.penalties.awaits(number, collect_by_s)
        self._become(number, "ON_HOLD" if self.holds else "AWAITING_SHIPMENT")
        if not self.holds and self.packs:
            self.pack(number)

    def pay(self, order: str) -> None:
        """The payment of an order arrives."""
        self._paid(order)
        self.push(order)

    def release(self, order: str) -> None:
        """The hour in which the buyer may cancel is over."""
        self._become(order, "AWAITING_SHIPMENT")
        self.push(order)

    def cancel(self, order: str) -> None:
        """The buyer cancels an order; its stock may be ordered again."""
        self._drop(order, self.units(order))
        self.penalties.awaited.pop(order, None)
        self._become(order, "CANCELLED")
        self.push(order, 11)

    def reduce(self, order: str, quantity: int = 1) -> None:
        """Units of the order's first line are cancelled."""
        self._drop(order, self.units(order)[:quantity])
        self._touch(order)
        self.push(order, 11)

    def _drop(self, order: str, units: list[dict[str, Any]]) -> None:
        for unit in units:
            unit["display_status"] = "CANCELLED"
            self.skus[unit["sku_id"]]["stock"][PLACES[0]] += 1

    def orders(self) -> dict[str, str]:
        """Return each order's standing."""
        words = {"UNPAID": "unpaid", "CANCELLED": "cancelled"}
        words |= dict.fromkeys(("AWAITING_COLLECTION", "IN_TRANSIT"), "fulfilled")
        return {n: words.get(order["status"], "open") for n, order in self.book.items()}

    def parcels(self, order: str) -> list[str]:
        """Return the tracking number of each of an order's packages that was told."""
        packages = {unit["package_id"] for unit in self.book[order]["line_items"]}
        return [number for package, number in self.shipments if package in packages]

    def refunds(self, order: str) -> list[int]:
        """None: there is no call for an amount."""
        return []

    def pack(self, *orders: str) -> str:
        """TikTok makes a package: of one order, or of several of one buyer."""
        package = str(next(self.ids))
        for order in orders:
            for unit in self.units(order):
                unit["package_id"] = package
        return package

    def units(self, order: str) -> list[dict[str, Any]]:
        """Return an order's line items that nobody cancelled."""
        items = self.book[order]["line_items"]
        return [unit for unit in items if unit.get("display_status") != "CANCELLED"]

    def _become(self, order: str, status: str) -> None:
        self.book[order]["status"] = status
        for unit in self.units(order):
            unit["display_status"] = status
        self._touch(order)

    def _touch(self, order: str) -> None:
        self.book[order]["update_time"] = int(time.time())

    # Pushing.

    def push(self, order: str, kind: int = 1) -> None:
        """Push that an order changed."""
        if not self.address:
            return
        found = self.book[order]
        data = {"order_id": order, "order_status": found["status"], "is_on_hold_order": False}
        data |= {"update_time": found["update_time"]}
        message = {
            "type": kind,
            "tts_notification_id": str(next(self._notes)),
            "shop_id": "7494049642642441621",
            "timestamp": int(time.time()),
            "data": data,
        }
        body = json.dumps(message).encode()
        headers = {"content-type": "application/json", "authorization": self.mac(body)}

        def forged() -> tuple[dict[str, str], bytes]:
            other = message | {"tts_notification_id": "1", "data": data | {"order_id": "1"}}
            return headers, json.dumps(other).encode()

        self.pushes.send("hook", self.address, headers, body, forged)

    def mac(self, body: bytes) -> str:
        """Return the signature of a push."""
        return hmac.digest(self.secret.encode(), self.key.encode() + body, "sha256").hex()

    def leave(self, package: str, number: str) -> None:
        """A package is told, with the units of all orders in it."""
        self.shipments.append((package, number))
        for order, found in self.book.items():
            units = self.units(order)
            inside = [unit for unit in units if unit["package_id"] == package]
            for unit in inside:
                unit |= {"package_status": "PROCESSING", "tracking_number": number}
            if inside:
                self.penalties.parcel(order, found["rts_sla_time"], number)
                whole = all(unit["package_status"] in _LEFT for unit in units)
                found["status"] = "AWAITING_COLLECTION" if whole else "PARTIALLY_SHIPPING"
                self._touch(order)
                self.push(order)

    def collect(self) -> None:
        """Carriers scan all that waits for them."""
        for order, found in self.book.items():
            if found["status"] == "AWAITING_COLLECTION":
                self.scan(order)

    def scan(self, order: str) -> None:
        """The carrier comes for an order's parcels and scans them."""
        self.penalties.scanned(order)
        self.book[order]["collection_time"] = int(time.time())
        self._become(order, "IN_TRANSIT")
        self.push(order)


def _operation(scope: Any) -> str | None:
    return None if scope["path"].startswith("/api/v2/") else "any"


TWIN = Shop
