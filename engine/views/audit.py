"""What was done by people and keys, and what was before and after: read model of the audit.

Placing orders and reserving, which is what channels do all day, is left out where a key did it: it
is in `activity`, and in `orders`. So are things that happened by themselves.
"""

import json
from collections.abc import Callable
from typing import Any

import msgspec

from engine.core import actors, limits
from engine.core import events as e
from engine.core.register import Code
from engine.views.work import Database, Work

_json = msgspec.json.Encoder().encode
_NOBODY = ("", actors.TIMER, actors.SYSTEM)
_TRAFFIC = (e.OrderPlaced, e.Reserved, e.ReservationExtended, e.ReservationReleased)
_SECRET = ("password", "secret", "digest", "hash")  # in names of fields: never shown


class Moved(msgspec.Struct):
    """A bucket of a position, before and after a paper."""

    sku: str
    location: str
    bucket: str
    before: int
    after: int
    reason: str | None = None


class AuditRow(msgspec.Struct):
    """What `actor` did at log position `seq`. `kind` and `what` as in `activity`; `ref` is the id
    of what it is about. Of what is put, `before` is how it stood (null: it was new) and `after` how
    it stands then; of stock, `moved` says so; of an order, `after` is what the event tells."""

    seq: int
    stamp_us: int
    actor: str | None
    kind: str
    what: str | None
    subject: str | None
    ref: str | None
    channel: str | None
    order_id: str | None
    before: Any
    after: Any
    moved: list[Moved]
    actor_name: str | None = None


def note(work: Work, seq: int, stamp_us: int, event: Any, ref: str | None, actor: str) -> None:
    """Add a row for an event that somebody made."""
    subject = changes = None
    name = _PUT.get(type(event))
    if name:
        subject = f"{name(event)}:{ref}"
    elif type(event) is e.StockMoved:
        rows = [
            (m.position, m.bucket.name.lower(), m.quantity - m.delta, m.quantity, m.reason or None)
            for m in event.movements
        ]
        changes = _json(rows).decode()
    elif actor in _NOBODY or (type(event) in _TRAFFIC and actors.user_of(actor) is None):
        return
    work.new["audit"].append((seq, stamp_us, actor or None, subject, changes))


_PUT: dict[type, Callable[[Any], str]] = {
    e.SkuPut: lambda event: "sku",
    e.LocationPut: lambda event: "location",
    e.EntryPut: lambda event: Code(event.register).name.lower(),
}

_SELECT = """
    SELECT u.seq, u.stamp_us, u.actor, a.kind, a.what, u.subject, a.ref, o.channel, o.order_id,
           a.document, u.changes
    FROM audit u JOIN activity a ON a.seq = u.seq LEFT JOIN orders o ON o.seq = a.order_seq
    WHERE {} ORDER BY u.seq DESC LIMIT ?"""
_BEFORE = """
    SELECT a.document FROM audit u JOIN activity a ON a.seq = u.seq
    WHERE u.subject = ? AND u.seq < ? ORDER BY u.seq DESC LIMIT 1"""
_PLACES = """
    SELECT p.position, s.sku, l.location FROM positions p JOIN skus s ON s.number = p.sku_number
    JOIN locations l ON l.number = p.location_number WHERE p.position IN ({})"""


def page(
    views: Database,
    by: list[str],
    since_us: int = 0,
    until_us: int = limits.STAMP_US_MAX,
    *,
    before: int = 0,
    limit: int,
) -> tuple[list[AuditRow], int | None]:
    """Return a page of what these actors did (empty: all) in this time, newest first, older than
    log position `before` (0: the newest), and where the next page goes on."""
    where, values = ["u.stamp_us >= ?", "u.stamp_us < ?"], [since_us, until_us]
    if by:
        where.append(f"u.actor IN ({','.join('?' * len(by))})")
        values += by
    if before:
        where.append("u.seq < ?")
        values.append(before)
    found = views.select(_SELECT.format(" AND ".join(where)), [*values, limit + 1])
    rows = [_row(views, row) for row in found[:limit]]
    return rows, rows[-1].seq if len(found) > limit else None


def _row(views: Database, row: tuple) -> AuditRow:
    *head, document, changes = row
    seq, subject = head[0], head[5]
    old = views.select(_BEFORE, [subject, seq]) if subject else []
    return AuditRow(
        *head,
        before=_read(old[0][0]) if old else None,
        after=_read(document),
        moved=_moved(views, json.loads(changes)) if changes else [],
    )


def _moved(views: Database, changes: list[list]) -> list[Moved]:
    numbers = sorted({number for number, *_ in changes})
    sql = _PLACES.format(",".join("?" * len(numbers)))
    names = {number: (sku, place) for number, sku, place in views.select(sql, numbers)}
    return [Moved(*names[number], *rest) for number, *rest in changes]


def _read(document: str | None) -> Any:
    return _shown(json.loads(document)) if document else None


def _shown(value: Any) -> Any:
    """Hide the values of fields whose names say that they are secret."""
    if isinstance(value, list):
        return [_shown(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: "hidden" if any(word in name for word in _SECRET) else _shown(one)
        for name, one in value.items()
    }
