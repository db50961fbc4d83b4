"""What a person sees while it runs: on a terminal a live panel, elsewhere a line now and then."""

import asyncio
import time

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from engine.replay.documents import Order
from engine.replay.report import latency
from engine.replay.sender import Exchange

_TICK_S = 0.25
_PLAIN_TICK_S = 5.0
_HISTORY = 60
_BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: list[float]) -> str:
    """Return one block a value, the tallest being the greatest."""
    top = max(values, default=0.0)
    if top <= 0:
        return _BARS[0] * len(values)
    return "".join(_BARS[min(int(v / top * len(_BARS)), len(_BARS) - 1)] for v in values)


class Meter:
    """Counts answers as they come; give `saw` to the sender."""

    def __init__(self) -> None:
        self.done = self.orders = self.allocated = self.refused = 0
        self.waits: list[float] = []
        self._seen = (time.perf_counter(), 0)
        self.rate = self.p99_ms = 0.0
        self.rates: list[float] = []

    def saw(self, exchange: Exchange) -> None:
        """Count one final answer."""
        self.done += 1
        if isinstance(exchange.tag, Order):
            self.orders += 1
            self.waits.append(exchange.ended - exchange.begun)
            if exchange.accepted:
                self.allocated += 1
            else:
                self.refused += 1

    def tick(self) -> None:
        """Close an interval: rate and p99 of what came since the last one."""
        now, (then, before) = time.perf_counter(), self._seen
        self.rate = (self.orders - before) / max(now - then, 1e-6)
        if self.orders > before:
            self.p99_ms = latency(self.waits).p99
        self.waits = []
        self._seen = (now, self.orders)
        self.rates = [*self.rates, self.rate][-_HISTORY:]

    def line(self) -> str:
        """One line of figures."""
        return (
            f"{self.rate:8,.0f} orders/s   p99 {self.p99_ms:7.1f} ms   "
            f"allocated {self.allocated:,}   refused {self.refused:,}"
        )


class View:
    """`async with View(console, title, total, meter):` around a run of the sender."""

    def __init__(self, console: Console, title: str, total: int, meter: Meter) -> None:
        self.console, self.meter, self.title, self.total = console, meter, title, total
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._progress.add_task(title, total=total)
        self._live = Live(console=console, refresh_per_second=8, transient=True)

    async def __aenter__(self) -> "View":
        if self.console.is_terminal:
            self._live.start()
        self._ticker = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *error) -> None:
        self._ticker.cancel()
        if self.console.is_terminal:
            self._live.stop()

    async def _run(self) -> None:
        while True:
            live = self.console.is_terminal
            await asyncio.sleep(_TICK_S if live else _PLAIN_TICK_S)
            self.meter.tick()
            if not live:
                self.console.print(
                    f"{self.title}: {self.meter.done:,} of {self.total:,}  {self.meter.line()}",
                    highlight=False,
                    soft_wrap=True,
                )
                continue
            self._progress.update(self._task, completed=self.meter.done)
            graph = Text(sparkline(self.meter.rates), style="cyan")
            self._live.update(Group(self._progress, Text(self.meter.line()), graph))
