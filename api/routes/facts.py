"""What channels tell of their orders, in whatever order it comes."""

from api.endpoint import Endpoint
from api.routes import params
from api.routes.reservations import ORDER_ANSWER
from api.routes.submit import create
from api.wire import body_type
from engine.core.answers import OrderAnswer
from engine.core.commands import TellFact

FactBody = body_type(TellFact, "channel", "order_id", name="FactBody")

ENDPOINTS = (
    Endpoint(
        name="tell_fact",
        method="POST",
        path="/v1/orders/{channel}/{order_id}/facts",
        noun="orders",
        summary="Tell what the channel says of an order: paid, cancelled, another address, …",
        note=(
            "It may come before the order, twice, late or out of turn: of each field the greatest "
            "`version` holds. Before the order, the answer has the status `awaited`, and what was "
            "told holds when the order comes within seven days. The same `event_id` again answers "
            "with the order as it stands, `replayed`."
        ),
        scope="sell",
        handler=create,
        params=(params.CHANNEL, params.ORDER),
        body=FactBody,
        command=TellFact,
        answer=OrderAnswer,
        status=201,
        keyed=True,
        codes=("idempotency_conflict", "nothing_told", "table_full"),
        example={"event_id": "evt-1", "version": 2, "payment": "paid"},
        answer_example={**ORDER_ANSWER, "payment": "paid"},
    ),
)
