"""All of webhooks, as the office runs it."""

import asyncio
from collections.abc import Callable
from typing import Any

from engine.sync.desk import Desk
from engine.sync.webhooks.book import Book
from engine.sync.webhooks.events import Watcher
from engine.sync.webhooks.sender import Sender
from engine.sync.webhooks.shelf import StoreShelf
from engine.views.reader import ViewsReader


class Webhooks:
    """Watches what happens and sends it. `connect` opens the stock stream."""

    def __init__(
        self,
        book: Book,
        shelf: StoreShelf,
        desk: Desk,
        views: ViewsReader,
        connect: Callable[..., Any],
    ) -> None:
        self.watcher = Watcher(book, shelf, views, desk, connect)
        self.sender = Sender(book, shelf)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`."""
        async with asyncio.TaskGroup() as tasks:
            for job in (self.watcher.run_orders, self.watcher.run_stock, self.sender.run):
                tasks.create_task(job(stop))
