"""The report: one page that needs nothing else, for a person who was not there."""

import html
import os
import platform
import time

from engine import __version__
from loadtests import plots
from loadtests.scenarios import SCENARIOS, Round

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1f2933; background: #f6f7f9; margin: 0; }
main { max-width: 1080px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 28px; margin: 0 0 4px; } h2 { font-size: 20px; margin: 0 0 4px; }
p { margin: 4px 0 12px; } .faint { color: #5b6875; font-size: 14px; }
section { background: #fff; border: 1px solid #e3e7ec; border-radius: 8px; padding: 20px 24px;
  margin-top: 20px; }
.verdict { display: inline-block; border-radius: 6px; padding: 6px 14px; font-weight: 600;
  margin: 12px 0 0; }
.right { background: #ddf3e6; color: #17603d; } .wrong { background: #fbe0dd; color: #8f1d14; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 6px 10px; border-bottom: 1px solid #e9ecf0; }
th { font-weight: 600; font-size: 13px; color: #5b6875; white-space: nowrap; }
th:first-child, td:first-child, .said td { text-align: left; }
svg { width: 100%; height: auto; display: block; }
"""


def page(rounds: list[Round], *, rate: float, connections: int, command: str) -> str:
    """Return the report as HTML. `rate` is what the server took per second before the scenarios."""
    wrong = sum(len(found.wrong) for found in rounds)
    bound = [found.title for found in rounds if found.outcome.generator_bound]
    parts = [_verdict(rounds, wrong, bound), _summary(rounds, rate)]
    parts += [_section("How latency is spread", _SPREAD, plots.curves(rounds))]
    parts += [_scenario(found) for found in rounds]
    at = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    made = f"dibs {__version__}, {machine}, {connections} connections, {at}. {command}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>dibs load test</title><style>{_STYLE}</style></head><body><main>"
        f'<h1>dibs load test</h1><p class="faint">{html.escape(made)}</p>'
        f"{''.join(parts)}</main></body></html>"
    )


_SPREAD = (
    "To the right of 99 % lies the slowest hundredth, right of 99.9 % the slowest thousandth. "
    "All latencies count from the moment a request was due, waiting for a connection included."
)


def _verdict(rounds: list[Round], wrong: int, bound: list[str]) -> str:
    sold = sum(int(found.outcome.units[0].sum()) for found in rounds)
    text = f"Books right after every scenario: {sold:,} units sold, none oversold"
    if wrong:
        text = f"{wrong:,} entries of the books are wrong; see below"
    mood = "wrong" if wrong else "right"
    out = f'<div class="verdict {mood}">{text}</div>'
    if bound:
        names = html.escape(", ".join(bound))
        out += (
            f'<p class="faint">The generator itself was late in {names}: there, latencies are in '
            "part its own, and the server was faster than shown.</p>"
        )
    return out


def _summary(rounds: list[Round], rate: float) -> str:
    rows = []
    for found in rounds:
        outcome, times = found.outcome, found.outcome.latency.summary()
        counts = outcome.by_second.sum(axis=0)
        failed = int(counts[4] + counts[5]) + outcome.counts["unsent"]
        cells = [f"{outcome.per_s:,.0f}", *(f"{times[p] / 1000:.1f}" for p in _TIMES)]
        cells += [f"{counts[2]:,}", f"{counts[3]:,}", f"{failed:,}"]
        cells += ["right" if not found.wrong else f"{len(found.wrong):,} wrong"]
        rows.append(f"<td>{found.title}</td>" + "".join(f"<td>{c}</td>" for c in cells))
    head = ("", "answered/s", "p50 ms", "p99 ms", "p99.9 ms", "max ms", "2xx", "4xx")
    note = (
        f"Before the scenarios the server took {rate:,.0f} arrivals a second of the calm mix, each "
        "answer bringing the next request; the scenarios' rates are shares of that. 4xx are "
        "refusals, mostly because nothing is left."
    )
    table = _table((*head, "5xx, no answer", "books"), rows)
    return _section("Summary", note, table)


_TIMES = ("p50", "p99", "p99.9", "max")


def _scenario(found: Round) -> str:
    what = (SCENARIOS[found.scenario].__doc__ or "").strip()
    notes = "".join(f"<p>{html.escape(note)}.</p>" for note in found.notes)
    body = notes + plots.over_time(found) + _lateness(found)
    if found.wrong:
        rows = [
            "".join(f"<td>{html.escape(t)}</td>" for t in (w.where, w.rule, w.expected, w.found))
            for w in found.wrong[:50]
        ]
        body = (
            f'<div class="said">{_table(("where", "rule", "expected", "found"), rows)}</div>{body}'
        )
    return _section(found.title, what, body)


def _lateness(found: Round) -> str:
    late, outcome = found.outcome.lateness, found.outcome
    parts = ", ".join(f"{name} {part.total:,}" for name, part in outcome.parts.items())
    return (
        f'<p class="faint">Requests: {parts}. Generator: {outcome.cpu_share:.0%} of a core, its '
        f"own lateness p99 {late.percentile(99) / 1000:.2f} ms, most {late.most / 1000:.1f} ms.</p>"
    )


def _section(title: str, note: str, body: str) -> str:
    return f'<section><h2>{title}</h2><p class="faint">{html.escape(note)}</p>{body}</section>'


def _table(head: tuple[str, ...], rows: list[str]) -> str:
    names = "".join(f"<th>{name}</th>" for name in head)
    lines = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<div class="scroll"><table><tr>{names}</tr>{lines}</table></div>'
