"""The peer: FastAPI + redis-py + one Lua script, as one would write it first, done well.

The script does the same work in one atomic step: refuse a repeated order id, check every line
against its stock (lines of one SKU added up), take, remember the order, and append a record to a
stream. The server runs with `appendfsync always`, so an answer is as durable as one of dibs.

Run by `benchmarks.bench_http_order`: `python -m benchmarks.peers.redis_lua --redis URL --port N`.
"""

import argparse
from typing import Annotated

import redis.asyncio as redis
import uvicorn
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field

SCRIPT = """
if redis.call('EXISTS', KEYS[1]) == 1 then return {'replayed', redis.call('GET', KEYS[1])} end
local wanted = {}
for i = 2, #ARGV, 2 do
  wanted[ARGV[i]] = (wanted[ARGV[i]] or 0) + tonumber(ARGV[i + 1])
end
for sku, quantity in pairs(wanted) do
  local available = tonumber(redis.call('HGET', KEYS[2], sku) or '-1')
  if available < 0 then return {'unknown_sku', sku} end
  if available < quantity then return {'insufficient_stock', sku} end
end
for sku, quantity in pairs(wanted) do
  redis.call('HINCRBY', KEYS[2], sku, -quantity)
end
local id = redis.call('XADD', KEYS[3], '*', 'order', ARGV[1], unpack(ARGV, 2))
redis.call('SET', KEYS[1], id)
return {'allocated', id}
"""


class Line(BaseModel):
    """One order line."""

    sku: Annotated[str, Field(min_length=1, max_length=128)]
    quantity: Annotated[int, Field(ge=1, le=1_000_000_000)]


class Order(BaseModel):
    """An order."""

    order_id: Annotated[str, Field(min_length=1, max_length=128)]
    channel: Annotated[str, Field(min_length=1, max_length=128)]
    lines: Annotated[list[Line], Field(min_length=1, max_length=1000)]


def create_app(url: str) -> FastAPI:
    """Return the application on a connection pool."""
    app = FastAPI()
    client = redis.Redis.from_url(url, decode_responses=True, max_connections=64)
    take = client.register_script(SCRIPT)

    @app.post("/v1/orders", status_code=201)
    async def place(order: Order) -> dict:
        args = [f"{order.channel}/{order.order_id}"]
        for line in order.lines:
            args += [line.sku, line.quantity]
        status, detail = await take(keys=[f"order:{args[0]}", "stock", "log"], args=args)
        if status in ("unknown_sku", "insufficient_stock"):
            raise HTTPException(409, {"code": status, "sku": detail})
        return {
            "order_id": order.order_id,
            "status": "allocated",
            "seq": detail,
            "replayed": status == "replayed",
            "lines": [line.model_dump() for line in order.lines],
        }

    @app.put("/stock/{sku}/{quantity}", status_code=204)
    async def put_stock(sku: str, quantity: int) -> None:
        await client.hset("stock", sku, quantity)

    @app.get("/readyz")
    async def ready() -> bool:
        return await client.ping()

    return app


def main() -> None:
    """Serve on loopback until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--redis", required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    uvicorn.run(
        create_app(options.redis),
        port=options.port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=False,
    )


if __name__ == "__main__":
    main()
