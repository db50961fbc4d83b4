"""Tokens that expire: fetched when first needed, kept until shortly before they end, and fetched
once by all who need one at the same time."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection

import httpx

from engine.connectors.calls import CallError, patiently

_EARLY = 0.1  # of its life before a token ends, a new one is fetched


class Tokens:
    """The token of one account. `fetch` asks for one; it returns (token, seconds that it lives)."""

    def __init__(
        self,
        fetch: Callable[[], Awaitable[tuple[str, float]]],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch, self._now_s = fetch, now_s
        self._token, self._ends_s = "", 0.0
        self._one = asyncio.Lock()

    async def get(self) -> str:
        """Return a token that may be used now. Raises what `fetch` does."""
        async with self._one:
            if not self._token or self._now_s() >= self._ends_s:
                with patiently(lambda: False):  # others wait for it, too
                    self._token, life_s = await self._fetch()
                self._ends_s = self._now_s() + life_s * (1 - _EARLY)
            return self._token

    async def call(
        self,
        ask: Callable[[str], Awaitable[httpx.Response]],
        refused: Collection[int] = (401,),
    ) -> httpx.Response:
        """Return the answer to `ask(token)`, asked once more with a new token where the channel
        answers with a status in `refused`: the token ended early. Such a refusal has no effect, so
        this holds for every call. Raises what `ask` does."""
        token = await self.get()
        try:
            return await ask(token)
        except CallError as error:
            if error.status not in refused:
                raise
        self.drop(token)
        return await ask(await self.get())

    def drop(self, token: str) -> None:
        """Forget a token that the channel refused; one that was fetched since stays."""
        if token == self._token:
            self._token = ""
