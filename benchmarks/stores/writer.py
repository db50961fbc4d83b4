"""The log writer by itself: ready batches to durable frames, without deciding anything."""

import asyncio
import time
from pathlib import Path

import uvloop

from benchmarks.bench_ledger import opened, orders
from engine.config import Settings, ledger_class
from engine.core.records import Batch
from engine.log.frame import Link
from engine.log.reader import open_epoch
from engine.log.writer import Writer
from engine.service.wiring import Wiring


def ready(count: int, each: int, pick) -> list[Batch]:
    """Return `count` batches of `each` two-line orders, decided by a ledger; first its opening."""
    ledger, first = opened(ledger_class("fast"))
    found, requests = [first], orders(count * each, pick, 1_000)
    for at in range(0, len(requests), each):
        ledger.begin(ledger.stamp_us + 1_000)
        for request in requests[at : at + each]:
            ledger.decide(request)
        found.append(ledger.drain())
    return found


async def _write(wiring: Wiring, batches: list[Batch]) -> dict[str, float]:
    store = wiring.store()
    epoch = open_epoch(store, "bench")
    store.close()
    appender = await wiring.appender()
    writer = Writer(appender, Link(), epoch)
    await writer.append(batches[0])
    started = time.perf_counter()
    for batch in batches[1:]:
        await writer.append(batch)
    seconds = time.perf_counter() - started
    await appender.close()
    store = wiring.store()
    tail = store.tail()
    store.close()
    count = sum(batch.count for batch in batches[1:])
    size = sum(len(batch.records) for batch in batches[1:])
    fine = tail is not None and tail[0] == f"{epoch}-{writer.link.seq}"
    return {"bytes/s": size / seconds * fine, "orders/s": count / seconds * fine}


def write(folder: Path, batches: list[Batch]) -> dict[str, float]:
    """Append `batches` (the first untimed) one frame at a time; return figures by unit, 0 if the
    log does not end where it should."""
    wiring = Wiring(Settings(folder, ledger="fast"))
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_write(wiring, batches))
    finally:
        wiring.close()
