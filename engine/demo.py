"""The demo burst of `dibs up`: real orders at a pace that a person can watch, over HTTP.

The orders are those of `demo_data`, in their order, with their cancellations, returns and stock
adjustments. Every SKU opens with enough stock but one, the star: the SKU on most orders opens with
what the first half of them takes, so it sells out before the eyes of the spectator.
"""

import asyncio
import time
from collections import Counter
from itertools import count as count_up
from pathlib import Path

import msgspec
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from engine.replay import files, plan, stocking
from engine.replay.documents import Adjustment, Cancellation, Order, ReplayError
from engine.replay.files import Loaded
from engine.replay.judge import Judge, StockAnswer
from engine.replay.report import Report, count, show
from engine.replay.run import Options, blank, check, load_catalogue
from engine.replay.sender import Exchange, Sender
from engine.replay.stocking import Catalogue
from engine.replay.view import Meter, sparkline

DATA = Path(__file__).parent / "demo_data"
ORDERS = 600
LOCATIONS = 4
SECONDS = 16.0
FILL = 1.1
STAR_LASTS = 0.45
HOT_SKUS = 6
CONNECTIONS = 16
_TICK_S = 0.25
_FRAMES_PER_TICK = 3
_PLAIN_TICK_S = 2.0


class _Short(msgspec.Struct):
    """One short line of a refusal."""

    sku: str | None = None
    requested: int | None = None
    available: int | None = None


class _Problem(msgspec.Struct):
    code: str = ""
    errors: list[_Short] = []


class _Scene(msgspec.Struct):
    """What the spectator sees. `hot` are SKUs, the star first; `opened` and `left` are units."""

    hot: list[str]
    titles: dict[str, str]
    opened: dict[str, int]
    left: dict[str, int]
    meter: Meter
    total: int
    refusal: str = ""
    sold_out: str = ""
    told: set[str] = set()

    def saw(self, exchange: Exchange) -> None:
        """Count an answer, and keep the first refusal for want of stock."""
        self.meter.saw(exchange)
        if self.refusal or exchange.status != 409 or not isinstance(exchange.tag, Order):
            return
        problem = msgspec.json.decode(exchange.body, type=_Problem)
        if problem.code == "insufficient_stock":
            order = exchange.tag.command.order_id
            short = problem.errors[0] if problem.errors else _Short()
            title = self.titles.get(short.sku or "", "")
            self.refusal = (
                f"order {order} refused, insufficient_stock: it asks for {short.requested} × "
                f"{short.sku} {title}, {short.available} available; nothing was taken"
            )

    def stock(self, sku: str, units: int) -> None:
        """Note what is available of a hot SKU now."""
        self.left[sku] = units
        if not units and not self.sold_out:
            self.sold_out = f"{sku} {self.titles[sku]} is sold out"


