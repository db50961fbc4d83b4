"""How each account is doing: noted by the office every second, read by whoever wants to know.

    office ─▶ sync:status (all numbers of an account) ─▶ HTTP API, console, `dibs channels list`
           └▶ sync:late:ACCOUNT (listings that do not show what they ought to)

A note tells when it was written: one that is old says that no office works.
"""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

import msgspec

from engine.core import limits
from engine.sync.queue import RANKS, Due
from engine.sync.standing import Rate
from engine.sync.store import Backlog, SyncStore
from engine.views.reader import ViewsReader

if TYPE_CHECKING:
    from engine.sync.office import Worker

Health = Literal[
    "good", "letters", "untracked", "late", "cancelling", "behind", "failing", "stopped"
]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_encode = msgspec.json.Encoder().encode


class Waiting(msgspec.Struct, frozen=True):
    """Listings that do not show what they ought to: sold out, showing too many, or too few."""

    sold_out: int = 0
    falling: int = 0
    rising: int = 0

    @property
    def total(self) -> int:
        """How many there are."""
        return self.sold_out + self.falling + self.rising


class AccountStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How an account is doing, as of `written_at`.

    `swept_until`: what changed at the channel before that was asked for. `inbox` documents wait to
    be applied, the oldest for `inbox_s` seconds; `dead` ones nobody could apply; `outbox` counts
    what the channel is still to be told. The stalest of the `waiting` listings is so for `stale_s`
    seconds. `p50_ms` and `p99_ms` are of the times from a change to its channel's yes, in the last
    five minutes, `p99_by_minute_ms` of each of the last thirty, null where nothing changed.
    `open_until` is set while the account is left alone because its calls fail. `drifted` counts
    listings that were found changed at the channel, `audited` those read back, `job_failures` how
    often a part of the work began anew, `pushes` what came of pushes, by word, and `documents` what
    became of documents. `cancellations` are orders that the seller cancels, `late_shipments` orders
    that leave after they were due, `untracked_parcels` parcels that the channel cannot follow; each
    is null where the channel says of no share that it allows.
    """

    account: str
    connector: str
    channel: str
    written_at: datetime
    listings: int = 0
    swept_until: datetime | None = None
    inbox: int = 0
    inbox_s: float = 0.0
    dead: int = 0
    outbox: int = 0
    waiting: Waiting = Waiting()
    stale_s: float = 0.0
    p50_ms: float | None = None
    p99_ms: float | None = None
    p99_by_minute_ms: list[float | None] = []
    calls: int = 0
    refused: int = 0
    failed: int = 0
    open_until: datetime | None = None
    published: int = 0
    drifted: int = 0
    audited: int = 0
    job_failures: int = 0
    cancellations: Rate | None = None
    late_shipments: Rate | None = None
    untracked_parcels: Rate | None = None
    pushes: dict[str, int] = {}
    documents: dict[str, int] = {}


class Late(msgspec.Struct, frozen=True):
    """A listing ought to show `wanted` since `since`; so many tries failed, the last one because of
    `problem`."""

    wanted: int
    since: datetime
    failures: int = 0
    problem: str = ""


def health_of(status: AccountStatus | None, now: datetime) -> Health:
    """Return the worst that is to be said of an account in one word; None: it was never noted.

    stopped: no office works; failing: its calls fail, so it is left alone; behind: a document or a
    listing waits too long; cancelling: the seller cancels nearly as many orders as the channel
    allows, or will; late: as many leave late, or will; untracked: as many parcels cannot be
    followed; letters: somebody has to look at dead letters; good: nothing of that.
    """
    if status is None or (now - status.written_at).total_seconds() > limits.STATUS_OLD_S:
        return "stopped"
    if status.open_until and status.open_until > now:
        return "failing"
    if max(status.inbox_s, status.stale_s) > limits.STATUS_BEHIND_S:
        return "behind"
    rates: dict[Health, Rate | None] = {
        "cancelling": status.cancellations,
        "late": status.late_shipments,
        "untracked": status.untracked_parcels,
    }
    for word, rate in rates.items():
        if rate and rate.near:
            return word
    return "letters" if status.dead else "good"


class Noter:
    """Notes how one worker is doing."""

    def __init__(
        self, worker: "Worker", store: SyncStore, pushes: Counter, views: ViewsReader | None
    ) -> None:
        self._worker, self._store, self._pushes, self._views = worker, store, pushes, views
        self._late: dict[str, bytes] | None = None
        self.last: AccountStatus | None = None

    async def note(self) -> None:
        """Write the status and the late listings, and read listings anew that somebody mapped."""
        worker, store = self._worker, self._store
        backlog = await store.backlog(worker.account.name)
        if backlog.listings != worker.listings.mapped:
            await worker.map_anew()
        rates = await worker.standing.look(self._views)
        worker.publisher.hold_back(rates.held_back)
        self.last = await self._status(backlog)
        await self._note_late()
        await store.put({worker.account.name: _encode(self.last)}, "status")

    async def forget(self) -> None:
        """Remove what was noted: the account is no longer connected."""
        name = self._worker.account.name
        await self._store.drop([name], "status")
        await self._store.replace({}, self._late or {}, "late", name)

    async def _status(self, backlog: Backlog) -> AccountStatus:
        worker, now = self._worker, datetime.now(UTC)
        account, publisher, rates = worker.account, worker.publisher, worker.standing.rates
        left_alone_s = await worker.gate.failing()
        oldest = _EPOCH + timedelta(milliseconds=backlog.oldest_ms)
        queue = publisher.queue
        stalest = queue.oldest(1)
        p50_s, p99_s = publisher.lags.percentiles(0.5, 0.99)
        return AccountStatus(
            account=account.name,
            connector=account.connector,
            channel=account.channel,
            written_at=now,
            listings=len(worker.listings.rows),
            swept_until=datetime.fromisoformat(backlog.swept) if backlog.swept else None,
            inbox=backlog.inbox,
            inbox_s=max((now - oldest).total_seconds(), 0.0) if backlog.oldest_ms else 0.0,
            dead=backlog.dead,
            outbox=backlog.outbox,
            waiting=Waiting(*map(queue.waiting, RANKS)),
            stale_s=round(time.monotonic() - stalest[0].since_s, 3) if stalest else 0.0,
            p50_ms=_ms(p50_s),
            p99_ms=_ms(p99_s),
            p99_by_minute_ms=[_ms(lag_s) for lag_s in publisher.lags.by_minute(0.99)],
            calls=worker.calls.counts["calls"],
            refused=worker.calls.counts["refused"],
            failed=worker.calls.counts["failed"],
            open_until=now + timedelta(seconds=left_alone_s) if left_alone_s else None,
            published=publisher.counts["listings"],
            drifted=publisher.counts["drifted"],
            audited=publisher.counts["audited"],
            job_failures=worker.failures,
            cancellations=rates.cancelled,
            late_shipments=rates.late,
            untracked_parcels=rates.untracked,
            pushes=self._heard(),
            documents=dict(worker.ingest.counts),
        )

    def _heard(self) -> dict[str, int]:
        """Return what came of pushes, and of those that were fetched from a queue."""
        name, found = self._worker.account.name, Counter(self._worker.listener.counts)
        found.update({what: n for (account, what), n in self._pushes.items() if account == name})
        return dict(found)

    async def _note_late(self) -> None:
        """Write which listings are late, as far as that has changed."""
        name = self._worker.account.name
        if self._late is None:  # another office may have noted some
            self._late = await self._store.table("late", name)
        latest = self._worker.publisher.queue.oldest(limits.LATE_ROWS_MAX)
        late = {due.listing: _encode(_late(due)) for due in latest}
        fresh = {k: v for k, v in late.items() if self._late.get(k) != v}
        await self._store.replace(fresh, self._late.keys() - late.keys(), "late", name)
        self._late = late


def _ms(lag_s: float | None) -> float | None:
    return None if lag_s is None else round(1e3 * lag_s, 1)


# Both clocks at one moment, so that the same `since_s` is always told as the same time.
_WALL_S = time.time() - time.monotonic()


def _late(due: Due) -> Late:
    since = _EPOCH + timedelta(milliseconds=round(1e3 * (_WALL_S + due.since_s)))
    return Late(due.wanted, since, due.failures, due.problem[: limits.CALL_PROBLEM_CHARS_MAX])
