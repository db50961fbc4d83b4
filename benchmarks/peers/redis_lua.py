"""The peer: FastAPI + redis-py + one Lua script, as one would write it first, done well.

The script does the same work in one atomic step: refuse a repeated order id, check every line
against its stock (lines of one SKU added up), take, remember the order, and append a record to a
stream. The server runs with `appendfsync always`, so an answer is as durable as one of dibs.

Run by `benchmarks.bench_http`: `python -m benchmarks.peers.redis_lua --redis URL --port N`.
"""

import redis.asyncio as redis
from fastapi import FastAPI, HTTPException

from benchmarks.peers.serve import Order, options, placed, serve

CONNECTIONS_MAX = 1_024
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


def create_app(url: str) -> FastAPI:
    """Return the application on a connection pool."""
    app = FastAPI()
    client = redis.Redis.from_url(url, decode_responses=True, max_connections=CONNECTIONS_MAX)
    take = client.register_script(SCRIPT)

    @app.post("/v1/orders", status_code=201)
    async def place(order: Order) -> dict:
        args = [f"{order.channel}/{order.order_id}"]
        for line in order.lines:
            args += [line.sku, line.quantity]
        status, detail = await take(keys=[f"order:{args[0]}", "stock", "log"], args=args)
        if status in ("unknown_sku", "insufficient_stock"):
            raise HTTPException(409, {"code": status, "sku": detail})
        return placed(order, detail, status == "replayed")

    @app.get("/readyz")
    async def ready() -> bool:
        return await client.ping()

    return app


if __name__ == "__main__":
    asked = options(__doc__, "redis")
    serve(create_app(asked.redis), asked.port)
