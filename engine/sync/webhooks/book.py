"""Which webhooks there are. Their secrets are not kept: each is made from the server's own secret
and a random word of the webhook, so a copy of the store alone signs nothing."""

import base64
import hmac
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal, get_args

import msgspec

from engine.connectors.signatures import PREFIX
from engine.core import limits
from engine.sync.webhooks.places import check
from engine.sync.webhooks.shelf import Shelf, Waiting

Type = Literal[
    "order.placed",
    "order.changed",
    "order.shipped",
    "order.cancelled",
    "order.returned",
    "stock.sold_out",
    "stock.back",
]
TYPES: tuple[str, ...] = get_args(Type)
TEST = "webhook.test"  # sent when somebody asks for it, whatever the types of a webhook


class Idle(Exception):
    """Nothing is sent to the webhook: it is paused, or was stopped."""


class Full(Exception):
    """There are `limits.WEBHOOKS_MAX` webhooks."""


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """A service that wants to know: it is sent messages of `types` at `url`, of orders of `channel`
    only if that is set. `words` make its secrets, the newest first, each with the time, in seconds
    since 1970, until which it also signs (None: for ever). `rotation` is the id of the last change
    of them. `since` is the log position from which on it is told."""

    name: str
    url: str
    types: tuple[str, ...] = TYPES
    channel: str | None = None
    active: bool = True
    made_s: float = 0.0
    words: tuple[tuple[str, float | None], ...] = ()
    rotation: str = ""

    def wants(self, kind: str, channel: str | None = None) -> bool:
        """Whether it is told of this."""
        if not self.active or kind not in self.types:
            return False
        return channel is None or self.channel is None or self.channel == channel


class Book:
    """The webhooks on a shelf. `key` is the server's own secret. `loopback`: services on this
    machine may be called, too, without TLS."""

    def __init__(
        self,
        shelf: Shelf,
        key: bytes,
        *,
        loopback: bool = False,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self.shelf, self._key, self._now_s = shelf, key, now_s
        self.loopback = loopback

    def secrets(self, webhook: Webhook) -> list[str]:
        """Return what signs its messages now: one secret, or two while they change."""
        now_s = self._now_s()
        words = [word for word, until_s in webhook.words if until_s is None or until_s > now_s]
        return [self._secret(webhook.name, word) for word in words]

    def _secret(self, name: str, word: str) -> str:
        mac = hmac.digest(self._key, f"webhook\0{name}\0{word}".encode(), "sha256")
        return PREFIX + base64.b64encode(mac).decode()

    async def all(self) -> list[Webhook]:
        """Return every webhook, by name."""
        rows = await self.shelf.webhooks()
        return [msgspec.json.decode(rows[name], type=Webhook) for name in sorted(rows)]

    async def find(self, name: str) -> Webhook | None:
        """Return one; None if there is none."""
        found = await self.shelf.webhook(name)
        return None if found is None else msgspec.json.decode(found, type=Webhook)

    async def stopped(self) -> dict[str, str]:
        """Return why each webhook that was stopped was."""
        return await self.shelf.stopped()

    async def put(
        self, name: str, url: str, types: tuple[str, ...], channel: str | None, active: bool
    ) -> tuple[Webhook, bool]:
        """Make a webhook, or change one; return it, and whether it is new. One that was stopped
        begins anew. Raises `Full`, and `places.Refused` for an address that may not be called."""
        check(url, loopback=self.loopback)
        there = await self.find(name)
        if there is None and len(await self.shelf.webhooks()) >= limits.WEBHOOKS_MAX:
            raise Full
        row = there or Webhook(
            name=name, url=url, made_s=self._now_s(), words=((secrets.token_hex(16), None),)
        )
        row = msgspec.structs.replace(row, url=url, types=types, channel=channel, active=active)
        await self.shelf.put(name, msgspec.json.encode(row))
        return row, there is None

    async def rotate(self, name: str, rotation: str, overlap_s: float) -> Webhook | None:
        """Give a webhook a new secret; the old one also signs for `overlap_s` seconds. Repeating a
        `rotation` changes nothing. None if there is no such webhook."""
        there = await self.find(name)
        if there is None or there.rotation == rotation:
            return there
        (newest, _), *_ = there.words
        until_s = self._now_s() + overlap_s
        words = ((secrets.token_hex(16), None), (newest, until_s))
        row = msgspec.structs.replace(there, words=words, rotation=rotation)
        await self.shelf.put(name, msgspec.json.encode(row))
        return row

    async def remove(self, name: str) -> Webhook | None:
        """Forget a webhook and what waits for it; return it, None if there was none."""
        there = await self.find(name)
        await self.shelf.drop(name)
        return there

    async def test(self, name: str, test: str) -> str | None:
        """Queue a message that says nothing but that it is a test; return its id, None if there is
        no such webhook. Raises `Idle`."""
        row = await self._sending(name)
        if row is None:
            return None
        now_s, message = self._now_s(), f"test-{test}"
        at = datetime.fromtimestamp(now_s, UTC).isoformat()
        document = {"type": TEST, "timestamp": at, "data": {"webhook": name}}
        waiting = Waiting(msgspec.json.encode(document).decode(), TEST)
        await self.shelf.add(name, message, waiting, int(now_s * 1000))
        return message

    async def replay(self, name: str, message: str) -> bool:
        """Have a message sent now that waits, or that was given up and is still in the log; False
        if there is none. One that was given up gets all of its tries anew. Raises `Idle`."""
        if await self._sending(name) is None:
            return False
        now_ms = int(self._now_s() * 1000)
        if await self.shelf.hurry(name, message, now_ms):
            return True
        tries = await self.shelf.tries(name, "", limits.WEBHOOK_LOG_MAX)
        last = next((told for _, told in tries if told.message == message), None)
        if last is None or not last.body:
            return False
        await self.shelf.add(name, message, Waiting(last.body, last.kind), now_ms)
        return True

    async def _sending(self, name: str) -> Webhook | None:
        row = await self.find(name)
        if row is not None and (not row.active or name in await self.stopped()):
            raise Idle
        return row