async def run_demo(
    url: str,
    key: str,
    console: Console,
    *,
    key_file: Path | str | None = None,
    pace: float = 1.0,
) -> Report | None:
    """Load the demo catalogue and drive the burst, about 16 s at `pace` 1, half that at 2.

    Prints a live view on a terminal and plain lines elsewhere, then a summary with the judge's
    verdict. Returns the report, or None after printing why the demo could not run.
    """
    sender, reader = Sender(url, key, CONNECTIONS), Sender(url, key, 1)
    try:
        loaded = _first_orders(files.load([DATA]))
        catalogue, hot = _catalogue(loaded)
        await sender.open()
        await reader.open()
        channel = await _channel(reader, loaded)
        options = Options(files=(str(DATA),), url=url, locations=LOCATIONS, channel=channel)
        report, judge = blank(options, loaded, catalogue, loaded.documents), Judge()
        began = time.perf_counter()
        await load_catalogue(sender, catalogue, channel, judge, console)
        report.timing.load_s = time.perf_counter() - began
        history = plan.requests(sender, loaded.documents, catalogue, channel=channel)
        scene = await _scene(reader, loaded, catalogue, hot, len(history))
        await _burst(sender, reader, history, scene, console, SECONDS / pace, report)
        count(report, judge, history)
        await check(sender, catalogue, judge, console, len(history), 1)
        report.verdict, report.retries = judge.verdict, sender.retried
        show(report, console, title="Demo")
        _next_steps(console, url, key_file, scene)
        return report
    except ReplayError as error:
        console.print(f"demo: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
        return None
    finally:
        sender.close()
        reader.close()


def _first_orders(loaded: Loaded) -> Loaded:
    """Cut to the first `ORDERS` orders and what happens meanwhile."""
    kept, orders = [], set()
    for document in loaded.documents:
        if isinstance(document, Order):
            if len(orders) == ORDERS:
                break
            orders.add(document.command.order_id)
        kept.append(document)
    loaded.documents = kept
    used = {line.sku for d in kept for line in _lines(d)}
    for extract in loaded.extracts.values():
        extract.documents = kept
        extract.skus = {sku: facts for sku, facts in extract.skus.items() if sku in used}
    return loaded


def _lines(document) -> tuple:
    if isinstance(document, (Order, Cancellation)):
        return document.command.lines or ()
    return document.lines


def _catalogue(loaded: Loaded) -> tuple[Catalogue, list[str]]:
    """The catalogue with a star that opens short, and the SKUs on most orders, the star first."""
    catalogue = stocking.derive(loaded, locations=LOCATIONS, fill=FILL)
    orders: Counter[str] = Counter()
    for document in loaded.documents:
        if isinstance(document, Order):
            orders.update({line.sku for line in document.command.lines})
    hot = [sku for sku, _ in orders.most_common(HOT_SKUS)]
    units = _sold_by(loaded, hot[0], STAR_LASTS)
    for cell in sorted(cell for cell in catalogue.opening if cell[0] == hot[0]):
        catalogue.opening[cell] = min(catalogue.opening[cell], units)
        units -= catalogue.opening[cell]
    return catalogue, hot


def _sold_by(loaded: Loaded, sku: str, share: float) -> int:
    """Units of a SKU that are gone, net of what came back, with the last of its orders in the
    first `share` of all documents."""
    gone = net = 0
    wholes: dict[str, int] = {}
    for document in loaded.documents[: int(len(loaded.documents) * share)]:
        lines = [line for line in _lines(document) if line.sku == sku]
        if isinstance(document, Order):
            wholes[document.command.order_id] = sum(line.quantity for line in lines)
            net += wholes[document.command.order_id]
            gone = net if lines else gone
        elif isinstance(document, Cancellation) and document.command.lines is None:
            net -= wholes[document.command.order_id]
        elif isinstance(document, Adjustment):
            net -= sum(line.delta for line in lines)
        else:
            net -= sum(line.quantity for line in lines)
    return gone


async def _channel(reader: Sender, loaded: Loaded) -> str:
    """`demo`, or `demo-2` and so on if the demo ran before: its orders must be new ones."""
    first = next(d for d in loaded.documents if isinstance(d, Order))
    number, name = 1, "demo"
    while True:
        command = msgspec.structs.replace(first.command, channel=name)
        reads = plan.order_reads(reader, [msgspec.structs.replace(first, command=command)])
        await reader.run(reads)
        if reads[0].status != 200:
            return name
        number += 1
        name = f"demo-{number}"


async def _scene(
    reader: Sender, loaded: Loaded, catalogue: Catalogue, hot: list[str], total: int
) -> _Scene:
    titles = {put.sku: put.title.title() for put in catalogue.skus}
    scene = _Scene(hot, titles, {}, {}, Meter(), total)
    await _read_stock(reader, scene)
    scene.opened = dict(scene.left)
    return scene


async def _read_stock(reader: Sender, scene: _Scene) -> None:
    reads = [Exchange(plan.stock_read(reader, sku), sku) for sku in scene.hot]
    await reader.run(reads)
    for read in reads:
        if read.status == 200:
            answer = msgspec.json.decode(read.body, type=StockAnswer)
            scene.stock(read.tag, sum(row.available for row in answer.locations))


async def _burst(
    sender: Sender,
    reader: Sender,
    history: list[Exchange],
    scene: _Scene,
    console: Console,
    seconds: float,
    report: Report,
) -> None:
    for number, exchange in enumerate(history):
        exchange.due_s = number * seconds / len(history)
    began, cpu = time.perf_counter(), time.process_time()
    watcher = asyncio.create_task(_watch(reader, scene, console))
    try:
        await sender.run(history, paced=True, on_answer=scene.saw)
        timing = report.timing
        timing.wall_s = time.perf_counter() - began
        timing.driver_cpu_s = time.process_time() - cpu
        timing.orders_per_s = scene.meter.orders / timing.wall_s
        timing.requests_per_s = scene.meter.done / timing.wall_s
    finally:
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)
    await _read_stock(reader, scene)
    if not scene.meter.rates:
        scene.meter.tick()
    if console.is_terminal:
        console.print(_panel(scene))
    else:
        _tell(scene, console)


