"""How quick is the ledger by itself, beside the machine's memory and beside plain Python?

Boundary B0: in process, batches of 1,024 commands, no log written (the records for it are made).
Reservations of two lines, each committed a batch later, and orders of two lines; SKUs drawn by
Zipf 1.1 over all, evenly over all, or always the same one. Contestants take turns in every round:
the compiled ledger by packed batches with brief answers and by single calls, an engine of Python
dicts with the same outcomes (checked on mixed commands first), and L1: two rows read, checked and
written in C, by the same SKUs in the same order. A command has two lines, so it stands beside one
L1 pair.
Then replay beside live, and the bytes that a live reservation and a log record take.

    python -m benchmarks.bench_core [--short] [--rounds 7] [--commands 500000] [--skus 1000000]
"""

import argparse
import json
import subprocess
import sys
from itertools import islice

import numpy
from rich.progress import track

from benchmarks.bench_ledger import replay
from benchmarks.checkouts import (
    BATCH,
    Dicts,
    Opening,
    Packed,
    Single,
    Step,
    Work,
    agree,
    reservation,
    run,
)
from benchmarks.limits.memory import Rows, rmw_ns
from benchmarks.show import Samples, finish
from benchmarks.stats import rates, ratio_row, sample_row
from benchmarks.workload import ZIPF, pairs
from engine.log import frame

LIMIT, NS = "L1 in C", "ns/command"
ZIPFIAN, UNIFORM, HOT = "Zipf 1.1", "uniform", "one SKU"
REPLAY = "replay of reserve + commit, Zipf 1.1"


def works(skus: int, commands: int, seed: int) -> list[Work]:
    """Return the cases: both kinds of work, over the three ways to draw SKUs."""
    pick, found = numpy.random.default_rng(seed), []
    for kind, orders in (("reserve + commit", False), ("two-line orders", True)):
        count = commands if orders else commands // 2
        drawn = {
            ZIPFIAN: pairs(count, skus, pick, zipf=ZIPF),
            UNIFORM: pairs(count, skus, pick),
            HOT: numpy.zeros((count, 2), numpy.uint32),
        }
        found += [Work(f"{kind}, {way}", wanted, orders=orders) for way, wanted in drawn.items()]
    return found


def measure(samples: Samples, work: Work, opening: Opening, rows: Rows) -> None:
    """Let the contestants do `work` once each, check their books, and add the samples."""
    doors = [Packed(opening), Single(opening), Dicts(opening)]
    took = {door.name: run(door, work, opening.now_us) for door in doors}
    fast, single, dicts = doors
    orders = fast.ledger.sizes()["orders"]
    same = fast.ledger.digest() == single.ledger.digest() and orders == len(work.wanted)
    whole = {fast.name: same, single.name: same, dicts.name: dicts.engine.balanced()}
    for name, value in took.items():
        samples.add(work.name, name, NS, value if whole[name] else 0.0)
    samples.add(work.name, LIMIT, NS, rmw_ns(rows, work.wanted))
    if work.name == f"reserve + commit, {ZIPFIAN}":
        again, copy = replay(opening.ledger, fast.drained)
        fine = same and copy.digest() == fast.ledger.digest()
        live = 1e9 / took[fast.name] if took[fast.name] else 0.0
        samples.add(REPLAY, "live", "commands/s", live)
        samples.add(REPLAY, "replay", "commands/s", again if fine else 0.0)


def speed_ratios(samples: Samples) -> list[dict]:
    """Return goal rows 1, 2, 7 and 18 (its core part)."""
    found = []
    for kind in ("reserve + commit", "two-line orders"):
        done = {
            (way, name): rates(samples.of(f"{kind}, {way}", name, NS))
            for way in (ZIPFIAN, UNIFORM, HOT)
            for name in (Packed.name, Dicts.name, LIMIT)
        }
        ours = {way: done[way, Packed.name] for way in (ZIPFIAN, UNIFORM, HOT)}
        for way in (ZIPFIAN, UNIFORM):
            name = f"ns/command ÷ L1, {kind}, {way}"
            goals = {"floor": 6, "target": 3} if way == ZIPFIAN else {}
            row = ratio_row(name, done[way, LIMIT], ours[way], less_is_better=True, **goals)
            found.append(row)
        name = f"commands/s on one SKU ÷ uniform, {kind}"
        found.append(ratio_row(name, ours[HOT], ours[UNIFORM], floor=0.9, target=1))
        for way in (ZIPFIAN, HOT):
            name = f"commands/s ÷ Python dicts, {kind}, {way}"
            dicts = done[way, Dicts.name]
            found.append(ratio_row(name, ours[way], dicts, floor=10, target=30))
    again, live = (samples.of(REPLAY, how, "commands/s") for how in ("replay", "live"))
    found.append(ratio_row("replay ÷ live, B0", again, live, floor=3, target=10))
    return found


