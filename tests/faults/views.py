"""Views killed at random moments while the log grows: afterwards they equal a rebuild from zero,
row by row, and say what the ledger says (P7).
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import msgspec

from engine.cli.views import archive_of, home_of
from engine.config import Settings
from engine.log.store import Store
from engine.service.wiring import Wiring
from engine.views import follow
from engine.views.projector import cursor_of
from tests.model.histories import History, adds_up, same_as_the_ledger
from tests.postgres import postgres

PATIENCE_S = 60.0
EARLY = 0.2  # share of the kills that do not wait for the views to get going


class Found(msgspec.Struct):
    """What came of a storm: kills made, some of them while rows were being written, and rows that
    differ by table."""

    kills: int
    events: int
    killed_behind: int
    differing: dict[str, int]
    failure: str = ""

    @property
    def clean(self) -> bool:
        """Whether nothing differs."""
        return not self.differing and not self.failure


def _start(settings: Settings, *words: str) -> subprocess.Popen:
    folder = settings.data
    place = {"DIBS_DATABASE": settings.database} if settings.database else {}
    with (folder / "storm.log").open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "engine.cli", *words, "--data", str(folder)],
            stdout=out,
            stderr=out,
            start_new_session=True,
            env=os.environ | place,
        )


def _end(process: subprocess.Popen) -> None:
    process.terminate()
    process.wait(PATIENCE_S)


@contextlib.contextmanager
def _worker(settings: Settings, wanted: bool) -> Iterator[None]:
    """`dibs work`, so that the log is archived and trimmed under the views' feet."""
    words = ("work", "--no-views", "--snapshot-events", "500", "--snapshot-s", "1")
    process = _start(settings, *words) if wanted else None
    try:
        yield
    finally:
        if process:
            _end(process)


def storm(
    kills: int,
    seed: int,
    folder: Path,
    told: Callable[[str], None] = lambda step: None,
    *,
    work: bool = True,
    database: str | None = None,
) -> Found:
    """Write a random history to a real log while views are killed `kills` times, then compare."""
    rng, history, settings = Random(seed), History(seed), Settings(folder, database=database)
    wiring = Wiring(settings)
    store = wiring.store()
    try:
        store.fence(1, "storm")
        history.open()
        with _worker(settings, work):
            behind = _killed(kills, rng, history, store, settings, told)
            return _judge(kills, behind, history, store, settings)
    finally:
        store.close()
        wiring.close()


def _write(history: History, store: Store) -> None:
    history.go_on()
    for frame in history.taken():
        store.append(f"{frame.epoch}-{frame.last_seq}", frame.data)


def _killed(kills, rng, history: History, store: Store, settings: Settings, told) -> int:
    """Write, and kill: mostly a moment after the views have written something, so that there is
    something to lose; return how many kills found them behind the log."""
    behind, home = 0, home_of(settings)
    for _ in range(kills):
        seen = _cursor(home)
        process = _start(settings, "views", "follow")
        begun, patience = time.monotonic(), rng.uniform(0.3, 1.5)
        if rng.random() >= EARLY:
            while _cursor(home) <= seen and time.monotonic() < begun + PATIENCE_S:
                _write(history, store)
            begun, patience = time.monotonic(), rng.uniform(0.0, 0.3)
        while time.monotonic() < begun + patience:
            _write(history, store)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        behind += 0 < _cursor(home) < history.link.seq
        told(f"{history.link.seq:,} events")
    return behind


def _judge(kills: int, behind: int, history: History, store: Store, settings: Settings) -> Found:
    found = Found(kills, history.link.seq, behind, {})
    process = _start(settings, "views", "follow")
    home, archive = home_of(settings), archive_of(settings)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while _cursor(home) != history.link.seq:
            if time.monotonic() > deadline or process.poll() is not None:
                found.failure = "the views do not catch up"
                return found
            time.sleep(0.05)
    finally:
        _end(process)
    result = follow.check(home, archive, store)
    found.differing = result.differing
    views = home.open(read_only=True)
    try:
        same_as_the_ledger(views, history.ledger._state)
        adds_up(views)
    except AssertionError as error:
        found.failure = str(error) or "the views do not say what the ledger says"
    finally:
        views.close()
    return found


def _cursor(home) -> int:
    """How far the views have got, -1 while there are none."""
    views = home.open(read_only=True)
    if views is None:
        return -1
    try:
        return cursor_of(views).seq
    finally:
        views.close()


def storm_in_a_folder(kills: int, seed: int, told: Callable[[str], None], *, server: bool) -> Found:
    """`storm` in a temporary folder; with `server`, its views are in a PostgreSQL of its own."""
    database = postgres() if server else contextlib.nullcontext()
    with tempfile.TemporaryDirectory(prefix="dibs-views-") as folder, database as url:
        return storm(kills, seed, Path(folder), told, database=url)
