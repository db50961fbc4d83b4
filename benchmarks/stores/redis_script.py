"""The peer: the script of `benchmarks.peers.redis_lua`, pipelined as deep as the others' batches.

The script writes its own log entry, and the server has `appendfsync always`: the same work with the
same durability. Several connections let the server make one fsync for all that arrived meanwhile.
"""

from pathlib import Path

from benchmarks.peers.redis_lua import SCRIPT
from benchmarks.resp import Connection, pack
from benchmarks.stores.contest import BATCH, SKUS, UNITS, Broken, Order, Store
from benchmarks.stores.servers import Valkey


class RedisScript(Store):
    """`streams` connections, each with a batch under way."""

    def __init__(self, folder: Path, streams: int) -> None:
        super().__init__(folder)
        self.name, self._streams = f"Redis Lua, {streams} × {BATCH} deep", streams
        self._server = Valkey(folder)
        self._connect()
        for n in range(SKUS):
            self._asking.ask("HSET", "stock", f"SKU-{n}", UNITS)

    def _connect(self) -> None:
        self._asking = Connection(self._server.socket)
        self._connections = [Connection(self._server.socket) for _ in range(self._streams)]
        self._script = self._asking.ask("SCRIPT", "LOAD", SCRIPT)

    def prepare(self, batch: list[Order]) -> bytes:
        """Return a batch as EVALSHA commands."""
        return b"".join(
            pack(
                *("EVALSHA", self._script, 3, f"order:web/{n}", "stock", "log"),
                *(f"web/{n}", f"SKU-{a}", 1, f"SKU-{b}", 1),
            )
            for n, a, b in batch
        )

    def send(self, payloads: list[bytes]) -> int:
        """Keep a batch under way on each connection."""
        taken, waiting = 0, []
        for n, payload in enumerate(payloads):
            connection = self._connections[n % self._streams]
            if len(waiting) == self._streams:
                taken += self._read(waiting.pop(0))
            connection.send(payload)
            waiting.append(connection)
        return taken + sum(map(self._read, waiting))

    def _read(self, connection: Connection) -> int:
        statuses = [status for status, _ in connection.replies(BATCH)]
        if set(statuses) - {b"allocated", b"replayed"}:
            raise Broken(f"the script answered {set(statuses)}")
        return statuses.count(b"allocated")

    def taken(self) -> int:
        """Count what the hash lacks; the stream must have an entry for each order."""
        left = [int(units) for units in self._asking.ask("HVALS", "stock")]
        if min(left) < 0 or self._asking.ask("XLEN", "log") != self.sent:
            raise Broken("stock is negative, or the stream does not match the orders")
        return SKUS * UNITS - sum(left)

    def crash(self) -> None:
        """Kill the server."""
        self._server.kill()
        self._server.start()
        self._connect()

    def close(self) -> None:
        """Stop the server."""
        self._server.stop()
