"""The log's server, spoken to. No other file imports redis, but for `sync.store` with its own keys.

    Keys         names of the keys of one partition (in `names`)
    Store        synchronous: recovery, worker, command line
    AsyncStock   asyncio: follows the stock stream
    Appender     asyncio: the writer's one connection (in `appender`)

Nothing here retries. A write that gets no answer is a `DoubtError`; one that the server refuses
is an `AppendError`, or a `FencedError` when a newer writer exists. What cannot be read is a
`LogError`.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

from engine.core import limits
from engine.core.errors import ConfigError, DoubtError, LogError
from engine.log import address, frame, settings
from engine.log.appender import FENCED, FIELD, Appender, refusal
from engine.log.names import Keys

__all__ = ["Appender", "AsyncStock", "Keys", "Store"]

Entry = tuple[str, bytes]
Row = tuple[str, dict[str, str]]


def connection_options(url: str, timeout_s: float | None) -> dict[str, Any]:
    """How every client connects: no retry, no small talk, RESP2."""
    place = address.parse(url)
    options: dict[str, Any] = {
        "db": place.database,
        "username": place.user or None,
        "password": place.password or None,
        "protocol": 2,
        "driver_info": None,
        "socket_timeout": timeout_s,
        "socket_connect_timeout": limits.APPEND_TIMEOUT_S,
        "retry": Retry(NoBackoff(), 0),
    }
    if place.path:
        return options | {"unix_socket_path": place.path}
    return options | {"host": place.host, "port": place.port, "ssl": place.tls}


@contextlib.contextmanager
def _reading(what: str) -> Iterator[None]:
    try:
        yield
    except (redis.RedisError, OSError) as error:
        raise LogError(f"{what}: the log's server says: {error}") from error


@contextlib.contextmanager
def _storing(what: str) -> Iterator[None]:
    try:
        yield
    except (redis.ResponseError, redis.BusyLoadingError, redis.AuthenticationError) as error:
        raise refusal(what, f"{getattr(error, 'status_code', None) or ''} {error}") from error
    except (redis.RedisError, OSError) as error:
        raise DoubtError(f"{what}: no answer ({error}); read the log back") from error


class Store:
    """One partition's keys on one server. Connects on first use; safe to use from any thread.

    `timeout_s` bounds each call, in seconds.
    """

    def __init__(
        self, url: str, keys: Keys | None = None, *, timeout_s: float = limits.STORE_TIMEOUT_S
    ) -> None:
        self.keys = keys or Keys()
        self.shown = address.parse(url).shown
        self._timeout_s = timeout_s
        self._redis = redis.Redis(**connection_options(url, timeout_s))

    def close(self) -> None:
        """Let go of the server."""
        self._redis.close()

    def check_settings(self) -> list[str]:
        """Refuse a server that could lose what it acknowledged; return softer warnings.

        Raises `ConfigError` naming each unsafe setting, what it is, and how to set it.
        """
        try:
            version = str(self._redis.info("server").get("redis_version", "0"))
            found = {name: self._redis.config_get(name).get(name, "") for name in settings.NAMES}
        except redis.ResponseError as error:
            raise ConfigError(
                f"the settings of {self.shown} cannot be read ({error}); "
                "let this user run INFO and CONFIG GET"
            ) from error
        except (redis.RedisError, OSError) as error:
            raise LogError(f"{self.shown} does not answer: {error}") from error
        return settings.check(self.shown, version, found)

    def check_scripts(self) -> None:
        """Refuse a server that lets this user run no script: appends are scripts."""
        with _reading("script"):
            try:
                self._redis.eval("return 1", 1, self.keys.log)
            except redis.ResponseError as error:
                raise ConfigError(
                    f"{self.shown} runs no script for this user ({error}); let the user run EVAL"
                ) from error

    def info(self) -> dict[str, Any]:
        """What the server says of memory and persistence, for metrics."""
        with _reading("info"):
            return self._redis.info("memory") | self._redis.info("persistence")

    def rewrites_itself(self) -> bool:
        """Say whether the server has a rule of its own to rewrite its append-only file."""
        name = "auto-aof-rewrite-percentage"
        with _reading(name):
            return self._redis.config_get(name).get(name, "0") != "0"

    def rewrite_file(self) -> None:
        """Have the server write its append-only file anew, in the background, without what has
        been trimmed. `LogError` where it does not let this user, or is about to."""
        with _reading("bgrewriteaof"):
            self._redis.bgrewriteaof()

    def process_id(self) -> int:
        """The server's process id and a sign of life; `LogError` while it loads or hangs."""
        with _reading("ping"):
            self._redis.ping()
            return int(self._redis.info("server")["process_id"])

    # The log.

    def tail(self) -> Entry | None:
        """Return the newest entry, or None where the stream is empty."""
        return next(iter(self.read_back(None, 1)), None)

    def last_id(self) -> str:
        """Return the highest id that ever was, "0-0" if none: trimming does not lower it."""
        return self._last_id(self.keys.log)

    def _last_id(self, key: str) -> str:
        with _reading("last id"):
            try:
                return self._redis.xinfo_stream(key)["last-generated-id"].decode()
            except redis.ResponseError as error:
                if "no such key" in str(error):
                    return "0-0"
                raise

    def read(self, after_id: str, count: int, block_ms: int = 0) -> list[Entry]:
        """Return up to `count` entries after `after_id`, waiting `block_ms` for the first."""
        with _reading("read"):
            rows = self._redis.xrange(self.keys.log, f"({after_id}", "+", count)
            if not rows and block_ms:
                found = self._redis.xread({self.keys.log: after_id}, count, self._block(block_ms))
                rows = found[0][1] if found else []
        return [(entry_id.decode(), fields[FIELD]) for entry_id, fields in rows]

    def _block(self, block_ms: int) -> int:
        return max(min(block_ms, int(self._timeout_s * 1000) - 1_000), 1)

    def read_back(self, before_id: str | None, count: int) -> list[Entry]:
        """Return up to `count` entries before `before_id` (None: the newest), newest first."""
        with _reading("read back"):
            end = f"({before_id}" if before_id else "+"
            rows = self._redis.xrevrange(self.keys.log, end, "-", count)
        return [(entry_id.decode(), fields[FIELD]) for entry_id, fields in rows]

    def entry(self, entry_id: str) -> bytes | None:
        """Return the data of one entry, or None."""
        with _reading("read entry"):
            rows = self._redis.xrange(self.keys.log, entry_id, entry_id, 1)
        return rows[0][1][FIELD] if rows else None

    def append(self, entry_id: str, data: bytes) -> None:
        """Store one entry, durably. Raises `FencedError`, `AppendError` or `DoubtError`."""
        with _storing(f"append {entry_id}"):
            self._redis.execute_command("XADD", self.keys.log, entry_id, FIELD, data)

    def fence(self, epoch: int, writer: str) -> None:
        """Open `epoch`: from here on nothing with a lower one is stored.

        Raises `FencedError` when the epoch, or a higher one, is taken.
        """
        self.append(f"{epoch}-0", frame.pack_fence(epoch, writer))

    def trim(self, min_id: str) -> int:
        """Remove the entries before `min_id`; return how many."""
        with _storing(f"trim to {min_id}"):
            return self._redis.xtrim(self.keys.log, minid=min_id, approximate=False)

    def length(self) -> int:
        """Return how many entries the stream holds."""
        with _reading("length"):
            return self._redis.xlen(self.keys.log)

    # Hashes: cursors, keys, users, sessions; and the record of what was done to the last three.

    def hash_all(self, name: str) -> dict[str, bytes]:
        """Return a hash whole."""
        with _reading(name):
            rows = self._redis.hgetall(name)
        return {field.decode(): value for field, value in rows.items()}

    def hash_put(self, name: str, field: str, value: bytes | str) -> None:
        """Set one field of a hash, durably."""
        with _storing(name):
            self._redis.hset(name, field, value)

    def hash_delete(self, name: str, field: str) -> bool:
        """Remove one field of a hash; return whether it was there."""
        with _storing(name):
            return bool(self._redis.hdel(name, field))

    def change(self, name: str, field: str, value: bytes | None, done: bytes) -> None:
        """Set one field of a hash, or remove it (None), and record `done`, durably and at once."""
        with _storing(name):
            pipe = self._redis.pipeline(transaction=True)
            if value is None:
                pipe.hdel(name, field)
            else:
                pipe.hset(name, field, value)
            most = limits.ACCESS_ENTRIES_MAX
            pipe.xadd(self.keys.access, {FIELD: done}, maxlen=most, approximate=True)
            pipe.execute()

    def done(self, before: str, count: int) -> list[Entry]:
        """Return up to `count` records before a position ("": the newest), newest first."""
        with _reading("access"):
            end = f"({before}" if before else "+"
            rows = self._redis.xrevrange(self.keys.access, end, "-", count)
        return [(entry_id.decode(), fields[FIELD]) for entry_id, fields in rows]

    # The public stock stream.

    def stock_append(self, entries: list[Row]) -> int:
        """Store entries (id, fields) in rising order of id; return how many were new.

        All or none are stored. What is there already is passed over, so a worker that starts
        again from an older cursor repeats itself without harm.
        """
        last = _position(self._last_id(self.keys.stock))
        fresh = [entry for entry in entries if _position(entry[0]) > last]
        if not fresh:
            return 0
        with _storing("stock stream"):
            pipe = self._redis.pipeline(transaction=True)
            for entry_id, fields in fresh:
                pipe.xadd(
                    self.keys.stock,
                    fields,
                    id=entry_id,
                    maxlen=limits.STOCK_STREAM_ENTRIES_MAX,
                    approximate=True,
                )
            replies = pipe.execute(raise_on_error=False)
        for reply in replies:
            if isinstance(reply, Exception) and FENCED not in str(reply):
                raise refusal("stock stream", str(reply))
        return len(fresh)

    def stock_read(self, after_id: str, count: int, block_ms: int = 0) -> list[Row]:
        """Return up to `count` stock entries after `after_id`, waiting `block_ms` for the first."""
        with _reading("stock stream"):
            block = self._block(block_ms) if block_ms else None
            found = self._redis.xread({self.keys.stock: after_id}, count, block)
        return _rows(found)

    def stock_ends(self) -> tuple[str | None, str | None]:
        """Return (oldest id kept, highest id ever); None where there is none.

        An id below the oldest cannot be resumed from without a gap.
        """
        with _reading("stock stream"):
            rows = self._redis.xrange(self.keys.stock, count=1)
        last = self._last_id(self.keys.stock)
        return rows[0][0].decode() if rows else None, None if last == "0-0" else last


