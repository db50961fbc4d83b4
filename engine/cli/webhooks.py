"""What `dibs webhooks …` does."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from engine.config import Settings
from engine.core.errors import ConfigError
from engine.service.keys import load_secret
from engine.service.wiring import Wiring
from engine.sync.store import SyncStore
from engine.sync.webhooks.book import TYPES, Book, Full, Webhook
from engine.sync.webhooks.places import Refused
from engine.sync.webhooks.shelf import StoreShelf

console = Console()


def book_of(settings: Settings, store: SyncStore) -> Book:
    """Return the webhooks of a data folder."""
    key = load_secret(settings.data / "secret")
    return Book(StoreShelf(store), key, loopback=settings.webhook_loopback)


def _with_book(settings: Settings, work: Callable[[Book], Awaitable[Any]]) -> Any:
    wiring = Wiring(settings)

    async def go() -> Any:
        store = SyncStore(wiring.url("sync"))
        try:
            return await work(book_of(settings, store))
        finally:
            await store.close()

    try:
        return asyncio.run(go())
    finally:
        wiring.close()


def _found(row: Webhook | None, name: str) -> Webhook:
    if row is None:
        raise ConfigError(f"no webhook {name!r}; see `dibs webhooks list`")
    return row


def put(settings: Settings, name: str, url: str, types: list[str], channel: str | None) -> None:
    """Make a webhook or change one; show the secret of a new one."""
    unknown = [kind for kind in types if kind not in TYPES]
    if unknown:
        raise ConfigError(f"no type {unknown[0]!r}; there are: {', '.join(TYPES)}")
    kinds = tuple(dict.fromkeys(types)) or TYPES

    async def work(book: Book) -> None:
        try:
            row, fresh = await book.put(name, url, kinds, channel, True)
        except Refused as error:
            raise ConfigError(f"--url {url}: {error}") from error
        except Full as error:
            raise ConfigError("there are too many webhooks; remove one") from error
        console.print(f"{name}: {row.url} is told of {', '.join(row.types)}", soft_wrap=True)
        if fresh:
            console.print(f"secret   {book.secrets(row)[0]}", soft_wrap=True)

    _with_book(settings, work)


def show(settings: Settings) -> None:
    """Show all webhooks."""

    async def work(book: Book) -> Table:
        table = Table("webhook", "url", "types", "channel", "waiting", "state")
        stopped = await book.stopped()
        for row in await book.all():
            state = stopped.get(row.name) or ("active" if row.active else "off")
            waiting = str(await book.shelf.waiting(row.name))
            kinds = "all" if row.types == TYPES else ", ".join(row.types)
            table.add_row(row.name, row.url, kinds, row.channel or "all", waiting, state)
        return table

    console.print(_with_book(settings, work))


def remove(settings: Settings, name: str) -> None:
    """Forget a webhook and what waits for it."""

    async def work(book: Book) -> None:
        _found(await book.remove(name), name)

    _with_book(settings, work)
    console.print(f"{name} is forgotten")


def rotate(settings: Settings, name: str, overlap_s: float) -> None:
    """Give a webhook a new secret, and show it."""

    async def work(book: Book) -> None:
        rotation = datetime.now(UTC).isoformat()
        row = _found(await book.rotate(name, rotation, overlap_s), name)
        console.print(f"secret   {book.secrets(row)[0]}", soft_wrap=True)
        console.print(f"the old one signs, too, for {overlap_s:g} s")

    _with_book(settings, work)


def deliveries(settings: Settings, name: str, count: int) -> None:
    """Show the newest tries."""

    async def work(book: Book) -> Table:
        _found(await book.find(name), name)
        table = Table("at", "message", "type", "try", "status", "problem", "again")
        for _, row in await book.shelf.tries(name, "", count):
            again = _time(row.next_ms) if row.next_ms else ""
            table.add_row(
                _time(row.at_ms),
                row.message,
                row.kind,
                str(row.attempt),
                str(row.status),
                row.problem,
                again,
            )
        return table

    console.print(_with_book(settings, work))


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
