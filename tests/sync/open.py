"""A connector and its twin, with nothing of dibs between: what a channel's own tests ask."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx

from engine.connectors.base import Connector
from engine.connectors.calls import Calls
from engine.connectors.registry import connector_class, twin_class
from engine.connectors.twins import Twin, serving


class Open:
    """A `calls.Gate` that is always open."""

    async def take(self, operation: str, units: int = 1) -> float:
        """Let it pass."""
        return 0.0

    async def refused(self, operation: str, wait_s: float, units: int = 1) -> None:
        """Pass over it."""

    async def failing(self) -> float:
        """Never."""
        return 0.0

    async def told(self, well: bool) -> None:
        """Pass over it."""


@contextlib.asynccontextmanager
async def connected(
    connector: str, stock: Mapping[str, int], **options: Any
) -> AsyncIterator[tuple[Twin, Connector]]:
    """Serve a twin while the block runs; gives it, and the connector of its account."""
    twin = twin_class(connector)(stock, **options)
    async with serving(twin.app) as url, httpx.AsyncClient() as client:
        account = twin.account(url)
        yield twin, connector_class(connector)(account, Calls(client, Open(), account.name))
        await twin.pushes.close()
