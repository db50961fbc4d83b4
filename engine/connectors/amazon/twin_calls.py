"""Which operation, as quotas name it, a call of the twin is."""

from engine.connectors.amazon.twin_mcf import ROOT

# How a path begins, and its method. The longest beginning counts; one that ends in no slash is
# the whole path.
_PATHS = {
    ("/orders/2026-01-01/orders", "GET"): "orders",
    ("/orders/2026-01-01/orders/", "GET"): "order",
    ("/orders/v0/orders/", "POST"): "confirm",
    ("/listings/2021-08-01/items/", "PATCH"): "patch",
    ("/listings/2021-08-01/items/", "GET"): "listings",
    ("/feeds/2021-06-30/documents", "POST"): "feed_document",
    ("/feeds/2021-06-30/documents/", "GET"): "feed_report",
    ("/feeds/2021-06-30/feeds", "POST"): "feed",
    ("/feeds/2021-06-30/feeds/", "GET"): "feed_status",
    ("/notifications/v1/subscriptions/", "GET"): "subscription",
    ("/notifications/v1/subscriptions/", "POST"): "subscribe",
    (f"{ROOT}/previews", "POST"): "mcf_preview",
    (f"{ROOT}/orders", "POST"): "mcf_create",
    (f"{ROOT}/orders/", "GET"): "mcf_get",
    (f"{ROOT}/orders/", "PUT"): "mcf_update",
}


def operation(path: str, method: str) -> str | None:
    """Return the operation, None for what is not metered: tokens, the queue, documents."""
    found = [
        (len(start), name)
        for (start, verb), name in _PATHS.items()
        if verb == method and (path.startswith(start) if start.endswith("/") else path == start)
    ]
    if not found:
        return None
    name = max(found)[1]
    return "mcf_cancel" if name == "mcf_update" and path.endswith("/cancel") else name
