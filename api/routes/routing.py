"""Routing: the policies by which orders find their locations, and why they found them."""

from api import problems
from api.endpoint import Ask, Endpoint, Reply
from api.problems import missing
from api.routes import params
from api.routes.reading import unknown
from api.routes.reservations import ORDER_ANSWER
from api.routes.submit import put
from api.wire import Param, body_type
from engine.core.capacities import CapacityAnswer, DayAnswer
from engine.core.commands import Id, PlaceOrder, PutCapacity, PutScarcity, RoutingPolicy
from engine.core.decisions import DecisionsAnswer, PreviewAnswer
from engine.core.outcomes import Refused
from engine.core.policies import RoutingPolicyAnswer
from engine.core.scarcity import ScarcityAnswer

RoutingPolicyBody = body_type(RoutingPolicy, "policy", name="RoutingPolicyBody")
ScarcityBody = body_type(PutScarcity, "sku", name="ScarcityBody")
CapacityBody = body_type(PutCapacity, "location", name="CapacityBody")
PreviewBody = body_type(PlaceOrder, "order_id", name="PreviewBody")
_POLICY = Param("policy", Id, "the routing policy's id", example="main")


async def _policy(ask: Ask) -> Reply:
    name = ask.params["policy"]
    answer = await ask.front.client.routing_policy(name)
    if answer is None:
        raise unknown("policy", name, "routing policy")
    return 200, answer


async def _scarcity(ask: Ask) -> Reply:
    name = ask.params["sku"]
    answer = await ask.front.client.scarcity(name)
    if answer is None:
        detail = f"SKU {name!r} does not exist, or has no scarcity prices"
        raise missing("unknown_sku", "sku", detail)
    return 200, answer


async def _day(ask: Ask) -> Reply:
    name = ask.params["location"]
    answer = await ask.front.client.day(name)
    if answer is None:
        raise unknown("location", name, "location")
    return 200, answer


async def _preview(ask: Ask) -> Reply:
    fields = {name: getattr(ask.value, name) for name in ask.value.__struct_fields__}
    answer = await ask.front.client.preview(PlaceOrder(order_id="preview", **fields))
    if isinstance(answer, Refused):
        document = problems.of_refusal(answer)
        return document.status, document
    return 200, answer


async def _decisions(ask: Ask) -> Reply:
    channel, order_id = ask.params["channel"], ask.params["order_id"]
    answer = await ask.front.client.decisions(channel, order_id)
    if answer is None:
        detail = f"channel {channel!r} has no order {order_id!r}"
        raise missing("unknown_order", "order_id", detail)
    return 200, answer


_MAIN = {
    "version": 3,
    "zones": [{"zone": "berlin", "country": "DE", "postcodes": ["10", "12"]}],
    "lanes": [
        {
            "origin": "north",
            "zone": "berlin",
            "bands": [{"up_to_g": 5000, "base": 450}, {"up_to_g": 31500, "base": 700}],
            "transit_days": 1,
        }
    ],
    "distance": {"bands": [{"up_to_g": 31500, "base": 900}], "per_km": 1, "km_per_day": 500},
    "locations": [
        {"location": "berlin", "origin": "north", "handling_cost": 50, "capacity": 5000},
        {"location": "hamburg", "origin": "north", "cut_off": 900, "working_days": ["mon", "fri"]},
    ],
    "strategies": [
        {"strategy": "thrift", "kind": "cheapest"},
        {"strategy": "all", "kind": "balanced", "split_cost": 150, "late_cost": 300},
    ],
    "channels": [{"channel": "market", "strategy": "all"}],
}
_MAIN_ANSWER = {"seq": 12, "policy": "main", **_MAIN}
_SHIPMENT = {
    "location": "berlin",
    "units": {"TEA-1": 2},
    "grams": 200,
    "packages": 1,
    "cost_mills": {"rate": 450_000, "handling": 50_000},
    "sends": "2026-11-27",
    "arrives": "2026-11-28",
}
_DECISION = {
    "policy": "main",
    "version": 3,
    "strategy": "thrift",
    "sentence": (
        "All from berlin: the best of 1 candidate by strategy 'thrift' "
        "(policy 'main', version 3), at 5.00."
    ),
    "candidates": 1,
    "seq": 14,
    "chosen": {"shipments": [_SHIPMENT], "cost_mills": 500_000},
    "bound_mills": 500_000,
    "left_out": {"capacity": 1},
    "excluded": {"hamburg": "capacity"},
}
_PREVIEW = {
    "channel": "web",
    "lines": [{"sku": "TEA-1", "quantity": 2, "unit_price": 499}],
    "ship_to": {"postcode": "10115", "country": "DE"},
    "policy": "main",
}
_CAPACITY = {"day": "2026-11-27", "orders": 40}
_PRICES = {"prices": [{"location": "berlin", "mills": 120_000}]}
_LINES = [{"sku": "TEA-1", "quantity": 2, "allocations": [{"location": "berlin", "quantity": 2}]}]
_PLAN_CODES = (
    "unknown_location",
    "unknown_sku",
    "unknown_policy",
    "unknown_strategy",
    "not_routable",
    "location_inactive",
    "bundle_too_wide",
    "quantity_overflow",
    "insufficient_stock",
    "table_full",
)

