"""dibs as sync sees it: its HTTP API, asked with a key that may read and sell.

A refusal is a value, because it is an answer; what cannot be asked is retried for as long as it
takes, since there is nothing else to do.
"""

import asyncio
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import structlog

from engine.core import limits
from engine.core.paths import order_path

log = structlog.get_logger("desk")
# 401 and 403 say something of our key, which may be too new to be known, or be mended; nothing of
# what was asked. 408: a call that took long on its way, of a busy machine, was not read.
_AGAIN = frozenset((401, 403, 408, 429, 502, 503, 504))
_encode = msgspec.json.Encoder().encode


class Refusal(msgspec.Struct, frozen=True):
    """What dibs says no with: a stable `code`, the HTTP `status`, and `detail` for a person."""

    code: str = "unknown"
    status: int = 0
    detail: str = ""
    title: str = ""

    def __str__(self) -> str:
        return f"{self.code}: {self.detail or self.title}"


class DeskError(Exception):
    """dibs does not answer what sync cannot do without; the channel may not exist, say."""


class ShownAt(msgspec.Struct, frozen=True):
    """How many of them lie at a location, before what holds for the sum."""

    location: str
    sellable: int


class Shown(msgspec.Struct, frozen=True):
    """How many units a channel may show of a SKU."""

    sku: str
    sellable: int
    locations: list[ShownAt] = []


class _Availability(msgspec.Struct, frozen=True):
    skus: list[Shown]


class Allocation(msgspec.Struct, frozen=True):
    """Units of a line that are promised from stock."""

    quantity: int


class OrderLine(msgspec.Struct, frozen=True):
    """A line of an order as dibs has it: `cancelled` of its `quantity` are no longer wanted."""

    sku: str
    quantity: int
    line_id: str | None = None
    cancelled: int = 0
    shipped: int = 0
    unit_price: int | None = None
    allocations: list[Allocation] = []


class Order(msgspec.Struct, frozen=True):
    """An order as dibs has it, as far as sync needs to know. `replayed`: it was placed before."""

    lines: list[OrderLine] = []
    status: str = ""
    replayed: bool = False


class Desk:
    """The API at `url`. Close the client that it is given when done."""

    def __init__(self, client: httpx.AsyncClient, url: str, key: str) -> None:
        self._client, self._url = client, url.rstrip("/")
        self._headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}

    async def ask(self, method: str, path: str, body: Any = None) -> bytes | Refusal:
        """Call and return the answer's bytes, or what it was refused with. Waits while dibs is
        away or busy, or does not know our key."""
        content = None if body is None else _encode(body)
        delay_s = 0.05
        while True:
            try:
                answer = await self._client.request(
                    method, self._url + path, content=content, headers=self._headers
                )
            except httpx.TransportError as error:
                log.warning("dibs is away", error=repr(error), retry_in_s=delay_s)
            else:
                if answer.is_success:
                    return answer.content
                if answer.status_code not in _AGAIN:
                    return _refusal(answer)
                log.warning("not now", status=answer.status_code, problem=str(_refusal(answer)))
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, limits.RECONNECT_DELAY_S_MAX)

    async def order(self, channel: str, order_id: str) -> Order | Refusal | None:
        """Return an order, None where there is none, or why that cannot be said."""
        found = await self.ask("GET", order_path(channel, order_id))
        if isinstance(found, Refusal):
            return None if found.status == 404 else found
        return msgspec.json.decode(found, type=Order)

    async def shown(self, channel: str, skus: list[str]) -> list[Shown]:
        """Return what the channel may show of the SKUs that exist."""
        names = ",".join(quote(sku, safe="") for sku in skus)
        path = f"/v1/availability?channel={quote(channel, safe='')}&known=true&skus={names}"
        found = await self.ask("GET", path)
        if isinstance(found, Refusal):
            raise DeskError(f"availability of channel {channel}: {found}")
        rows = msgspec.json.decode(found, type=_Availability).skus
        if missing := set(skus) - {row.sku for row in rows}:
            log.warning("listings sell SKUs that do not exist", skus=sorted(missing))
        return rows


def _refusal(answer: httpx.Response) -> Refusal:
    try:
        return msgspec.json.decode(answer.content, type=Refusal)
    except msgspec.MsgspecError:
        return Refusal("unreadable", answer.status_code, answer.text[:200])
