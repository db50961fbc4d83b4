"""The twin's documents: an order as the API shows it, and as a notification tells of it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_SETS = {"BUYER": "buyer", "RECIPIENT": "recipient", "FULFILLMENT": "fulfillment"}
_SETS |= {"PACKAGES": "packages"}
_WORDS = {
    "PENDING": "Pending",
    "UNSHIPPED": "Unshipped",
    "PARTIALLY_SHIPPED": "PartiallyShipped",
    "SHIPPED": "Shipped",
    "CANCELLED": "Canceled",
}


def now() -> str:
    """Return the time as the API writes it."""
    return stamp(datetime.now(UTC))


def stamp(at: datetime) -> str:
    """Return a time as the API writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def shaped(row: Mapping[str, Any], query: Mapping[str, str]) -> dict[str, Any]:
    """Return an order with the data sets that were asked for. Of an order that is not paid, Amazon
    shows neither buyer nor recipient."""
    wanted = set(query.get("includedData", "").split(","))
    if row["fulfillment"]["fulfillmentStatus"] == "PENDING":
        wanted -= {"BUYER", "RECIPIENT"}
    hidden = {name for word, name in _SETS.items() if word not in wanted}
    items = []
    for item in row["orderItems"]:
        parts = {"FULFILLMENT": "fulfillment", "CANCELLATION": "cancellation"}
        gone = {name for word, name in parts.items() if word not in wanted}
        items.append({name: value for name, value in item.items() if name not in gone})
    return {name: value for name, value in row.items() if name not in hidden} | {
        "orderItems": items
    }


def notification(row: Mapping[str, Any], seller: str, number: int) -> dict[str, Any]:
    """Return an ORDER_CHANGE of an order as it is now."""
    at, fulfillment = row["lastUpdatedTime"], row["fulfillment"]
    items = [
        {
            "OrderItemId": item["orderItemId"],
            "SellerSKU": item["product"]["sellerSku"],
            "SupplySourceId": None,
            "Quantity": sum(item["fulfillment"].values()),
            "QuantityShipped": item["fulfillment"]["quantityFulfilled"],
        }
        for item in row["orderItems"]
    ]
    summary = {
        "MarketplaceId": row["salesChannel"]["marketplaceId"],
        "OrderStatus": _WORDS[fulfillment["fulfillmentStatus"]],
        "PurchaseDate": row["createdTime"],
        "DestinationPostalCode": "SW1Y",
        "FulfillmentType": "AFN" if fulfillment["fulfilledBy"] == "AMAZON" else "MFN",
        "OrderType": "StandardOrder",
        "OrderItems": items,
    }
    change = {
        "NotificationLevel": "OrderLevel",
        "SellerId": seller,
        "AmazonOrderId": row["orderId"],
        "OrderChangeType": "OrderStatusChange",
        "OrderChangeTrigger": {"TimeOfOrderChange": at, "ChangeReason": "Buyer"},
        "Summary": summary,
    }
    names = {"ApplicationId": "app", "SubscriptionId": "s-1", "PublishTime": at}
    return {
        "NotificationVersion": "1.0",
        "NotificationType": "ORDER_CHANGE",
        "PayloadVersion": "1.0",
        "EventTime": at,
        "Payload": {"OrderChangeNotification": change},
        "NotificationMetadata": names | {"NotificationId": f"n-{number}"},
    }