ENDPOINTS = (
    Endpoint(
        name="put_routing_policy",
        method="PUT",
        path="/v1/routing/policies/{policy}",
        noun="routing",
        summary="Create or change a routing policy: rates, rules of locations, and strategies",
        note=(
            "It is replaced as a whole, and its `version` must rise. Orders are routed by the "
            "policy that their channel names, or that they name themselves. Putting the same "
            "again changes nothing and answers with `replayed: true`."
        ),
        scope="plan",
        handler=put,
        params=(_POLICY,),
        body=RoutingPolicyBody,
        command=RoutingPolicy,
        answer=RoutingPolicyAnswer,
        status=201,
        also=200,
        keyed=True,
        codes=("idempotency_conflict", "unknown_location", "invalid_policy", "table_full"),
        example=_MAIN,
        answer_example=_MAIN_ANSWER,
    ),
    Endpoint(
        name="get_routing_policy",
        method="GET",
        path="/v1/routing/policies/{policy}",
        noun="routing",
        summary="One routing policy",
        handler=_policy,
        params=(_POLICY,),
        answer=RoutingPolicyAnswer,
        codes=("unknown_policy",),
        answer_example=_MAIN_ANSWER,
    ),
    Endpoint(
        name="put_scarcity",
        method="PUT",
        path="/v1/routing/scarcity/{sku}",
        noun="routing",
        summary="Set what units of a SKU are worth to later orders, by location",
        note=(
            "Strategies of the kind `balanced` add it to what a unit costs. Prices are replaced as "
            "a whole. Putting the same again changes nothing and answers with `replayed: true`."
        ),
        scope="plan",
        handler=put,
        params=(params.SKU,),
        body=ScarcityBody,
        command=PutScarcity,
        answer=ScarcityAnswer,
        status=201,
        also=200,
        keyed=True,
        codes=("idempotency_conflict", "unknown_location", "unknown_sku", "invalid_policy"),
        example=_PRICES,
        answer_example={"seq": 12, "sku": "TEA-1", **_PRICES},
    ),
    Endpoint(
        name="get_scarcity",
        method="GET",
        path="/v1/routing/scarcity/{sku}",
        noun="routing",
        summary="What units of a SKU are worth to later orders, by location",
        handler=_scarcity,
        params=(params.SKU,),
        answer=ScarcityAnswer,
        codes=("unknown_sku",),
        answer_example={"seq": 12, "sku": "TEA-1", **_PRICES},
    ),
    Endpoint(
        name="put_capacity",
        method="PUT",
        path="/v1/routing/capacities/{location}",
        noun="routing",
        summary="Say how many orders a location can send on a day; what is above goes elsewhere",
        note=(
            "It holds in place of the policy's `capacity` on that day. Orders that count on it are "
            "moved in the same step, the lowest priority first, then what is required last, then "
            "the newest, as far as nobody picks them yet and others may send all of it. One step "
            "looks at 64 of them, fewer the more locations there are; while `above` is not 0, "
            "send the same again."
        ),
        scope="stock",
        handler=put,
        params=(params.LOCATION,),
        body=CapacityBody,
        command=PutCapacity,
        answer=CapacityAnswer,
        status=201,
        also=200,
        keyed=True,
        codes=("idempotency_conflict", "unknown_location"),
        example=_CAPACITY,
        answer_example={
            "seq": 31,
            "location": "berlin",
            **_CAPACITY,
            "moved": [{"channel": "web", "order_id": "1001"}],
            "above": 0,
        },
    ),
    Endpoint(
        name="get_capacity",
        method="GET",
        path="/v1/routing/capacities/{location}",
        noun="routing",
        summary="What a location has to send on a day, and can",
        note=(
            "The day is that of the last `PUT`, else the latest on which orders count. `used` are "
            "orders that a policy gave it to send then, those that have left among them."
        ),
        handler=_day,
        params=(params.LOCATION,),
        answer=DayAnswer,
        codes=("unknown_location",),
        answer_example={"seq": 31, "location": "berlin", **_CAPACITY, "used": 40},
    ),
    Endpoint(
        name="preview_routing",
        method="POST",
        path="/v1/routing/preview",
        noun="routing",
        summary="What an order would get now, from where and why; nothing is taken",
        note="The body is an order without its id. `policy` and `strategy` may be tried out.",
        scope="sell",
        handler=_preview,
        body=PreviewBody,
        answer=PreviewAnswer,
        codes=_PLAN_CODES,
        example=_PREVIEW,
        answer_example={
            "seq": 13,
            "status": "allocated",
            "lines": _LINES,
            "decision": {key: value for key, value in _DECISION.items() if key != "seq"},
        },
    ),
    Endpoint(
        name="get_decisions",
        method="GET",
        path="/v1/orders/{channel}/{order_id}/decisions",
        noun="routing",
        summary="Why an order's units come from where they come",
        note=(
            "`sentence` says it for people. Costs are in mills, a thousandth of the minor unit. An "
            "order that no policy has routed has no decisions: it took the fewest locations."
        ),
        handler=_decisions,
        params=(params.CHANNEL, params.ORDER),
        answer=DecisionsAnswer,
        codes=("unknown_order",),
        answer_example={
            "channel": "web",
            "order_id": ORDER_ANSWER["order_id"],
            "decisions": [_DECISION],
        },
    ),
)