def _position(entry_id: str) -> tuple[int, int]:
    first, _, second = entry_id.partition("-")
    return int(first), int(second or 0)


def _rows(found: list) -> list[Row]:
    return [
        (entry_id.decode(), {name.decode(): value.decode() for name, value in fields.items()})
        for entry_id, fields in (found[0][1] if found else [])
    ]


class AsyncStock:
    """Follows the public stock stream in an event loop. One reader each; not for writing."""

    def __init__(self, url: str, keys: Keys | None = None) -> None:
        self._key = (keys or Keys()).stock
        self._redis = redis.asyncio.Redis(**connection_options(url, None))

    @classmethod
    async def connect(cls, url: str, keys: Keys | None = None) -> "AsyncStock":
        """Return a reader that has reached the server; `LogError` if it cannot."""
        stock = cls(url, keys)
        try:
            await stock._ask("PING")
        except BaseException:
            await stock.close()
            raise
        return stock

    async def _ask(self, *command: Any, wait_s: float = limits.APPEND_TIMEOUT_S) -> Any:
        with _reading("stock stream"):
            async with asyncio.timeout(wait_s):
                return await self._redis.execute_command(*command)

    async def read(self, after_id: str, count: int, block_ms: int = 0) -> list[Row]:
        """Return up to `count` entries after `after_id`, waiting `block_ms` for the first."""
        block = ("BLOCK", block_ms) if block_ms else ()
        wait_s = block_ms / 1000 + limits.APPEND_TIMEOUT_S
        found = await self._ask(
            "XREAD", *block, "COUNT", count, "STREAMS", self._key, after_id, wait_s=wait_s
        )
        return _rows(found)

    async def ends(self) -> tuple[str | None, str | None]:
        """Return (oldest id kept, highest id ever), as `Store.stock_ends`."""
        rows = await self._ask("XRANGE", self._key, "-", "+", "COUNT", 1)
        try:
            last = (await self._ask("XINFO STREAM", self._key))["last-generated-id"].decode()
        except LogError as error:
            if "no such key" not in str(error):
                raise
            last = None
        return rows[0][0].decode() if rows else None, last

    async def resumable_from(self) -> str:
        """Return the lowest id after which nothing is missing: "0-0" until entries were trimmed,
        from then on that of the oldest entry kept."""
        try:
            found = await self._ask("XINFO STREAM", self._key)
        except LogError as error:
            if "no such key" in str(error):
                return "0-0"
            raise
        if found["entries-added"] == found["length"]:
            return "0-0"
        first = found["first-entry"]
        return (first[0] if first else found["last-generated-id"]).decode()

    async def close(self) -> None:
        """Let go of the server."""
        await self._redis.aclose()
