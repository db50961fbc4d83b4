"""`dibs timeline`: ask a running dibs for every change of an order, and show it as a table."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

from rich.table import Table

from engine.cli.asking import ask
from engine.core import limits
from engine.core.paths import order_path


def timeline(url: str, key: str, data: Path, channel: str, order_id: str) -> Table:
    """Return all pages as one table; raises `ConfigError` where dibs cannot be asked."""
    title = f"{channel} {order_id}"
    table = Table("seq", "time (UTC)", "what", "by", "units", "why and how", title=title)
    path, cursor, complete = order_path(channel, order_id, "timeline"), "", True
    while cursor is not None:
        more = f"&cursor={quote(cursor)}" if cursor else ""
        page = ask(url, key, data, f"{path}?limit={limits.PAGE_ROWS_MAX}{more}")
        for change in page["changes"]:
            table.add_row(*_row(change))
        cursor, complete = page["next_cursor"], page["complete"]
    if not complete:
        table.caption = "Not all of it: the rest is in the views' activity."
    return table


def _row(change: dict[str, Any]) -> tuple[str, ...]:
    time = change["at"].replace("T", " ")[:19]
    who = change.get("actor_name") or change["actor"]
    units = "\n".join(_units(line) for line in change.get("lines", ()))
    why = [change["reason"]] if change.get("reason") else []
    why += [f"{name}: {_text(value)}" for name, value in change.get("details", {}).items()]
    if because := change.get("because"):
        why.append(f"because of {because.get('kind', 'event')} at {because['seq']}")
    return str(change["seq"]), time, change["what"].replace("_", " "), who, units, "\n".join(why)


def _units(line: dict[str, Any]) -> str:
    place = line.get("location") or ("waits" if line.get("waits") else "")
    before = f"{line['before']} → " if "before" in line else ""
    end = f" ({line['disposition']})" if "disposition" in line else ""
    return f"{before}{line['quantity']} {line['sku']}{f' · {place}' if place else ''}{end}"


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(one)}" for name, one in value.items() if one)
    if isinstance(value, list):
        return "; ".join(map(_text, value))
    return str(value)
