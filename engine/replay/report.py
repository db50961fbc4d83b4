"""What a replay came to: counted from the history of answers, judged, timed; as JSON and as tables.

Latency runs from the start of sending to the answer; in a paced run from the moment a document was
due, so that waiting for a free connection counts.
"""

import os
import platform
from collections import Counter
from pathlib import Path

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from engine.replay.documents import Cancellation, GivenBack, Leaving, Order
from engine.replay.judge import Judge, OrderAnswer, Verdict
from engine.replay.plan import Back
from engine.replay.sender import NO_ANSWER, WITHHELD, Exchange

OK, BROKEN, BAD_INPUT = 0, 1, 2


class Latency(msgspec.Struct):
    """Milliseconds."""

    p50: float = 0.0
    p90: float = 0.0
    p99: float = 0.0
    p99_9: float = 0.0
    max: float = 0.0


class Orders(msgspec.Struct):
    """Orders by what became of them. `refused` counts by code, `unanswered` ran out of tries."""

    sent: int = 0
    allocated: int = 0
    partially_allocated: int = 0
    backordered: int = 0
    refused: dict[str, int] = msgspec.field(default_factory=Counter)
    unanswered: int = 0
    replayed: int = 0


class Papers(msgspec.Struct):
    """Cancellations, shipments, steps of returns, receipts of goods that no order accounts for, or
    adjustments. `withheld`: their order had been refused."""

    sent: int = 0
    accepted: int = 0
    refused: dict[str, int] = msgspec.field(default_factory=Counter)
    unanswered: int = 0
    withheld: int = 0
    replayed: int = 0


class Units(msgspec.Struct):
    """Units on order lines, by first answer."""

    ordered: int = 0
    allocated: int = 0
    backordered: int = 0
    refused: int = 0


class Timing(msgspec.Struct):
    """Seconds, and rates over the time in which documents were sent."""

    load_s: float = 0.0
    wall_s: float = 0.0
    check_s: float = 0.0
    driver_cpu_s: float = 0.0
    orders_per_s: float = 0.0
    requests_per_s: float = 0.0
    order_latency_ms: Latency = msgspec.field(default_factory=Latency)


class Report(msgspec.Struct, kw_only=True):
    """One replay."""

    started_at: str
    files: list[str]
    parameters: dict
    machine: dict
    locations: int
    skus: int
    opening_units: int
    documents: dict[str, int]
    matching: dict[str, int]
    skipped: dict[str, int]
    dirty_rows: int
    first_faults: list[str]
    orders: Orders = msgspec.field(default_factory=Orders)
    cancellations: Papers = msgspec.field(default_factory=Papers)
    shipments: Papers = msgspec.field(default_factory=Papers)
    given_back: Papers = msgspec.field(default_factory=Papers)
    returns: Papers = msgspec.field(default_factory=Papers)
    adjustments: Papers = msgspec.field(default_factory=Papers)
    outcomes: dict[str, dict[str, int]] = {}
    units: Units = msgspec.field(default_factory=Units)
    retries: int = 0
    reconnects: int = 0
    timing: Timing = msgspec.field(default_factory=Timing)
    verdict: Verdict = msgspec.field(default_factory=Verdict)

    @property
    def exit_code(self) -> int:
        """0 when every promise held, 1 when one did not."""
        found = self.verdict
        broken = found.oversold_units + found.lost + found.stock_mismatches + found.wrong_answers
        return BROKEN if broken else OK


class _Problem(msgspec.Struct):
    code: str = ""


_problem = msgspec.json.Decoder(_Problem).decode


def refusal(exchange: Exchange) -> str:
    """Return the problem's code, or the bare HTTP status where there is none."""
    try:
        return _problem(exchange.body).code or f"http_{exchange.status}"
    except msgspec.DecodeError:
        return f"http_{exchange.status}"


