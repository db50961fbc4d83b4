"""A connector and its twin, with nothing of dibs between: what a channel's own tests ask."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx

from engine.connectors.base import Connector
from engine.connectors.calls import Calls
from engine.connectors.registry import connector_class, twin_class
from engine.connectors.twins import Twin, serving
from tests.sync.open_gate import OpenGate


@contextlib.asynccontextmanager
async def connected(
    connector: str, stock: Mapping[str, int], **options: Any
) -> AsyncIterator[tuple[Twin, Connector]]:
    """Serve a twin while the block runs; gives it, and the connector of its account."""
    twin = twin_class(connector)(stock, **options)
    async with serving(twin.app) as url, httpx.AsyncClient() as client:
        account = twin.account(url)
        yield twin, connector_class(connector)(account, Calls(client, OpenGate(), account.name))
        await twin.pushes.close()
