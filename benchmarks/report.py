"""Tables and plots of the newest results: writes docs/benchmarks.md and docs/plots.

Of each bench the newest line counts, with all its samples. Results from elsewhere (the variable
DIBS_BENCH_RESULTS) are reported beside themselves, so that a trial never ends up in the docs.

    python -m benchmarks.report [--out DIR]
"""

import argparse
import json
from pathlib import Path

from benchmarks.record import KEPT, RESULTS
from benchmarks.report_sections import EXTRAS, present, rank, section_of
from benchmarks.show import CONSOLE, figure
from benchmarks.stats import median_range, verdict

ROOT = Path(__file__).parents[1]
HEAD = """# Benchmarks

Written by `python -m benchmarks.report` from the newest lines in `benchmarks/results`, which have
every sample. Medians with the range of all rounds. A ratio has a bootstrap 95 % interval, and meets
a goal only if the bad end of that interval does. A round whose books were wrong counts as zero.
"""
WORDS = {"target": "target met", "floor": "floor met", "missed": "**missed**", "": ""}


def newest(folder: Path) -> dict[str, dict]:
    """Return the newest result of each bench in the present form, in the report's order."""
    found = {}
    for path in folder.glob("*.jsonl"):
        lines = [line for line in path.read_text().splitlines() if line.strip()]
        if lines:
            line = present(json.loads(lines[-1]))
            found[line["bench"]] = line
    return {bench: found[bench] for bench in sorted(found, key=rank)}


def cells(*values: str) -> str:
    """Return one row of a table."""
    return "| " + " | ".join(value.replace("|", "\\|") for value in values) + " |"


def table(heads: list[str], rows: list[list[str]]) -> list[str]:
    """Return a table's lines; the first column is text, what follows may be numbers."""
    return [cells(*heads), cells(*("---" for _ in heads)), *(cells(*row) for row in rows), ""]


def _extra(row: dict, field: str, factor: float) -> str:
    value = row.get(field)
    samples = value if isinstance(value, list) else [value]
    if not samples or not all(isinstance(sample, int | float) for sample in samples):
        return ""
    return figure(median_range(samples)[0] * factor)


def rows_table(rows: list[dict]) -> list[str]:
    """Return the table of a bench's rows, with the extra fields that any of them has."""
    extras = {name: EXTRAS[name] for name in EXTRAS if any(row.get(name) for row in rows)}
    heads = [
        "case",
        "contestant",
        "median",
        "range",
        "unit",
        *(head for head, _ in extras.values()),
    ]
    lines = []
    for row in rows:
        middle, low, high = map(figure, median_range(row["samples"]))
        spread = f"{low} – {high}" if len(row["samples"]) > 1 else ""
        more = [_extra(row, name, factor) for name, (_, factor) in extras.items()]
        lines.append([row["case"], row["contestant"], middle, spread, row["unit"], *more])
    return table(heads, lines)


def ratio_cells(ratio: dict) -> list[str]:
    """Return a ratio's name, value, interval, goals and verdict as text."""
    sign = "≤" if ratio.get("less_is_better") else "≥"
    goals = [
        "" if ratio.get(goal) is None else f"{sign} {ratio[goal]:g}" for goal in ("floor", "target")
    ]
    interval = f"{figure(ratio['low'])} – {figure(ratio['high'])}"
    value = figure(ratio["value"]) if ratio["value"] else "failed"
    return [ratio["name"], value, interval, *goals, WORDS[verdict(ratio)]]


def summary(results: dict[str, dict]) -> list[str]:
    """Return the table of all ratios that have a goal."""
    rows = [
        [section_of(bench).title, *ratio_cells(ratio)]
        for bench, line in results.items()
        for ratio in line["ratios"]
        if verdict(ratio)
    ]
    if not rows:
        return []
    heads = ["bench", "ratio", "value", "95 %", "floor", "target", ""]
    return ["## Goals", "", *table(heads, rows)]


def bench_part(bench: str, line: dict, images: list[Path]) -> list[str]:
    """Return what the page says of one bench."""
    section, machine = section_of(bench), line["machine"]
    cpu = f"{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}"
    where = f"{cpu}, load {machine['load_1m']}"
    lines = [f"## {section.title}", ""]
    if section.text:
        lines += [section.text, ""]
    if line.get("short"):
        lines += ["A short run: it shows that the benchmark works, and little else.", ""]
    lines += [f"`{line['command']}`, commit {line['commit']}, {line['at']}; {where}.", ""]
    if note := line.get("note"):
        lines += [note, ""]
    if line["ratios"]:
        heads = ["ratio", "value", "95 %", "floor", "target", ""]
        lines += table(heads, [ratio_cells(ratio) for ratio in line["ratios"]])
    lines += rows_table(line["rows"]) if line["rows"] else ["This line has no rows to show.", ""]
    for image in images:
        lines += [f"![{section.title}: {image.stem}](plots/{image.name})", ""]
    return lines


def draw(results: dict[str, dict], folder: Path) -> dict[str, list[Path]]:
    """Write all plots anew; return the files by bench, none where matplotlib is missing."""
    try:
        from benchmarks import plots
    except ImportError:
        CONSOLE.print("no plots: matplotlib is missing; `pip install matplotlib` brings it")
        return {}
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.svg"):
        old.unlink()
    return {bench: plots.plot_all(bench, line, folder) for bench, line in results.items()}


def main() -> None:
    """Write the page and its plots."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    usual = ROOT / "docs" if RESULTS == KEPT else RESULTS / "report"
    parser.add_argument("--out", type=Path, default=usual)
    out = parser.parse_args().out
    results = newest(RESULTS)
    out.mkdir(parents=True, exist_ok=True)
    images = draw(results, out / "plots")
    lines = [HEAD, *summary(results)]
    for bench, line in results.items():
        lines += bench_part(bench, line, images.get(bench, []))
    page = out / "benchmarks.md"
    page.write_text("\n".join(lines).rstrip() + "\n")
    CONSOLE.print(f"wrote {page}", soft_wrap=True)


if __name__ == "__main__":
    main()
