"""The outbox: what a channel is to be told, until it is.

    views ─▶ Reader ─▶ outbox and cursor in one step ─▶ Teller ─▶ connector.ship, refund, cancel

Nothing is told twice: the reader's cursor moves with the entry, and every connector looks before
it repeats a call. Nothing is forgotten: an entry stays until the channel took it, or until it
becomes a dead letter that somebody sees, because the channel will never take it.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import structlog

from engine.connectors.base import (
    Acceptance,
    AcceptedLine,
    Account,
    Connector,
    ConnectorError,
    Parcel,
    order_now,
    worth_again,
)
from engine.connectors.calls import CallError
from engine.core import limits
from engine.core.errors import LogError, UnavailableError
from engine.sync.desk import Order
from engine.sync.standing import Counted, Standing
from engine.sync.store import Kept, SyncStore
from engine.views import outgoing
from engine.views.reader import ViewsReader

log = structlog.get_logger("outbox")
TOPIC = "outbox"
_DOUBLINGS = 10  # of the rest after a failure: beyond `limits.BREAKER_S_MAX`
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Shipment(msgspec.Struct, frozen=True, tag="ship"):
    """Tell of a parcel. Its order was due at `due_us`, microseconds since 1970; `first`:
    nothing of the order left before."""

    parcel: Parcel
    due_us: int | None = None
    first: bool = True


class Refund(msgspec.Struct, frozen=True, tag="refund"):
    """Have money go back."""

    order_id: str
    refund_id: str
    amount: int
    currency: str


class Cancellation(msgspec.Struct, frozen=True, tag="cancel"):
    """Say that an order will not be delivered, unless the channel said so itself."""

    order_id: str


class Taking(msgspec.Struct, frozen=True, tag="accept"):
    """Say that dibs took an order."""

    acceptance: Acceptance


Task = Shipment | Refund | Cancellation | Taking
_decode = msgspec.json.Decoder(Task).decode
_encode = msgspec.json.Encoder().encode


class Reader:
    """Moves what the views tell into the outboxes of the accounts that channels belong to:
    `accounts` tells which there are now."""

    def __init__(
        self, store: SyncStore, views: ViewsReader, accounts: Callable[[], Iterable[Account]]
    ) -> None:
        self._store, self._views, self._accounts = store, views, accounts

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop`; views and the log's server may be away meanwhile."""
        while not stop.is_set():
            try:
                if await self.step():
                    continue
            except (UnavailableError, LogError) as error:
                log.warning("what is to be told cannot be read", error=str(error))
                await asyncio.sleep(limits.RECONNECT_DELAY_S_MAX)
            await asyncio.sleep(limits.OUTBOX_IDLE_S)

    async def step(self) -> int:
        """Move what there is, some of each kind; return how much was seen. Parcels are looked for
        last and moved first, so that no refund is there before the parcel that it is for."""
        seen, kinds = 0, []
        accounts = {account.channel: account for account in self._accounts()}
        for kind, ask, task in (
            ("cancel", outgoing.cancelled, _cancellation),
            ("refund", outgoing.refunded, _refund),
            ("ship", outgoing.left, _shipment),
        ):
            after = int(await self._store.field(f"outbox:{kind}", "cursors") or 0)
            kinds.append((kind, task, await self._views.ask(ask, after, limits.OUTBOX_READ)))
        for kind, task, rows in reversed(kinds):
            if not rows:
                continue
            entries: dict[str, dict[str, bytes]] = {}
            for row in rows:
                account = accounts.get(row.channel)
                if account is not None:
                    key, found = task(row)
                    entries.setdefault(account.name, {})[f"{kind}:{key}"] = _encode(found)
            await self._store.outbox_put(entries, f"outbox:{kind}", rows[-1].seq)
            seen += len(rows)
        return seen


