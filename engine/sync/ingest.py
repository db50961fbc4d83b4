"""Ingest: documents from the inbox become orders of dibs, whatever order they come in.

A document says how an order is at a version, so applying it is a comparison and not a story:

    older than what was applied ─▶ nothing            not there, and wanted ─▶ placed
    there, and otherwise        ─▶ facts, and one edit of its lines

Of several documents of one order that wait together, only the newest is applied. All calls carry
ids made from order and version, so a crash between a call and its note repeats it without effect.
What dibs refuses for good becomes a dead letter with its reason; nothing is dropped silently.
"""

import asyncio
import hashlib
from collections import Counter
from typing import Any

import msgspec
import structlog

from engine.connectors.base import (
    Account,
    Connector,
    ConnectorError,
    Fetch,
    ForeignOrder,
    order_now,
    worth_again,
)
from engine.connectors.calls import CallError, Calls
from engine.core import limits
from engine.core.errors import LogError
from engine.core.paths import order_path
from engine.sync import outbox
from engine.sync.desk import Desk, Order, Refusal
from engine.sync.inbox import Inbox
from engine.sync.listings import Listings
from engine.sync.standing import Standing
from engine.sync.store import Applied, Kept, SyncStore

log = structlog.get_logger("ingest")
_FACTS = ("payment", "ship_to", "required_by", "customer", "note")
_DETAILS = ("currency", "ship_to", "customer", "note", "placed_at", "required_by")
_TURNS = 1_000  # versions of facts for one of a document
_CHANGED = ("placed", "edited", "cancelled")
_PAYMENTS = ("paid", "pending", "authorized")  # with which an order may be placed


class Undeliverable(Exception):
    """A document that cannot be applied, now or later, unless somebody does something."""


