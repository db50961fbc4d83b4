"""Every GraphQL document that a shop is asked, and what each may cost.

Cost is counted as the shop counts it: an object is 1, a connection as many as are asked for of it,
a mutation 10. The shop takes the whole of it first and gives back what was not found.
"""

import msgspec

VERSION = "2026-07"
SIGNS = 25  # orders of one page of a scan: what is reserved for a page, nobody else has meanwhile
ORDERS = 10  # orders that are read whole by one call
LINES = 5  # lines of each of them: most have fewer, and what is reserved for them waits
MORE_LINES = 100  # lines of a page, where one order has more
PARTS = 250  # lines of a fulfillment order, or of a fulfillment
HEADS = 50  # fulfillment orders, fulfillments and transactions of an order
HOOKS = 100


class Document(msgspec.Struct, frozen=True):
    """`text` costs `cost` points at most, and `each` more for each id that its variables name."""

    text: str
    cost: int
    each: int = 0


SCAN = Document(
    """
query Scan($window: String!, $first: Int!, $after: String) {
  orders(first: $first, after: $after, query: $window, sortKey: UPDATED_AT) {
    nodes {
      id
      updatedAt
      cancelledAt
      displayFinancialStatus
      displayFulfillmentStatus
      currentSubtotalLineItemsQuantity
      email
      note
      shippingAddress {
        name company address1 address2 city province provinceCode zip countryCodeV2 phone
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
""",
    SIGNS * 2,
)

_ORDER = """
fragment Parts on Order {
  id
  updatedAt
  createdAt
  cancelledAt
  currencyCode
  displayFinancialStatus
  displayFulfillmentStatus
  currentSubtotalLineItemsQuantity
  email
  note
  customer { id }
  shippingAddress {
    name company address1 address2 city province provinceCode zip countryCodeV2 phone
    latitude longitude
  }
  lineItems(first: $lines, after: $linesAfter) {
    nodes {
      id
      sku
      quantity
      currentQuantity
      requiresShipping
      variant { id }
      originalUnitPriceSet { shopMoney { amount } }
      discountAllocations { allocatedAmountSet { shopMoney { amount } } }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""
_LINE_COST, _ORDER_COST = 7, 3

SOME = Document(
    """
query Some($ids: [ID!]!, $lines: Int!, $linesAfter: String) {
  nodes(ids: $ids) { ...Parts }
}
"""
    + _ORDER,
    0,
    _ORDER_COST + LINES * _LINE_COST,
)

_ONE = (
    """
query One($id: ID!, $lines: Int!, $linesAfter: String) {
  order(id: $id) { ...Parts }
}
"""
    + _ORDER
)
ONE = Document(_ONE, _ORDER_COST + LINES * _LINE_COST)
ONE_LARGE = Document(_ONE, _ORDER_COST + MORE_LINES * _LINE_COST)

ORDER_OF = Document(
    """
query OrderOf($id: ID!) {
  fulfillmentOrder(id: $id) { orderId }
}
""",
    1,
)

PARCELS = Document(
    """
query Parcels($id: ID!, $first: Int!) {
  order(id: $id) {
    fulfillmentOrders(first: $first) {
      nodes { id status assignedLocation { location { id } } }
    }
    fulfillments(first: $first) { id status trackingInfo { number } }
  }
}
""",
    1 + HEADS * 3 + HEADS * 2,
)

TO_FULFILL = Document(
    """
query ToFulfill($id: ID!, $first: Int!, $after: String) {
  fulfillmentOrder(id: $id) {
    lineItems(first: $first, after: $after) {
      nodes { id remainingQuantity lineItem { id } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
""",
    1 + PARTS * 2,
)

FULFILLED = Document(
    """
query Fulfilled($id: ID!, $first: Int!, $after: String) {
  fulfillment(id: $id) {
    fulfillmentLineItems(first: $first, after: $after) {
      nodes { quantity lineItem { id } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
""",
    1 + PARTS * 2,
)

FULFILL = Document(
    """
mutation Fulfill($fulfillment: FulfillmentInput!) {
  fulfillmentCreate(fulfillment: $fulfillment) {
    fulfillment { id }
    userErrors { field message }
  }
}
""",
    12,
)

PAYMENTS = Document(
    """
query Payments($id: ID!, $first: Int!) {
  order(id: $id) {
    refunds(first: $first) { note }
    transactions(first: $first) { id kind status gateway maximumRefundableV2 { amount } }
  }
}
""",
    1 + HEADS + HEADS * 2,
)

REFUND = Document(
    """
mutation Refund($input: RefundInput!, $key: String!) {
  refundCreate(input: $input) @idempotent(key: $key) {
    refund { id }
    userErrors { field message }
  }
}
""",
    12,
)

CANCEL = Document(
    """
mutation Cancel(
  $orderId: ID!, $reason: OrderCancelReason!, $restock: Boolean!,
  $refundMethod: OrderCancelRefundMethodInput, $notifyCustomer: Boolean, $staffNote: String
) {
  orderCancel(
    orderId: $orderId, reason: $reason, restock: $restock, refundMethod: $refundMethod,
    notifyCustomer: $notifyCustomer, staffNote: $staffNote
  ) {
    job { id done }
    orderCancelUserErrors { code field message }
  }
}
""",
    12,
)

PLACE = Document(
    """
query Place {
  location { id }
}
""",
    1,
)

ITEMS = Document(
    """
query Items($ids: [ID!]!) {
  nodes(ids: $ids) { ... on ProductVariant { id inventoryItem { id } } }
}
""",
    0,
    2,
)

STOCK = Document(
    """
query Stock($ids: [ID!]!, $location: ID!) {
  nodes(ids: $ids) {
    ... on InventoryItem {
      id
      inventoryLevel(locationId: $location) { quantities(names: ["available"]) { quantity } }
    }
  }
}
""",
    0,
    3,
)

SET_STOCK = Document(
    """
mutation SetStock($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) {
    inventoryAdjustmentGroup { id }
    userErrors { code field message }
  }
}
""",
    12,
)

SUBSCRIPTIONS = Document(
    """
query Subscriptions($first: Int!) {
  webhookSubscriptions(first: $first) { nodes { id topic uri } }
}
""",
    HOOKS,
)

SUBSCRIBE = Document(
    """
mutation Subscribe($topic: WebhookSubscriptionTopic!, $hook: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $hook) {
    webhookSubscription { id }
    userErrors { field message }
  }
}
""",
    12,
)

ALL = {name: found for name, found in globals().items() if isinstance(found, Document)}
