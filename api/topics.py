"""What tabs look at: each thing is read once for all who look at it, and knows in which round of
the live channel (`api.live`) each part of it changed, so any tab can be told what it lacks.
"""

from typing import Any

import msgspec

from api.routes.params import cursor_of
from api.wire import encode
from engine.core import limits
from engine.core.answers import OrderAnswer, StockAnswer

Key = tuple[str, str]  # channel and order


class Wants(msgspec.Struct, frozen=True):
    """What one tab looks at: SKUs, the newest orders of a filter (status, channel, part of an id),
    one order, and whether it shows how the system is doing."""

    skus: frozenset[str] = frozenset()
    orders: tuple[str, str, str] | None = None
    order: Key | None = None
    now: bool = False


class QueueNews(msgspec.Struct):
    """What changed of the newest orders of a filter: rows that are new or have changed, newest
    first, and what has left the filter, as pairs of channel and order; where `anew`, all rows.
    `next_cursor` is where the page behind them starts."""

    anew: bool
    gone: list[Key]
    orders: list[OrderAnswer]
    next_cursor: str | None


def event(name: bytes, data: bytes) -> bytes:
    """Return a server-sent event."""
    return b"event: %b\ndata: %b\n\n" % (name, data)


class Whole:
    """Something that is told whole whenever it differs."""

    def __init__(self, name: bytes) -> None:
        self._name, self._data, self.changed = name, b"", -1
        self.read_seq = -1  # the log position up to which it is known

    def take(self, number: int, data: bytes) -> None:
        """Take what round `number` found."""
        if data != self._data:
            self._data, self.changed = data, number

    def news(self, since: int) -> bytes:
        """Return what a tab lacks that was told all up to round `since`."""
        return event(self._name, self._data) if self.changed > since else b""


class Shelved:
    """The stock of one SKU."""

    def __init__(self) -> None:
        self._found: tuple[Any, ...] = ()
        self.data, self.changed, self.read_seq = b"", -1, -1

    def take(self, number: int, found: StockAnswer | None) -> None:
        """Take what round `number` found; None is a SKU that does not exist."""
        if found is None:
            return
        now = (found.available, found.on_hand, found.locations)
        if now != self._found:
            self._found, self.changed, self.data = now, number, encode(found)


def shelf_news(skus: list[Shelved], since: int) -> bytes:
    """Return what a tab that looks at these lacks."""
    found = [sku.data for sku in skus if sku.changed > since]
    return event(b"stock", b"[%b]" % b",".join(found)) if found else b""


class _Row:
    __slots__ = ("answer", "changed", "data")

    def __init__(self, answer: OrderAnswer, number: int) -> None:
        self.answer, self.changed, self.data = answer, number, encode(answer)


class Queue:
    """The newest orders of one filter."""

    def __init__(self) -> None:
        self._rows: dict[Key, _Row] = {}  # newest first
        self._gone: dict[Key, int] = {}  # and by which round
        self._anew = -1  # the round that began anew: nothing joins it to what was before
        self._cursor: str | None = None
        self.changed = self.read_seq = -1
        self.free_s = 0.0  # it is not read again before

    def take(self, number: int, page: list[OrderAnswer], before: int | None) -> None:
        """Take the first page as round `number` found it, and where the next one starts."""
        old, rows = self._rows, {}
        for answer in page:
            key = (answer.channel, answer.order_id)
            known = old.get(key)
            rows[key] = known if known and known.answer == answer else _Row(answer, number)
        self._cursor = cursor_of(before)
        # What stood before one that is still there, and is not there, has left the filter. What
        # stood behind the last of them may have been pushed off by newer ones.
        missing = [key for key in old if key not in rows]
        kept = [place for place, key in enumerate(old) if key in rows]
        if self.changed < 0 or (old and not kept and before is not None):
            self._anew = number
            self._gone.clear()
        else:
            last = kept[-1] if kept and before is not None else len(old)
            places = {key: place for place, key in enumerate(old)}
            for key in missing:
                if places[key] < last:
                    self._gone[key] = number
            for key in rows:
                self._gone.pop(key, None)
        if len(self._gone) > limits.LIVE_GONE_MAX:
            self._gone.clear()
            self._anew = number
        if self.changed < 0 or missing or any(row.changed == number for row in rows.values()):
            self.changed = number
        self._rows = rows

    def news(self, since: int) -> bytes:
        """Return what a tab lacks: rows that are new or have changed, and what has left; all rows
        (`anew`) where nothing joins them to what it has."""
        if self.changed <= since:
            return b""
        anew = since < self._anew
        rows = [row.data for row in self._rows.values() if anew or row.changed > since]
        gone = [key for key, number in self._gone.items() if number > since and not anew]
        head = {"anew": anew, "gone": gone, "next_cursor": self._cursor}
        data = encode(head)[:-1] + b',"orders":[%b]}' % b",".join(rows)
        return event(b"orders", data)