class Ingest:
    """Applies one account's inbox. `counts` tells what became of documents, by word."""

    def __init__(
        self,
        account: Account,
        connector: Connector,
        store: SyncStore,
        desk: Desk,
        listings: Listings,
        calls: Calls,
        standing: Standing,
    ) -> None:
        self._account, self._connector, self._calls = account, connector, calls
        self._store, self._desk, self._listings = store, desk, listings
        self._standing = standing
        self._inbox = Inbox(account.name, store)
        self._told: dict[str, list[tuple[ForeignOrder, Kept]]] = {}  # by order that is worked on
        self._asked: dict[str, asyncio.Future[ForeignOrder | None]] = {}  # not begun yet
        self._asking = asyncio.Semaphore(limits.SYNC_PARALLEL)
        self._places = asyncio.Semaphore(limits.SYNC_PARALLEL)
        self.counts: Counter[str] = Counter()

    async def run(self, stop: asyncio.Event) -> None:
        """Apply until `stop`; what is begun then is ended."""
        self._inbox.open_anew()
        self._told.clear()
        self._asked.clear()
        async with asyncio.TaskGroup() as tasks:
            while not stop.is_set():
                for kept in await self._inbox.next():
                    tasks.create_task(self._take(kept))

    async def _take(self, kept: Kept) -> None:
        """Deal with one document, and with those that come of its order meanwhile."""
        order = await self._understood(kept)
        if order is None:
            return
        name = order.order_id
        if name in self._told:  # somebody is at it, and looks again
            self._told[name].append((order, kept))
            return
        self._told[name] = [(order, kept)]
        while self._told[name]:
            async with self._places:
                told, self._told[name] = self._told[name], []
                await self._settle(told)
        del self._told[name]

    async def _understood(self, kept: Kept) -> ForeignOrder | None:
        """Return what a document means; None if it is dealt with by that."""
        if kept.topic == outbox.TOPIC:  # a dead letter of the way out, tried again
            await self._store.put({kept.id: kept.body}, "outbox", self._account.name)
            await self._inbox.done([kept])
            return None
        try:
            found = self._connector.read(kept)
            if isinstance(found, Fetch):
                found = await self._fetched(found)
        except (ConnectorError, CallError) as error:
            await self._failed([kept], str(error), worth_again(error))
            return None
        except Exception as error:
            await self._astray([kept], error)
            return None
        if not isinstance(found, ForeignOrder):
            self.counts["no_order"] += 1
            await self._inbox.done([kept])
            return None
        return found

    async def _fetched(self, told: Fetch) -> ForeignOrder | None:
        """Return an order as it is now; what the document said, if asking would mean waiting."""
        name = told.order_id
        if name not in self._asked:
            if told.meanwhile is not None:
                operation = self._connector.fetch_operation
                if not await self._calls.prepay_now(operation):
                    self.counts["brief"] += 1
                    return told.meanwhile
            if name not in self._asked:
                self._asked[name] = asyncio.ensure_future(self._now(name))
        return await self._asked[name]

    async def _now(self, order_id: str) -> ForeignOrder | None:
        async with self._asking:
            # Who hears of the order from here on asks anew: this answer may be too old for it.
            self._asked.pop(order_id, None)
            return await order_now(self._connector, order_id)

    async def _settle(self, told: list[tuple[ForeignOrder, Kept]]) -> None:
        """Apply the newest of what was told of one order, and have done with the others."""
        rows = [kept for _, kept in told]
        top = max(_rank(order) for order, _ in told)
        newest = {_digest(o): o for o, _ in told if _rank(o) == top}
        try:
            if len(told) > 1 and not all(order.whole for order in newest.values()):
                # Each shows a part of it, or was the whole before: none of them says how it is.
                whole = await order_now(self._connector, told[0][0].order_id)
                newest = {"": whole} if whole else newest
            for order in newest.values():
                word = await self.apply(order)
        except Undeliverable as error:
            await self._failed(rows, str(error), later=False)
        except (CallError, ConnectorError) as error:
            await self._failed(rows, str(error), worth_again(error))
        except Exception as error:
            await self._astray(rows, error)
        else:
            self.counts[word] += 1
            self.counts["superseded"] += len(rows) - 1
            if word in _CHANGED and all(kept.by == "sweep" for kept in rows):
                self.counts["missed_by_pushes"] += 1
            await self._inbox.done(rows)

    async def _failed(self, rows: list[Kept], problem: str, later: bool) -> None:
        """Leave documents in the inbox for another time, or bury them."""
        self.counts["postponed" if later else "dead"] += len(rows)
        log.warning(
            "a document is not applied",
            account=self._account.name,
            ids=[kept.id for kept in rows][:10],
            problem=problem,
            again=later,
        )
        if later:
            self._inbox.put_back(rows)
        else:
            await self._inbox.bury(rows, problem)

    async def _astray(self, rows: list[Kept], error: Exception) -> None:
        """Bury what met a fault of ours, which is to stop this order and no other. Nothing can be
        noted while the log's server is away, so that ends the work until it is back."""
        if isinstance(error, LogError):
            raise error
        log.exception("a fault", account=self._account.name, ids=[kept.id for kept in rows][:10])
        await self._failed(rows, f"a fault of dibs: {error!r}", later=False)

    # One order.

    async def apply(self, order: ForeignOrder) -> str:
        """Make dibs agree with an order at its version; return a word for what was done.

        Raises `Undeliverable` where dibs refuses for good.
        """
        name, channel = self._account.name, self._account.channel
        seen, digest, turn = await self._store.applied(name, order.order_id), _digest(order), 0
        coarse = _rank(order) == seen.rank and digest != seen.digest
        if coarse or (order.version < seen.version and not order.whole):
            # Two changes within one tick of the channel's clock, or of a part that is older than
            # another part. Which is right, it must say.
            order = await order_now(self._connector, order.order_id) or order
            digest, turn = _digest(order), seen.turn + 1
        older = _rank(order) < seen.rank
        if digest == seen.digest or (older and (order.brief or not seen.brief)):
            return "stale"
        if order.version > seen.version:
            turn = 0
        elif _rank(order) > seen.rank:
            turn = seen.turn + 1
        placeable = order.state == "open" and order.ready and bool(order.lines)
        there = None
        if placeable and seen == Applied():  # most likely it is not there
            there = await self._place(order)
        if not (placed := there is not None):
            there = await self._desk.order(channel, order.order_id)
        if isinstance(there, Refusal):
            raise Undeliverable(f"looking: {there}")
        if older:
            return "stale" if there is None else await self._fill_in(order, there)
        if placed:
            word = "placed"
        elif there is not None and _cancelled_here(order, there, seen):
            word = "cancelled_here"
        elif there is not None:
            word = await self._agree(order, there, order.version * _TURNS + turn)
        elif placeable:
            there, word = await self._place(order), "placed"
        elif not order.ready and order.state == "open":
            return "not_ready"
        else:
            word = "never_here"
        if seen == Applied() and there is not None and order.state == "open":
            await self._accepted(order.order_id, there)
        if there is not None:
            await self._standing.seen(order)
        over = order.state == "cancelled"
        applied = Applied(order.version, turn, digest, order.brief, over)
        await self._store.note_applied(name, order.order_id, applied)
        if word == "placed":
            await self._standing.placed()
        return word

    async def _accepted(self, order_id: str, there: Order) -> None:
        """Have the channel told that dibs took an order, if it wants to know."""
        if hasattr(self._connector, "accept"):
            name, entry = outbox.acceptance(order_id, there)
            await self._store.put({name: entry}, "outbox", self._account.name)

    async def _place(self, order: ForeignOrder) -> Order | None:
        """Place an order and return it; None if dibs had it before."""
        body: dict[str, Any] = {
            "order_id": order.order_id,
            "channel": self._account.channel,
            "when_short": self._account.options.get("when_short", "backorder"),
            "lines": [self._line(line) for line in order.lines],
        }
        if order.payment in _PAYMENTS:
            body["payment"] = order.payment
        body |= {f: getattr(order, f) for f in _DETAILS if getattr(order, f) is not None}
        found = await self._desk.ask("POST", "/v1/orders", body)
        if isinstance(found, Refusal) and found.code == "idempotency_conflict":
            return None
        self._check(found, "placing")
        there = msgspec.json.decode(found, type=Order)
        return None if there.replayed else there

    def _line(self, line) -> dict[str, Any]:
        row = {
            "sku": self._listings.sku(line.listing, line.sku),
            "quantity": line.quantity,
            "line_id": line.line,
        }
        return row if line.unit_price is None else row | {"unit_price": line.unit_price}

    async def _agree(self, order: ForeignOrder, there: Order, version: int) -> str:
        """Tell dibs what is said of an order that it has."""
        await self._tell(order, version)
        await self._fill_prices(order, there)
        channel, event = self._account.channel, f"{self._account.name}-{version}"
        changed = [] if order.state != "open" else self._difference(order, there)
        if not changed:
            return "cancelled" if order.state == "cancelled" else "told"
        short = self._account.options.get("when_short", "backorder")
        body = {"edit_id": event, "lines": changed, "when_short": short}
        path = order_path(channel, order.order_id)
        self._check(await self._desk.ask("PATCH", path, body), "editing")
        return "edited"

    async def _tell(self, order: ForeignOrder, version: int) -> None:
        fact: dict[str, Any] = {"event_id": f"{self._account.name}-{version}", "version": version}
        fact |= {f: getattr(order, f) for f in _FACTS if getattr(order, f) is not None}
        if order.state == "cancelled":
            fact |= {"cancelled": True, "reason": "cancelled by its channel"}
        if len(fact) > 2:
            path = order_path(self._account.channel, order.order_id, "facts")
            self._check(await self._desk.ask("POST", path, fact), "telling")

    async def _fill_in(self, order: ForeignOrder, there: Order) -> str:
        """Tell what a newer but brief document did not say. Of facts dibs compares versions field
        by field, so nothing newer is undone."""
        await self._tell(order, order.version * _TURNS)
        await self._fill_prices(order, there)
        return "filled_in"

    async def _fill_prices(self, order: ForeignOrder, there: Order) -> None:
        """Set prices that a brief document lacked, unless a location works on the order by now:
        such an order is not edited, and no price is worth stopping it."""
        prices = {line.line: line.unit_price for line in order.lines}
        rows = [
            {"sku": line.sku, "line_id": line.line_id, "unit_price": prices[line.line_id]}
            for line in there.lines
            if line.unit_price is None and prices.get(line.line_id) is not None
        ]
        if rows:
            body = {"edit_id": f"{self._account.name}-prices", "lines": rows}
            path = order_path(self._account.channel, order.order_id)
            found = await self._desk.ask("PATCH", path, body)
            if isinstance(found, Refusal):
                log.info("an order keeps no prices", order_id=order.order_id, why=str(found))

    def _difference(self, order: ForeignOrder, there: Order) -> list[dict[str, Any]]:
        """Return the lines that dibs has otherwise. What has left stays as it is: what is paid
        back later is a return, not an edit."""
        wanted = {line.line: line for line in order.lines}
        rows = []
        for line in there.lines:
            if line.line_id is None:
                continue
            asked = wanted.pop(line.line_id, None)
            if asked is None and not order.whole:
                continue
            quantity = max(asked.quantity if asked else 0, line.shipped)
            if quantity != line.quantity - line.cancelled:
                row = {"sku": line.sku, "line_id": line.line_id, "quantity": quantity}
                rows.append(row)
        return rows + [self._line(line) for line in wanted.values()]

    def _check(self, found: bytes | Refusal, doing: str) -> None:
        if isinstance(found, Refusal):
            raise Undeliverable(f"{doing}: {found}")


def _rank(order: ForeignOrder) -> tuple[int, bool]:
    return order.version, not order.brief


def _cancelled_here(order: ForeignOrder, there: Order, seen: Applied) -> bool:
    """Say whether dibs cancelled an order that its channel has open, not having cancelled it
    before: the outbox tells it. One that a channel opens again is not of this kind."""
    return there.status == "cancelled" and order.state == "open" and not seen.cancelled


def _digest(order: ForeignOrder) -> str:
    return hashlib.blake2b(msgspec.json.encode(order), digest_size=8).hexdigest()
