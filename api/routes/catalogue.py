"""Locations and SKUs."""

import msgspec

from api.endpoint import Endpoint
from api.routes import params
from api.routes.reading import one, page
from api.routes.submit import put
from api.wire import body_type
from engine.core.answers import LocationAnswer, SkuAnswer
from engine.core.commands import PutLocation, PutSku

LocationBody = body_type(PutLocation, "location", name="LocationBody")
SkuBody = body_type(PutSku, "sku", name="SkuBody")


class LocationsPage(msgspec.Struct):
    """Locations in order of creation. `next_cursor` is null on the last page."""

    locations: list[LocationAnswer]
    next_cursor: str | None


class SkusPage(msgspec.Struct):
    """SKUs in order of creation. `next_cursor` is null on the last page."""

    skus: list[SkuAnswer]
    next_cursor: str | None


_BERLIN = {"name": "Berlin", "kind": "warehouse", "country": "DE", "postcode": "10115"}
_TEA = {"title": "Green tea, 100 g", "weight_g": 120}
_BERLIN_ANSWER = {
    "seq": 2,
    "location": "berlin",
    **_BERLIN,
    "active": True,
    "priority": 100,
}
_TEA_ANSWER = {"seq": 3, "sku": "TEA-1", **_TEA, "backorderable": False}

ENDPOINTS = (
    Endpoint(
        name="put_location",
        method="PUT",
        path="/v1/locations/{location}",
        noun="catalogue",
        summary="Create or change a location",
        note="Putting the same again changes nothing and answers with `replayed: true`.",
        scope="plan",
        handler=put,
        params=(params.LOCATION,),
        body=LocationBody,
        command=PutLocation,
        answer=LocationAnswer,
        status=201,
        also=200,
        keyed=True,
        codes=("idempotency_conflict", "table_full"),
        example=_BERLIN,
        answer_example=_BERLIN_ANSWER,
    ),
    Endpoint(
        name="get_location",
        method="GET",
        path="/v1/locations/{location}",
        noun="catalogue",
        summary="One location",
        handler=one("location"),
        params=(params.LOCATION,),
        answer=LocationAnswer,
        codes=("unknown_location",),
        answer_example=_BERLIN_ANSWER,
    ),
    Endpoint(
        name="list_locations",
        method="GET",
        path="/v1/locations",
        noun="catalogue",
        summary="Locations, page by page",
        handler=page("locations", LocationsPage),
        query=(params.CURSOR, params.LIMIT),
        answer=LocationsPage,
        answer_example={"locations": [_BERLIN_ANSWER], "next_cursor": None},
    ),
    Endpoint(
        name="put_sku",
        method="PUT",
        path="/v1/skus/{sku}",
        noun="catalogue",
        summary="Create or change a SKU; `components` make it a bundle",
        note="Putting the same again changes nothing and answers with `replayed: true`.",
        scope="plan",
        handler=put,
        params=(params.SKU,),
        body=SkuBody,
        command=PutSku,
        answer=SkuAnswer,
        status=201,
        also=200,
        keyed=True,
        codes=(
            "idempotency_conflict",
            "unknown_sku",
            "bundle_cycle",
            "bundle_too_deep",
            "bundle_has_stock",
            "duplicate_line",
            "promised_stock",
            "fenced_sku",
            "table_full",
        ),
        example=_TEA,
        answer_example=_TEA_ANSWER,
    ),
    Endpoint(
        name="get_sku",
        method="GET",
        path="/v1/skus/{sku}",
        noun="catalogue",
        summary="One SKU",
        handler=one("sku", "SKU"),
        params=(params.SKU,),
        answer=SkuAnswer,
        codes=("unknown_sku",),
        answer_example=_TEA_ANSWER,
    ),
    Endpoint(
        name="list_skus",
        method="GET",
        path="/v1/skus",
        noun="catalogue",
        summary="SKUs, page by page",
        handler=page("skus", SkusPage),
        query=(params.CURSOR, params.LIMIT),
        answer=SkusPage,
        answer_example={"skus": [_TEA_ANSWER], "next_cursor": None},
    ),
)
