"""How many two-line reservations per second does the packed socket make durable?

`dibs serve` on one core, a client on the other that keeps `--depth` batches of ready requests
under way on one connection; answers are brief. The log server may run anywhere. After each round
the books are read over HTTP: reserved units must be twice the reservations accepted, or the round
counts as zero. CPU microseconds per reservation, of server, log server and client, stand beside.

    python -m benchmarks.bench_packed [--short] [--rounds 5] [--count 1000000] [--depth 16]
"""

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path

import psutil
import uvloop

from benchmarks.http import processes
from benchmarks.http.targets import Dibs
from benchmarks.http.workloads import Workload
from benchmarks.show import CONSOLE, Samples, finish
from benchmarks.stats import ratio_row
from engine.core import limits, packed
from engine.core.outcomes import Code
from engine.service.packed_socket import PackedClient
from ext.packed import Packer, tally

BATCH, TTL_S, GOAL_PER_S = 1_000, 3_600, 1_000_000
CASE, UNIT = "packed, two-line reservations", "reservations/s"


def batches(count: int, round_number: int, skus: list[str]) -> list[bytes]:
    """Return `count` packed reservations of two units each, `BATCH` to a blob."""
    packer, found = Packer(), []
    for first in range(0, count, BATCH):
        for n in range(first, min(first + BATCH, count)):
            a, b = skus[n % len(skus)], skus[(n * 7 + 1) % len(skus)]
            body = (
                f'{{"reservation_id":"r{round_number}-{n}","channel":"web","ttl_s":{TTL_S},"lines":'
                f'[{{"sku":"{a}","quantity":1}},{{"sku":"{b}","quantity":1}}]}}'
            )
            if not packer.body(packed.Kind.RESERVE, body.encode(), b"bench", tag=n, brief=True):
                raise SystemExit("a reservation is not in its plain form")
        found.append(packer.take())
    return found


async def send(path: Path, blobs: list[bytes], depth: int) -> tuple[float, int]:
    """Keep `depth` blobs under way; return seconds and reservations accepted."""
    client = await PackedClient.connect(path)
    waiting, accepted = iter(blobs), 0

    async def caller() -> None:
        nonlocal accepted
        for blob in waiting:
            count, refused = tally(await client.ask(blob, len(packed.split(blob))))
            accepted += count - refused

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(depth)))
    seconds = time.perf_counter() - began
    client.close()
    return seconds, accepted


def measure(target: Dibs, blobs: list[bytes], depth: int, samples: Samples) -> None:
    """Run one round and add its samples; a round whose books are wrong counts as zero."""
    groups = {"server": target.front(), "log server": target.behind()}
    groups["client"] = [psutil.Process()]
    before = {name: processes.cpu_s(group) for name, group in groups.items()}
    taken = target.books().taken
    path = target.folder / "data" / "packed.sock"
    seconds, accepted = uvloop.run(send(path, blobs, depth))
    books = target.books()
    sound = books.sound and books.taken - taken == 2 * accepted and accepted
    samples.add(CASE, "dibs", UNIT, accepted / seconds if sound else 0)
    for name, group in groups.items():
        used = processes.cpu_s(group) - before[name]
        samples.add(CASE, name, "CPU µs/reservation", used / max(accepted, 1) * 1e6)
    CONSOLE.print(f"{accepted:,} in {seconds:.2f} s: {accepted / seconds:,.0f}/s")


def main() -> None:
    """Run the rounds, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=1_000_000, help="reservations a round")
    parser.add_argument("--depth", type=int, default=16, help="batches under way")
    options = parser.parse_args()
    if options.short:
        options.rounds, options.count = 2, 200_000
    if (options.rounds + 1) * options.count > limits.RESERVATIONS_MAX:
        raise SystemExit(f"{Code.TABLE_FULL.slug}: fewer rounds, or a smaller --count")
    os.sched_setaffinity(0, {0, 1})
    samples = Samples()
    with tempfile.TemporaryDirectory(prefix="dibs-bench-") as folder:
        target = Dibs("dibs", Path(folder), Workload("packed"))
        try:
            target.open()
            target.pin(0)
            os.sched_setaffinity(0, {1})
            for number in range(options.rounds + 1):
                blobs = batches(options.count, number, target.skus)
                measure(target, blobs, options.depth, samples if number else Samples())
        finally:
            os.sched_setaffinity(0, {0, 1})
            target.close()
    rates = samples.of(CASE, "dibs", UNIT)
    ratio = ratio_row(
        "packed reservations/s ÷ 1,000,000", rates, [GOAL_PER_S] * len(rates), target=1
    )
    finish("packed", {"rows": samples.rows(), "ratios": [ratio], **vars(options)})


if __name__ == "__main__":
    main()
