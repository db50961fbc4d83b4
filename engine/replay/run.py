"""A whole replay: read everything, derive the catalogue, load it, send, judge, report."""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
from rich.console import Console
from rich.progress import Progress

from engine.core import limits
from engine.core.terms import WhenShort
from engine.replay import files, leaving, plan, stocking
from engine.replay.documents import Cancellation, Document, GivenBack, ReplayError
from engine.replay.files import Loaded
from engine.replay.judge import Judge
from engine.replay.report import (
    BAD_INPUT,
    Report,
    count,
    machine,
    refusal,
    show,
    write,
)
from engine.replay.sender import Exchange, Sender
from engine.replay.stocking import Catalogue
from engine.replay.view import Meter, View


class Options(msgspec.Struct, kw_only=True):
    """What a replay is told. `speed` is times real time, 0 for as fast as it goes; `fill` is the
    mean share of demand in opening stock; `channel` replaces the channels that files imply;
    `ship_after_h` hours after it came an order leaves, None: never; `orders_checked_max` bounds
    how many acknowledged orders are read back (a seeded sample)."""

    files: tuple[str, ...]
    url: str = "http://127.0.0.1:8787"
    key: str = ""
    speed: float = 0.0
    locations: int | None = None
    seed: int = 1
    connections: int = 64
    strict: bool = False
    report: Path | None = None
    fill: float = stocking.FILL
    when_short: str = "refuse"
    channel: str | None = None
    ship_after_h: float | None = None
    orders_checked_max: int = limits.REPLAY_ORDERS_CHECKED_MAX


def replay(options: Options, console: Console) -> int:
    """Run one replay and print it. Returns the exit code: 0 all promises held, 1 something was
    oversold, lost or wrong, 2 bad input."""
    try:
        _check(options)
        with console.status("Reading files"):
            loaded = files.load(options.files, strict=options.strict)
        _show_findings(loaded, console)
        report = _runner()(drive(options, loaded, console))
    except ReplayError as error:
        console.print(
            f"replay: {error}", style="red", highlight=False, markup=False, soft_wrap=True
        )
        return BAD_INPUT
    show(report, console)
    if options.report:
        write(report, options.report)
        console.print(f"written to {options.report}", style="dim", markup=False, soft_wrap=True)
    return report.exit_code


def _runner():
    try:
        import uvloop
    except ImportError:
        return asyncio.run
    return uvloop.run


def _check(options: Options) -> None:
    for name, least, most in (
        ("locations", 1, limits.REPLAY_LOCATIONS_MAX),
        ("connections", 1, limits.REPLAY_CONNECTIONS_MAX),
        ("seed", 0, 2**63 - 1),
        ("speed", 0, 1e9),
        ("fill", 0, 100),
        ("ship_after_h", 0, 24 * 366),
    ):
        value = getattr(options, name)
        if value is not None and not least <= value <= most:
            raise ReplayError(f"--{name} {value} is not between {least} and {most:g}")
    if options.when_short not in WhenShort.__args__:
        words = ", ".join(WhenShort.__args__)
        raise ReplayError(f"--when-short {options.when_short!r} is not one of {words}")
    if options.report and not options.report.parent.is_dir():
        raise ReplayError(f"{options.report}: there is no folder to write it in")


def _show_findings(loaded: Loaded, console: Console) -> None:
    found = loaded.findings
    for fault in found.faults[:10]:
        console.print(str(fault), style="yellow", highlight=False, markup=False, soft_wrap=True)
    if found.fault_count > 10:
        console.print(f"… and {found.fault_count - 10:,} more dirty rows", style="yellow")
    for reason, times in found.skipped.most_common():
        first = found.first_skipped[reason]
        text = f"skipped {times:,}: {reason} (first: {first})"
        console.print(text, style="dim", highlight=False, markup=False, soft_wrap=True)


async def drive(options: Options, loaded: Loaded, console: Console) -> Report:
    """Load, send, check and count. `ReplayError` when the server cannot be used."""
    documents = loaded.documents
    if options.locations is not None:
        documents = stocking.unbind(documents)
        for extract in loaded.extracts.values():
            extract.documents = stocking.unbind(extract.documents)
    if options.ship_after_h is not None:
        documents = leaving.leave(documents, options.ship_after_h * 3600)
    catalogue = stocking.derive(
        loaded, locations=options.locations, seed=options.seed, fill=options.fill
    )
    report = blank(options, loaded, catalogue, documents)
    sender = Sender(options.url, options.key, options.connections)
    await sender.open()
    try:
        judge = Judge()
        began = time.perf_counter()
        name = options.channel or "-".join(loaded.extracts)
        await load_catalogue(sender, catalogue, name, judge, console)
        report.timing.load_s = time.perf_counter() - began
        history = plan.requests(
            sender,
            documents,
            catalogue,
            speed=options.speed,
            channel=options.channel,
            when_short=options.when_short,
        )
        await _send(options, report, sender, history, console)
        began = time.perf_counter()
        with console.status("Checking: booking every answer"):
            count(report, judge, history)
        await check(sender, catalogue, judge, console, options.orders_checked_max, options.seed)
        report.verdict = judge.verdict
        report.timing.check_s = time.perf_counter() - began
    finally:
        sender.close()
    report.retries, report.reconnects = sender.retried, sender.reconnected
    return report


