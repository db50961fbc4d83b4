"""Tabs of the console that stay open: each follows the live channel as one page of it does.

    python -m loadtests.tabs --expect FILE [--tabs 200] [--seconds 60]

Of ten tabs four show the queue of all orders, two the first 60 SKUs, one 60 SKUs of its own, two
the page Now, and one the orders on hold with one order beside them. Prints as JSON what came: tabs
that were told something, events, bytes, and how long a tab that was told something waited for the
next, at the median and the longest.
"""

import argparse
import asyncio
import json
import random
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

from loadtests.expectation import Expectation

TABS, SHELF_SKUS = 200, 60


def queries(expected: Expectation, tabs: int, draw: random.Random) -> list[str]:
    """Return what each tab asks for."""
    skus = [quote(expected.sku(number), safe="") for number in range(len(expected.received))]
    first = "skus=" + ",".join(skus[:SHELF_SKUS])

    def own() -> str:
        return "skus=" + ",".join(draw.sample(skus, min(SHELF_SKUS, len(skus))))

    channel = quote(expected.channel, safe="")
    beside = f"show=orders&status=on_hold&order_channel={channel}&order_id=none"
    queue, now = "show=orders", "show=now"
    kinds = [queue, first, now, queue, own, queue, first, now, queue, beside]
    return [kind() if callable(kind) else kind for kind in (kinds * tabs)[:tabs]]


class _Tab(asyncio.Protocol):
    """One open stream; it counts, and looks at nothing else."""

    def __init__(self, request: bytes) -> None:
        self._request, self._last_s = request, 0.0
        self.events = self.bytes = 0
        self.waits_s: list[float] = []
        self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self.bytes += len(data)
        found = data.count(b"event: ")
        if found:
            self.events += found
            now_s = time.perf_counter()
            if self._last_s:
                self.waits_s.append(now_s - self._last_s)
            self._last_s = now_s

    def connection_lost(self, error: Exception | None) -> None:
        self.ended = True


async def follow(url: str, key: str, expected: Expectation, tabs: int, seconds: float) -> dict:
    """Keep so many tabs open for so long; return what they were told."""
    parts, loop = urlsplit(url), asyncio.get_running_loop()
    opened = []
    for query in queries(expected, tabs, random.Random(1)):
        request = (
            f"GET /v1/live?{query} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            f"Authorization: Bearer {key}\r\n\r\n"
        )
        made = await loop.create_connection(
            lambda request=request: _Tab(request.encode()), parts.hostname, parts.port
        )
        opened.append(made)
    await asyncio.sleep(seconds)
    found = [tab for _, tab in opened]
    ended = sum(tab.ended for tab in found)
    for transport, _ in opened:
        transport.abort()
    waits = sorted(wait for tab in found for wait in tab.waits_s)
    return {
        "tabs": tabs,
        "tabs_told": sum(bool(tab.events) for tab in found),
        "tabs_ended": ended,
        "events": sum(tab.events for tab in found),
        "bytes": sum(tab.bytes for tab in found),
        "wait_ms_p50": 1e3 * waits[len(waits) // 2] if waits else None,
        "wait_ms_longest": 1e3 * waits[-1] if waits else None,
    }


def main() -> None:
    """Follow and print what was told."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://127.0.0.1:8787")
    parser.add_argument("--key-file", type=Path, default=Path("data/admin.key"))
    parser.add_argument("--expect", type=Path, required=True, help="the world that is looked at")
    parser.add_argument("--tabs", type=int, default=TABS)
    parser.add_argument("--seconds", type=float, default=60.0)
    asked = parser.parse_args()
    key, expected = asked.key_file.read_text().strip(), Expectation.load(asked.expect)
    seen = follow(asked.url, key, expected, asked.tabs, asked.seconds)
    print(json.dumps(asyncio.run(seen)))


if __name__ == "__main__":
    main()