async def _watch(reader: Sender, scene: _Scene, console: Console) -> None:
    """Refresh stock and figures until cancelled."""
    if not console.is_terminal:
        while True:
            await asyncio.sleep(_PLAIN_TICK_S)
            await _read_stock(reader, scene)
            scene.meter.tick()
            _tell(scene, console)
    with Live(_panel(scene), console=console, refresh_per_second=8, transient=True) as live:
        for frame in count_up(1):
            await asyncio.sleep(_TICK_S)
            await _read_stock(reader, scene)
            if not frame % _FRAMES_PER_TICK:
                scene.meter.tick()
            live.update(_panel(scene))


def _tell(scene: _Scene, console: Console) -> None:
    star = scene.hot[0]
    console.print(
        f"demo: {scene.meter.done:,} of {scene.total:,}  {scene.meter.line()}   "
        f"{star} left {scene.left[star]:,}",
        highlight=False,
        soft_wrap=True,
    )
    for event in (scene.refusal, scene.sold_out):
        if event and event not in scene.told:
            scene.told.add(event)
            console.print(f"demo: {event}", highlight=False, soft_wrap=True)


def _panel(scene: _Scene) -> Panel:
    stock = Table.grid(padding=(0, 2))
    for sku in scene.hot:
        left, opened = scene.left[sku], max(scene.opened[sku], 1)
        gone = not left
        stock.add_row(
            sku,
            Text(scene.titles[sku], overflow="ellipsis", no_wrap=True),
            ProgressBar(total=opened, completed=min(left, opened), width=30),
            Text("SOLD OUT" if gone else f"{left:,} left", "red bold" if gone else ""),
        )
    done = ProgressBar(total=scene.total, completed=scene.meter.done, width=60)
    graph = Text(sparkline(scene.meter.rates), style="cyan")
    parts = [done, Text(scene.meter.line()), graph, Text(), stock]
    if scene.refusal:
        parts += [Text(), Text(scene.refusal, style="red")]
    return Panel(Group(*parts), title="real orders, one ledger", border_style="cyan")


def _next_steps(console: Console, url: str, key_file: Path | str | None, scene: _Scene) -> None:
    sku = max(scene.hot, key=lambda found: scene.left[found])
    key = f'-H "Authorization: Bearer $(cat {key_file or "admin.key"})"'
    body = f'{{"order_id":"my-1","channel":"shop","lines":[{{"sku":"{sku}","quantity":1}}]}}'
    console.print("Try next:", style="bold")
    for line in (
        f"curl -s {key} {url}/v1/stock/{sku}",
        f"curl -s {key} -H 'Content-Type: application/json' {url}/v1/orders -d '{body}'",
    ):
        console.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)
