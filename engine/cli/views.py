"""`dibs views …`: read models that follow the log, are built anew, and are checked."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from engine.config import Settings
from engine.core import limits
from engine.core.errors import ConfigError, ViewsError
from engine.log.archive import Archive
from engine.log.store import Store
from engine.service.wiring import Wiring
from engine.views import export as exporting
from engine.views import follow as following
from engine.views.home import Home, SqliteHome
from engine.views.lag import lag
from engine.views.postgres import PostgresHome
from engine.views.projector import cursor_of

log = structlog.get_logger("views")
# Orders go first: what views miss in a rush they catch up with after it.
_NICENESS = 5


def home_of(settings: Settings) -> Home:
    """Return where the views are: in the data folder, or in the database that is set."""
    if settings.database:
        return PostgresHome(settings.database)
    return SqliteHome(settings.data / "views")


def archive_of(settings: Settings) -> Archive:
    """Return the archive of a data folder."""
    return Archive(settings.data / "archive")


def follow(settings: Settings) -> None:
    """Follow the log until a signal."""
    stopping = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stopping.set())
    os.nice(_NICENESS)
    wiring = Wiring(settings)

    def connect() -> Store:
        # A server that is down is started by who writes the log, or archives it; not by views.
        return Store(settings.redis or wiring.server.url("worker"))

    following.Follower(home_of(settings), archive_of(settings), connect).run(stopping.is_set)


class ViewsBeside:
    """`dibs views follow` as a process of this one, started again when it dies. A context."""

    def __init__(self, settings: Settings) -> None:
        self._command = [sys.executable, "-m", "engine.cli", "views", "follow", "--tied"]
        self._command += ["--data", str(settings.data)]
        # Addresses may hold passwords: the environment is not for others to read.
        places = {"DIBS_REDIS": settings.redis, "DIBS_DATABASE": settings.database}
        self._environment = os.environ | {name: url for name, url in places.items() if url}
        self._ended = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="views", daemon=True)
        self._process: subprocess.Popen | None = None

    def __enter__(self) -> None:
        self._keeper.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._keeper.join()

    def _keep(self) -> None:
        pause_s = limits.FRONT_RESTART_S_MIN
        while not self._ended.is_set():
            began = time.monotonic()
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                env=self._environment,
                start_new_session=True,
            )
            while process.poll() is None and not self._ended.wait(0.1):
                pass
            if self._ended.is_set():
                _end(process)
                return
            if time.monotonic() - began > limits.FRONT_RESTART_S_MAX:
                pause_s = limits.FRONT_RESTART_S_MIN
            log.warning("views have died", exit_code=process.returncode, restart_in_s=pause_s)
            self._ended.wait(pause_s)
            pause_s = min(pause_s * 2, limits.FRONT_RESTART_S_MAX)


def _end(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(limits.SHUTDOWN_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def _reading(settings: Settings, what: str) -> Iterator[tuple[Console, Store, Callable]]:
    """Give a console, the log, and what shows progress."""
    console, wiring = Console(), Wiring(settings)
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    store = None
    try:
        store = wiring.store("reader")
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task(what, total=None)
            yield (
                console,
                store,
                lambda done, total: progress.update(task, completed=done, total=total),
            )
    finally:
        if store:
            store.close()
        wiring.close()


def rebuild(settings: Settings) -> None:
    """Build anew and swap."""
    began = time.monotonic()
    with _reading(settings, "events into views") as (console, store, progress):
        link = following.rebuild(home_of(settings), archive_of(settings), store, progress)
    took_s = time.monotonic() - began
    console.print(f"views are built anew to seq [bold]{link.seq:,}[/] in {took_s:.1f} s")


def check(settings: Settings) -> bool:
    """Compare with views built from zero; return whether no row differs."""
    with _reading(settings, "events into views to compare with") as (console, store, progress):
        found = following.check(home_of(settings), archive_of(settings), store, progress)
    if not found.differing:
        console.print(f"[green]✓ 0 differing rows[/] at seq {found.seq:,}")
        return True
    table = Table("table", "differing rows")
    for name, count in found.differing.items():
        table.add_row(name, f"{count:,}")
    console.print(table)
    console.print("[red]✗ the views differ[/]; `dibs views rebuild` makes them anew")
    return False


def show_lag(settings: Settings) -> None:
    """Print how far the views are behind."""
    with _reading(settings, "reading") as (console, store, _):
        database = home_of(settings).open(read_only=True)
        end = following.log_end(archive_of(settings), store)
        if database is None:
            console.print(f"there are no views; the log has {end:,} events")
            return
        link = cursor_of(database)
        database.close()
        found = lag(link.seq, link.stamp_us, end, int(time.time() * 1e6))
        console.print(
            f"views at seq {link.seq:,}, {found.events:,} events and {found.seconds:.1f} s behind"
        )


def export(settings: Settings, table: str, day: str | None, out: Path | None) -> None:
    """Write a table to a file, as Parquet if it is named so, else as CSV; or as CSV to standard
    output."""
    try:
        wanted = date.fromisoformat(day) if day else None
    except ValueError:
        raise ConfigError(f"--day is {day!r}; use YYYY-MM-DD") from None
    database = home_of(settings).open(read_only=True)
    if database is None:
        raise ViewsError("there are no views yet; `dibs work` makes them")
    database.begin()
    try:
        if out is None:
            exporting.to_csv(database, table, wanted, sys.stdout)
            return
        count = _export_to(database, table, wanted, out)
        Console().print(f"{count:,} rows of {table} in {out}", soft_wrap=True)
    finally:
        database.rollback()
        database.close()


def _export_to(database: Any, table: str, day: date | None, out: Path) -> int:
    """Write the file whole, or leave what was there."""
    beside = out.with_name(f".{out.name}.part")
    try:
        if out.suffix == ".parquet":
            with beside.open("wb") as file:
                count = exporting.to_parquet(database, table, day, file)
        else:
            with beside.open("w", newline="") as file:
                count = exporting.to_csv(database, table, day, file)
        beside.replace(out)
    finally:
        beside.unlink(missing_ok=True)
    return count
