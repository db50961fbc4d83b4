"""The part of the shop's GraphQL schema that its twin serves, and what a document of it costs."""

from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    build_schema,
    get_named_type,
    is_leaf_type,
)

COST_MAX = 1_000  # points of one document
_MUTATION = 10

SDL = """
directive @idempotent(key: String!) on FIELD
directive @oneOf on INPUT_OBJECT

scalar DateTime
scalar Decimal
scalar Money
scalar URL

enum CurrencyCode { GBP USD EUR }
enum CountryCode { GB US DE }
enum OrderSortKeys { CREATED_AT ID PROCESSED_AT UPDATED_AT }
enum OrderDisplayFinancialStatus {
  AUTHORIZED EXPIRED PAID PARTIALLY_PAID PARTIALLY_REFUNDED PENDING REFUNDED VOIDED
}
enum OrderDisplayFulfillmentStatus { FULFILLED PARTIALLY_FULFILLED UNFULFILLED ON_HOLD }
enum FulfillmentOrderStatus { CANCELLED CLOSED INCOMPLETE IN_PROGRESS ON_HOLD OPEN SCHEDULED }
enum FulfillmentStatus { CANCELLED ERROR FAILURE SUCCESS }
enum OrderTransactionKind { AUTHORIZATION CAPTURE REFUND SALE VOID }
enum OrderTransactionStatus { ERROR FAILURE PENDING SUCCESS }
enum OrderCancelReason { CUSTOMER DECLINED FRAUD INVENTORY OTHER STAFF }
enum OrderCancelUserErrorCode { INTERNAL_ERROR INVALID NOT_FOUND NO_REFUND_PERMISSION }
enum WebhookSubscriptionFormat { JSON XML }
enum WebhookSubscriptionTopic {
  FULFILLMENT_ORDERS_PLACED_ON_HOLD ORDERS_CANCELLED ORDERS_CREATE ORDERS_EDITED ORDERS_FULFILLED
  ORDERS_PAID ORDERS_UPDATED REFUNDS_CREATE
}
enum InventorySetQuantitiesUserErrorCode {
  CHANGE_FROM_QUANTITY_STALE COMPARE_QUANTITY_REQUIRED IDEMPOTENCY_KEY_PARAMETER_MISMATCH
  INVALID_INVENTORY_ITEM INVALID_LOCATION INVALID_NAME INVALID_QUANTITY_NEGATIVE INVALID_REASON
  ITEM_NOT_STOCKED_AT_LOCATION NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR
}

interface Node { id: ID! }
interface DisplayableError { field: [String!] message: String! }

type QueryRoot {
  fulfillment(id: ID!): Fulfillment
  fulfillmentOrder(id: ID!): FulfillmentOrder
  location(id: ID): Location
  nodes(ids: [ID!]!): [Node]!
  order(id: ID!): Order
  orders(
    after: String, first: Int, query: String, sortKey: OrderSortKeys = PROCESSED_AT
  ): OrderConnection!
  webhookSubscriptions(after: String, first: Int): WebhookSubscriptionConnection!
}

type Mutation {
  fulfillmentCreate(fulfillment: FulfillmentInput!, message: String): FulfillmentCreatePayload
  inventorySetQuantities(input: InventorySetQuantitiesInput!): InventorySetQuantitiesPayload
  orderCancel(
    notifyCustomer: Boolean = false, orderId: ID!, reason: OrderCancelReason!,
    refundMethod: OrderCancelRefundMethodInput, restock: Boolean!, staffNote: String = null
  ): OrderCancelPayload
  refundCreate(input: RefundInput!): RefundCreatePayload
  webhookSubscriptionCreate(
    topic: WebhookSubscriptionTopic!, webhookSubscription: WebhookSubscriptionInput!
  ): WebhookSubscriptionCreatePayload
}

type PageInfo { endCursor: String hasNextPage: Boolean! }
type MoneyV2 { amount: Decimal! currencyCode: CurrencyCode! }
type MoneyBag { shopMoney: MoneyV2! }
type UserError implements DisplayableError { field: [String!] message: String! }

type Order implements Node {
  cancelledAt: DateTime
  createdAt: DateTime!
  currencyCode: CurrencyCode!
  currentSubtotalLineItemsQuantity: Int!
  customer: Customer
  displayFinancialStatus: OrderDisplayFinancialStatus
  displayFulfillmentStatus: OrderDisplayFulfillmentStatus!
  email: String
  fulfillmentOrders(after: String, first: Int): FulfillmentOrderConnection!
  fulfillments(first: Int): [Fulfillment!]!
  id: ID!
  lineItems(after: String, first: Int): LineItemConnection!
  note: String
  refunds(first: Int): [Refund!]!
  shippingAddress: MailingAddress
  transactions(first: Int): [OrderTransaction!]!
  updatedAt: DateTime!
}
type OrderConnection { nodes: [Order!]! pageInfo: PageInfo! }
type Customer implements Node { id: ID! }
type MailingAddress implements Node {
  address1: String address2: String city: String company: String countryCodeV2: CountryCode
  id: ID! latitude: Float longitude: Float name: String phone: String province: String
  provinceCode: String zip: String
}
type LineItem implements Node {
  currentQuantity: Int!
  discountAllocations: [DiscountAllocation!]!
  id: ID!
  originalUnitPriceSet: MoneyBag!
  quantity: Int!
  requiresShipping: Boolean!
  sku: String
  variant: ProductVariant
}
type LineItemConnection { nodes: [LineItem!]! pageInfo: PageInfo! }
type DiscountAllocation { allocatedAmountSet: MoneyBag! }
type OrderTransaction implements Node {
  gateway: String
  id: ID!
  kind: OrderTransactionKind!
  maximumRefundableV2: MoneyV2
  status: OrderTransactionStatus!
}
type Refund implements Node { id: ID! note: String }
type RefundCreatePayload { order: Order refund: Refund userErrors: [UserError!]! }

type FulfillmentOrder implements Node {
  assignedLocation: FulfillmentOrderAssignedLocation!
  id: ID!
  lineItems(after: String, first: Int): FulfillmentOrderLineItemConnection!
  orderId: ID!
  status: FulfillmentOrderStatus!
}
type FulfillmentOrderConnection { nodes: [FulfillmentOrder!]! pageInfo: PageInfo! }
type FulfillmentOrderAssignedLocation { location: Location }
type FulfillmentOrderLineItem implements Node {
  id: ID! lineItem: LineItem! remainingQuantity: Int! totalQuantity: Int!
}
type FulfillmentOrderLineItemConnection { nodes: [FulfillmentOrderLineItem!]! pageInfo: PageInfo! }
type Fulfillment implements Node {
  fulfillmentLineItems(after: String, first: Int): FulfillmentLineItemConnection!
  id: ID!
  status: FulfillmentStatus!
  trackingInfo(first: Int): [FulfillmentTrackingInfo!]!
}
type FulfillmentTrackingInfo { company: String number: String url: URL }
type FulfillmentLineItem implements Node { id: ID! lineItem: LineItem! quantity: Int }
type FulfillmentLineItemConnection { nodes: [FulfillmentLineItem!]! pageInfo: PageInfo! }
type FulfillmentCreatePayload { fulfillment: Fulfillment userErrors: [UserError!]! }

type Job { done: Boolean! id: ID! }
type OrderCancelUserError implements DisplayableError {
  code: OrderCancelUserErrorCode field: [String!] message: String!
}
type OrderCancelPayload { job: Job orderCancelUserErrors: [OrderCancelUserError!]! }

type Location implements Node { id: ID! }
type ProductVariant implements Node { id: ID! inventoryItem: InventoryItem! sku: String }
type InventoryItem implements Node {
  id: ID!
  inventoryLevel(locationId: ID!): InventoryLevel
}
type InventoryLevel implements Node {
  id: ID!
  quantities(names: [String!]!): [InventoryQuantity!]!
}
type InventoryQuantity implements Node { id: ID! name: String! quantity: Int! }
type InventoryAdjustmentGroup implements Node { id: ID! }
type InventorySetQuantitiesUserError implements DisplayableError {
  code: InventorySetQuantitiesUserErrorCode field: [String!] message: String!
}
type InventorySetQuantitiesPayload {
  inventoryAdjustmentGroup: InventoryAdjustmentGroup
  userErrors: [InventorySetQuantitiesUserError!]!
}

type WebhookSubscription implements Node {
  id: ID!
  topic: WebhookSubscriptionTopic!
  uri: String!
}
type WebhookSubscriptionConnection { nodes: [WebhookSubscription!]! pageInfo: PageInfo! }
type WebhookSubscriptionCreatePayload {
  userErrors: [UserError!]! webhookSubscription: WebhookSubscription
}

input FulfillmentInput {
  lineItemsByFulfillmentOrder: [FulfillmentOrderLineItemsInput!]!
  notifyCustomer: Boolean = false
  trackingInfo: FulfillmentTrackingInput
}
input FulfillmentOrderLineItemsInput {
  fulfillmentOrderId: ID!
  fulfillmentOrderLineItems: [FulfillmentOrderLineItemInput!]
}
input FulfillmentOrderLineItemInput { id: ID! quantity: Int! }
input FulfillmentTrackingInput { company: String number: String numbers: [String!] }
input InventoryQuantityInput {
  changeFromQuantity: Int inventoryItemId: ID! locationId: ID! quantity: Int!
}
input InventorySetQuantitiesInput {
  name: String! quantities: [InventoryQuantityInput!]! reason: String! referenceDocumentUri: String
}
input OrderCancelRefundMethodInput @oneOf { originalPaymentMethodsRefund: Boolean }
input OrderTransactionInput {
  amount: Money! gateway: String! kind: OrderTransactionKind! orderId: ID! parentId: ID
}
input RefundInput {
  note: String notify: Boolean orderId: ID! transactions: [OrderTransactionInput!]
}
input WebhookSubscriptionInput { format: WebhookSubscriptionFormat uri: String }

schema { query: QueryRoot mutation: Mutation }
"""


