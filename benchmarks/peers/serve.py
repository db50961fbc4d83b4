"""What the HTTP peers share: how an order looks, and uvicorn in its fastest settings."""

import argparse
from typing import Annotated, Any

import uvicorn
from pydantic import BaseModel, Field

Name = Annotated[str, Field(min_length=1, max_length=128)]


class Line(BaseModel):
    """`quantity` units of `sku`."""

    sku: Name
    quantity: Annotated[int, Field(ge=1, le=1_000_000_000)]


class Order(BaseModel):
    """An order."""

    order_id: Name
    channel: Name
    lines: Annotated[list[Line], Field(min_length=1, max_length=1000)]


def placed(order: Order, seq: Any, replayed: bool) -> dict:
    """Return the answer to an order that holds."""
    return {
        "order_id": order.order_id,
        "status": "allocated",
        "seq": seq,
        "replayed": replayed,
        "lines": [line.model_dump() for line in order.lines],
    }


def options(doc: str, *names: str) -> argparse.Namespace:
    """Read `--port` and further required options from the command line."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    for name in names:
        parser.add_argument(f"--{name}", required=True)
    return parser.parse_args()


def serve(app: Any, port: int, lifespan: str = "auto") -> None:
    """Serve an ASGI application on loopback until stopped."""
    uvicorn.run(
        app,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan=lifespan,
        access_log=False,
        proxy_headers=False,
        log_level="warning",
        server_header=False,
        date_header=False,
    )
