"""Which contract files hold for which connector, and how far each may be trusted."""

import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import msgspec
import yaml

ROOT = Path(
    os.environ.get("DIBS_SHARED_CONTRACTS") or Path(__file__).parents[4] / "shared" / "contracts"
)
METHODS = ("get", "put", "post", "delete", "patch")


class Source(NamedTuple):
    """The contract of a connector: files below `ROOT`, each with what its paths begin with at the
    channel's server. `outside` are paths (regular expressions) of no contract, and why; `flaws`
    are problems (the same: operation, colon, what Prism says) in which the file is wrong and the
    call or the answer right, and why."""

    kind: str
    files: dict[str, str]
    outside: dict[str, str] = {}
    flaws: dict[str, str] = {}


_AMAZON = "orders_2026-01-01 ordersV0 listingsItems_2021-08-01 feeds_2021-06-30 notifications"
_AMAZON += " fulfillmentOutbound_2026-07-04 fulfillmentOutbound_2020-07-01 reports_2021-06-30"
_AMAZON += " tokens_2021-03-01 sellers fbaInventory externalFulfillmentInventory_2024-09-11"
_WALMART = "authentication orders inventory feeds returns notifications lag-time shipping"

SOURCES = {
    "amazon": Source(
        "vendor's own",
        {f"amazon-sp-api/models/{name}.json": "" for name in _AMAZON.split()},
        {
            r"/auth/o2/token": "Login with Amazon has no file",
            r"/upload/.*": "a feed's document goes to an address that Amazon signed",
            r"/|/(sqs|queue|\d{12})(/.*)?": "the queue is SQS, not SP-API",
        },
    ),
    "ebay": Source(
        "vendor's own",
        {
            "ebay/sell_fulfillment_v1_oas3.json": "/sell/fulfillment/v1",
            "ebay/sell_inventory_v1_oas3.json": "/sell/inventory/v1",
            "ebay/sell_feed_v1_oas3.json": "/sell/feed/v1",
            "ebay/commerce_notification_v1_oas3.json": "/commerce/notification/v1",
        },
        {
            r"/identity/v1/oauth2/token": "the token service has no file",
            r"/post-order/v2/.*": "eBay publishes no file for Post-Order",
        },
    ),
    "etsy": Source(
        "vendor's own",
        {"etsy/etsy-open-api-v3.oas.json": ""},
        {r"/v3/public/oauth/token": "the token service has no file"},
        {
            r".*: request.query.listing_ids.*: .* must be integer": "Etsy takes lists of numbers "
            "with commas; the file does not say how they are written"
        },
    ),
    "hepsiburada": Source(
        "trimmed by hand", {"hepsiburada/hepsiburada-oms-listing.trimmed.openapi.json": ""}
    ),
    "magento": Source(
        "vendor's own",
        {"adobe-commerce/admin-schema-2.4.9.yaml": "/rest/default"},
        {r"/rest/default/async/bulk/.*": "the addresses of its queue are in no file"},
        {
            r"POST /V1/inventory/source-items: response.body: .* must be object": "the file says "
            "only what errors look like; a shop answers an empty list"
        },
    ),
    "n11": Source(
        "written from help pages",
        {"n11/n11-rest.written-from-help-pages.openapi.json": ""},
        {r"/ws/orderService/": "the file has no SOAP"},
    ),
    "shopify": Source(
        "vendor's own",
        {"shopify/admin_2026-07.graphql": "/admin/api/2026-07/graphql.json"},
        {r"/admin/oauth/access_token": "the token service is not GraphQL"},
    ),
    "tiktok": Source(
        "vendor's docs, converted",
        {"tiktok-shop/tiktok-shop.converted.openapi.json": ""},
        {r"/api/v2/token/.*": "the token service has no file"},
    ),
    "trendyol": Source(
        "trimmed by hand",
        {"trendyol/trendyol-marketplace.trimmed.openapi.json": "/integration"},
        {r".*/products/approved/inventory-and-price": "the file has no reading of stock"},
    ),
    "walmart": Source(
        "vendor's own",
        {f"walmart/{name}.openapi.yml": "" for name in _WALMART.split()},
        flaws={
            r"GET /v3/orders/\{purchaseOrderId\}: response.body: .* required property .*": "the "
            "file's own example has the order within `order`, its schema has not"
        },
    ),
    "woocommerce": Source(
        "vendor's docs, converted",
        {"woocommerce/woocommerce-v3.converted.openapi.json": "/wp-json"},
        flaws={
            r".*: request.query.include.*: .* must be integer": "WordPress takes lists of numbers "
            "with commas; the converted file does not say how they are written",
            r".*: response.body.*line_items.*.price: .* must be string": "the vendor's table of "
            "properties calls a price text, the vendor's examples have a number",
        },
    ),
}


@dataclass(frozen=True, eq=False)
class Operation:
    """An operation of a contract file: its method, its path there, and what is said of it."""

    method: str
    path: str
    said: dict[str, Any]

    @property
    def name(self) -> str:
        """How a table names it."""
        return f"{self.method.upper()} {self.path}"


class Contract:
    """One file: OpenAPI 3 or Swagger 2."""

    def __init__(self, name: str, prefix: str) -> None:
        self.name, self.prefix, self.place = name, prefix, ROOT / name
        text = self.place.read_bytes()
        yes = self.place.suffix == ".json"
        self.document = msgspec.json.decode(text) if yes else yaml.load(text, yaml.CSafeLoader)
        # Names before placeholders: /orders/batch is not an order.
        paths = sorted(self.document["paths"], key=lambda path: path.replace("{", "\uffff"))
        self._paths = [(path, _matcher(path)) for path in paths]
        self._operations: dict[tuple[str, str], Operation] = {}

    def below(self, target: str) -> str | None:
        """Return a call's target as the file writes it, or None if it is not below its prefix."""
        return target[len(self.prefix) :] if target.startswith(self.prefix) else None

    def find(self, method: str, path: str) -> Operation | None:
        """Return the operation that a call is."""
        under, name = self.below(path), None
        if under is not None:
            name = next((name for name, matches in self._paths if matches(under)), None)
        said = self.document["paths"][name].get(method.lower()) if name else None
        if said is None:
            return None
        return self._operations.setdefault((method, name), Operation(method.lower(), name, said))

    def resolve(self, thing: Any) -> Any:
        """Follow a `$ref`, as often as it takes."""
        while isinstance(thing, dict) and "$ref" in thing:
            at = self.document
            for part in thing["$ref"].removeprefix("#/").split("/"):
                at = at[unquote(part).replace("~1", "/").replace("~0", "~")]
            thing = at
        return thing


def _matcher(path: str):
    parts = re.split(r"(\{[^}]*\})", path)
    pattern = "".join("[^/]+" if part[:1] == "{" else re.escape(part) for part in parts)
    return re.compile(pattern).fullmatch


@cache
def contract(name: str, prefix: str) -> Contract:
    """Read a file, once."""
    return Contract(name, prefix)


def contracts(connector: str) -> list[Contract]:
    """Return the files of a connector."""
    return [contract(*row) for row in SOURCES[connector].files.items()]


def outside(connector: str, path: str) -> str | None:
    """Return why a path is in no contract, or None where it must be in one."""
    return _why(SOURCES[connector].outside, path)


def flaw(connector: str, problem: str) -> str | None:
    """Return in what the contract is wrong, where a problem is its own; None where it is not."""
    return _why(SOURCES[connector].flaws, problem)


def _why(rows: dict[str, str], text: str) -> str | None:
    return next((why for pattern, why in rows.items() if re.fullmatch(pattern, text)), None)
