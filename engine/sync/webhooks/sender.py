"""The sender: calls services, each message until it is taken.

    2xx ─▶ done        410 ─▶ the webhook is stopped        anything else ─▶ again, later and later

One service that is slow or away holds up no other: each has so many calls under way, and what is
due waits in its own queue. Messages of one service may overtake each other; they carry the log
position, which says what came first.
"""

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable

import httpx
import structlog

from engine.connectors import signatures
from engine.connectors.calls import retry_after_s
from engine.core import limits
from engine.sync.webhooks.book import Book, Webhook
from engine.sync.webhooks.places import Lookup, Refused, look_up, pinned
from engine.sync.webhooks.shelf import StoreShelf, Try, Waiting

log = structlog.get_logger("webhooks")
_GONE = 410


class Sender:
    """Sends what is due. `counts` is by what became of tries."""

    def __init__(
        self,
        book: Book,
        shelf: StoreShelf,
        *,
        lookup: Lookup = look_up,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._book, self._shelf = book, shelf
        self._lookup, self._now_s = lookup, now_s
        # A connection is used once: it was proved to one name, and others share its address.
        self._client = httpx.AsyncClient(
            timeout=limits.WEBHOOK_TIMEOUT_S,
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=0),
        )
        self._flying: dict[str, set[str]] = defaultdict(set)
        self.counts: Counter[str] = Counter()

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.aclose()

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop`."""
        async with asyncio.TaskGroup() as tasks:
            while not stop.is_set():
                for webhook, message in await self._next():
                    self._flying[webhook.name].add(message)
                    tasks.create_task(self._one(webhook, message))
                await asyncio.sleep(limits.OUTBOX_IDLE_S)

    async def step(self) -> int:
        """Send what is due now; return how many messages that were."""
        some = await self._next()
        for webhook, message in some:
            self._flying[webhook.name].add(message)
        await asyncio.gather(*(self._one(*one) for one in some))
        return len(some)

    async def _next(self) -> list[tuple[Webhook, str]]:
        """Return what may be sent now, of each webhook as much as its share of calls allows."""
        stopped, found = await self._book.stopped(), []
        for webhook in await self._book.all():
            flying = self._flying[webhook.name]
            if not webhook.active or webhook.name in stopped:
                continue
            # What is under way is still due, so it is asked for, too, and passed over.
            due = await self._shelf.due(webhook.name, self._now_ms(), limits.WEBHOOK_PARALLEL)
            room = limits.WEBHOOK_PARALLEL - len(flying)
            fresh = [message for message in due if message not in flying]
            found += [(webhook, message) for message in fresh[: max(room, 0)]]
        return found

    def _now_ms(self) -> int:
        return int(self._now_s() * 1000)

    async def _one(self, webhook: Webhook, message: str) -> None:
        try:
            row = await self._shelf.read(webhook.name, message)
            if row is not None:
                await self._try(webhook, message, row)
        finally:
            self._flying[webhook.name].discard(message)

    async def _try(self, webhook: Webhook, message: str, row: Waiting) -> None:
        began_ms, begun = self._now_ms(), time.monotonic()
        status, problem, wait_s = await self._call(webhook, message, row.body.encode())
        done = 200 <= status < 300
        again_ms = 0
        if not done and status != _GONE:
            again_ms = self._again_ms(row, wait_s)
        word = "taken" if done else "put off" if again_ms else "given up"
        told = Try(
            message=message,
            kind=row.kind,
            at_ms=began_ms,
            attempt=row.tries + 1,
            status=status,
            took_ms=int((time.monotonic() - begun) * 1000),
            problem=problem,
            next_ms=again_ms,
            body="" if done or again_ms else row.body,
        )
        left = Waiting(row.body, row.kind, row.tries + 1, row.first_ms or began_ms)
        await self._shelf.tried(webhook.name, left if again_ms else None, told)
        self.counts[word] += 1
        if status == _GONE:
            log.warning("stopped: its service says that it is gone", webhook=webhook.name)
            await self._shelf.stop(webhook.name, "the service answered 410, gone")
        elif word == "given up":
            log.warning("given up", webhook=webhook.name, message=message, problem=problem)

    def _again_ms(self, row: Waiting, wait_s: float | None) -> int:
        """Return when to try again, 0 for never. What a service asks for is kept to, within a day;
        times are spread, so that what failed together does not come together."""
        if row.tries >= len(limits.WEBHOOK_RETRIES_S):
            return 0
        rest_s = limits.WEBHOOK_RETRIES_S[row.tries] * random.uniform(0.9, 1.1)
        if wait_s is not None:
            rest_s = max(rest_s, min(wait_s, limits.WEBHOOK_RETRIES_S[-1]))
        return self._now_ms() + int(rest_s * 1000)

    async def _call(
        self, webhook: Webhook, message: str, body: bytes
    ) -> tuple[int, str, float | None]:
        """Call once; return (status, problem, seconds that the service wants to be left alone)."""
        try:
            address, headers, more = await pinned(
                webhook.url, loopback=self._book.loopback, lookup=self._lookup
            )
            keys = self._book.secrets(webhook)
            headers |= signatures.signed(keys, message, body, self._now_s())
            headers |= {"content-type": "application/json", "user-agent": "dibs-webhooks"}
            async with (
                asyncio.timeout(limits.WEBHOOK_TIMEOUT_S),
                self._client.stream(
                    "POST", address, headers=headers, content=body, extensions=more
                ) as answer,
            ):
                # The answer's body is nothing to us and may be endless: it is not read.
                status, wait_s = answer.status_code, retry_after_s(answer.headers)
        except (Refused, httpx.HTTPError, TimeoutError) as error:
            return 0, _problem(error), None
        return status, "" if 200 <= status < 300 else f"answered {status}", wait_s


def _problem(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return text[: limits.CALL_PROBLEM_CHARS_MAX]
