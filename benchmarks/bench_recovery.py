"""How long from start to ready, with a log of millions of events, with and without a snapshot?

A log of two-line orders (and now and then a cancellation) is written by the real writer path:
ledger, frames of 500 commands, one XADD each, `appendfsync always`. Then `dibs serve` is started
cold on it, and timed until `/readyz` is 200: once with nothing but the log, once after
`dibs snapshot`. The server's own loading of its file is part of both, and also given by itself.
The state digest after each way must be the same.

    python -m benchmarks.bench_recovery [--events 5000000] [--rounds 3]
"""

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.record import record
from engine.config import Settings, ledger_class
from engine.core.commands import (
    Cancel,
    OrderLine,
    PlaceOrder,
    PutLocation,
    PutSku,
    ReceiptLine,
    Receive,
    Request,
)
from engine.log.writer import Writer
from engine.service.recover import recover
from engine.service.wiring import Wiring

SKUS, BATCH, PORT = 1_000, 500, 18_711


async def write_log(settings: Settings, events: int, seed: int) -> float:
    """Write a log of at least `events` events; return events per second while writing."""
    wiring, pick = Wiring(settings), random.Random(seed)
    store = wiring.store()
    found = recover(store, settings.data, ledger_class(settings.ledger), "bench")
    ledger, stamp = found.ledger, found.link.stamp_us
    appender = await wiring.appender()
    writer = Writer(appender, found.link, found.epoch)
    lines = tuple(ReceiptLine(f"SKU-{n}", 1_000_000_000) for n in range(SKUS))
    opening = [PutLocation("main", "Main", "warehouse", "DE")]
    opening += [PutSku(f"SKU-{n}", f"SKU {n}") for n in range(SKUS)]
    opening += [Receive("opening", "main", lines)]
    started, number = time.perf_counter(), 0

    async def frame(commands: list) -> None:
        nonlocal stamp
        stamp += 1_000
        ledger.begin(stamp)
        for command in commands:
            ledger.decide(Request(command, "bench"))
        await writer.append(ledger.drain())

    await frame(opening)
    for _ in track(range(events // BATCH), description="writing the log"):
        commands = []
        for _ in range(BATCH):
            number += 1
            if number % 20 == 0:
                commands.append(Cancel("web", str(number - 7)))
                continue
            lines = tuple(OrderLine(f"SKU-{pick.randrange(SKUS)}", 1) for _ in range(2))
            commands.append(PlaceOrder(order_id=str(number), channel="web", lines=lines))
        await frame(commands)
    rate = ledger.seq / (time.perf_counter() - started)
    await appender.close()
    store.close()
    wiring.close()
    return rate


def time_to_ready(settings: Settings) -> dict:
    """Start `dibs serve` cold and return seconds to ready and what recovery says of itself."""
    url = f"http://127.0.0.1:{PORT}"
    command = [
        sys.executable,
        "-m",
        "engine.cli",
        "serve",
        "--data",
        str(settings.data),
        "--port",
        str(PORT),
        "--ledger",
        settings.ledger,
    ]
    started = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        while True:
            if process.poll() is not None:
                raise SystemExit(f"serve ended with code {process.returncode}")
            try:
                urllib.request.urlopen(f"{url}/readyz", timeout=5).read()
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.01)
        ready_s = time.perf_counter() - started
        key = (settings.data / "admin.key").read_text().strip()
        ask = urllib.request.Request(f"{url}/metrics", headers={"Authorization": f"Bearer {key}"})
        text = urllib.request.urlopen(ask).read().decode()
    finally:
        process.terminate()
        process.wait(60)
    found = {
        line.split()[0].removeprefix("dibs_engine_"): float(line.split()[1])
        for line in text.splitlines()
        if line.startswith("dibs_engine_recovery")
    }
    return {"ready_s": ready_s, **found}


def measure(settings: Settings, rounds: int, console: Console) -> list[dict]:
    """Time both ways `rounds` times."""
    rows = []
    for way in ("log only", "snapshot + tail"):
        if way != "log only":
            subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "engine.cli",
                    "snapshot",
                    "--data",
                    str(settings.data),
                    "--ledger",
                    settings.ledger,
                ],
                check=True,
            )
        for _ in range(rounds):
            row = {"way": way, **time_to_ready(settings)}
            rows.append(row)
            console.print(
                f"{way:16} ready in {row['ready_s']:.2f} s, "
                f"recovery {row['recovery_seconds']:.2f} s, "
                f"{row['recovery_replayed_events']:,.0f} events replayed"
            )
    return rows


def main() -> None:
    """Write the log, time the starts, record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory(prefix="dibs-bench-") as folder:
        settings = Settings(Path(folder, "data"), ledger="fast")
        rate = asyncio.run(write_log(settings, options.events, options.seed))
        log_bytes = sum(p.stat().st_size for p in Path(folder).rglob("*.aof"))
        rows = measure(settings, options.rounds, console)
        sizes = [p.stat().st_size for p in (settings.data / "snapshots").glob("*")]
    table = Table("way", "ready s (best … worst)", "replayed", "replay events/s")
    for way in dict.fromkeys(row["way"] for row in rows):
        mine = [row for row in rows if row["way"] == way]
        ready = sorted(row["ready_s"] for row in mine)
        events = mine[0]["recovery_replayed_events"]
        speed = events / min(row["recovery_seconds"] for row in mine)
        table.add_row(way, f"{ready[0]:.2f} … {ready[-1]:.2f}", f"{events:,.0f}", f"{speed:,.0f}")
    console.print(table)
    record(
        "recovery",
        {
            "events": options.events,
            "seed": options.seed,
            "write_events_per_s": rate,
            "log_bytes": log_bytes,
            "snapshot_bytes": max(sizes, default=0),
            "samples": json.loads(json.dumps(rows)),
        },
    )


if __name__ == "__main__":
    main()
