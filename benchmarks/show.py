"""Samples gathered round by round, printed as tables and recorded: the end of every benchmark."""

from rich.console import Console
from rich.table import Table

from benchmarks.record import record
from benchmarks.stats import median_range, sample_row, verdict

CONSOLE = Console()


class Samples:
    """One number a round for each case, contestant and unit, in the order of their first coming."""

    def __init__(self) -> None:
        self._taken: dict[tuple[str, str, str], list[float]] = {}

    def add(self, case: str, contestant: str, unit: str, value: float) -> None:
        """Add one round's sample."""
        self._taken.setdefault((case, contestant, unit), []).append(float(value))

    def of(self, case: str, contestant: str, unit: str) -> list[float]:
        """Return the samples of one row, in the order of the rounds; `KeyError` without any."""
        return self._taken[case, contestant, unit]

    def rows(self) -> list[dict]:
        """Return the `rows` of a result."""
        return [sample_row(*names, samples) for names, samples in self._taken.items()]


def figure(value: float) -> str:
    """Return a number with as many digits as one can use."""
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.3g}"


def finish(bench: str, result: dict) -> None:
    """Print a result's `rows` and `ratios` and append it to `results/BENCH.jsonl`."""
    table = Table("case", "contestant", "median", "range", "unit", title=bench)
    for row in result["rows"]:
        middle, least, most = map(figure, median_range(row["samples"]))
        table.add_row(row["case"], row["contestant"], middle, f"{least} – {most}", row["unit"])
    CONSOLE.print(table)
    ratios = Table("ratio", "value", "95 %", "floor", "target", "")
    for ratio in result["ratios"]:
        goals = (
            "–" if goal is None else figure(goal) for goal in (ratio["floor"], ratio["target"])
        )
        interval = f"{figure(ratio['low'])} – {figure(ratio['high'])}"
        ratios.add_row(ratio["name"], figure(ratio["value"]), interval, *goals, verdict(ratio))
    if result["ratios"]:
        CONSOLE.print(ratios)
    CONSOLE.print(f"recorded in {record(bench, result)}", soft_wrap=True)
