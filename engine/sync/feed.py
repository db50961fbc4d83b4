"""The feed: which SKUs' stock changed, told to every publisher.

It follows the public stock stream from its present end: publishers look at every listing when they
start, so nothing before that is needed. A bundle is touched when one of its parts is.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable

import msgspec
import structlog

from engine.core import limits
from engine.core.errors import LogError
from engine.log.store import AsyncStock
from engine.sync.desk import Desk, Refusal
from engine.sync.publisher import Publisher

log = structlog.get_logger("feed")
_READ = 1_000
_PAGE = 500


class _Component(msgspec.Struct, frozen=True):
    sku: str


class _Sku(msgspec.Struct, frozen=True):
    sku: str
    components: list[_Component] = []


class _Skus(msgspec.Struct, frozen=True):
    skus: list[_Sku]
    next_cursor: str | None = None


class Feed:
    """Follows the stock stream that `connect` opens."""

    def __init__(self, connect) -> None:
        self._connect = connect
        self._parents: dict[str, set[str]] = {}
        self._available: dict[tuple[str, str], int] = {}

    async def run(
        self, stop: asyncio.Event, desk: Desk, publishers: Callable[[], Iterable[Publisher]]
    ) -> None:
        """Follow until `stop`; the server may go and come back meanwhile, and so may publishers."""
        while not stop.is_set():
            stock: AsyncStock | None = None
            try:
                stock = await self._connect()
                _, last = await stock.ends()
                for publisher in publishers():  # what happened before `last` or unseen
                    publisher.touch_all()
                async with asyncio.TaskGroup() as tasks:
                    learning = tasks.create_task(self._learn(desk))
                    await self._follow(stop, stock, last or "0-0", publishers)
                    learning.cancel()
            except* LogError as group:  # a group of tasks raises one, even of its own body
                log.warning("the stock stream is away", error=str(group.exceptions[0]))
                await asyncio.sleep(limits.OUTBOX_IDLE_S)
            finally:
                if stock is not None:
                    await stock.close()

    async def _follow(
        self,
        stop: asyncio.Event,
        stock: AsyncStock,
        last: str,
        publishers: Callable[[], Iterable[Publisher]],
    ) -> None:
        while not stop.is_set():
            rows = await stock.read(last, _READ, block_ms=200)
            if not rows:
                continue
            last = rows[-1][0]
            sold: dict[str, int] = defaultdict(int)
            for _, row in rows:
                place = (row["sku"], row["location"])
                available = int(row["available"])
                before = self._available.get(place, available)
                self._available[place] = available
                went = before - available if row["reason"] in ("order", "reservation") else 0
                for sku in (row["sku"], *self._parents.get(row["sku"], ())):
                    sold[sku] += max(went, 0)
            for publisher in publishers():
                for sku, units in sold.items():
                    publisher.touch((sku,), units)

    async def _learn(self, desk: Desk) -> None:
        """Learn the bundles, now and again: at once at first, then as slowly as a long catalogue
        needs for others to be served between its pages."""
        pause_s = 0.0
        while True:
            await self._load_bundles(desk, pause_s)
            pause_s = _PAGE / limits.PUBLISH_SWEEP_ROWS_S
            await asyncio.sleep(limits.PUBLISH_SWEEP_S)

    async def _load_bundles(self, desk: Desk, pause_s: float) -> None:
        """Learn which bundles each SKU is a part of, at any depth; pause between pages."""
        direct: dict[str, set[str]] = defaultdict(set)
        cursor = None
        while True:
            more = f"&cursor={cursor}" if cursor else ""
            found = await desk.ask("GET", f"/v1/skus?limit={_PAGE}{more}")
            if isinstance(found, Refusal):
                log.warning("the catalogue cannot be read", problem=str(found))
                return
            page = msgspec.json.decode(found, type=_Skus)
            for row in page.skus:
                for part in row.components:
                    direct[part.sku].add(row.sku)
            if (cursor := page.next_cursor) is None:
                break
            await asyncio.sleep(pause_s)
        self._parents = {sku: _above(sku, direct) for sku in direct}


def _above(sku: str, direct: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    todo = [sku]
    while todo:
        for parent in direct.get(todo.pop(), ()):
            if parent not in found:
                found.add(parent)
                todo.append(parent)
    return found
