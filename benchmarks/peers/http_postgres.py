"""The peer: FastAPI + asyncpg on PostgreSQL, one transaction an order, in one round trip.

The order's id is its primary key; each SKU (lines of one SKU added up, in order of name, so that
two orders never wait for each other in a circle) is taken by a conditional UPDATE; if one falls
short the transaction is undone. As a function on the server this is one statement: its strongest
form. `synchronous_commit=on`: an answer is as durable as one of dibs.

Run by `benchmarks.bench_http`: `python -m benchmarks.peers.http_postgres --dsn DSN --port N`.
"""

import contextlib
from collections.abc import AsyncIterator

import asyncpg
from fastapi import FastAPI, HTTPException

from benchmarks.peers.serve import Order, options, placed, serve

CONNECTIONS = 32
SCHEMA = """
CREATE TABLE stock (
  sku text PRIMARY KEY, available bigint NOT NULL CHECK (available >= 0)
) WITH (fillfactor = 50);
CREATE TABLE orders (
  channel text, order_id text, skus text[], quantities bigint[], PRIMARY KEY (channel, order_id)
);
CREATE FUNCTION place(c text, id text, s text[], q bigint[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE want record;
BEGIN
  INSERT INTO orders VALUES (c, id, s, q) ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN RETURN 'replayed'; END IF;
  FOR want IN
    SELECT l.sku, sum(l.n) AS n FROM unnest(s, q) AS l (sku, n) GROUP BY l.sku ORDER BY l.sku
  LOOP
    UPDATE stock SET available = available - want.n
      WHERE sku = want.sku AND available >= want.n;
    IF NOT FOUND THEN RAISE EXCEPTION '%', want.sku USING ERRCODE = 'P0001'; END IF;
  END LOOP;
  RETURN 'allocated';
END $$;
"""


def parts(order: Order) -> tuple[str, str, list[str], list[int]]:
    """Return an order as the arguments of `place`."""
    lines = order.lines
    return (
        order.channel,
        order.order_id,
        [one.sku for one in lines],
        [one.quantity for one in lines],
    )


async def keep(connection: asyncpg.Connection) -> None:
    """Leave a connection as it is when it goes back to the pool: nothing here changes it."""


def create_app(dsn: str) -> FastAPI:
    """Return the application on a connection pool."""
    pool: asyncpg.Pool

    @contextlib.asynccontextmanager
    async def connected(app: FastAPI) -> AsyncIterator[None]:
        nonlocal pool
        size = {"min_size": CONNECTIONS, "max_size": CONNECTIONS}
        async with asyncpg.create_pool(dsn, **size, reset=keep) as pool:
            yield

    app = FastAPI(lifespan=connected)

    @app.post("/v1/orders", status_code=201)
    async def place(order: Order) -> dict:
        try:
            status = await pool.fetchval("SELECT place($1, $2, $3, $4)", *parts(order))
        except asyncpg.RaiseError as short:
            raise HTTPException(409, {"code": "insufficient_stock", "sku": str(short)}) from None
        return placed(order, None, status == "replayed")

    @app.get("/readyz")
    async def ready() -> bool:
        return await pool.fetchval("SELECT true")

    return app


if __name__ == "__main__":
    asked = options(__doc__, "dsn")
    serve(create_app(asked.dsn), asked.port)
