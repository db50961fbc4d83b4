"""Ours: the engine in this process, on the bundled server, fed with parcels of 500 packed orders.

`NotDurable` is the same loop with an appender that stores nothing: what durability costs.
"""

import asyncio
import contextlib
import os
import signal
from itertools import cycle
from pathlib import Path

import uvloop

from benchmarks.peers.http_not_durable import Nowhere
from benchmarks.stores.contest import BATCH, SKUS, UNITS, Broken, Order, Store
from engine.config import Settings
from engine.core import commands as c
from engine.core import packed
from engine.core.commands import Request
from engine.core.errors import FencedError
from engine.core.outcomes import Accepted
from engine.service.client import Bulk, tally
from engine.service.engine import Engine
from engine.service.wiring import Wiring

_PATIENCE_S = 60
_ROWS_MAX = 1_000  # lines of one document


class _NoLogWiring(Wiring):
    async def appender(self) -> Nowhere:
        return Nowhere()


class Dibs(Store):
    """`streams` callers, each with a batch under way."""

    wiring: type[Wiring] = Wiring
    label = "dibs"

    def __init__(self, folder: Path, streams: int) -> None:
        super().__init__(folder)
        self.name, self._streams = f"{self.label}, {streams} × {BATCH} deep", streams
        self._wiring = self.wiring(Settings(folder, ledger="fast"))
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._runner.run(self._open())

    async def _open(self) -> None:
        await self._lead()
        names = [f"SKU-{n}" for n in range(SKUS)]
        opening = [c.PutLocation("main", "Main", "warehouse", "DE")]
        opening += [c.PutSku(name, name) for name in names]
        for at in range(0, SKUS, _ROWS_MAX):
            lines = tuple(c.ReceiptLine(name, UNITS // 2) for name in names[at : at + _ROWS_MAX])
            opening += [c.Receive(f"opening-{n}-{at}", "main", lines) for n in range(2)]
        outcomes = await self._engine.submit_many([Request(command) for command in opening])
        if not all(isinstance(outcome, Accepted) for outcome in outcomes):
            raise Broken("the catalogue was refused")

    async def _lead(self) -> None:
        self._engine: Engine = self._wiring.engine()
        self._leading = asyncio.create_task(self._engine.lead())
        async with asyncio.timeout(_PATIENCE_S):
            while self._engine.status().state != "leading":
                await asyncio.sleep(0.01)

    async def _stop(self) -> None:
        self._leading.cancel()
        with contextlib.suppress(asyncio.CancelledError, FencedError):
            await self._leading

    def prepare(self, batch: list[Order]) -> tuple[bytes, int]:
        """Return a batch as packed requests, and how many."""
        orders = [
            c.PlaceOrder(
                order_id=str(n),
                channel="web",
                lines=(c.OrderLine(f"SKU-{a}", 1), c.OrderLine(f"SKU-{b}", 1)),
            )
            for n, a, b in batch
        ]
        return b"".join(packed.pack(Request(o), n) for n, o in enumerate(orders)), len(orders)

    def send(self, payloads: list[tuple[bytes, int]]) -> int:
        """Keep a batch under way for each caller."""
        return self._runner.run(self._send(payloads))

    async def _send(self, payloads: list[tuple[bytes, int]]) -> int:
        shares: list[list] = [[] for _ in range(self._streams)]
        for share, payload in zip(cycle(shares), payloads, strict=False):
            share.append(payload)
        return sum(await asyncio.gather(*map(self._call, shares)))

    async def _call(self, payloads: list[tuple[bytes, int]]) -> int:
        taken = 0
        for data, count in payloads:
            parcel = Bulk(data, count)
            self._engine.submit_packed(parcel)
            answers = await parcel.answers
            done, refused = tally(answers)
            if refused or done != count:
                raise Broken(f"{refused} of {count} orders were refused, {done} answered")
            # No name here holds this text, so counting it counts the repetitions.
            taken += done - answers.count(b'"replayed":true')
        return taken

    def taken(self) -> int:
        """Add up what is allocated; fail on a negative."""
        return self._runner.run(self._taken())

    async def _taken(self) -> int:
        stocks = await asyncio.gather(*(self._engine.stock(f"SKU-{n}") for n in range(SKUS)))
        if None in stocks:
            raise Broken("SKUs are gone")
        if any(stock.available < 0 or stock.on_hand != UNITS // 2 * 2 for stock in stocks):
            raise Broken("stock is negative, or units came or went")
        return sum(stock.allocated for stock in stocks)

    def crash(self) -> None:
        """Drop the engine and kill the server; a new one recovers from the log."""
        self._runner.run(self._stop())
        os.kill(self._wiring.server.pid, signal.SIGKILL)
        self._runner.run(self._lead())

    def close(self) -> None:
        """Stop engine and server."""
        self._runner.run(self._stop())
        self._runner.close()
        self._wiring.close()


class NotDurable(Dibs):
    """The same engine, writing nowhere."""

    survives = False
    wiring = _NoLogWiring
    label = "dibs, not durable"
