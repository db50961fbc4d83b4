"""Plots of results: bars with ranges for each unit, latency curves, ratios beside their goals."""

import re
import statistics
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot, ticker

from benchmarks.show import figure
from benchmarks.stats import median_range

# Okabe and Ito's colours, which colour-blind readers can tell apart.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000")
OURS = "dibs"  # always in the first colour
WIDE = 30  # largest ÷ least beyond which an axis is logarithmic
CURVE_FIELDS = {50.0: "p50_us", 99.0: "p99_us", 99.9: "p999_us"}
# The same results give the same file, so that a changed plot is a changed result.
pyplot.rcParams.update({"svg.hashsalt": "dibs", "font.size": 9, "svg.fonttype": "none"})


def plot_all(bench: str, line: dict, folder: Path) -> list[Path]:
    """Write the plots of one bench; return the files, some or none."""
    files = [
        bars(
            f"{bench}-{_slug(unit)}",
            unit,
            [row for row in line["rows"] if row["unit"] == unit],
            folder,
        )
        for unit in dict.fromkeys(row["unit"] for row in line["rows"])
    ]
    files.append(curves(f"{bench}-latency", line["rows"], folder))
    files.append(goals(f"{bench}-goals", line["ratios"], folder))
    return [file for file in files if file]


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower().replace("/", " per ")).strip("-")


def _family(contestant: str) -> str:
    """Return what variants of one contestant have in common: their first word."""
    return re.split(r"[ ,_+]", contestant)[0]


def _save(plot, path: Path) -> Path:
    plot.savefig(path, bbox_inches="tight", metadata={"Date": None})
    pyplot.close(plot)
    return path


def bars(name: str, unit: str, rows: list[dict], folder: Path) -> Path | None:
    """Plot medians with their ranges, grouped by case; None for fewer than two rows."""
    if len(rows) < 2:
        return None
    others = {_family(row["contestant"]) for row in rows} - {OURS}
    families = [OURS, *sorted(others)]
    cases = list(dict.fromkeys(row["case"] for row in rows))
    plot, axes = pyplot.subplots(figsize=(8, 0.8 + 0.22 * len(rows) + 0.3 * len(cases)))
    tops = [max(row["samples"]) for row in rows]
    lows = [low for row in rows if (low := min(row["samples"])) > 0]
    at, ticks = 0.0, []
    for case in cases:
        axes.text(
            0, at, f" {case}", transform=axes.get_yaxis_transform(), va="center", weight="bold"
        )
        for row in (row for row in rows if row["case"] == case):
            at += 1
            middle, low, high = median_range(row["samples"])
            label = row["contestant"]
            axes.barh(
                at,
                middle,
                0.8,
                color=COLOURS[families.index(_family(label)) % len(COLOURS)],
                xerr=[[middle - low], [high - middle]],
                error_kw={"elinewidth": 1, "capsize": 2, "ecolor": "#444444"},
            )
            axes.annotate(
                figure(middle), (high, at), (4, 0), textcoords="offset points", va="center"
            )
            ticks.append((at, label))
        at += 1.3
    if lows and max(tops) / min(lows) > WIDE:
        axes.set_xscale("log")
        axes.set_xlim(min(lows) / 2, max(tops) * 3)
    else:
        axes.set_xlim(0, max(tops) * 1.15 or 1)
    axes.set_yticks(*zip(*ticks, strict=True))
    axes.set_ylim(at - 0.5, -0.7)
    axes.set_xlabel(f"{unit} (median, range of all rounds)")
    axes.spines[["top", "right"]].set_visible(False)
    return _save(plot, folder / f"{name}.svg")


def _curve(row: dict) -> list[tuple[float, float]]:
    """Return (percentile, ms) pairs of a row, [] without any."""
    if row.get("curve"):
        return [(float(share), value / 1000) for share, value in row["curve"]]
    found = {share: row.get(field) for share, field in CURVE_FIELDS.items()}
    if not all(found.values()):
        return []
    return [
        (share, statistics.median(v if isinstance(v, list) else [v]) / 1000)
        for share, v in found.items()
    ]


def curves(name: str, rows: list[dict], folder: Path) -> Path | None:
    """Plot latency over percentile, a line for each row that knows it; None without any."""
    drawn = [(row, pairs) for row in rows if (pairs := _curve(row))]
    if not drawn:
        return None
    plot, axes = pyplot.subplots(figsize=(8, 4.5))
    marks, styles = "os^Dv<>P", ("-", "--", ":", "-.")
    for n, (row, pairs) in enumerate(drawn):
        inside = [(100 / (100 - share), value) for share, value in pairs if 0 < share < 100]
        axes.plot(
            *zip(*inside, strict=True),
            color=COLOURS[n % len(COLOURS)],
            linestyle=styles[n // len(COLOURS) % len(styles)],
            marker=marks[n % len(marks)] if len(inside) < 8 else None,
            markersize=4,
            label=f"{row['contestant']}, {row['case']}",
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    shares = (50, 90, 99, 99.9, 99.99)
    axes.set_xticks([100 / (100 - share) for share in shares], [f"p{share:g}" for share in shares])
    axes.minorticks_off()
    axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_ylabel("ms")
    axes.grid(True, alpha=0.3)
    axes.legend(fontsize=7, bbox_to_anchor=(1.01, 1), loc="upper left", frameon=False)
    return _save(plot, folder / f"{name}.svg")


def goals(name: str, ratios: list[dict], folder: Path) -> Path | None:
    """Plot each ratio's interval as a share of its target (or floor): right of 1 is met."""
    held = [r for r in ratios if (r["target"] or r["floor"]) and r["value"] and r["low"]]
    if not held:
        return None
    plot, axes = pyplot.subplots(figsize=(8, 0.9 + 0.32 * len(held)))
    for at, ratio in enumerate(held):
        goal, less = ratio["target"] or ratio["floor"], ratio.get("less_is_better")
        low, middle, high = sorted(
            goal / ratio[end] if less else ratio[end] / goal for end in ("low", "value", "high")
        )
        axes.plot([low, high], [at, at], color=COLOURS[0], linewidth=3, solid_capstyle="butt")
        axes.plot(middle, at, "o", color=COLOURS[0])
        if ratio["floor"] and ratio["target"]:
            floor = goal / ratio["floor"] if less else ratio["floor"] / goal
            axes.plot(floor, at, "|", color=COLOURS[3], markersize=14, markeredgewidth=2)
    axes.axvline(1, color=COLOURS[2], linewidth=1.5)
    axes.set_xscale("log")
    axes.set_yticks(range(len(held)), [ratio["name"] for ratio in held])
    axes.set_ylim(len(held) - 0.4, -0.6)
    axes.set_xlabel("share of the target (green line) that is reached; red mark: the floor")
    axes.spines[["top", "right"]].set_visible(False)
    return _save(plot, folder / f"{name}.svg")
