"""The whole contract: one row per call. Routes, document and tests are made from it."""

from api.endpoint import Endpoint
from api.routes import (
    audit,
    backorders,
    catalogue,
    changes,
    channels,
    connections,
    deliveries,
    facts,
    fences,
    fulfillments,
    holds,
    live,
    orders,
    people,
    purchases,
    reservations,
    returns,
    routing,
    sessions,
    stock,
    streams,
    system,
    timeline,
    validation,
    views,
    webhooks,
)

# A path's longer forms stand before its shorter ones: the last parameter takes slashes.
ENDPOINTS: tuple[Endpoint, ...] = tuple(
    sorted(
        (
            *backorders.ENDPOINTS,
            *catalogue.ENDPOINTS,
            *fences.ENDPOINTS,
            *channels.ENDPOINTS,
            *connections.ENDPOINTS,
            *purchases.ENDPOINTS,
            *stock.ENDPOINTS,
            *reservations.ENDPOINTS,
            *returns.ENDPOINTS,
            *orders.ENDPOINTS,
            *holds.ENDPOINTS,
            *timeline.ENDPOINTS,
            *changes.ENDPOINTS,
            *validation.ENDPOINTS,
            *routing.ENDPOINTS,
            *facts.ENDPOINTS,
            *fulfillments.ENDPOINTS,
            *views.ENDPOINTS,
            *audit.ENDPOINTS,
            *streams.ENDPOINTS,
            *live.ENDPOINTS,
            *sessions.ENDPOINTS,
            *people.ENDPOINTS,
            *webhooks.ENDPOINTS,
            *deliveries.ENDPOINTS,
            *system.ENDPOINTS,
        ),
        key=lambda endpoint: endpoint.path.endswith("}"),
    )
)

assert len({endpoint.name for endpoint in ENDPOINTS}) == len(ENDPOINTS)
