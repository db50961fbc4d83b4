"""The twin's GraphQL endpoint: documents are validated against the schema and executed on the shop
as it is; nothing is matched by its text."""

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSyntaxError,
    OperationType,
    execute_sync,
    get_directive_values,
    parse,
    validate,
)

from engine.connectors.shopify import twin_orders, twin_schema

if TYPE_CHECKING:
    from engine.connectors.shopify.twin import Shop

_WINDOW = re.compile(r"updated_at:(>=|<)'([^']+)'")
ROWS_MAX = 250  # of an input that is a list, and of a page
PLACE = "gid://shopify/Location/1"


class Api:
    """Executes documents on a shop."""

    def __init__(self, shop: "Shop") -> None:
        self.schema = twin_schema.schema()
        self._shop = shop
        self._kept: dict[str, tuple[str, Any]] = {}  # by idempotency key
        self.unmarked = 0
        self._parsed = lru_cache(64)(self._parse)
        self.schema.type_map["Node"].resolve_type = lambda value, *_: value["__typename"]
        self._root = {
            "order": lambda _, id: shop.graph(id),
            "orders": self._orders,
            "fulfillmentOrder": lambda _, id: shop.graph_part(id),
            "fulfillment": lambda _, id: shop.graph_sent(id),
            "location": lambda _, id=PLACE: {"__typename": "Location", "id": id},
            "nodes": lambda _, ids: [self._node(name) for name in ids],
            "webhookSubscriptions": self._hooks,
            "inventorySetQuantities": self._once(self._set_quantities),
            "refundCreate": self._once(lambda input: shop.pay_back(input)),
            "fulfillmentCreate": lambda _, fulfillment, message=None: shop.send(fulfillment),
            "orderCancel": lambda _, **asked: shop.cancel_later(**asked),
            "webhookSubscriptionCreate": self._subscribe,
        }

    def _parse(self, text: str) -> tuple[DocumentNode | None, list[GraphQLError]]:
        try:
            document = parse(text)
        except GraphQLSyntaxError as error:
            return None, [error]
        return document, validate(self.schema, document)

    def price(self, text: str, variables: dict[str, Any]) -> int:
        """Return what a document may cost; 0 for one that is not valid."""
        document, errors = self._parsed(text)
        return 0 if errors or not document else twin_schema.cost(self.schema, document, variables)

    def run(self, text: str, variables: dict[str, Any]) -> tuple[dict[str, Any], int]:
        """Return (answer, points used)."""
        document, errors = self._parsed(text)
        if errors or document is None:
            return {"errors": [error.formatted for error in errors]}, 0
        done = execute_sync(self.schema, document, self._root, variable_values=variables)
        answer: dict[str, Any] = {"data": done.data}
        if done.errors:
            answer["errors"] = [error.formatted for error in done.errors]
        (first, *_) = document.definitions
        mutation = getattr(first, "operation", None) is OperationType.MUTATION
        return answer, twin_schema.used(done.data, mutation)

    # Reading.

    def _orders(self, _: Any, first: int, query: str = "", after: Any = None, **__: Any) -> Any:
        """A cursor is the place of an order by when it changed, wherever others go meanwhile."""
        bounds = dict(_WINDOW.findall(query))
        since, until = bounds.get(">=", ""), bounds.get("<", "9")
        changed, _, number = (after or " 0").partition(" ")
        rows = self._shop.between(since, until, (changed, int(number)), first + 1)
        found = page(rows, first, None)
        if nodes := found["nodes"]:
            last = nodes[-1]
            found["pageInfo"]["endCursor"] = f"{twin_orders.text(last.changed)} {last.id}"
        return found | {"nodes": [twin_orders.graph(order) for order in nodes]}

    def _node(self, name: str) -> Any:
        kind, number = name.split("/")[-2:]
        if kind == "Order":
            return self._shop.graph(name)
        row = self._shop.variants.get(int(number))
        if row is None or kind not in ("ProductVariant", "InventoryItem"):
            return None
        item = {"__typename": "InventoryItem", "id": f"gid://shopify/InventoryItem/{number}"}
        item["inventoryLevel"] = lambda _, locationId: self._level(row, locationId)
        if kind == "InventoryItem":
            return item
        return {"__typename": kind, "id": name, "sku": row["sku"], "inventoryItem": item}

    def _level(self, row: dict[str, Any], place: str) -> Any:
        if place != PLACE:
            return None
        units = {"id": "1", "name": "available", "quantity": row["available"]}
        return {"id": "1", "quantities": lambda _, names: [units] if "available" in names else []}

    def _hooks(self, _: Any, first: int, after: Any = None) -> Any:
        return page(list(self._shop.hooks.values()), first, after)

    # Changing.

    def _once(self, work: Callable[[Any], Any]) -> Callable:
        """Have a mutation done once for each idempotency key, which must stand there."""

        def resolve(info: GraphQLResolveInfo, **arguments: Any) -> Any:
            key = _key(info)
            if key is None or not key.strip():
                self.unmarked += 1
                raise GraphQLError(
                    f"The @idempotent directive is required for {info.field_name}",
                    extensions={"code": "BAD_REQUEST"},
                )
            asked = json.dumps(arguments, sort_keys=True)
            if key in self._kept:
                before, answer = self._kept[key]
                if before != asked:
                    code = "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"
                    return {"userErrors": [problem("the key was used otherwise", code)]}
                return answer
            answer = work(arguments["input"])
            self._kept[key] = (asked, answer)
            return answer

        return resolve

    def _set_quantities(self, asked: dict[str, Any]) -> Any:
        """All rows are set, or none."""
        rows = asked["quantities"]
        if len(rows) > ROWS_MAX:
            text = f"The input array size of {len(rows)} is greater than {ROWS_MAX}"
            raise GraphQLError(text, extensions={"code": "MAX_INPUT_SIZE_EXCEEDED"})
        errors = [
            problem(code, code, ["input", "quantities", str(at), field])
            for at, row in enumerate(rows)
            for code, field in [self._wrong(row)]
            if code
        ]
        if errors:
            return {"userErrors": errors}
        for row in rows:
            self._shop.variants[_number(row["inventoryItemId"])]["available"] = row["quantity"]
        return {"inventoryAdjustmentGroup": {"id": "gid://shopify/x/1"}, "userErrors": []}

    def _wrong(self, row: dict[str, Any]) -> tuple[str, str]:
        there = self._shop.variants.get(_number(row["inventoryItemId"]))
        if there is None:
            return "INVALID_INVENTORY_ITEM", "inventoryItemId"
        if row["locationId"] != PLACE:
            return "ITEM_NOT_STOCKED_AT_LOCATION", "locationId"
        if row["quantity"] < 0:
            return "INVALID_QUANTITY_NEGATIVE", "quantity"
        if "changeFromQuantity" not in row:
            return "COMPARE_QUANTITY_REQUIRED", "changeFromQuantity"
        if row["changeFromQuantity"] not in (None, there["available"]):
            return "CHANGE_FROM_QUANTITY_STALE", "changeFromQuantity"
        return "", ""

    def _subscribe(self, _: Any, topic: str, webhookSubscription: dict[str, Any]) -> Any:
        uri = webhookSubscription["uri"]
        if any(h["topic"] == topic and h["uri"] == uri for h in self._shop.hooks.values()):
            field = ["webhookSubscription", "callbackUrl"]
            text = "Address for this topic has already been taken"
            return {"userErrors": [problem(text, None, field)]}
        return {"userErrors": [], "webhookSubscription": self._shop.subscribe(topic, uri)}


def _key(info: GraphQLResolveInfo) -> str | None:
    directive = info.schema.get_directive("idempotent")
    values = get_directive_values(directive, info.field_nodes[0], info.variable_values)
    return values["key"] if values else None


def _number(gid: str) -> int:
    return int(gid.rpartition("/")[2])


def problem(message: str, code: str | None = None, field: list[str] | None = None) -> dict:
    """Return a user error."""
    return {"message": message, "code": code, "field": field}


def page(rows: list[Any], first: int, after: str | None) -> dict[str, Any]:
    """Return a page of rows: its cursor is how many came before."""
    if first > ROWS_MAX:
        raise GraphQLError(f"first cannot be greater than {ROWS_MAX}")
    start = int(after or 0)
    end = start + first
    info = {"hasNextPage": end < len(rows), "endCursor": str(min(end, len(rows)))}
    return {"nodes": rows[start:end], "pageInfo": info}
