"""`dibs scarcity …`: prices for scarce units, kept up with the demand by a process of their own."""

import http.client
import json
import os
import signal
import threading
import time
from urllib.parse import urlsplit

import structlog
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from engine.cli.replay import key_in
from engine.cli.views import home_of
from engine.config import Settings
from engine.core import limits
from engine.core.errors import ConfigError, UnavailableError, ViewsError
from engine.core.paths import path_of
from engine.core.routing.policy import PutScarcity
from engine.insight.forecast import Scene, Times, look
from engine.insight.scarcity import Pass, refresh
from engine.views.projector import cursor_of
from engine.views.schema import VERSION

log = structlog.get_logger("scarcity")
_NICENESS = 10  # after orders, and after views
_TIMEOUT_S = 30.0
_JSON = {"Content-Type": "application/json"}


class Door:
    """dibs over HTTP, on one connection."""

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ConfigError(f"--url {url!r} is no http:// address")
        self._url, self._headers = url, {"Authorization": f"Bearer {key}", **_JSON}
        self._link = http.client.HTTPConnection(parts.hostname, parts.port, timeout=_TIMEOUT_S)

    def put(self, change: PutScarcity) -> bool:
        """Put prices; return whether they were taken. Raises `ConfigError` for a key that may not,
        `UnavailableError` where dibs does not answer now."""
        rows = [{"location": row.location, "mills": row.mills} for row in change.prices]
        path = path_of("routing", "scarcity", change.sku)
        try:
            self._link.request("PUT", path, json.dumps({"prices": rows}), self._headers)
            answer = self._link.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._link.close()
            raise UnavailableError(f"{self._url} does not answer ({error})") from error
        if answer.status in (401, 403):
            raise ConfigError(f"the key may not set prices: {json.loads(text)['detail']}")
        if answer.status in (429, 503):
            raise UnavailableError(f"{self._url} answers {answer.status}")
        if answer.status >= 300:
            log.warning("prices are refused", sku=change.sku, answer=text.decode(errors="replace"))
        return answer.status < 300

    def close(self) -> None:
        """Let go of the connection."""
        self._link.close()


def scene(settings: Settings, times: Times) -> Scene:
    """Read the views; `ViewsError` while there are none of this version."""
    database = home_of(settings).open(read_only=True)
    if database is None:
        raise ViewsError("there are no views yet; `dibs work` makes them")
    try:
        if database.version != VERSION:
            raise ViewsError("the views are being built anew; try again later")
        database.begin()
        return look(database, time.time_ns() // 1_000, times)
    finally:
        database.rollback()
        database.close()


def once(settings: Settings, url: str, key: str, times: Times) -> Pass:
    """Make and put the prices of all SKUs once, and say what came of it."""
    console = Console()
    door = Door(url, key or key_in(settings.data))
    columns = (TextColumn("SKUs"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with console.status("reading the views …"):
            found = scene(settings, times)
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task("SKUs", total=None)
            done = refresh(
                found, door.put, lambda n, total: progress.update(task, completed=n, total=total)
            )
    finally:
        door.close()
    console.print(
        f"prices as of seq [bold]{done.seq:,}[/]: {done.solved:,} SKUs looked at, "
        f"{done.put:,} put, {done.kept:,} near enough, {done.refused:,} refused",
        soft_wrap=True,
    )
    return done


class Worker:
    """Makes prices anew every `every_s` seconds. It is also what collects its metrics."""

    def __init__(
        self, settings: Settings, url: str, key: str, times: Times, every_s: float
    ) -> None:
        self._settings, self._url, self._key = settings, url, key
        self._times, self._every_s = times, max(every_s, limits.SCARCITY_PASS_S_MIN)
        self._seq = self._solved = 0
        self._began_s = self._took_s = 0.0
        self._counts = {"put": 0, "kept": 0, "refused": 0, "failed": 0}

    def run(self, stopping: threading.Event) -> None:
        """Go on until told to stop. Views and server may go and come back meanwhile."""
        pause_s = self._every_s
        while not stopping.is_set():
            try:
                self.once()
                pause_s = self._every_s
            except (ViewsError, UnavailableError) as error:
                # Soon again, but never more often than whole passes.
                pause_s = limits.SCARCITY_PASS_S_MIN
                self._counts["failed"] += 1
                log.warning("prices wait", error=str(error), retry_in_s=pause_s)
            stopping.wait(pause_s)

    def once(self) -> None:
        """Make one pass."""
        began_s = time.time()
        door = Door(self._url, self._key or self._made_key())
        try:
            done = refresh(scene(self._settings, self._times), door.put)
        finally:
            door.close()
        self._began_s, self._took_s = began_s, time.time() - began_s
        self._seq, self._solved = done.seq, done.solved
        for name in ("put", "kept", "refused"):
            self._counts[name] += getattr(done, name)
        log.info("prices are made", **done._asdict(), took_s=round(self._took_s, 3))

    def _made_key(self) -> str:
        try:
            return key_in(self._settings.data)
        except ConfigError as error:
            # The first start of dibs makes it, perhaps after this one's.
            raise UnavailableError(str(error)) from error

    def collect(self):
        """Yield the metrics; those of a pass as of the last whole one."""
        count = CounterMetricFamily("dibs_scarcity_skus", "SKUs by outcome", labels=("outcome",))
        for name, value in self._counts.items():
            count.add_metric((name,), value)
        yield count
        if not self._began_s:
            return
        gauges = {
            "seq": ("log position that the prices know", self._seq),
            "lag_events": ("events of the views that the prices do not know", self._lag()),
            "age_seconds": ("since the last whole pass began", time.time() - self._began_s),
            "pass_seconds": ("that the last whole pass took", self._took_s),
            "solved": ("SKUs that it looked at", self._solved),
        }
        for name, (meaning, value) in gauges.items():
            yield GaugeMetricFamily(f"dibs_scarcity_{name}", meaning, value)

    def _lag(self) -> int:
        database = home_of(self._settings).open(read_only=True)
        if database is None:
            return 0
        try:
            return max(cursor_of(database).seq - self._seq, 0)
        finally:
            database.close()


def follow(
    settings: Settings, url: str, key: str, times: Times, every_s: float, metrics_port: int
) -> None:
    """Keep prices up with the demand until a signal."""
    stopping = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stopping.set())
    os.nice(_NICENESS)
    worker = Worker(settings, url, key, times, every_s)
    if metrics_port:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(worker)
        start_http_server(metrics_port, "127.0.0.1", registry)
    worker.run(stopping)


def checked(back_days: float, ahead_days: float) -> Times:
    """Return the times; `ConfigError` for days that are none."""
    for name, days in {"--back-days": back_days, "--ahead-days": ahead_days}.items():
        if not 0 < days <= 3_650:
            raise ConfigError(f"{name} is {days}; use more than 0, at most 3650")
    return Times(back_days=back_days, ahead_days=ahead_days)