def schema() -> GraphQLSchema:
    """Build the schema of `SDL`."""
    return build_schema(SDL, assume_valid=True)


def cost(served: GraphQLSchema, document: DocumentNode, variables: dict[str, Any]) -> int:
    """Return the most points that a document may cost with these variables."""
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    (operation,) = (n for n in document.definitions if isinstance(n, OperationDefinitionNode))
    root = served.get_root_type(operation.operation)
    assert root is not None
    return _selected(served, root, operation.selection_set, fragments, variables)


def _selected(
    served: GraphQLSchema,
    kind: GraphQLNamedType,
    chosen: SelectionSetNode | None,
    fragments: dict[str, FragmentDefinitionNode],
    variables: dict[str, Any],
) -> int:
    total = 0
    for node in chosen.selections if chosen else ():
        if isinstance(node, FieldNode):
            total += _field(served, kind, node, fragments, variables)
            continue
        if isinstance(node, FragmentSpreadNode):
            node = fragments[node.name.value]
        assert isinstance(node, InlineFragmentNode | FragmentDefinitionNode)
        on = served.type_map[node.type_condition.name.value] if node.type_condition else kind
        total += _selected(served, on, node.selection_set, fragments, variables)
    return total


def _field(served: GraphQLSchema, kind: Any, node: FieldNode, fragments: Any, given: Any) -> int:
    inner = get_named_type(kind.fields[node.name.value].type)
    if is_leaf_type(inner) or inner.name == "PageInfo":
        return 0
    within = _selected(served, inner, node.selection_set, fragments, given)
    if kind is served.mutation_type:
        return _MUTATION + within
    if inner.name.endswith("Connection"):
        return _argument(node, "first", given) * within
    return max(_argument(node, "first", given), _argument(node, "ids", given), 1) * (1 + within)


def _argument(node: FieldNode, name: str, given: dict[str, Any]) -> int:
    """Return the number that an argument is, or how many it lists; 0 where it is not there."""
    for argument in node.arguments or ():
        if argument.name.value == name:
            value = argument.value
            found = given.get(value.name.value, 0) if isinstance(value, VariableNode) else 0
            if isinstance(value, IntValueNode):
                found = int(value.value)
            return len(found) if isinstance(found, list) else int(found or 0)
    return 0


def used(data: dict[str, Any] | None, mutation: bool) -> int:
    """Return the points that an answer's data did cost."""
    return sum(map(_objects, (data or {}).values())) + (_MUTATION - 1 if mutation else 0)


def _objects(thing: Any) -> int:
    if isinstance(thing, list):
        return sum(map(_objects, thing))
    if not isinstance(thing, dict):
        return 0
    found = sum(_objects(value) for name, value in thing.items() if name != "pageInfo")
    return found + ("nodes" not in thing)  # a connection costs what is in it
