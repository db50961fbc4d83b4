"""Parameters that several calls share."""

import base64
import binascii
from typing import Annotated

from msgspec import Meta

from api.problems import ProblemError, field
from api.wire import Param
from engine.core import limits
from engine.core.commands import Id

SKU = Param("sku", Id, "the SKU", example="TEA-1")
LOCATION = Param("location", Id, "the location's id", example="berlin")
RESERVATION = Param("reservation_id", Id, "the reservation's id", example="cart-1")
CHANNEL = Param("channel", Id, "the channel that the order came from", example="web")
ORDER = Param("order_id", Id, "the channel's own id of the order", example="1001")

Limit = Annotated[int, Meta(ge=1, le=limits.PAGE_ROWS_MAX)]
LIMIT = Param("limit", Limit, "rows in one page", default=limits.PAGE_ROWS_DEFAULT, example=50)
CURSOR = Param(
    "cursor",
    Annotated[str, Meta(max_length=64)],
    "`next_cursor` of the page before; opaque",
    default="",
)


def cursor_of(place: int | None) -> str | None:
    """Return the opaque text of where the next page starts; None at the end."""
    return None if place is None else base64.urlsafe_b64encode(b"%d" % place).decode().rstrip("=")


def place_of(cursor: str, first: int) -> int:
    """Return where a page starts, `first` without a cursor; refuses a text that is not ours."""
    if not cursor:
        return first
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        if text.isdigit() and len(text) <= 18:
            return int(text)
    except (binascii.Error, ValueError):
        pass
    raise _not_ours()


# An entry of a stream is named by milliseconds and a count, which become one number of a cursor.
_COUNT_BITS = 16
_COUNT_MASK = (1 << _COUNT_BITS) - 1


def place_of_entry(entry: str) -> int:
    """Return an entry of a stream as a place."""
    ms, _, count = entry.partition("-")
    return (int(ms) << _COUNT_BITS) | min(int(count), _COUNT_MASK)


def entry_of(place: int) -> str:
    """Return the entry of a stream at a place; empty for 0, where a first page starts."""
    return f"{place >> _COUNT_BITS}-{place & _COUNT_MASK}" if place else ""


def cursor_after(name: str | None) -> str | None:
    """Return the opaque text of a page that starts after a name; None at the end."""
    if name is None:
        return None
    return base64.urlsafe_b64encode(_NAMED + name.encode()).decode().rstrip("=")


def name_of(cursor: str) -> str:
    """Return the name after which a page starts, "" without a cursor; refuses a text that is not
    ours."""
    if not cursor:
        return ""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        if text.startswith(_NAMED):
            return text.removeprefix(_NAMED).decode()
    except ValueError:
        pass
    raise _not_ours()


def _not_ours() -> ProblemError:
    return field("invalid_value", "cursor", "send `next_cursor` of the page before, unchanged")


_NAMED = b"after:"
