"""Plots of load tests, as SVG text that stands in a page by itself."""

import io

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from loadtests.scenarios import Round

INK, FAINT = "#1f2933", "#d9dee4"
BLUE, ORANGE, RED, GREEN, GREY = "#1f6feb", "#d9730d", "#c0362c", "#2b8a5f", "#8895a3"
COLOURS = (BLUE, ORANGE, GREEN, RED, "#7a4fc4")
_STYLE = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    # Two reports of the same data shall be the same text.
    "svg.hashsalt": "dibs",
}


def over_time(found: Round) -> str:
    """Return latency and rate of one scenario, second by second, marks as dotted lines."""
    rows = found.outcome.series()
    seconds = [row["second"] + 0.5 for row in rows]
    with rc_context(_STYLE):
        figure = Figure(figsize=(10.4, 4.6), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        for field, colour in (("p50", BLUE), ("p99", ORANGE), ("p99.9", RED), ("max", GREY)):
            line = [max(row[field], 10) / 1000 for row in rows]
            above.plot(seconds, line, color=colour, label=field, linewidth=1.7)
        _milliseconds(above.yaxis, above.set_yscale)
        above.set_ylabel("latency, ms")
        above.legend(ncols=4, loc="upper left", bbox_to_anchor=(0, 1.16), handlelength=1.4)
        _rates(below, seconds, rows)
        for name, at in found.marks.items():
            for axes in (above, below):
                axes.axvline(at, color=INK, linestyle=":", linewidth=1.2)
            above.annotate(name, (at, 0.97), (4, 0), "axes fraction", "offset points", va="top")
            above.texts[-1].xycoords = ("data", "axes fraction")
        return _svg(figure)


def _rates(axes, seconds: list[float], rows: list[dict]) -> None:
    ok, refused = [row["ok"] for row in rows], [row["refused"] for row in rows]
    broken = [row["broken"] + row["failed"] for row in rows]
    axes.stackplot(
        seconds,
        ok,
        refused,
        broken,
        colors=(GREEN, ORANGE, RED),
        alpha=0.75,
        labels=("2xx", "4xx", "5xx or no answer"),
    )
    axes.plot(seconds, [row["due"] for row in rows], color=INK, linewidth=1.1, label="due")
    axes.set_ylabel("requests/s")
    axes.set_xlabel("seconds since the start")
    axes.set_xlim(0, len(rows))
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.legend(ncols=4, loc="upper left", bbox_to_anchor=(0, 1.24), handlelength=1.4)


def curves(rounds: list[Round]) -> str:
    """Return the percentile curves of all scenarios, each nine as wide as the one before."""
    with rc_context(_STYLE):
        figure = Figure(figsize=(10.4, 3.9), layout="constrained")
        axes = figure.subplots()
        for number, found in enumerate(rounds):
            pairs = [pair for pair in found.outcome.latency.curve() if pair[0] < 100]
            across = [1 / (1 - share / 100) for share, _ in pairs]
            up = [max(us, 10) / 1000 for _, us in pairs]
            colour = COLOURS[number % len(COLOURS)]
            axes.plot(across, up, label=found.title, color=colour, linewidth=1.7)
        axes.set_xscale("log")
        axes.set_xlim(left=1)
        _milliseconds(axes.yaxis, axes.set_yscale)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _share(value)))
        axes.xaxis.minorticks_off()
        axes.set_xlabel("share of requests that were answered at least as fast")
        axes.set_ylabel("latency, ms")
        axes.legend(ncols=5, loc="upper left", bbox_to_anchor=(0, 1.14), handlelength=1.4)
        return _svg(figure)


def _share(value: float) -> str:
    return f"{100 * (1 - 1 / value):.6g} %" if value >= 1 else ""


def _milliseconds(axis, set_scale) -> None:
    set_scale("log")
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
    axis.axes.margins(y=0.12)


def _svg(figure: Figure) -> str:
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None}, transparent=True)
    text = out.getvalue()
    return text[text.index("<svg") :]