async def _send(
    options: Options, report: Report, sender: Sender, history: list[Exchange], console: Console
) -> None:
    meter = Meter()
    began, cpu = time.perf_counter(), time.process_time()
    async with View(console, "Replaying", len(history), meter):
        await sender.run(history, paced=options.speed > 0, on_answer=meter.saw)
    timing = report.timing
    timing.wall_s = time.perf_counter() - began
    timing.driver_cpu_s = time.process_time() - cpu
    timing.orders_per_s = meter.orders / timing.wall_s
    timing.requests_per_s = meter.done / timing.wall_s


async def load_catalogue(
    sender: Sender, catalogue: Catalogue, name: str, judge: Judge, console: Console
) -> None:
    """Read what is there, then put locations, SKUs and opening stock."""
    reads = plan.stock_reads(sender, catalogue)
    puts = plan.catalogue_puts(sender, catalogue)
    receipts = plan.opening_receipts(sender, catalogue, name)
    steps = [("Reading present stock", reads), ("Loading locations", puts[0])]
    steps += [("Loading SKUs", puts[1]), ("Loading opening stock", receipts)]
    with _progress(console) as progress:
        for title, exchanges in steps:
            await _through(sender, title, exchanges, progress)
            if exchanges is reads:
                _demand(reads, {200, 404}, title)
                judge.read_before(reads)
            else:
                _demand(exchanges, {200, 201}, title)
    for receipt in receipts:
        judge.take(receipt)


async def check(
    sender: Sender, catalogue: Catalogue, judge: Judge, console: Console, most: int, seed: int
) -> None:
    """Read orders and stock back and let the judge compare."""
    unsure, known = judge.to_read()
    room = max(most - len(unsure), 0)
    if len(known) > room:
        draw = np.random.default_rng(seed)
        known = [known[i] for i in sorted(draw.choice(len(known), room, replace=False))]
    orders = plan.order_reads(sender, unsure + known)
    stock = plan.stock_reads(sender, catalogue)
    with _progress(console) as progress:
        await _through(sender, "Reading orders back", orders, progress)
        judge.read_orders(orders)
        await _through(sender, "Reading stock back", stock, progress)
    judge.finish(stock)


def _progress(console: Console) -> Progress:
    return Progress(console=console, transient=True, disable=not console.is_terminal)


async def _through(
    sender: Sender, title: str, exchanges: list[Exchange], progress: Progress
) -> None:
    task = progress.add_task(title, total=len(exchanges))
    done = 0

    def saw(_: Exchange) -> None:
        nonlocal done
        done += 1
        if not done % 256:
            progress.update(task, completed=done)

    await sender.run(exchanges, on_answer=saw)
    progress.update(task, completed=len(exchanges))


def _demand(exchanges: list[Exchange], statuses: set[int], step: str) -> None:
    wrong = next((e for e in exchanges if e.status not in statuses), None)
    if wrong is not None:
        said = wrong.body[:500].decode(errors="replace")
        raise ReplayError(
            f"{step}: the server answered {wrong.status} {refusal(wrong)}; no order was sent. "
            f"{said}"
        )


def blank(
    options: Options, loaded: Loaded, catalogue: Catalogue, documents: list[Document]
) -> Report:
    """A report of what is about to be sent."""
    kinds: dict[str, int] = {}
    matching: dict[str, int] = {}
    for document in documents:
        kind = type(document).__name__
        kinds[kind] = kinds.get(kind, 0) + 1
        if isinstance(document, Cancellation | GivenBack):
            matching[document.rule] = matching.get(document.rule, 0) + 1
    parameters = msgspec.to_builtins(options, enc_hook=str)
    del parameters["key"], parameters["files"]
    return Report(
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        files=loaded.files,
        parameters=parameters,
        machine=machine(),
        locations=len(catalogue.locations),
        skus=len(catalogue.skus),
        opening_units=sum(catalogue.opening.values()),
        documents=kinds,
        matching=matching,
        skipped=loaded.findings.skipped,
        dirty_rows=loaded.findings.fault_count,
        first_faults=[str(fault) for fault in loaded.findings.faults[:20]],
    )
