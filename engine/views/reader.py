"""Questions to the views from an event loop: in threads, read-only, bounded in number and time."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from engine.core import limits
from engine.core.errors import OverloadedError, UnavailableError, ViewsError
from engine.views.home import Home
from engine.views.projector import cursor_of
from engine.views.schema import VERSION

Answer = TypeVar("Answer")


class ViewsReader:
    """Answers questions to the views of `home`, whichever database holds by then."""

    def __init__(self, home: Home) -> None:
        self._home, self._asked = home, 0
        self._threads = ThreadPoolExecutor(limits.VIEW_READERS, thread_name_prefix="views")
        self._mine = threading.local()

    async def ask(self, question: Callable[..., Answer], *values: Any, **named: Any) -> Answer:
        """Return `question(database, …)`, all of it of one moment.

        Raises `UnavailableError` while there are no views of this version or the question takes too
        long, `OverloadedError` if too many others wait.
        """
        if self._asked >= limits.VIEW_READS_MAX:
            raise OverloadedError("too many questions to the views are under way; ask later")
        self._asked += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(
                self._threads, lambda: self._answer(question, values, named)
            )
        finally:
            self._asked -= 1

    def _answer(self, question: Callable[..., Answer], values: tuple, named: dict) -> Answer:
        try:
            with self._moment() as database:
                return question(database, *values, **named)
        except ViewsError as error:
            raise UnavailableError(f"{error}; narrow the question, or ask later") from error

    @contextlib.contextmanager
    def _moment(self) -> Iterator[Any]:
        """Give this thread's database, within a transaction that only reads."""
        database = getattr(self._mine, "database", None)
        if database is not None and not self._home.holds(database):
            database.close()
            database = None
        if database is None:
            database = self._open()
        self._mine.database = database
        database.limit_time(limits.VIEW_READ_S_MAX)
        database.begin()
        try:
            yield database
        finally:
            database.limit_time(0)
            database.rollback()

    def _open(self) -> Any:
        database = self._home.open(read_only=True)
        if database is None:
            raise ViewsError("there are no views yet; `dibs work` makes them")
        if database.version != VERSION:
            database.close()
            raise ViewsError("the views are being built anew")
        return database

    def close(self) -> None:
        """Answer nothing more."""
        self._threads.shutdown(wait=True)


def position(database: Any) -> tuple[int, int]:
    """Return (seq, stamp in microseconds) of the last event that the views have."""
    link = cursor_of(database)
    return link.seq, link.stamp_us
