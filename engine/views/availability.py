"""What each channel may show of each SKU: read model, by the very rule that answers
`GET /v1/availability` (`core.sellable`), asked over rows of these tables.

It is a function of positions, SKUs, locations and channels as they are at the cursor, and of the
day there, because buffers may have a season. So it is worked out last in a transaction, for the
SKUs and channels that something has changed for, and once at the end where tables are built anew.
"""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import msgspec

from engine.core import sellable
from engine.core.commands import PutChannel, PutLocation, PutSku
from engine.views.work import Database, Work

_channel = msgspec.json.Decoder(PutChannel).decode
_location = msgspec.json.Decoder(PutLocation).decode
_sku = msgspec.json.Decoder(PutSku).decode
_CHUNK = 500  # SKUs that are in memory together


class _Rules:
    """The channels at one moment: by number, their documents and whatever else their SKUs depend
    on: units kept for others before them, and which of their buffers hold on this day."""

    def __init__(self, database: Database, stamp_us: int) -> None:
        rows = database.select("SELECT number, document FROM channels ORDER BY number")
        self.day = datetime.fromtimestamp(stamp_us // 1_000_000, UTC).strftime("%m-%d")
        self.puts = {number: _channel(document) for number, document in rows}
        self.depends = {number: self._depends(put) for number, put in self.puts.items()}

    def _depends(self, put: PutChannel) -> tuple:
        before = (c.protect for c in self.puts.values() if c.priority < put.priority)
        seasons = tuple(sellable.in_season(buffer.season, self.day) for buffer in put.buffers)
        return put, max(before, default=0), seasons


class Availability:
    """Keeps the table of a database whose last frame bears `stamp_us`."""

    def __init__(self, database: Database, stamp_us: int) -> None:
        self._database = database
        self._rules = _Rules(database, stamp_us)

    def write(self, work: Work, stamp_us: int) -> None:
        """Write what follows from the rows that `work` has written into the open transaction,
        whose last frame bears `stamp_us`."""
        before, day = self._rules, datetime.fromtimestamp(stamp_us // 1_000_000, UTC)
        if work.changed["channels"] or day.strftime("%m-%d") != before.day:
            self._rules = _Rules(self._database, stamp_us)
        now = self._rules
        anew = [n for n, depends in now.depends.items() if before.depends.get(n) != depends]
        if not now.puts:
            return
        changed = self._changed(work)
        if anew:
            every = [row[0] for row in self._database.select("SELECT number FROM skus ORDER BY 1")]
            self._write(every, anew, stamp_us)
        others = [number for number in now.puts if number not in anew]
        self._write(changed, others, stamp_us)

    def write_all(self, stamp_us: int) -> None:
        """Write all of it, into tables that have nothing of it."""
        self._rules = _Rules(self._database, stamp_us)
        every = [row[0] for row in self._database.select("SELECT number FROM skus ORDER BY 1")]
        self._write(every, list(self._rules.puts), stamp_us)

    def _changed(self, work: Work) -> list[int]:
        """Return the SKUs that changed, or of which a position or location did, and all bundles
        that they are in."""
        found = {work.positions[number][1] for number in work.touched}
        found |= work.changed["skus"].keys()
        if work.changed["locations"]:
            where = list(work.changed["locations"])
            found |= {
                row[0] for row in self._of("positions", "location_number", where, "sku_number")
            }
        new = found
        while new:
            above = self._of("components", "component_number", sorted(new), "sku_number")
            new = {row[0] for row in above} - found
            found |= new
        return sorted(found)

    def _of(self, table: str, column: str, values: list[int], *names: str) -> list[tuple]:
        """Return columns of the rows that have one of these values there."""
        found = []
        for at in range(0, len(values), _CHUNK):
            some = values[at : at + _CHUNK]
            marks = ",".join("?" * len(some))
            sql = f"SELECT {', '.join(names)} FROM {table} WHERE {column} IN ({marks})"
            found += self._database.select(sql, some)
        return found

    def _write(self, skus: list[int], channels: list[int], stamp_us: int) -> None:
        if not channels:
            return
        for at in range(0, len(skus), _CHUNK):
            state, rows = self._state(skus[at : at + _CHUNK]), []
            for number in channels:
                name = self._rules.puts[number].channel
                answer = sellable.availability(state, name, state.asked, stamp_us)
                rows += [
                    (number, state.sku_numbers[row.sku], row.available, row.sellable)
                    for row in answer.skus
                ]
            self._database.put("availability", rows)

    def _state(self, skus: list[int]) -> Any:
        """Return what the rule reads of a ledger's state, of these SKUs and what they are made
        of."""
        made: dict[int, list[tuple[int, int]]] = {}
        known, new = set(skus), skus
        while new:
            rows = self._of(
                "components", "sku_number", new, "sku_number", "component_number, quantity"
            )
            for number, part, units in rows:
                made.setdefault(number, []).append((part, units))
            new = sorted({part for _, part, _ in rows} - known)
            known.update(new)
        of, numbers = {}, sorted(known)
        for number, document in self._of("skus", "number", numbers, "number", "document"):
            of[number] = SimpleNamespace(
                put=_sku(document), components=made.get(number, ()), positions=[]
            )
        columns = ("position", "sku_number", "location_number", "available")
        positions = {}
        for at, sku, location, units in self._of("positions", "sku_number", numbers, *columns):
            of[sku].positions.append(at)
            positions[at] = SimpleNamespace(location=location, available=units)
        return SimpleNamespace(
            seq=0,
            asked=[of[number].put.sku for number in skus],
            skus=of,
            sku_numbers={sku.put.sku: number for number, sku in of.items()},
            sku_name=lambda number: of[number].put.sku,
            positions=positions,
            locations=self._places(),
            registers=self._registers(),
            waiting=SimpleNamespace(queues={}, due=()),
        )

    def _places(self) -> dict[int, Any]:
        rows = self._database.select("SELECT number, document FROM locations")
        return {number: SimpleNamespace(put=_location(document)) for number, document in rows}

    def _registers(self) -> Any:
        rows = {put.channel: SimpleNamespace(put=put) for put in self._rules.puts.values()}
        channels = SimpleNamespace(find=rows.get, rows=list(rows.values()))
        return SimpleNamespace(
            channels=channels, purchase_orders=SimpleNamespace(incoming=lambda name: ())
        )
