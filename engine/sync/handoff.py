"""The hand-off: work of dibs' locations that somebody else's warehouse does.

    work list ─▶ preview ─▶ note, create on hold ─▶ accept ─▶ pick, release ─▶ parcels ─▶ pack, ship

Nothing is remembered but which works the provider may have: how each stands is asked, of dibs and
of the provider, and the next step follows from the two. So a kill at any point repeats a question,
and a call that changes nothing the second time. What dibs takes back meanwhile is cancelled at
the provider; what the provider cannot ship is rejected or picked short, and had from elsewhere.
"""

import asyncio
import hashlib
import time
from collections import Counter
from typing import Any
from urllib.parse import urlencode

import msgspec
import structlog

from engine.connectors.base import Account, ConnectorError, worth_again
from engine.connectors.calls import CallError
from engine.connectors.providers import Provider, Sent, Standing, Work
from engine.core import limits
from engine.core.errors import ConfigError, LogError
from engine.core.terms import Address
from engine.sync.desk import Desk, Refusal
from engine.sync.listings import Listings
from engine.sync.store import SyncStore

log = structlog.get_logger("handoff")
_PAGE = 200
_ON_ITS_WAY = 12  # looks at what is being worked on, for one at what has left
_ENDED = ("rejected", "expired", "cancelled")
_BEGUN = ("picking", "packed")


class Line(msgspec.Struct, frozen=True):
    """Units of a SKU that a fulfillment still has to see to, parts of a `bundle` perhaps."""

    sku: str
    quantity: int
    bundle: str | None = None


class Task(msgspec.Struct, frozen=True):
    """A fulfillment of dibs, as far as it matters here."""

    fulfillment_id: str
    channel: str
    order_id: str
    location: str
    status: str
    lines: list[Line]
    pickup: bool = False
    ship_to: Address | None = None
    shipments: list[dict[str, Any]] = []


class _Page(msgspec.Struct, frozen=True):
    fulfillments: list[Task]
    next_cursor: str | None = None


def locations_of(account: Account) -> tuple[str, ...]:
    """Return the locations whose work an account's provider does."""
    names = account.options.get("locations", "").split(",")
    return tuple(name.strip() for name in names if name.strip())


def look_every_s(account: Account) -> float:
    """Return the seconds between two looks at a work that the provider does: the option `look_s`.
    Raises `ConfigError` for what is none."""
    text = account.options.get("look_s", str(limits.HANDOFF_LOOK_S))
    try:
        every_s = float(text)
    except ValueError:
        every_s = 0.0
    if not 0.0 < every_s <= limits.SWEEP_S_MAX:
        raise ConfigError(f"option look_s={text}: use seconds, up to {limits.SWEEP_S_MAX:.0f}")
    return every_s


