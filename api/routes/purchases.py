"""Purchase orders: what is on its way."""

import msgspec

from api.endpoint import Endpoint
from api.routes import params
from api.routes.reading import one, page
from api.routes.submit import put
from api.wire import Param, body_type
from engine.core.commands import Id, PutPurchaseOrder
from engine.core.purchases import PurchaseOrderAnswer

PurchaseOrderBody = body_type(PutPurchaseOrder, "purchase_order", name="PurchaseOrderBody")


class PurchaseOrdersPage(msgspec.Struct):
    """Purchase orders in order of creation. `next_cursor` is null on the last page."""

    purchase_orders: list[PurchaseOrderAnswer]
    next_cursor: str | None


_ONE = Param("purchase_order", Id, "the purchase order's id", example="PO-17")
_TEA = {
    "location": "berlin",
    "expected_at": "2026-12-01T08:00:00Z",
    "supplier": "Uji Tea Co.",
    "lines": [{"sku": "TEA-1", "quantity": 200}],
}
_TEA_ANSWER = {
    "seq": 9,
    "purchase_order": "PO-17",
    "status": "open",
    **_TEA,
    "lines": [{"sku": "TEA-1", "quantity": 200, "received": 80}],
}

ENDPOINTS = (
    Endpoint(
        name="put_purchase_order",
        method="PUT",
        path="/v1/purchase-orders/{purchase_order}",
        noun="purchase orders",
        summary="Create or change a purchase order: goods that are to come to a location by a time",
        note=(
            "Putting the same again changes nothing and answers with `replayed: true`. A receipt "
            "that names the purchase order counts what has come of it."
        ),
        scope="stock",
        handler=put,
        params=(_ONE,),
        body=PurchaseOrderBody,
        command=PutPurchaseOrder,
        answer=PurchaseOrderAnswer,
        status=201,
        also=200,
        keyed=True,
        codes=(
            "idempotency_conflict",
            "unknown_location",
            "unknown_sku",
            "bundle_not_stocked",
            "table_full",
        ),
        example=_TEA,
        answer_example={**_TEA_ANSWER, "lines": [{**_TEA["lines"][0], "received": 0}]},
    ),
    Endpoint(
        name="get_purchase_order",
        method="GET",
        path="/v1/purchase-orders/{purchase_order}",
        noun="purchase orders",
        summary="One purchase order, and what has come of it",
        handler=one("purchase_order", "purchase order"),
        params=(_ONE,),
        answer=PurchaseOrderAnswer,
        codes=("unknown_purchase_order",),
        answer_example=_TEA_ANSWER,
    ),
    Endpoint(
        name="list_purchase_orders",
        method="GET",
        path="/v1/purchase-orders",
        noun="purchase orders",
        summary="Purchase orders, page by page",
        handler=page("purchase_orders", PurchaseOrdersPage),
        query=(params.CURSOR, params.LIMIT),
        answer=PurchaseOrdersPage,
        answer_example={"purchase_orders": [_TEA_ANSWER], "next_cursor": None},
    ),
)
