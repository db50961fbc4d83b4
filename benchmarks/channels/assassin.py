"""Kill -9 at the moment that matters: a twin kills the office while it answers it.

    asked ─▶ [before] ─▶ done at the channel ─▶ [unheard] ─▶ answered ─▶ [unnoted]

`before` the call has any effect; when it has had it and the answer is never heard (`unheard`); and
after the answer, before anybody noted it (`unnoted`).
"""

import os
import signal
from collections import Counter
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

POINTS = ("before", "unheard", "unnoted")


class Assassin:
    """ASGI middleware around a twin. Armed, it kills the process `pid()` at a `point` of the
    `countdown`-th call that may change something and has one of the `words`, in its address or
    body: what it tells of is then known. `kills` counts by point."""

    def __init__(self, app: ASGIApp, pid: Callable[[], int | None]) -> None:
        self._app, self._pid = app, pid
        self._point, self._countdown = "", 0
        self.words: set[bytes] = set()
        self.kills: Counter[str] = Counter()

    def arm(self, point: str, countdown: int) -> None:
        """Wait for a call to kill at."""
        self._point, self._countdown = point, countdown
        self.words = set()

    def disarm(self) -> None:
        """Let calls pass."""
        self._point = ""

    def _kill(self) -> None:
        pid = self._pid()
        if pid is not None and self._point:
            os.kill(pid, signal.SIGKILL)
            self.kills[self._point] += 1
        self.disarm()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a call; perhaps nobody lives to hear the answer."""
        if scope["type"] != "http" or scope["method"] == "GET" or not self._point:
            return await self._app(scope, receive, send)
        heard, body = [], b""
        while not heard or heard[-1].get("more_body"):
            heard.append(await receive())
            body += heard[-1].get("body", b"")

        async def again() -> Message:
            """Give what was heard once more."""
            return heard.pop(0) if heard else await receive()

        return await self._meet(scope, scope["path"].encode() + body, again, send)

    async def _meet(self, scope: Scope, said: bytes, receive: Receive, send: Send) -> None:
        tells = any(word in said for word in self.words)
        self._countdown -= tells
        if not (tells and self._point) or self._countdown > 0:
            return await self._app(scope, receive, send)
        point = self._point
        if point == "before":
            return self._kill()
        held: list[Message] = []

        async def hold(message: Message) -> None:
            """Keep what is answered until all of it is there."""
            held.append(message)

        await self._app(scope, receive, hold)
        if point == "unheard":
            self._kill()
        for message in held:
            await send(message)
        if point == "unnoted":
            self._kill()
