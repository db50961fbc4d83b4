"""Purchase orders as CSV, in the shape of an EDI 850: one row for each line of an order.

A row that cannot be read makes its whole order wait for a better file: half an order would ship
half of what was bought. The other orders of the file are taken. Each problem names row, field and
what to do.
"""

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from engine.connectors.wholesale.orders import utc
from engine.connectors.wholesale.wire import Address, Line, Order
from engine.core import limits

REQUIRED = ("order_id", "line_id", "sku", "quantity", "changed_at")
_ADDRESS = tuple(Address.__struct_fields__)
_ORDER = ("status", "payment", "currency", "customer", "note", "ordered_at", "required_by")
_TIMES = ("changed_at", "ordered_at", "required_by")
_KNOWN = (*REQUIRED, "unit_price", *_ORDER, *(f"ship_to_{name}" for name in _ADDRESS))
_WORDS = {
    "status": ("draft", "open", "cancelled"),
    "payment": ("paid", "pending", "authorized"),
}


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with a field of a row (1 is the first below the header), and the `fix`."""

    row: int
    order_id: str
    field: str
    problem: str
    fix: str


def report(problems: Sequence[Problem]) -> bytes:
    """Return problems as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(Problem.__struct_fields__)
    writer.writerows(msgspec.structs.astuple(problem) for problem in problems)
    return text.getvalue().encode()


def parse(body: bytes) -> tuple[list[Order], list[Problem]]:
    """Return the orders of a file that are whole, and what is wrong with the others."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        fix = "write the file as UTF-8"
        return [], [Problem(0, "", "", f"byte {error.start} is not UTF-8", fix)]
    table = csv.DictReader(io.StringIO(text, newline=""))
    names = [name.strip() for name in table.fieldnames or ()]
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        fix = f"the first row names the fields: {', '.join(REQUIRED)} and others"
        return [], [Problem(0, "", name, "the field is missing", fix) for name in missing]
    table.fieldnames = names
    return _orders(table, [name for name in names if name and name not in _KNOWN])


def _orders(table: csv.DictReader, unknown: list[str]) -> tuple[list[Order], list[Problem]]:
    problems = [
        Problem(0, "", name, "no such field", "correct its name or leave it out")
        for name in unknown
    ]
    found: dict[str, list[tuple[int, dict[str, str]]]] = {}
    for number, row in enumerate(table, 1):
        if number > limits.DROP_ROWS_MAX:
            fix = f"at most {limits.DROP_ROWS_MAX} rows to a file"
            return [], [Problem(number, "", "", "too many rows", fix)]
        values = {name: (text or "").strip() for name, text in row.items() if name}
        found.setdefault(values.get("order_id", ""), []).append((number, values))
        if None in row:
            fix = "quote fields with commas in them"
            problems.append(Problem(number, values["order_id"], "", "too many fields", fix))
    if unknown:
        return [], problems
    orders = []
    for name, some in found.items():
        wrong = [p for number, row in some for p in _problems(number, row)]
        wrong += _together(name, some)
        if not wrong and not any(p.order_id == name for p in problems):
            orders.append(_order(some))
        problems += wrong
    return orders, problems


def _problems(number: int, row: dict[str, str]) -> list[Problem]:
    """Return what is wrong with one row by itself."""
    order, wrong = row.get("order_id", ""), []

    def say(field: str, problem: str, fix: str) -> None:
        wrong.append(Problem(number, order, field, problem, fix))

    for name in REQUIRED:
        if not row.get(name):
            say(name, "is empty", "fill it in")
    quantity = row.get("quantity", "")
    whole = quantity.isascii() and quantity.isdigit()
    if quantity and not (whole and int(quantity) <= limits.QUANTITY_MAX):
        say("quantity", f"{quantity!r} is no whole number", f"0 to {limits.QUANTITY_MAX}")
    if price := row.get("unit_price"):
        try:
            right = Decimal(price) >= 0
        except InvalidOperation:
            right = False
        if not right:
            say("unit_price", f"{price!r} is no price", "a decimal with a point, like 12.50")
    for name in _TIMES:
        if (text := row.get(name)) and _time(text) is None:
            say(name, f"{text!r} is no time", "like 2026-11-29T14:05:00Z")
    for name, words in _WORDS.items():
        if (text := row.get(name)) and text not in words:
            say(name, f"{text!r} is not known", f"one of: {', '.join(words)}")
    if (text := row.get("ship_to_country")) and len(text) != 2:
        say("ship_to_country", f"{text!r} is no country", "two letters, like DE")
    return wrong


def _together(order_id: str, some: list[tuple[int, dict[str, str]]]) -> list[Problem]:
    """Return what is wrong between the rows of an order: lines twice, or of two minds."""
    wrong, lines = [], set()
    (_, first), *_ = some
    for number, row in some:
        if row["line_id"] in lines:
            problem = f"{row['line_id']!r} was there already"
            wrong.append(Problem(number, order_id, "line_id", problem, "one row for each line"))
        lines.add(row["line_id"])
        for name in (n for n in row if n not in ("line_id", "sku", "quantity", "unit_price")):
            if row[name] != first[name]:
                problem = f"{row[name]!r}, but {first[name]!r} before"
                wrong.append(Problem(number, order_id, name, problem, "the same in all its rows"))
    return wrong


def _order(some: list[tuple[int, dict[str, str]]]) -> Order:
    (_, first), *_ = some
    more: dict[str, Any] = {name: first[name] for name in _ORDER if first.get(name)}
    more |= {name: _time(first[name]) for name in _TIMES if first.get(name)}
    there = {n: first[f"ship_to_{n}"] for n in _ADDRESS if first.get(f"ship_to_{n}")}
    lines = [
        Line(row["line_id"], row["sku"], int(row["quantity"]), row.get("unit_price") or None)
        for _, row in some
    ]
    address = Address(**there) if there else None
    return Order(order_id=first["order_id"], lines=lines, ship_to=address, **more)


def _time(text: str) -> datetime | None:
    try:
        return utc(datetime.fromisoformat(text.replace("Z", "+00:00")))
    except ValueError:
        return None
