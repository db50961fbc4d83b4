"""The writer's one connection: one XADD in flight, and an exact word about its fate.

The command is written by hand and parsed with hiredis over an asyncio protocol. Measured with
4 KiB entries over a unix socket on a 2-core machine, `appendfsync always`, p50 of 2,000: a bare
blocking socket 239 µs, this way 314-345 µs, redis-py's asyncio client 426-549 µs; so redis-py
adds up to 300 µs where this adds about 100. The other reason weighs more: a client that connects
or retries by itself cannot say whether an entry was sent, and "surely not stored" against "maybe
stored" is what the log's promise rests on.
"""

import asyncio
import contextlib
import ssl

import hiredis

from engine.core import limits
from engine.core.errors import AppendError, DoubtError, FencedError, LogError
from engine.log.address import Address, parse

FIELD = b"f"
FENCED = "equal or smaller than the target stream top item"
# Error replies by which the server says that it did not run the command.
_REFUSED = (
    "ERR", "OOM", "MISCONF", "NOPERM", "NOAUTH", "WRONGPASS", "READONLY", "LOADING", "WRONGTYPE",
    "MASTERDOWN", "NOREPLICAS", "CLUSTERDOWN", "CROSSSLOT", "MOVED", "ASK", "TRYAGAIN", "BUSY",
    "EXECABORT",
)  # fmt: skip


def refusal(what: str, reply: str) -> LogError:
    """Return the error that an error reply to a write stands for."""
    reply = reply.strip()
    if FENCED in reply:
        return FencedError(f"{what}: a newer writer has fenced this one off; it must stop")
    if reply.split(" ", 1)[0] in _REFUSED or not reply.split(" ", 1)[0].isupper():
        return AppendError(f"{what}: the server refused and stored nothing: {reply}")
    return DoubtError(f"{what}: the server gave an answer that is not known: {reply}")


def _command(*words: bytes | str) -> list[bytes]:
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        data = word.encode() if isinstance(word, str) else word
        parts += (b"$%d\r\n" % len(data), data, b"\r\n")
    return parts


class _Wire(asyncio.Protocol):
    """Bytes to replies. `reply` is the future of the one command in flight."""

    def __init__(self) -> None:
        self.reader = hiredis.Reader()
        self.reply: asyncio.Future | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport) -> None:
        self.transport = transport
        transport.set_write_buffer_limits(high=4 * limits.FRAME_BODY_BYTES_MAX)

    def data_received(self, data: bytes) -> None:
        try:
            self.reader.feed(data)
            answer = self.reader.gets()
        except hiredis.HiredisError as error:
            self.fail(f"the server's answer cannot be read: {error}")
            return
        if answer is False:
            return
        if self.reply is None or self.reply.done():
            self.fail("the server answered without being asked")
            return
        self.reply.set_result(answer)

    def connection_lost(self, error: Exception | None) -> None:
        self.fail(f"the connection was lost: {error or 'closed by the server'}")

    def fail(self, why: str) -> None:
        """Close the connection; the command in flight, if any, is in doubt."""
        if self.transport:
            self.transport.abort()
            self.transport = None
        if self.reply and not self.reply.done():
            self.reply.set_exception(ConnectionError(why))

    async def ask(self, parts: list[bytes], timeout_s: float):
        """Send one command and return its reply; `OSError` when none came in time."""
        if self.transport is None:
            raise ConnectionError("not connected")
        loop = asyncio.get_running_loop()
        self.reply = loop.create_future()
        timer = loop.call_later(timeout_s, self.fail, f"no answer within {timeout_s:g} s")
        try:
            self.transport.writelines(parts)
            return await self.reply
        except asyncio.CancelledError:
            self.fail("the wait was cancelled")
            raise
        finally:
            timer.cancel()
            self.reply = None


class Appender:
    """Appends entries to one stream, one at a time. After an error that leaves doubt the
    connection is closed; a new `connect` is a new connection."""

    def __init__(self, wire: _Wire, place: Address, key: str) -> None:
        self._wire, self._key, self.shown = wire, key.encode(), place.shown

    @classmethod
    async def connect(
        cls, url: str, key: str = "dibs:{p0}:log", *, timeout_s: float = limits.APPEND_TIMEOUT_S
    ) -> "Appender":
        """Connect and log in; `LogError` if the server cannot be reached or refuses."""
        place, loop = parse(url), asyncio.get_running_loop()
        wire = None
        try:
            async with asyncio.timeout(timeout_s):
                if place.path:
                    _, wire = await loop.create_unix_connection(_Wire, place.path)
                else:
                    context = ssl.create_default_context() if place.tls else None
                    _, wire = await loop.create_connection(
                        _Wire, place.host, place.port, ssl=context
                    )
            database = ("SELECT", str(place.database)) if place.database else ()
            for words in (place.login, database, ("PING",)):
                answer = await wire.ask(_command(*words), timeout_s) if words else None
                if isinstance(answer, Exception):
                    raise LogError(f"{place.shown} refuses {words[0]}: {answer}")
        except BaseException as error:
            if wire:
                wire.fail("given up")
            if isinstance(error, OSError):
                raise LogError(f"{place.shown} cannot be reached: {error}") from error
            raise
        return cls(wire, place, key)

    async def append(
        self, entry_id: str, data: bytes, timeout_s: float = limits.APPEND_TIMEOUT_S
    ) -> None:
        """Store one entry; returns when the server has answered that it is durable.

        Raises `FencedError` (a newer writer exists), `AppendError` (refused, surely not stored)
        or `DoubtError` (no answer: it may be stored; the connection is closed).
        """
        wire, what = self._wire, f"append {entry_id}"
        if wire.reply is not None:
            raise AppendError(f"{what}: another append is in flight; nothing was sent")
        if wire.transport is None or wire.transport.is_closing():
            raise AppendError(f"{what}: not connected; nothing was sent")
        try:
            answer = await wire.ask(_command(b"XADD", self._key, entry_id, FIELD, data), timeout_s)
        except OSError as error:
            raise DoubtError(f"{what}: {error}; read the log back") from error
        if isinstance(answer, Exception):
            error = refusal(what, str(answer))
            if isinstance(error, DoubtError):
                wire.fail("doubt")
            raise error
        if answer != entry_id.encode():
            wire.fail("doubt")
            raise DoubtError(f"{what}: the server answered {answer!r}; read the log back")

    async def confirm(self, entry_id: str, timeout_s: float = limits.APPEND_TIMEOUT_S) -> None:
        """Return if nothing stands behind `entry_id` in the stream now.

        Raises `FencedError` if something does, `AppendError` if the server does not say.
        """
        wire, what = self._wire, f"confirm {entry_id}"
        if wire.reply is not None or wire.transport is None or wire.transport.is_closing():
            raise AppendError(f"{what}: not connected; nothing was sent")
        words = (b"XRANGE", self._key, f"({entry_id}", b"+", b"COUNT", b"1")
        try:
            answer = await wire.ask(_command(*words), timeout_s)
        except OSError as error:
            raise AppendError(f"{what}: {error}; nothing was to be stored") from error
        if isinstance(answer, Exception):
            raise refusal(what, str(answer))
        if answer:
            raise FencedError(f"{what}: a newer writer has fenced this one off; it must stop")

    async def close(self) -> None:
        """Let go of the server. What is in flight is in doubt."""
        with contextlib.suppress(OSError):
            self._wire.fail("closed")