class Teller:
    """Empties one account's outbox. `counts` is by what was done."""

    def __init__(
        self, account: Account, connector: Connector, store: SyncStore, standing: Standing
    ) -> None:
        self._account, self._connector, self._store = account, connector, store
        self._standing = standing
        self._rest: dict[str, tuple[float, int]] = {}
        self.counts: Counter[str] = Counter()

    async def run(self, stop: asyncio.Event) -> None:
        """Tell until `stop`."""
        while not stop.is_set():
            if not await self.step():
                await asyncio.sleep(limits.OUTBOX_IDLE_S)

    async def step(self) -> int:
        """Tell what is due; return how much was told. Money goes back when all that left of its
        order is told: there are channels that pay nothing back before."""
        now_s, told = time.monotonic(), 0
        rows = await self._store.table("outbox", self._account.name)
        tasks = {name: _decode(document) for name, document in rows.items()}
        left = {task.parcel.order_id for task in tasks.values() if isinstance(task, Shipment)}
        for name, task in tasks.items():
            if self._rest.get(name, (0.0, 0))[0] > now_s:
                continue
            if isinstance(task, Refund) and task.order_id in left:
                continue
            told += await self._tell(name, task, rows[name])
        return told

    async def _tell(self, name: str, task: Task, document: bytes) -> bool:
        account, followed = self._account.name, None
        try:
            word, followed = await self._do(task)
        except NotImplementedError as error:
            word = "not_possible"
            log.info("the channel has no call for it", account=account, entry=name, why=str(error))
        except (CallError, ConnectorError) as error:
            self.counts["failed"] += 1
            log.warning("not told yet", account=account, entry=name, problem=str(error))
            if worth_again(error):
                return self._later(name)
            await self._store.bury(account, Kept(name, TOPIC, document), str(error))
            word = "dead"
        except LogError:
            raise
        except Exception:  # a fault of the connector: what comes after this is not to wait for it
            self.counts["failed"] += 1
            log.exception("not told yet", account=account, entry=name)
            return self._later(name)
        self.counts[word] += 1
        self._rest.pop(name, None)
        if word == "cancelled":
            await self._standing.cancelled(task.order_id)
        counted = Counted()
        if word == "shipped":
            counted = self._standing.left(task.parcel, task.due_us, task.first, followed)
        await self._store.outbox_told(account, name, counted.more, counted.marks)
        return True

    def _later(self, name: str) -> bool:
        """Let an entry rest, for longer each time."""
        _, failures = self._rest.get(name, (0.0, 0))
        rest_s = min(0.5 * 2 ** min(failures, _DOUBLINGS), limits.BREAKER_S_MAX)
        self._rest[name] = (time.monotonic() + rest_s, failures + 1)
        return False

    async def _do(self, task: Task) -> tuple[str, bool | None]:
        """Return what was done, and of a parcel what the channel makes of its tracking number."""
        if isinstance(task, Shipment):
            return "shipped", await self._connector.ship(task.parcel)
        return await self._say(task), None

    async def _say(self, task: Refund | Cancellation | Taking) -> str:
        match task:
            case Taking(acceptance):
                await self._connector.accept(acceptance)
                return "accepted"
            case Refund(order_id, refund_id, amount, currency):
                await self._connector.refund(order_id, refund_id, amount, currency)
                return "refunded"
            case Cancellation(order_id):
                there = await order_now(self._connector, order_id)
                if there is None or there.state != "open":
                    return "known"
                await self._connector.cancel(order_id, "the seller cannot deliver it")
                return "cancelled"


def acceptance(order_id: str, order: Order) -> tuple[str, bytes]:
    """Return (name, document) of the entry that says how an order was taken."""
    lines = tuple(
        AcceptedLine(
            line.line_id or "",
            line.sku,
            line.quantity - line.cancelled,
            sum(row.quantity for row in line.allocations),
        )
        for line in order.lines
    )
    return f"accept:{order_id}", _encode(Taking(Acceptance(order_id, lines)))


def _shipment(row: outgoing.Left) -> tuple[str, Task]:
    parcel = Parcel(
        order_id=row.order_id,
        shipment_id=row.shipment_id,
        lines=row.lines,
        shipped_at=_EPOCH + timedelta(microseconds=row.shipped_us),
        carrier=row.carrier,
        tracking=row.tracking,
        last=row.last,
    )
    return f"{row.order_id}:{row.shipment_id}", Shipment(parcel, row.required_us, row.first)


def _refund(row: outgoing.Refunded) -> tuple[str, Task]:
    task: Any = Refund(row.order_id, row.refund_id, row.amount, row.currency)
    return f"{row.order_id}:{row.refund_id}", task


def _cancellation(row: outgoing.Cancelled) -> tuple[str, Task]:
    return row.order_id, Cancellation(row.order_id)
