"""The shop's queue: very many quantities with one call, which it works off later."""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from engine.connectors.base import Published, Quantity
from engine.connectors.calls import document
from engine.connectors.magento import wire
from engine.connectors.magento.stock import Stock

_DONE, _TRY_AGAIN, _OPEN = 1, 2, 4  # what becomes of an operation


class AsyncBulk:
    """The shop's queue: a `base.Bulk`. Each row is an operation of its own, so one that fails fails
    alone."""

    operation = "bulk"
    rows = 2_000
    beyond = 500
    poll_s = 5.0

    def __init__(self, stock: Stock, ask: Callable[..., Any]) -> None:
        self._stock, self._ask = stock, ask

    async def send(self, rows: Sequence[Quantity]) -> str:
        """Hand in a request for each row that the shop has."""
        items = await self._stock.items(rows)
        body = [{"sourceItems": [item]} for item in items if item is not None]
        path = "/async/bulk/V1/inventory/source-items"
        answer = await self._ask("bulk", "POST", path, json=body)
        return document(answer, wire.Accepted).bulk_uuid

    async def done(self, ticket: str, listings: Sequence[str]) -> list[Published] | None:
        """Ask how far the queue is, in short; when nothing is open any more, what became of each
        row, which only the long answer tells: it has the SKUs."""
        path = f"/V1/bulk/{quote(ticket, safe='')}"
        short = document(await self._ask("bulk_status", "GET", f"{path}/status"), wire.Bulk)
        noted = short.operations_list
        if len(noted) < short.operation_count or any(row.status == _OPEN for row in noted):
            return None
        answer = await self._ask("bulk_status", "GET", f"{path}/detailed-status")
        found = {row.sku: row for row in document(answer, _Detail).operations_list}
        return [_published(listing, found.get(listing)) for listing in listings]


class _Told(msgspec.Struct, frozen=True):
    sku: str = ""


class _Sent(msgspec.Struct, frozen=True, rename="camel"):
    source_items: list[_Told] = []


class _Serialized(msgspec.Struct, frozen=True):
    meta_information: str = "{}"


class _Operation(wire.Operation, frozen=True):
    serialized_data: str = "{}"

    @property
    def sku(self) -> str:
        """The SKU that the request was of, which is a JSON text within one."""
        inner = msgspec.json.decode(self.serialized_data, type=_Serialized).meta_information
        rows = msgspec.json.decode(inner, type=_Sent).source_items
        return rows[0].sku if rows else ""


class _Detail(msgspec.Struct, frozen=True):
    operations_list: list[_Operation] = []


def _published(listing: str, row: _Operation | None) -> Published:
    if row is None:
        return Published(listing, "the shop has no such SKU")
    if row.status == _DONE:
        return Published(listing)
    return Published(listing, row.result_message or "failed", row.status == _TRY_AGAIN)
