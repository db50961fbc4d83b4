"""The listener: pushes that a channel puts into a queue, to be fetched by whoever they are for.

What is heard goes into the inbox like any push, and is forgotten by the queue only then: a crash
between the two has it come again, under the same id, which is kept once.
"""

import asyncio
from collections import Counter

import structlog

from engine.connectors.base import Account, Connector, ConnectorError, Delivery
from engine.connectors.calls import CallError
from engine.core import limits
from engine.sync.store import InboxFull, SyncStore

_STOP_S = 0.2
log = structlog.get_logger("listener")


class Listener:
    """Hears one account's queue, if its connector has one. `counts` is by what became of what was
    heard."""

    def __init__(self, account: Account, connector: Connector, store: SyncStore) -> None:
        self._account, self._store = account, store
        self._listen = getattr(connector, "listen", None)
        self.counts: Counter[str] = Counter()

    async def run(self, stop: asyncio.Event) -> None:
        """Listen until `stop`, which ends the wait for the next push, too."""
        listening = asyncio.create_task(self._on())
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((listening, stopping), return_when=asyncio.FIRST_COMPLETED)
            if listening.done():
                listening.result()  # raises what ended it; without a queue, there is nothing to do
            await stopping
        finally:
            stopping.cancel()
            # A client of the server may swallow a cancellation that meets its own timeout.
            while not listening.done():
                listening.cancel()
                await asyncio.wait((listening,), timeout=_STOP_S)

    async def _on(self) -> None:
        while self._listen is not None:
            try:
                if await self._listen(self._keep) is None:
                    return
            except (ConnectorError, CallError, InboxFull) as error:
                self.counts["failed"] += 1
                log.warning("a queue is not heard", account=self._account.name, error=repr(error))
                await asyncio.sleep(getattr(error, "retry_s", None) or limits.LISTEN_REST_S)

    async def _keep(self, delivery: Delivery) -> None:
        fresh = await self._store.keep(self._account.name, delivery, "push")
        self.counts["kept" if fresh else "repeated"] += 1
