"""The peer: an idiomatic FastAPI front on dibs' own engine: shows what the route costs.

Pydantic models in and out, the API key by `Depends`, one http middleware; ledger, loop and log
are those of dibs, through `engine.service.client`.

Run by `benchmarks.bench_http`: `python -m benchmarks.peers.http_pydantic --data DIR --port N`.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

from benchmarks.peers.serve import Order, options, serve
from engine.config import Settings
from engine.core import commands
from engine.core.outcomes import Accepted
from engine.service.keys import first_admin_key
from engine.service.wiring import Wiring


class Allocation(BaseModel):
    """Where units of a line come from."""

    location: str
    quantity: int


class PlacedLine(BaseModel):
    """A line of an order that holds."""

    sku: str
    quantity: int
    allocations: list[Allocation]


class Placed(BaseModel):
    """An order that holds."""

    seq: int
    order_id: str
    channel: str
    status: str
    lines: list[PlacedLine]
    replayed: bool = False


def create_app(wiring: Wiring) -> FastAPI:
    """Return the application around an engine of its own."""
    engine, keys, bearer = wiring.engine(), wiring.key_book(), HTTPBearer()

    @contextlib.asynccontextmanager
    async def leading(app: FastAPI) -> AsyncIterator[None]:
        keys.start()
        first_admin_key(keys, wiring.settings.data / "admin.key")
        task = asyncio.create_task(engine.lead())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        keys.stop()

    app = FastAPI(lifespan=leading)

    @app.middleware("http")
    async def timed(request: Request, call_next) -> Response:
        started = time.perf_counter()
        response = await call_next(request)
        response.headers["x-process-time"] = f"{time.perf_counter() - started:.6f}"
        return response

    async def caller(shown: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> str:
        known = keys.grants(shown.credentials)
        if known is None or "sell" not in known[1]:
            raise HTTPException(403)
        return known[0]

    @app.post("/v1/orders", status_code=201)
    async def place(order: Order, actor: Annotated[str, Depends(caller)]) -> Placed:
        lines = tuple(commands.OrderLine(line.sku, line.quantity) for line in order.lines)
        command = commands.PlaceOrder(order_id=order.order_id, channel=order.channel, lines=lines)
        outcome = await engine.submit(commands.Request(command, actor))
        if not isinstance(outcome, Accepted):
            raise HTTPException(409, {"code": outcome.code.slug, "detail": outcome.detail})
        return Placed.model_validate(outcome.answer, from_attributes=True)

    @app.get("/readyz")
    async def ready() -> dict:
        if engine.status().state != "leading":
            raise HTTPException(503)
        return {}

    return app


if __name__ == "__main__":
    asked = options(__doc__, "data")
    wired = Wiring(Settings(Path(asked.data)))
    try:
        serve(create_app(wired), asked.port)
    finally:
        wired.close()