def count(report: Report, judge: Judge, history: list[Exchange]) -> None:
    """Book the whole history with the judge and count it."""
    waits: list[float] = []
    for exchange in history:
        answer = judge.take(exchange)
        tag = exchange.tag
        if isinstance(tag, Order):
            _count_order(report, tag, exchange, answer)
            if exchange.status != NO_ANSWER:
                waits.append(exchange.ended - exchange.begun)
            continue
        papers = _papers(report, tag)
        if exchange.status == WITHHELD:
            papers.withheld += 1
            continue
        papers.sent += 1
        papers.unanswered += exchange.status == NO_ANSWER
        papers.accepted += exchange.accepted
        papers.replayed += bool(answer and answer.replayed)
        if exchange.status >= 300:
            papers.refused[refusal(exchange)] += 1
    report.timing.order_latency_ms = latency(waits)
    report.outcomes = outcomes(history)


def _papers(report: Report, tag) -> Papers:
    if isinstance(tag, Cancellation):
        return report.cancellations
    if isinstance(tag, Leaving):
        return report.shipments
    if isinstance(tag, GivenBack | Back):
        return report.given_back
    return report.returns if tag.kind == "receipt" else report.adjustments


_WORDS = {
    Order: "allocated",
    Cancellation: "cancelled before it left",
    Leaving: "left",
    GivenBack: "came back and is on sale again",
    "receipt": "received; no order accounts for it",
    "adjustment": "booked",
}


def outcomes(history: list[Exchange]) -> dict[str, dict[str, int]]:
    """Return what became of the documents, by kind: each is counted once. One that took several
    requests came to the first of them that was not accepted."""
    became: dict[tuple, tuple[str, str]] = {}
    for exchange in history:
        tag = exchange.tag.document if isinstance(exchange.tag, Back) else exchange.tag
        kind = type(tag).__name__
        word = _WORDS.get(type(tag), "")
        key = (kind, id(tag))
        if not word:
            kind = "GoodsReturn" if tag.kind == "receipt" else "Adjustment"
            word, key = _WORDS[tag.kind], (kind, tag.paper)
        if exchange.status == WITHHELD:
            word = "not sent, its order was refused"
        elif exchange.status == NO_ANSWER:
            word = "unanswered"
        elif not exchange.accepted:
            word = f"refused: {refusal(exchange)}"
        if key not in became or became[key][1] in _WORDS.values():
            became[key] = (kind, word)
    found: dict[str, dict[str, int]] = {}
    for kind, word in became.values():
        rows = found.setdefault(kind, {})
        rows[word] = rows.get(word, 0) + 1
    return found


def _count_order(report: Report, order: Order, exchange: Exchange, answer) -> None:
    orders, units = report.orders, report.units
    asked = sum(line.quantity for line in order.command.lines)
    orders.sent += 1
    units.ordered += asked
    if exchange.status == NO_ANSWER:
        orders.unanswered += 1
    elif not exchange.accepted:
        orders.refused[refusal(exchange)] += 1
        units.refused += asked
    elif isinstance(answer, OrderAnswer):
        given = sum(answer.held().values())
        waiting = sum(line.backordered for line in answer.lines)
        orders.replayed += answer.replayed
        orders.allocated += not waiting
        orders.backordered += bool(waiting and not given)
        orders.partially_allocated += bool(waiting and given)
        units.allocated += given
        units.backordered += waiting


def latency(waits_s: list[float]) -> Latency:
    """Percentiles of waits in seconds, as milliseconds."""
    if not waits_s:
        return Latency()
    marks = np.percentile(np.array(waits_s) * 1e3, (50, 90, 99, 99.9, 100))
    return Latency(*(round(float(mark), 3) for mark in marks))


def machine() -> dict:
    """Where this ran."""
    model = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = (line.partition(":") for line in info.read_text().splitlines())
        model = next((v.strip() for k, _, v in lines if k.strip() == "model name"), model)
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
    }


