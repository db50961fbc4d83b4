"""L5: how much the bundled log server makes durable, spoken to as fast as it listens.

The server is started as dibs starts it (`appendfsync always`), and fed by a bare client: entries
of one field, sent in bursts of `depth` before any reply is read. Depth 1 is one at a time.
"""

import os
import time
from pathlib import Path

from benchmarks.resp import Connection, pack
from engine.log.embedded import EmbeddedServer
from engine.log.store import Keys

DEPTH = 100


class LogServer:
    """A bundled server in a folder of its own, with the log's stream and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.server = EmbeddedServer(folder)
        self.server.start()
        self.key = Keys().log
        self._writer = Connection(self.server.socket_path, "writer")
        self._worker = Connection(self.server.socket_path, "worker")
        self._number = 0

    def append(self, entry_bytes: int, depth: int, seconds: float) -> dict[str, float]:
        """Append entries of `entry_bytes` for `seconds`; return figures by unit.

        Both are 0 if the server then does not hold what was sent. What was stored is trimmed.
        """
        blob, before, taken = os.urandom(entry_bytes), self._number, 0.0
        while taken < seconds:
            first = self._number + 1
            self._number += depth
            burst = b"".join(
                pack("XADD", self.key, f"1-{n}", "f", blob) for n in range(first, first + depth)
            )
            started = time.perf_counter()
            self._writer.send(burst)
            ids = self._writer.replies(depth)
            taken += time.perf_counter() - started
            if ids[-1] != f"1-{self._number}".encode():
                raise SystemExit(f"the server stored {ids[-1]!r} last")
        count = self._number - before
        whole = self._worker.ask("XLEN", self.key) == count
        self._worker.ask("XTRIM", self.key, "MAXLEN", 0)
        per_s = count / taken if whole else 0.0
        return {"entries/s": per_s, "bytes/s": per_s * entry_bytes}

    def close(self) -> None:
        """Stop the server."""
        self._writer.close()
        self._worker.close()
        self.server.stop()