class Handoff:
    """Hands the work of one account's locations to its provider. `counts` is by what was done."""

    def __init__(
        self,
        account: Account,
        provider: Provider,
        store: SyncStore,
        desk: Desk,
        listings: Listings,
    ) -> None:
        self.account, self._provider = account, provider
        self._store, self._desk, self._listings = store, desk, listings
        self._locations, self._look_s = locations_of(account), look_every_s(account)
        self._rest: dict[str, float] = {}
        self.counts: Counter[str] = Counter()

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop`."""
        while not stop.is_set():
            if not await self.step():
                await asyncio.sleep(limits.HANDOFF_IDLE_S)

    async def step(self) -> int:
        """Bring each work that is due as far as it goes; return how many were brought further."""
        moved = 0
        for task in await self._tasks():
            if self._rest.get(task.fulfillment_id, 0.0) > time.monotonic():
                continue
            try:
                word = await self._advance(task)
            except (ConnectorError, CallError) as error:
                word = await self._failed(task, error)
            except LogError:
                raise
            except Exception:  # a fault of the provider's code: other work is not to wait for it
                self.counts["failed"] += 1
                log.exception("not handed off yet", fulfillment=task.fulfillment_id)
                word = ""
            if word:
                self.counts[word] += 1
                self._rest.pop(task.fulfillment_id, None)
                moved += 1
            else:
                rest_s = self._look_s * (_ON_ITS_WAY if task.status == "shipped" else 1)
                self._rest[task.fulfillment_id] = time.monotonic() + rest_s
        return moved

    async def _tasks(self) -> list[Task]:
        """Return what the locations have to do, and what the provider may have besides."""
        found: dict[str, Task] = {}
        for location in self._locations:
            cursor = ""
            while cursor is not None:
                query = {"location": location, "limit": _PAGE, "cursor": cursor}
                page = await self._ask("GET", f"/v1/fulfillments?{urlencode(query)}", _Page)
                if isinstance(page, Refusal):
                    log.warning("no work list", location=location, problem=str(page))
                    break
                found |= {task.fulfillment_id: task for task in page.fulfillments}
                cursor = page.next_cursor
        for name in await self._store.table("handoff", self.account.name):
            if name not in found and self._rest.get(name, 0.0) <= time.monotonic():
                task = await self._ask("GET", f"/v1/fulfillments/{name}", Task)
                if isinstance(task, Task):
                    found[name] = task
        return list(found.values())

    async def _ask(self, method: str, path: str, kind: Any, body: Any = None) -> Any:
        found = await self._desk.ask(method, path, body)
        return found if isinstance(found, Refusal) else msgspec.json.decode(found, type=kind)

    async def _do(self, task: Task, verb: str, word: str, **body: Any) -> str:
        """Tell dibs of a step; return a word for it, empty if dibs does not take it now."""
        path = f"/v1/fulfillments/{task.fulfillment_id}/{verb}"
        found = await self._desk.ask("POST", path, body)
        if isinstance(found, Refusal):
            name = task.fulfillment_id
            log.warning("dibs does not take it", fulfillment=name, step=verb, problem=str(found))
            return ""
        return word

    async def _failed(self, task: Task, error: ConnectorError | CallError) -> str:
        """Leave a work for another look; reject one that was not begun and never will be taken."""
        name = task.fulfillment_id
        log.warning("not handed off yet", fulfillment=name, problem=str(error))
        if worth_again(error) or task.status != "requested":
            self.counts["failed"] += 1
            return ""
        return await self._do(task, "reject", "rejected", reason=_reason(str(error)))

    # One work.

    async def _advance(self, task: Task) -> str:
        """Do the next step of a work; return a word for it, empty if there is none now."""
        if task.status in _ENDED:
            return await self._take_back(task)
        if task.status in ("delivered", "picked_up"):
            await self._store.drop([task.fulfillment_id], "handoff", self.account.name)
            return "done"
        work = self._work(task)
        standing = await self._provider.standing(work.work_id)
        if standing is None:
            return "" if task.status == "shipped" else await self._create(task, work)
        if task.status == "shipped":
            arrived = standing.parcels and all(parcel.delivered for parcel in standing.parcels)
            return await self._do(task, "deliver", "delivered") if arrived else ""
        if standing.state == "held":
            return await self._begin(task, work, standing)
        if standing.state == "over" and not standing.parcels:
            return await self._refuse(task, standing.reason, standing.there)
        if task.status not in _BEGUN:
            return await self._do(task, "pick", "picking")
        return await self._follow(task, standing)

    async def _create(self, task: Task, work: Work) -> str:
        if task.pickup:
            return await self._refuse(task, "the customer is to fetch it")
        if problem := await self._provider.preview(work):
            return await self._refuse(task, problem)
        # Noted first: what is taken back just now must be cancelled there, too.
        await self._store.put({task.fulfillment_id: b"1"}, "handoff", self.account.name)
        await self._provider.create(work)
        self.counts["created"] += 1
        return await self._begin(task, work, Standing(state="held", lines=work.lines))

    async def _begin(self, task: Task, work: Work, standing: Standing) -> str:
        """Accept what the provider holds, then have it begin. What was changed in dibs meanwhile
        is taken back, so that it can be released as it is now."""
        if sorted(standing.lines) != sorted(work.lines):
            return await self._do(task, "cancel", "changed", reason="the order has changed")
        if task.status == "requested" and not await self._do(task, "accept", "accepted"):
            return ""
        if task.status not in _BEGUN and not await self._do(task, "pick", "picking"):
            return ""
        await self._provider.release(work.work_id)
        return "released"

    async def _follow(self, task: Task, standing: Standing) -> str:
        """Tell dibs what has left, and what never will."""
        told = {row["shipment_id"] for row in task.shipments}
        fresh = [p for p in standing.parcels if _shipment(task, p) not in told]
        whole = any(line.bundle for line in task.lines)
        if fresh and not (whole and standing.state != "over"):
            if task.status == "picking":
                return await self._do(task, "pack", "packed")
            return await self._ship(task, fresh[0], len(fresh) == 1, whole)
        if standing.state == "over" and task.lines:
            return await self._refuse(task, standing.reason, standing.there)
        return ""

    async def _ship(self, task: Task, parcel: Sent, last: bool, whole: bool) -> str:
        """Have the units of a parcel leave dibs; of bundles, which leave whole, all at once."""
        left = Counter({self._listings.elsewhere(line.sku): line.quantity for line in task.lines})
        names = {self._listings.elsewhere(line.sku): line.sku for line in task.lines}
        rows = [
            {"sku": names[sku], "quantity": min(units, left[sku])}
            for sku, units in parcel.lines
            if left[sku] > 0
        ]
        body: dict[str, Any] = {"shipment_id": _shipment(task, parcel)}
        body |= {"carrier": parcel.carrier} if parcel.carrier else {}
        body |= {"tracking_number": parcel.tracking} if parcel.tracking else {}
        if not whole:
            if not rows:
                return ""
            body["lines"] = rows
        return await self._do(task, "ship", "shipped", **body)

    async def _refuse(self, task: Task, reason: str, there: bool = True) -> str:
        """Give up what the provider will not ship: dibs has it from elsewhere, or it waits. Units
        that are not `there` leave the stock, too."""
        if task.status not in _BEGUN:
            return await self._do(task, "reject", "rejected", reason=_reason(reason))
        if there:
            return await self._do(task, "cancel", "given_back", reason=_reason(reason))
        units: Counter[str] = Counter()
        for line in task.lines:
            units[line.sku] += line.quantity
        lines = [{"sku": sku, "quantity": count} for sku, count in units.items()]
        body = {"short_id": "provider", "lines": lines, "reason": _reason(reason)}
        return await self._do(task, "short", "short", **body)

    async def _take_back(self, task: Task) -> str:
        """Have the provider not do what dibs no longer wants of it."""
        work_id = self._work(task).work_id
        standing = await self._provider.standing(work_id)
        if standing is not None and standing.state != "over":
            if await self._provider.cancel(work_id):
                return "cancelled"
            name = task.fulfillment_id
            log.error("it leaves although it was taken back", fulfillment=name, work_id=work_id)
            self.counts["too_late"] += 1
        await self._store.drop([task.fulfillment_id], "handoff", self.account.name)
        return "taken_back"

    def _work(self, task: Task) -> Work:
        units: Counter[str] = Counter()
        for line in task.lines:
            units[self._listings.elsewhere(line.sku)] += line.quantity
        return Work(
            work_id=work_id(task),
            order_id=task.order_id,
            lines=tuple(units.items()),
            ship_to=task.ship_to,
        )


def work_id(task: Task) -> str:
    """Return the name of a work at its provider. Fulfillments are counted anew in each ledger, and
    a provider's memory is longer than a ledger may live: so the order is in it, too."""
    text = f"{task.channel}/{task.order_id}/{task.fulfillment_id}"
    digest = hashlib.blake2b(text.encode(), digest_size=5).hexdigest()
    return f"dibs-{task.fulfillment_id}-{digest}"


def _shipment(task: Task, parcel: Sent) -> str:
    return f"{task.fulfillment_id}-{parcel.parcel_id}"


def _reason(reason: str) -> str:
    """Return a reason as dibs takes it: printable, and not too long."""
    plain = "".join(c if c.isprintable() else " " for c in reason).strip()
    return plain[: limits.REASON_CHARS_MAX] or "the provider cannot"
