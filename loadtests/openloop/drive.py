"""Runs the generator beside a progress bar."""

import socket
import threading
import time
from urllib.parse import urlsplit

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from loadtests.openloop import core, outcome, schedule
from loadtests.openloop.mix import Requests, Share

CONNECTIONS = 64
COUNT_MAX = 2**62
_TICK_S = 0.25


class Plan(msgspec.Struct, kw_only=True):
    """One run against `url`: orders named after `run`, over `skus` SKUs of `world`.

    `phases` (see `schedule.arrivals`) is when requests are due. With None the loop is closed: each
    connection sends when its answer came, up to `count` requests or `seconds`. A share `hot_share`
    of the lines asks for one of the first `hot` SKUs. `ttl_end_s` (seconds since 1970) is the
    second in which all reservations of the run shall end; 0 lets each live ten minutes.
    """

    name: str
    url: str
    key: str
    world: str
    run: str
    skus: int
    shares: list[Share]
    phases: list[schedule.Phase] | None = None
    arrivals: str = "poisson"
    count: int = COUNT_MAX
    seconds: float = 10.0
    connections: int = CONNECTIONS
    hot: int = 1
    hot_share: float = 0.0
    ttl_end_s: float = 0.0
    seed: int = 1
    timeout_s: float = 10.0
    grace_s: float = 5.0


def drive(plan: Plan, console: Console | None = None) -> outcome.Outcome:
    """Run it and return what came of it; with a console, show how far it is.

    `ValueError` for a plan that cannot be; what goes wrong on the way is counted, not raised.
    """
    parts = urlsplit(plan.url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"{plan.url!r} is not an http address")
    port = parts.port or 80
    requests = Requests(
        f"{parts.hostname}:{port}", plan.key, plan.world, plan.run, bound_ttl=bool(plan.ttl_end_s)
    ).parts(plan.shares)
    due, seconds = None, plan.seconds
    if plan.phases is not None:
        due = schedule.arrivals(plan.phases, plan.arrivals, plan.seed)
        seconds = schedule.length_s(plan.phases)
    generator = core.Generator(
        socket.gethostbyname(parts.hostname),
        port,
        plan.connections,
        [part.packed() for part in requests],
        due,
        count=plan.count,
        seconds=seconds,
        skus=plan.skus,
        hot=plan.hot,
        hot_share=plan.hot_share,
        seed=plan.seed,
        ttl_end_us=int(plan.ttl_end_s * 1e6),
        timeout_s=plan.timeout_s,
        grace_s=plan.grace_s,
    )
    total = len(due) if due is not None else plan.count
    _watch(generator, plan.name, seconds, total, console)
    if due is None:
        seconds = min(seconds, generator.wall_ns / 1e9)
    return outcome.read(plan.name, generator, requests, seconds)


def _watch(generator, name: str, seconds: float, total: int, console: Console | None) -> None:
    worker = threading.Thread(target=generator.run, name="openloop")
    worker.start()
    try:
        if console is None:
            worker.join()
            return
        columns = (TextColumn("{task.description:16}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, TextColumn("{task.fields[rate]}"), console=console) as progress:
            task, before, at = progress.add_task(name, total=1.0, rate=""), 0, time.monotonic()
            while worker.is_alive():
                worker.join(_TICK_S)
                now, answered = time.monotonic(), generator.answered
                rate = (answered - before) / max(now - at, 1e-9)
                before, at = answered, now
                waiting = generator.sent - answered
                done = max(generator.now_us / 1e6 / seconds, generator.sent / max(total, 1))
                text = f"{rate:9,.0f}/s answered, {waiting:,} under way"
                progress.update(task, completed=min(done, 1.0), rate=text)
    except BaseException:
        generator.stop()
        worker.join()
        raise
