"""Following the log, and building the tables anew from all of it."""

import time
from collections.abc import Callable, Iterable, Iterator

import msgspec
import structlog

from engine.core import limits
from engine.core.errors import CorruptLogError, LogError, ViewsError
from engine.log.archive import Archive
from engine.log.frame import Frame, Link
from engine.log.history import read_history
from engine.log.reader import newest_frame_id, position_of, read_entries
from engine.log.store import Store
from engine.views.compare import differences
from engine.views.home import Home
from engine.views.projector import Projector, cursor_of
from engine.views.schema import VERSION

log = structlog.get_logger("views")
Progress = Callable[[int, int], None]  # events done, events in all


def log_end(archive: Archive, store: Store | None) -> int:
    """Return the last log position that there is."""
    newest = newest_frame_id(store) if store else ""
    return max(position_of(newest)[1] if newest else 0, archive.last_seq)


def gathered(frames: Iterable[Frame]) -> Iterator[list[Frame]]:
    """Yield frames by the transaction."""
    some, events = [], 0
    for frame in frames:
        some.append(frame)
        events += frame.last_seq - frame.first_seq + 1
        if events >= limits.VIEW_EVENTS_MAX:
            yield some
            some, events = [], 0
    if some:
        yield some


def build(
    home: Home,
    archive: Archive,
    store: Store | None,
    *,
    until: int | None = None,
    progress: Progress = lambda done, total: None,
):
    """Return a new database of `home` with everything up to the log's end, or to the frame that
    ends at seq `until`. It does not hold yet: see `swap`."""
    database = home.new()
    try:
        projector = Projector(database, building=True)
        end = until if until is not None else log_end(archive, store)
        for frames in gathered(read_history(archive, store, Link(), until)):
            projector.apply(frames)
            progress(projector.link.seq, max(end, projector.link.seq))
        projector.finish()
    except BaseException:
        home.discard(database)
        raise
    return database


def rebuild(
    home: Home,
    archive: Archive,
    store: Store | None,
    progress: Progress = lambda done, total: None,
) -> Link:
    """Build the tables anew beside those that hold, then let them hold; return their end."""
    with home.alone("rebuild"):
        database = build(home, archive, store, progress=progress)
        link = cursor_of(database)
        home.swap(database)
    return link


class Check(msgspec.Struct, frozen=True):
    """What a check found: how many rows differ by table, at log position `seq`."""

    seq: int
    differing: dict[str, int]


def check(
    home: Home,
    archive: Archive,
    store: Store | None,
    progress: Progress = lambda done, total: None,
) -> Check:
    """Compare the tables that hold, as they stand now, with tables built from zero."""
    live = home.open(read_only=True)
    if live is None:
        raise ViewsError(f"there are no views in {home.shown}; `dibs views rebuild` makes them")
    with home.alone("rebuild"):
        try:
            if live.version != VERSION:
                raise ViewsError(
                    f"the views are of version {live.version}, this is {VERSION}; "
                    "`dibs views rebuild` makes them anew"
                )
            live.begin()  # from here on it shows one moment
            seq = cursor_of(live).seq
            other = build(home, archive, store, until=seq, progress=progress)
            try:
                return Check(seq, differences(live, other))
            finally:
                home.discard(other)
        finally:
            live.close()


class Follower:
    """Keeps the tables of `home` at the log's end. One at a time; `connect` gives a `Store`."""

    def __init__(self, home: Home, archive: Archive, connect: Callable[[], Store]) -> None:
        self._home, self._archive, self._connect = home, archive, connect
        self._store: Store | None = None
        self._database = None
        self._projector: Projector | None = None

    @property
    def link(self) -> Link:
        """How far the tables have got."""
        return self._projector.link if self._projector else Link()

    def run(self, stop: Callable[[], bool]) -> None:
        """Follow until `stop()`; log and database may go and come back meanwhile. A damaged log
        ends it: `CorruptLogError`."""
        delay_s = 0.05
        while not stop():
            try:
                with self._home.alone("follower"):
                    self.open()
                    delay_s = 0.05
                    while not stop():
                        self.step()
            except CorruptLogError:
                raise
            except (LogError, ViewsError) as error:
                log.warning("views wait", error=str(error), retry_in_s=delay_s)
                time.sleep(delay_s)
                delay_s = min(delay_s * 2, limits.RECONNECT_DELAY_S_MAX)
            finally:
                self.close()

    def open(self) -> None:
        """Connect, make tables where there are none of this version, and catch up."""
        self._store = self._connect()
        self._database = self._home.open()
        if self._database is not None and self._database.version != VERSION:
            self._database.close()
            log.info("views are of another version; they are built anew")
            rebuild(self._home, self._archive, self._store)
            self._database = self._home.open()
        if self._database is None:
            with self._home.alone("rebuild"):
                self._home.swap(self._home.new())
            self._database = self._home.open()
        self._projector = Projector(self._database)
        self._catch_up()
        log.info("views follow", seq=self.link.seq, at=self._home.shown)

    def _catch_up(self) -> None:
        """Apply what archive and stream have beyond here."""
        history = read_history(self._archive, self._store, self.link)
        for frames in gathered(history):
            self._projector.apply(frames)

    def step(self, block_ms: int = 200) -> int:
        """Apply what came, waiting `block_ms` for it; return how many frames."""
        if not self._home.holds(self._database):
            self._reopen()
        try:
            frames = read_entries(self._store, self.link, limit=256, block_ms=block_ms)
        except CorruptLogError:
            if not self._archive.covers(self.link.seq + 1):
                raise
            self._catch_up()  # the stream was trimmed meanwhile
            return 0
        for some in gathered(frames):
            self._projector.apply(some)
        return len(frames)

    def _reopen(self) -> None:
        """Go on in the database that a rebuild has put in place."""
        self._database.close()
        self._database = self._home.open()
        if self._database is None:
            raise ViewsError(f"the views in {self._home.shown} are gone")
        self._projector = Projector(self._database)
        log.info("views were rebuilt", seq=self.link.seq)
        self._catch_up()

    def close(self) -> None:
        """Let go of log and database."""
        if self._store:
            self._store.close()
        if self._database:
            self._database.close()
        self._store = self._database = self._projector = None
