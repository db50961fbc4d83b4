"""When the server's append-only file is written anew.

An append-only file holds also what has been trimmed from the streams. Rewriting it costs the
server's machine a second of a core and of the disk for each few hundred megabytes, which callers
feel. The server's own rule looks at growth alone, so it rewrites a log that nobody has trimmed,
again and again and for nothing, and does so at peak. Here the file is rewritten when that frees
most of it, in a quiet moment, or at the latest when it has grown very large.
"""

import time
from collections.abc import Callable
from typing import Any

import structlog

from engine.core import limits
from engine.core.errors import LogError
from engine.log.store import Store

log = structlog.get_logger("rewrite")


def worth_it(file_bytes: int, content_bytes: int, bytes_per_s: float) -> bool:
    """Say whether to rewrite a file of so many bytes that holds so many, and grows so fast."""
    quiet = bytes_per_s < limits.REWRITE_QUIET_BYTES_PER_S
    least = limits.REWRITE_BYTES_QUIET if quiet else limits.REWRITE_BYTES_BUSY
    return file_bytes >= max(least, limits.REWRITE_TIMES * content_bytes)


class Rewriting:
    """Looks at the file every `limits.REWRITE_CHECK_S` seconds and has it rewritten when due.

    A server that rewrites by a rule of its own is left alone.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._next_s, self._seen = 0.0, (0.0, 0)
        self._forbidden = False

    def look(self, store: Store) -> bool:
        """Look if it is time to; return whether a rewrite was begun."""
        now_s = self._now_s()
        if now_s < self._next_s or self._forbidden:
            return False
        self._next_s = now_s + limits.REWRITE_CHECK_S
        found = store.info()
        (before_s, before), size = self._seen, found.get("aof_current_size", 0)
        self._seen = (now_s, size)
        if (
            not before_s
            or size < before
            or not worth_it(
                size, found["used_memory_dataset"], (size - before) / (now_s - before_s)
            )
        ):
            return False
        if found["aof_rewrite_in_progress"] or found["aof_rewrite_scheduled"]:
            return False
        return self._begin(store, found)

    def at_once(self, store: Store, wait_s: float = limits.REWRITE_WAIT_S) -> bool:
        """Have the file written anew now, if that frees most of it, and wait for the end of it.

        For who has just written much that was trimmed again and leaves: the next start of the
        server would read it all. After `wait_s` seconds the server goes on by itself. Returns
        whether it was written.
        """
        found = store.info()
        if not worth_it(found.get("aof_current_size", 0), found["used_memory_dataset"], 0.0):
            return False
        if not self._begin(store, found):
            return False
        end_s = self._now_s() + wait_s
        while self._now_s() < end_s:
            found = store.info()
            if not (found["aof_rewrite_in_progress"] or found["aof_rewrite_scheduled"]):
                return found["aof_last_bgrewrite_status"] == "ok"
            time.sleep(limits.REWRITE_POLL_S)
        return False

    def _begin(self, store: Store, found: dict[str, Any]) -> bool:
        sizes = {"file_bytes": found["aof_current_size"], "held": found["used_memory_dataset"]}
        try:
            if store.rewrites_itself():
                self._forbidden = True
                return False
            store.rewrite_file()
        except LogError as error:
            self._forbidden = "permission" in str(error).lower()
            log.warning("the append-only file is not rewritten", error=str(error), **sizes)
            return False
        log.info("the append-only file is rewritten", **sizes)
        return True
