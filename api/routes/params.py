"""Parameters that several calls share."""

import base64
import contextlib
import re
from typing import Annotated, TypeVar

from msgspec import Meta

from api.problems import ProblemError, field
from api.wire import Param
from engine.core import limits
from engine.core.commands import Id

_Row = TypeVar("_Row")
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
    text = _text_of(cursor)
    if text.isdigit() and len(text) <= 18:
        return int(text)
    raise _not_ours()


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
    text = _text_of(cursor)
    if text.startswith(_NAMED):
        with contextlib.suppress(UnicodeDecodeError):
            return text.removeprefix(_NAMED).decode()
    raise _not_ours()


def entry_of(cursor: str) -> str:
    """Return the entry of a stream next to which a page starts, as `name_of` does."""
    entry = name_of(cursor)
    if entry and not _ENTRY.fullmatch(entry):
        raise _not_ours()
    return entry


def page_of(rows: list[tuple[str, _Row]], limit: int) -> tuple[list[_Row], str | None]:
    """Return a page of rows that each have a name, and the cursor of the next page. One row more
    than `limit` was asked for, to see whether there is one."""
    more = rows[limit - 1][0] if len(rows) > limit else None
    return [row for _, row in rows[:limit]], cursor_after(more)


def _text_of(cursor: str) -> bytes:
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise _not_ours() from None


def _not_ours() -> ProblemError:
    return field("invalid_value", "cursor", "send `next_cursor` of the page before, unchanged")


_NAMED = b"after:"
_ENTRY = re.compile(r"\d{1,19}-\d{1,19}", re.ASCII)