def minimal_bytes(step: Step) -> int:
    """Return the fewest bytes that say what a step did: its id; of a reservation its end; of each
    line a position and a quantity, 4 bytes each. Of a commit, which reservation by its seq."""
    verb, (name, *rest) = step
    if verb == "commit":
        return 8
    return len(name) + (8 if verb == "reserve" else 0) + 8 * len(rest[-1])


def log_bytes(opening: Opening, batches: list[list[Step]]) -> tuple[float, float, float]:
    """Return bytes a command of the frames of `batches`, of their records, and minimal ones."""
    door, now_us, commands, framed, least = Packed(opening), opening.now_us, 0, 0, 0
    for batch in batches:
        now_us += 1_000
        door.decide(door.prepare(batch), now_us)
        framed += len(frame.pack(1, frame.GENESIS, door.drained[-1])[0])
        commands += len(batch)
        least += sum(map(minimal_bytes, batch))
    records = sum(len(one.records) for one in door.drained)
    if sum(one.count for one in door.drained) != commands:
        raise SystemExit("not every command made one record")
    return framed / commands, records / commands, least / commands


def sizes(opening: Opening, live: int, work: Work) -> tuple[list[dict], list[dict]]:
    """Return (rows, ratios) of goal row 19."""
    measured = [sys.executable, "-m", "benchmarks.bench_ledger", "--memory", "1000", "50000"]
    found = json.loads(subprocess.check_output([*measured, str(live)]))
    held = found["live reservation, two lines"]
    few = [[reservation(n) for n in range(BATCH)]]
    _, record, least = log_bytes(opening, few)
    rows = [sample_row("live reservation, two lines", "dibs, in memory", "bytes each", [held])]
    rows.append(sample_row("live reservation, two lines", "its log record", "bytes each", [record]))
    rows.append(sample_row("live reservation, two lines", "minimal record", "bytes each", [least]))
    framed, _, small = log_bytes(opening, list(islice(work.batches(), 20)))
    rows.append(sample_row(work.name, "frames of 1,024", "log bytes/command", [framed]))
    rows.append(sample_row(work.name, "minimal record", "log bytes/command", [small]))
    goals = {"floor": 2, "target": 1.5, "less_is_better": True}
    ratios = [
        ratio_row("bytes of a live reservation ÷ its log record", [held], [record], **goals),
        ratio_row(
            f"log bytes/command ÷ minimal record, {work.name}",
            [framed],
            [small],
            **{**goals, "target": 1.3},
        ),
    ]
    return rows, ratios


def main() -> None:
    """Check, measure, print and write `results/core.jsonl`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="3 rounds, a twentieth of the sizes")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--commands", type=int, default=500_000)
    parser.add_argument("--skus", type=int, default=1_000_000)
    parser.add_argument("--live", type=int, default=5_000_000, help="reservations, for the bytes")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.short:
        options.rounds, options.commands, options.skus, options.live = 3, 50_000, 50_000, 200_000
    agreed = agree(options.seed)
    opening, samples = Opening(options.skus), Samples()
    rows, cases = Rows(options.skus), works(options.skus, options.commands, options.seed)
    for _ in track(range(options.rounds), description="rounds of six cases"):
        for work in cases:
            measure(samples, work, opening, rows)
    rows.close()
    byte_rows, byte_ratios = sizes(opening, options.live, cases[0])
    settings = {name: vars(options)[name] for name in ("seed", "commands", "skus", "live", "short")}
    finish(
        "core",
        {
            **settings,
            "outcomes_agreed": agreed,
            "rows": samples.rows() + byte_rows,
            "ratios": speed_ratios(samples) + byte_ratios,
        },
    )


if __name__ == "__main__":
    main()
