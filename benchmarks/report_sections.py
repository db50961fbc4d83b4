"""What the report says of each bench, and old result lines brought into the present form.

A bench that is not named here is shown too, under its own name. To give it a title, add a line to
`SECTIONS`; to show one more field that stands beside samples, add one to `EXTRAS`.
"""

from typing import NamedTuple

from benchmarks.stats import ratio_row, sample_row


class Section(NamedTuple):
    """A bench's title and one sentence or two that say what was compared."""

    title: str
    text: str


# In the order in which they are read. `latency*` and the like match what begins so.
SECTIONS = {
    "limits": Section(
        "Limits of the machine",
        "What memory, disk, log server and sockets give at most. The other ratios stand on these.",
    ),
    "core": Section(
        "The ledger by itself (B0)",
        "In process, batches of 1,024 commands with two lines each, no log written. Beside it an "
        "engine of Python dicts with the same outcomes, and L1: the same rows read, checked and "
        "written in C.",
    ),
    "expiry": Section(
        "Reservations that end together (B0)",
        "In process, no log: all reservations end in the same second. The ledger takes them from "
        "its wheel, a bounded number before each batch; the engine of Python dicts takes all from "
        "a heap.",
    ),
    "waiting": Section(
        "Orders that wait (B0)",
        "In process, no log: one receipt brings what all of them wait for. Its step fills the "
        "first, each batch after it a bounded number more.",
    ),
    "large": Section(
        "Large orders (B0)",
        "In process, no log: orders whose lines name different SKUs, placed, edited in one line, "
        "cancelled and replayed; and steps that change little of one, each timed by itself.",
    ),
    "fulfillment": Section(
        "Routing anew (B0)",
        "In process, no log: what a location does not have, or rejects, is had from others in the "
        "same step.",
    ),
    "validation": Section(
        "Orders that are checked (B0)",
        "In process, no log: packed two-line orders of channels with and without checks.",
    ),
    "fences": Section(
        "Ring-fenced stock (B0)",
        "In process, no log: packed two-line orders beside fences of other SKUs, and of fenced "
        "SKUs.",
    ),
    "routing": Section(
        "Routing by policy (B0)",
        "In process, no log: packed two-line orders of a channel with a policy, beside one "
        "without.",
    ),
    "route_quality": Section(
        "Quality of plans",
        "Cost of each plan beside that of the planner: an exact solver, simple rules, and a day "
        "of a real network.",
    ),
    "scarcity": Section(
        "Scarcity prices",
        "Real orders in the order in which they came: how much of what hindsight would save "
        "prices on scarce units save.",
    ),
    "stores": Section(
        "Stores (B1)",
        "Batches of 500 two-line orders, answered when durable, all on one disk. Every run ends "
        "with a check of the books, before and after the store was killed.",
    ),
    "http": Section(
        "Single orders over HTTP (B2)",
        "wrk on one core, the server on the other, the same durability for all.",
    ),
    "http_order": Section(
        "Single orders over HTTP, earlier measurement",
        "`dibs serve` beside FastAPI, redis-py and one Lua script.",
    ),
    "latency": Section(
        "Latency",
        "Open loop: requests are sent when they are due, and timed from then.",
    ),
    "ledger": Section(
        "The two ledgers",
        "The compiled ledger and the plain one, called from Python, one call a command; and what a "
        "row costs in memory.",
    ),
    "views": Section(
        "Views in SQLite",
        "Frames of the log, decoded and written into all tables with their indexes, in "
        "transactions of 32,768 events, 50,000 SKUs. Beside it what decoding takes by itself, and "
        "SQLite with the same rows.",
    ),
    "views_reads": Section(
        "Questions to views",
        "SQLite with orders of two lines over 50,000 SKUs, one reader in process; "
        "`--folder` keeps the tables between runs.",
    ),
    "console": Section(
        "The page Orders of the console",
        "From the start of a navigation, as the page itself tells it: the first row of the queue "
        "is painted, a press of `j` is answered. Chromium, the server, its views and the log share "
        "the two cores.",
    ),
    "recovery": Section(
        "Recovery",
        "From a cold start to ready, with the log alone and with a snapshot.",
    ),
    "channels_storm": Section(
        "Channels: a storm of orders",
        "All channels' twins on their worst day; wrong books count as zero ([channels-proof.md]"
        "(channels-proof.md)).",
    ),
    "channels_kills": Section(
        "Channels: killed while telling", "SIGKILL of the office in the middle of being answered."
    ),
    "channels_story": Section(
        "Channels: a surge", "1,500 units on three channels; controls have one thing changed."
    ),
    "channels_changes": Section(
        "Channels: stock changes", "Calls made, quotas used, and what a channel forbids."
    ),
    "channels_webhooks": Section(
        "Channels: webhooks",
        "Signed webhooks of a Shopify twin that come twice, too early or never, timed where they "
        "are sent; then one sweep, and the books are judged.",
    ),
    "channels_million": Section(
        "Channels: a shop of a million listings",
        "Nothing is shown at first. SKUs sell out elsewhere while all is published; then a "
        "thousand shoppers check out at once, and every listing is compared.",
    ),
    "inventory_check": Section(
        "Channels: eBay asks what is there",
        "50 SKUs at 10 locations in a call, over HTTP through the office to the ledger. Answers "
        "that an order has made wrong count as zero.",
    ),
}

