"""An engine in the test's own process, on the real bundled server, with a small catalogue."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from engine.core.commands import (
    OrderLine,
    PlaceOrder,
    PutLocation,
    PutSku,
    ReceiptLine,
    Receive,
    Request,
)
from engine.core.errors import FencedError
from engine.service.engine import Engine
from engine.service.wiring import Wiring


def order(number: int, quantity: int = 1, sku: str = "MUG") -> Request:
    """An order of one line."""
    lines = (OrderLine(sku, quantity),)
    return Request(PlaceOrder(order_id=str(number), channel="web", lines=lines), "test")


async def until(condition, patience_s: float = 10.0) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(patience_s):
        while not condition():
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def leading(wiring: Wiring) -> AsyncIterator[Engine]:
    """An engine that leads, with one SKU, one location and 100 units."""
    engine = wiring.engine()
    task = asyncio.create_task(engine.lead())
    try:
        await until(lambda: engine.status().state == "leading")
        await engine.submit(Request(PutLocation("berlin", "Berlin", "warehouse", "DE")))
        await engine.submit(Request(PutSku("MUG", "Mug")))
        await engine.submit(Request(Receive("r1", "berlin", (ReceiptLine("MUG", 100),))))
        yield engine
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, FencedError):
            await task
