"""The peer: the best published Python answer to this problem, rebuilt in style: the reserve step.

FastAPI on one uvicorn worker; the units and the order's row go to PostgreSQL, where all orders
that arrive while one transaction is under way share the next one (a batched commit); then a
session of the checkout goes to Redis, which need not be durable. The original keeps its units in a
ledger of its own that is fed in batches too; here PostgreSQL does that part. Payments are left out.

Run by `benchmarks.bench_http`:
`python -m benchmarks.peers.http_tigerfans --dsn DSN --redis URL --port N`.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import asyncpg
import redis.asyncio as redis
from fastapi import FastAPI, HTTPException

from benchmarks.peers.serve import Order, options, placed, serve

SESSION_S, BATCH_MAX, CONNECTIONS_MAX = 600, 1_024, 1_024
# Each order stands for itself: one that falls short is undone, the others hold.
SCHEMA = """
CREATE FUNCTION place_all(wanted jsonb) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE one jsonb; results text[] := '{}'; s text[]; q bigint[];
BEGIN
  FOR one IN SELECT * FROM jsonb_array_elements(wanted) LOOP
    SELECT array_agg(l->>0), array_agg((l->>1)::bigint) INTO s, q
      FROM jsonb_array_elements(one->2) AS l;
    BEGIN
      results := results || place(one->>0, one->>1, s, q);
    EXCEPTION WHEN raise_exception THEN
      results := results || 'insufficient_stock'::text;
    END;
  END LOOP;
  RETURN results;
END $$;
"""
Ticket = tuple[list, asyncio.Future]


class Batcher:
    """Gathers orders and places them together, one transaction at a time."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._waiting: list[Ticket] = []
        self._some = asyncio.Event()

    def place(self, order: Order) -> asyncio.Future:
        """Queue an order; the future gives its result once it is committed."""
        lines = [[line.sku, line.quantity] for line in order.lines]
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(([order.channel, order.order_id, lines], future))
        self._some.set()
        return future

    async def run(self) -> None:
        """Place what waits, for ever."""
        while True:
            await self._some.wait()
            batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
            if not self._waiting:
                self._some.clear()
            wanted = json.dumps([row for row, _ in batch])
            results = await self._connection.fetchval("SELECT place_all($1)", wanted)
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)


def create_app(dsn: str, url: str) -> FastAPI:
    """Return the application on one connection for orders and a pool for sessions."""
    batcher: Batcher
    sessions = redis.Redis.from_url(url, max_connections=CONNECTIONS_MAX)

    @contextlib.asynccontextmanager
    async def connected(app: FastAPI) -> AsyncIterator[None]:
        nonlocal batcher
        connection = await asyncpg.connect(dsn)
        batcher = Batcher(connection)
        running = asyncio.create_task(batcher.run())
        yield
        running.cancel()
        await connection.close()

    app = FastAPI(lifespan=connected)

    @app.post("/v1/orders", status_code=201)
    async def place(order: Order) -> dict:
        status = await batcher.place(order)
        if status == "insufficient_stock":
            raise HTTPException(409, {"code": status})
        session = order.model_dump_json()
        await sessions.set(f"session:{order.channel}/{order.order_id}", session, ex=SESSION_S)
        return placed(order, None, status == "replayed")

    @app.get("/readyz")
    async def ready() -> bool:
        return await sessions.ping()

    return app


if __name__ == "__main__":
    asked = options(__doc__, "dsn", "redis")
    serve(create_app(asked.dsn, asked.redis), asked.port)
