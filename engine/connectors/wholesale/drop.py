"""A folder that a partner and dibs share: purchase orders come as CSV, what is told goes as CSV.

    in/      files of the partner; read when they are whole, then moved to done/
    done/    files that were read; beside one with bad rows, NAME.errors.csv says what and why
    out/     files of dibs, put there whole; the partner takes them away
    state/   what dibs keeps: the newest document of each order, what was told, what was shown

A file is whole when nothing was written to it for some seconds, and for longer if its last line
does not end. Orders of a file are named by what they say, so the same file, or a copy of it under
another name, changes nothing.
"""

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from urllib.parse import quote

import msgspec

from engine.connectors.base import ConnectorError, Delivery
from engine.connectors.wholesale import rows
from engine.connectors.wholesale.advices import Advice
from engine.core import limits

_PARTIAL = (".tmp", ".part", ".partial", ".filepart", ".swp")


class Drop:
    """The folder at `path`. Its folders are made where they are missing."""

    quiet_s = 2.0
    """Seconds without a change after which a file whose last line ends is whole."""
    open_s = 60.0
    """Seconds without a change after which any file is."""

    def __init__(self, path: str) -> None:
        self._root = Path(path)

    def _place(self, *parts: str) -> Path:
        place = self._root.joinpath(*parts)
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    # In.

    async def pull(self) -> AsyncIterator[Delivery]:
        """Give the orders of every file that is whole. A file is moved away when all of it was
        taken, so a crash meanwhile reads it again."""
        for path in await asyncio.to_thread(self._whole):
            found = await asyncio.to_thread(self._read, path)
            for delivery in found.deliveries:
                yield delivery
            await asyncio.to_thread(self._done, path, found.report)

    def _whole(self) -> list[Path]:
        folder = self._place("in", "x").parent
        now_s, found = time.time(), []
        for path in sorted(folder.iterdir()):
            if not path.is_file() or path.name.startswith(".") or path.name.endswith(_PARTIAL):
                continue
            age_s = now_s - path.stat().st_mtime
            if age_s >= (self.quiet_s if _ends(path) else self.open_s):
                found.append(path)
        return found

    def _read(self, path: Path) -> "_Found":
        if path.stat().st_size > limits.DROP_BYTES_MAX:
            problem = rows.Problem(0, "", "", f"larger than {limits.DROP_BYTES_MAX} bytes", "split")
            return _Found([], rows.report([problem]))
        orders, problems = rows.parse(path.read_bytes())
        deliveries = []
        for order in orders:
            body = msgspec.json.encode(order)
            digest = hashlib.blake2b(body, digest_size=12).hexdigest()
            self._note(order.order_id, order, body)
            deliveries.append(Delivery(f"file-{digest}", "order", body))
        return _Found(deliveries, rows.report(problems) if problems else b"")

    def _note(self, order_id: str, order: rows.Order, body: bytes) -> None:
        """Keep the newest document of an order."""
        place = self._order_place(order_id)
        if place.exists():
            there = msgspec.json.decode(place.read_bytes(), type=rows.Order)
            if there.changed_at > order.changed_at:
                return
        _write(place, body)

    def _order_place(self, order_id: str) -> Path:
        return self._place("state", "orders", quote(order_id, safe="") + ".json")

    def _done(self, path: Path, report: bytes) -> None:
        target = self._place("done", path.name)
        if target.exists():
            target = self._place("done", f"{time.time_ns()}-{path.name}")
        if report:
            _write(target.with_name(target.name + ".errors.csv"), report)
        path.replace(target)

    async def fetch(self, order_id: str) -> Delivery | None:
        """Return the newest document of an order."""
        place = self._order_place(order_id)
        if not await asyncio.to_thread(place.exists):
            return None
        body = await asyncio.to_thread(place.read_bytes)
        return Delivery(f"kept-{order_id}", "order", body)

    # Out.

    async def tell(self, advice: Advice) -> None:
        """Write a file, whole or not at all, unless it was written before."""
        try:
            await asyncio.to_thread(self._tell, advice)
        except OSError as error:
            raise ConnectorError(f"{self._root}: {error.strerror or error}", 30.0) from error

    def _tell(self, advice: Advice) -> None:
        if advice.kind == "inventory":
            self._note_shown(advice)
        mark = self._place("state", "told", advice.file)
        if mark.exists():
            return
        _write(self._place("out", advice.file), advice.csv())
        if advice.kind != "inventory":  # those are never told twice: their number rises
            _write(mark, b"")

    def _note_shown(self, advice: Advice) -> None:
        place = self._place("state", "shown.json")
        shown = msgspec.json.decode(place.read_bytes()) if place.exists() else {}
        shown |= {row["sku"]: row["quantity"] for row in advice.rows}
        _write(place, msgspec.json.encode(shown))

    async def shown(self, names: Sequence[str]) -> dict[str, int]:
        """Return what was last written of SKUs."""
        place = self._place("state", "shown.json")
        if not await asyncio.to_thread(place.exists):
            return {}
        found = msgspec.json.decode(await asyncio.to_thread(place.read_bytes))
        return {name: found[name] for name in names if name in found}


class _Found(msgspec.Struct):
    deliveries: list[Delivery]
    report: bytes


def _ends(path: Path) -> bool:
    """Say whether the last line of a file ends."""
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _write(place: Path, body: bytes) -> None:
    """Write a file under another name first, so nobody sees half of it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = place.with_name(place.name + ".tmp")
    with fresh.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(place)