def write(report: Report, path: Path) -> None:
    """Write as indented JSON."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")


def _coded(refused: dict[str, int]) -> str:
    return ", ".join(f"{code} {n:,}" for code, n in Counter(refused).most_common()) or "none"


def show(report: Report, console: Console, title: str = "Replay") -> None:
    """Print the tables."""
    grid = Table(title=title, title_justify="left", show_header=False, box=None, pad_edge=False)
    grid.add_column(style="dim")
    grid.add_column()
    orders, units, timing, found = report.orders, report.units, report.timing, report.verdict
    rows = [
        ("catalogue", f"{report.skus:,} SKUs, {report.locations:,} locations, "
                      f"{report.opening_units:,} units opening stock"),
        ("orders sent", f"{orders.sent:,}"),
        ("  allocated", f"{orders.allocated:,} in full, {orders.partially_allocated:,} in part, "
                        f"{orders.backordered:,} backordered"),
        ("  refused", _coded(orders.refused)),
    ]  # fmt: skip
    for name in ("cancellations", "shipments", "given_back", "returns", "adjustments"):
        papers: Papers = getattr(report, name)
        if name in ("shipments", "given_back") and not papers.sent + papers.withheld:
            continue
        text = f"{papers.accepted:,} of {papers.sent:,} accepted"
        if papers.refused:
            text += f", refused: {_coded(papers.refused)}"
        if papers.withheld:
            text += f"; {papers.withheld:,} not sent, their order had been refused"
        rows.append((name.replace("_", " "), text))
    waits = timing.order_latency_ms
    unanswered = orders.unanswered + sum(
        p.unanswered for p in (report.cancellations, report.returns, report.adjustments)
    )
    rows += [
        ("units", f"{units.ordered:,} ordered, {units.allocated:,} allocated, "
                  f"{units.backordered:,} backordered, {units.refused:,} refused"),
        ("answers", f"{orders.replayed:,} orders replayed, {report.retries:,} retries, "
                    f"{report.reconnects:,} reconnects, {unanswered:,} unanswered"),
        ("speed", f"{timing.orders_per_s:,.0f} orders/s, {timing.requests_per_s:,.0f} requests/s "
                  f"over {timing.wall_s:.2f} s; driver {timing.driver_cpu_s:.2f} CPU-s"),
        ("latency ms", f"p50 {waits.p50:.1f}  p90 {waits.p90:.1f}  p99 {waits.p99:.1f}  "
                       f"p99.9 {waits.p99_9:.1f}  max {waits.max:.1f}"),
    ]  # fmt: skip
    for row in rows:
        grid.add_row(*row)
    console.print(grid)
    _show_outcomes(report, console)
    _show_verdict(found, console)


def _show_outcomes(report: Report, console: Console) -> None:
    grid = Table(
        title="What became of each document", title_justify="left", show_header=False, box=None
    )
    for style in ("dim", "", ""):
        grid.add_column(style=style)
    for kind, total in report.documents.items():
        rows = report.outcomes.get(kind, {})
        for word, times in sorted(rows.items(), key=lambda row: -row[1]):
            grid.add_row(kind, f"{times:,}", word)
        if total != sum(rows.values()):
            grid.add_row(kind, f"{total - sum(rows.values()):,}", "[red bold]not accounted for[/]")
    console.print(grid)


def _show_verdict(found: Verdict, console: Console) -> None:
    grid = Table(title="Judge", title_justify="left", show_header=False, box=None, pad_edge=False)
    grid.add_column()
    grid.add_column()
    checked = f"{found.positions:,} positions"
    if found.positions_in_doubt:
        checked += f", {found.positions_in_doubt:,} of them in doubt: an answer never came"
    for name, value, against in (
        ("oversold units", found.oversold_units, checked),
        ("lost orders", found.lost, f"{found.orders_read:,} orders read back"),
        ("stock that differs from the account", found.stock_mismatches, checked),
        ("wrong answers", found.wrong_answers, "lines and sums of every answer"),
    ):
        colour = "red bold" if value else "green"
        grid.add_row(name, f"[{colour}]{value:,}[/]  [dim]({against})[/]")
    console.print(grid)
    for example in found.examples:
        console.print(f"  {example}", style="red", highlight=False, markup=False)
