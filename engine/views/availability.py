"""What each channel may show of each SKU: read model, by the very rule that answers
`GET /v1/availability` (`core.sellable`), asked over rows of these tables.

It is a function of positions, SKUs, locations and channels as they are at the cursor, and of the
day there, because buffers may have a season. So it is worked out last in a transaction, for the
SKUs and channels that something has changed for, and once at the end where tables are built anew.

A SKU of which units are set aside (`core.fences`), or a bundle with such a part, has no rows: there
it also depends on who has taken what out of which fence, which only the ledger knows.
"""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import msgspec

from engine.core import sellable
from engine.core.commands import PutChannel, PutLocation, PutSku
from engine.core.register import Code
from engine.views.work import Database, Work

_channel = msgspec.json.Decoder(PutChannel).decode
_location = msgspec.json.Decoder(PutLocation).decode
_sku = msgspec.json.Decoder(PutSku).decode


class _Fence(msgspec.Struct):
    """What is read of a fence as it stands: is it open, and of which SKU?"""

    status: str
    sku: int


_fence = msgspec.json.Decoder(_Fence).decode
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
        self._fenced = self._open_fences()

    def _open_fences(self) -> set[int]:
        """Return the SKUs of which units are set aside."""
        sql = "SELECT document FROM entries WHERE register = ?"
        fences = (_fence(row[0]) for row in self._database.select(sql, [int(Code.RING_FENCES)]))
        return {fence.sku for fence in fences if fence.status == "open"}

    def write(self, work: Work, stamp_us: int) -> None:
        """Write what follows from the rows that `work` has written into the open transaction,
        whose last frame bears `stamp_us`."""
        before, day = self._rules, datetime.fromtimestamp(stamp_us // 1_000_000, UTC)
        if work.changed["channels"] or day.strftime("%m-%d") != before.day:
            self._rules = _Rules(self._database, stamp_us)
        fences = [
            _fence(row[3])
            for key, row in work.changed["entries"].items()
            if key[0] == Code.RING_FENCES
        ]
        if fences:
            self._fenced = self._open_fences()
        now = self._rules
        anew = [n for n, depends in now.depends.items() if before.depends.get(n) != depends]
        if not now.puts:
            return
        changed = self._changed(work, {fence.sku for fence in fences})
        if anew:
            every = [row[0] for row in self._database.select("SELECT number FROM skus ORDER BY 1")]
            self._write(every, anew, stamp_us)
        others = [number for number in now.puts if number not in anew]
        if fences:
            self._database.delete("availability", "sku_number", changed)
            others = list(now.puts)
        self._write(changed, others, stamp_us)

    def write_all(self, stamp_us: int) -> None:
        """Write all of it, into tables that have nothing of it."""
        self._rules, self._fenced = _Rules(self._database, stamp_us), self._open_fences()
        every = [row[0] for row in self._database.select("SELECT number FROM skus ORDER BY 1")]
        self._write(every, list(self._rules.puts), stamp_us)

    def _changed(self, work: Work, more: set[int]) -> list[int]:
        """Return the SKUs that changed, or of which a position or location did, these ones, and all
        bundles that they are in."""
        found = more | {work.positions[number][1] for number in work.touched}
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
        fenced = self._fenced

        def whole(number: int) -> bool:
            return number not in fenced and all(whole(part) for part, _ in of[number].components)

        return SimpleNamespace(
            seq=0,
            asked=[of[number].put.sku for number in skus if whole(number)],
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
            channels=channels,
            purchase_orders=SimpleNamespace(incoming=lambda name: ()),
            fences=SimpleNamespace(open={}),
        )
