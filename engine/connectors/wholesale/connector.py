"""The connector: messages to a partner's service, or files in a folder. What is told is the same,
and is written by the same functions of `advices`."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from engine.connectors import signatures
from engine.connectors.base import (
    Acceptance,
    Account,
    BadSignature,
    ConnectorError,
    Delivery,
    Fetch,
    ForeignOrder,
    Parcel,
    Published,
    Quantity,
    understood,
)
from engine.connectors.calls import Calls, document, none_if_missing
from engine.connectors.wholesale import advices, orders, wire
from engine.connectors.wholesale.drop import Drop
from engine.core.errors import ConfigError

_PAGE = "200"

_push = msgspec.json.Decoder(wire.Push).decode


class Wholesale:
    """A wholesale partner.

    See `base.Connector` for what each method promises.
    """

    needs: tuple[str, ...] = ()
    publish_rows = 1_000
    publish_operation = "inventory"
    publish_parallel = 1

    def __init__(self, account: Account, calls: Calls) -> None:
        self._account, self._calls = account, calls
        self._root = account.url.rstrip("/")
        there = urlsplit(account.url)
        self._drop = Drop(there.path) if there.scheme == "file" else None
        missing = {"hook_secret", "out_secret"} - set(account.secrets)
        if self._drop is None and missing:
            raise ConfigError(
                f"account {account.name}: messages are signed, so it needs --secret "
                f"{'=… --secret '.join(sorted(missing))}=…; a folder, file:///…, needs none"
            )

    async def _ask(self, operation: str, method: str, address: str, **more: Any) -> Any:
        """Call, signed: the message is the address that is asked for, or the body."""
        body = more.pop("body", b"")
        name = more.pop("name", None) or f"{operation}-{signatures.fresh_secret()[-12:]}"
        headers = signatures.signed([self._account.secrets["out_secret"]], name, body)
        headers["content-type"] = "application/json"
        return await self._calls.ask(
            operation, method, address, headers=headers, content=body, **more
        )

    # In.

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """As Standard Webhooks, over id, time and raw body. A folder pushes nothing."""
        secret = self._account.secrets.get("hook_secret")
        if not secret:
            raise BadSignature
        signatures.verify([secret], headers, body)

    def receive(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        """Purchase orders only."""
        push = understood(_push, body, "a push")
        if push.type != "order":
            return None
        return Delivery(f"hook-{headers['webhook-id']}", "order", bytes(push.data))

    async def pull(self, since: datetime, until: datetime) -> AsyncIterator[Delivery]:
        """What changed, page by page; or the files that are new."""
        if self._drop is not None:
            async for delivery in self._drop.pull():
                yield delivery
            return
        window = {"changed_from": since.isoformat(), "changed_to": until.isoformat()}
        address = f"{self._root}/orders?{urlencode(window | {'limit': _PAGE})}"
        while address:
            page = document(await self._ask("orders", "GET", address), wire.Orders)
            for raw in page.orders:
                yield self._delivery(bytes(raw))
            address = self._next(page.next)

    def _next(self, address: str | None) -> str | None:
        """Return the address of the next page, which is at the same place as the first."""
        if address is None:
            return None
        if not address.startswith(self._root + "/"):
            raise ConnectorError(f"the next page is elsewhere: {address}")
        return address

    def _delivery(self, body: bytes) -> Delivery:
        order = self._order(body)
        return Delivery(f"{order.order_id}@{order.changed_at.isoformat()}", "order", body)

    async def fetch(self, order_id: str) -> Delivery | None:
        """A purchase order as it is now."""
        if self._drop is not None:
            return await self._drop.fetch(order_id)
        address = f"{self._root}/orders/{quote(order_id, safe='')}"
        answer = await none_if_missing(self._ask("order", "GET", address))
        return self._delivery(answer.content) if answer else None

    def _order(self, body: bytes) -> wire.Order:
        return understood(orders.decode, body)

    def read(self, delivery: Delivery) -> ForeignOrder | Fetch | None:
        """A purchase order is whole, always."""
        return orders.understand(self._order(delivery.body))

    # Out.

    async def _tell(self, advice: advices.Advice) -> bytes:
        """Send a message under its own name, which is the same each time it is sent, so that the
        partner can pass over the second; or write a file of that name, once."""
        if self._drop is not None:
            await self._drop.tell(advice)
            return b"{}"
        address = f"{self._root}/messages"
        answer = await self._ask(
            advice.kind, "POST", address, body=advice.message(), name=advice.name
        )
        return answer.content or b"{}"

    async def publish(self, rows: Sequence[Quantity]) -> list[Published]:
        """An inventory advice."""
        answer = await self._tell(advices.inventory(rows))
        refused = {
            row.sku: row.problem for row in msgspec.json.decode(answer, type=wire.Advised).refused
        }
        return [Published(row.listing, refused.get(row.listing, "")) for row in rows]

    async def shown(self, items: Sequence[Quantity]) -> dict[str, int]:
        """What the partner says that it shows; of a folder, what was last written."""
        names = [row.listing for row in items]
        if self._drop is not None:
            return await self._drop.shown(names)
        query = urlencode({"skus": ",".join(quote(name, safe="") for name in names)})
        answer = await self._ask("shown", "GET", f"{self._root}/inventory?{query}")
        found = document(answer, wire.Shown).quantities
        return {name: found[name] for name in names if name in found}

    async def accept(self, acceptance: Acceptance) -> None:
        """An acknowledgement: of each line, what is promised from stock and what is backordered."""
        await self._tell(advices.acknowledgement(acceptance))

    async def ship(self, parcel: Parcel) -> None:
        """A despatch advice."""
        await self._tell(advices.despatch(parcel))

    async def refund(self, order_id: str, refund_id: str, amount: int, currency: str) -> None:
        """A credit note."""
        await self._tell(advices.credit(order_id, refund_id, amount, currency))

    async def cancel(self, order_id: str, reason: str) -> None:
        """A message that the order will not be delivered."""
        await self._tell(advices.cancellation(order_id, reason))

    async def heal(self) -> list[str]:
        """Nothing that a partner switches off is known to us."""
        return []