# Fields beside a row's samples → heading, and what to multiply by.
EXTRAS = {
    "p50_us": ("p50 ms", 1e-3),
    "p99_us": ("p99 ms", 1e-3),
    "p999_us": ("p99.9 ms", 1e-3),
    "max_us": ("most ms", 1e-3),
    "cpu_us": ("CPU µs", 1),
    "log_cpu_us": ("log's CPU µs", 1),
    "lines_per_s": ("lines/s", 1),
    "server_cpu": ("server's core %", 100),
    "generator_cpu": ("generator's core %", 100),
    "steal": ("steal %", 100),
}


def section_of(bench: str) -> Section:
    """Return a bench's section: its own, that of the longest name it begins with, or a plain
    one."""
    names = [name for name in SECTIONS if bench == name or bench.startswith(f"{name}_")]
    if not names:
        return Section(bench.replace("_", " ").capitalize(), "")
    best = max(names, key=len)
    title, text = SECTIONS[best]
    rest = bench.removeprefix(best).strip("_").replace("_", " ")
    return Section(f"{title}: {rest}" if rest else title, text)


def rank(bench: str) -> tuple[int, str]:
    """Return where a bench stands in the report."""
    names = list(SECTIONS)
    known = [names.index(name) for name in names if bench == name or bench.startswith(f"{name}_")]
    return (max(known) if known else len(names), bench)


def _ledger(line: dict) -> dict:
    rows = []
    for name, samples in line["per_second"].items():
        case, _, rest = name.partition(": ")
        verb, _, twin = rest.partition(", ")
        unit = "events/s" if "events" in verb else "commands/s"
        rows.append(sample_row(f"{case}: {verb.split()[0]}", twin, unit, samples))
    for name, value in line["bytes_per_row"].items():
        rows.append(sample_row(name, "fast", "bytes in memory", [value]))
    return {"rows": rows, "ratios": []}


def _recovery(line: dict) -> dict:
    rows, ways = [], dict.fromkeys(sample["way"] for sample in line["samples"])
    for way in ways:
        mine = [sample for sample in line["samples"] if sample["way"] == way]
        ready = [sample["ready_s"] for sample in mine]
        case = f"{line['events']:,} events"
        rows.append(sample_row(case, way, "s to ready", ready))
        speeds = [s["recovery_replayed_events"] / s["recovery_seconds"] for s in mine]
        if min(speeds) > 1:
            rows.append(sample_row(case, way, "events/s", speeds))
    return {"rows": rows, "ratios": []}


def _http_order(line: dict) -> dict:
    names, rows = dict.fromkeys(sample["target"] for sample in line["samples"]), []
    extras = {"p50_us": "p50", "p99_us": "p99", "p999_us": "p999", "cpu_us": "cpu_us"}
    for name in names:
        mine = [sample for sample in line["samples"] if sample["target"] == name]
        extra = {ours: [sample[theirs] for sample in mine] for ours, theirs in extras.items()}
        rates = [sample["per_s"] for sample in mine]
        rows.append(sample_row("two-line orders", name, "orders/s", rates, **extra))
    first, second = rows
    name = f"{first['contestant']} ÷ {second['contestant']}, orders/s"
    return {"rows": rows, "ratios": [ratio_row(name, first["samples"], second["samples"])]}


_OLD = {"ledger": _ledger, "recovery": _recovery, "http_order": _http_order}


def present(line: dict) -> dict:
    """Return a result line with `rows` and `ratios`, whatever form it was recorded in."""
    if isinstance(line.get("rows"), list) and "ratios" in line:
        return line
    adapter = _OLD.get(line["bench"], lambda _: {"rows": [], "ratios": []})
    return {**line, **adapter(line)}
