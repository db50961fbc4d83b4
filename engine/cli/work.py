"""`dibs work` and `dibs snapshot`: the replica in a process of its own, and views in another."""

import contextlib
import signal
import threading

from engine.cli.views import ViewsBeside
from engine.config import Settings
from engine.service.wiring import Wiring


def work(settings: Settings, *, snapshot_events: int, snapshot_s: float, views: bool) -> None:
    """Follow the log until a signal; with `views`, have them follow it in a process beside."""
    stopping = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stopping.set())
    wiring = Wiring(settings)
    beside = ViewsBeside(settings) if views else contextlib.nullcontext()
    try:
        replica = wiring.replica(snapshot_events=snapshot_events, snapshot_s=snapshot_s)
        with beside:
            replica.run(stopping.is_set)
    finally:
        wiring.close()


def snapshot(settings: Settings) -> None:
    """Bring a replica up to the log's end and write a snapshot of it."""
    from rich.console import Console

    console = Console()
    wiring = Wiring(settings)
    try:
        with console.status("reading the log …"):
            path, link = wiring.replica().snapshot_once()
        console.print(f"snapshot of seq [bold]{link.seq:,}[/] in {path}", soft_wrap=True)
    finally:
        wiring.close()
