"""`dibs verify`: run the independent walker and show its report."""

from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from engine.config import Settings
from engine.core.answers import moment
from engine.log.verify import Report
from engine.log.verify import verify as walk_log
from engine.service.wiring import Wiring


def verify(settings: Settings, from_seq: int, to_seq: int | None, json: Path | None) -> bool:
    """Walk and report; return whether all is well."""
    console = Console()
    wiring = Wiring(settings)
    columns = (TextColumn("walking"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        store = wiring.store("reader")
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task("walk", total=None)
            report = walk_log(
                store,
                settings.data,
                from_seq=from_seq,
                to_seq=to_seq,
                progress=lambda done, total: progress.update(task, completed=done, total=total),
            )
        store.close()
    finally:
        wiring.close()
    if json:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2))
    _show(console, report)
    return report.ok


def _show(console: Console, report: Report) -> None:
    table = Table(title="dibs verify", show_header=False)
    for name, value in msgspec.to_builtins(report).items():
        if name not in ("ok", "first_bad") and not isinstance(value, (dict, list)):
            table.add_row(name.removesuffix("_us").replace("_", " "), _readable(name, value))
    for kind, count in report.kinds.items():
        table.add_row(f"events: {kind}", f"{count:,}")
    console.print(table)
    if report.ok:
        console.print("[green]✓ clean[/]: chain whole, P1 and P2 hold at every prefix")
    else:
        console.print(f"[red]✗ bad[/]: {report.first_bad}", soft_wrap=True)


def _readable(name: str, value: object) -> str:
    if name.endswith("_us") and isinstance(value, int):
        return f"{moment(value):%Y-%m-%d %H:%M:%S.%f} UTC"
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 100 else f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
