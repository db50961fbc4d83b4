"""Paths of the HTTP API, for who asks it. Ids are opaque, so each is quoted, slashes too."""

from urllib.parse import quote


def path_of(*parts: str) -> str:
    """Return the path of what these parts name: `("stock", "A/1")` is `/v1/stock/A%2F1`."""
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def order_path(channel: str, order_id: str, *more: str) -> str:
    """Return the path of an order, or of something of it."""
    return path_of("orders", channel, order_id, *more)
