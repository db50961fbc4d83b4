"""People who watch: readers that poll once a second, and subscribers to the stock stream.

    python -m loadtests.dashboard --expect FILE [--readers 20] [--subscribers 50] [--seconds 60]
        [--every-ms 250]

Each reader asks for one SKU's stock, the latest orders, the overview and the metrics once a second
each; readers start spread over the second. Each subscriber follows the states of a few SKUs as
screens do, or with `--every-ms 0` all their changes. Prints as JSON what they got; a stream that
ended early is begun again and counted.
"""

import argparse
import asyncio
import contextlib
import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

from engine.replay.sender import Exchange, Sender
from loadtests.expectation import Expectation

READERS, SUBSCRIBERS, FOLLOWED_SKUS, EVERY_MS = 20, 50, 5, 250
_AGAIN_S = 0.5


def polls(
    sender: Sender, expected: Expectation, readers: int, seconds: float, draw: random.Random
) -> Iterator[Exchange]:
    """Yield what the readers ask for, in the order in which it is due."""
    channel = quote(expected.channel, safe="")
    for second in range(int(seconds)):
        for reader in range(readers):
            sku = quote(expected.sku(draw.randrange(len(expected.received))), safe="")
            for path in (
                f"/v1/stock/{sku}",
                f"/v1/orders?channel={channel}&limit=20",
                "/v1/overview",
                "/metrics",
            ):
                yield Exchange(sender.encode("GET", path), due_s=second + reader / readers)


async def _poll(url: str, key: str, exchanges, connections: int, said: Counter) -> None:
    sender = Sender(url, key, connections)
    await sender.open()
    try:
        asked = list(exchanges(sender))
        await sender.run(asked, paced=True)
        said["reads"] += sum(one.accepted for one in asked)
        said["reads_refused"] += sum(not one.accepted for one in asked)
    finally:
        sender.close()


async def _subscribe(url: str, key: str, skus: list[str], every_ms: int, said: Counter) -> None:
    """Follow `skus` until cancelled; count changes and ends."""
    parts = urlsplit(url)
    query = "skus=" + ",".join(quote(sku, safe="") for sku in skus)
    query += f"&every_ms={every_ms}" if every_ms else ""
    request = (
        f"GET /v1/streams/stock?{query} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Authorization: Bearer {key}\r\n\r\n"
    )
    while True:
        writer = None
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            writer.write(request.encode())
            kept = b""
            while piece := await reader.read(65_536):
                kept += piece
                said["changes"] += kept.count(b"event: stock")
                # What may be the start of the next event's name stays.
                kept = kept[-len(b"event: stock") + 1 :]
        if writer:
            writer.close()
        said["streams_ended"] += 1
        await asyncio.sleep(_AGAIN_S)


async def watch(
    url: str,
    key: str,
    expected: Expectation,
    readers: int,
    subscribers: int,
    seconds: float,
    every_ms: int = EVERY_MS,
) -> dict[str, int]:
    """Let them watch for so many seconds; return counts of reads, changes and ended streams."""
    draw, said = random.Random(1), Counter(reads=0, reads_refused=0, changes=0, streams_ended=0)
    numbers = range(len(expected.received))
    followed = [
        [expected.sku(n) for n in draw.sample(numbers, min(FOLLOWED_SKUS, len(numbers)))]
        for _ in range(subscribers)
    ]
    following = [
        asyncio.create_task(_subscribe(url, key, skus, every_ms, said)) for skus in followed
    ]
    try:
        if readers:
            await _poll(
                url,
                key,
                lambda sender: polls(sender, expected, readers, seconds, draw),
                readers,
                said,
            )
        else:
            await asyncio.sleep(seconds)
    finally:
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
    return dict(said)


def main() -> None:
    """Watch and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://127.0.0.1:8787")
    parser.add_argument("--key-file", type=Path, default=Path("data/admin.key"))
    parser.add_argument("--expect", type=Path, required=True, help="the world that is watched")
    parser.add_argument("--readers", type=int, default=READERS)
    parser.add_argument("--subscribers", type=int, default=SUBSCRIBERS)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--every-ms", type=int, default=EVERY_MS, help="0: every change")
    asked = parser.parse_args()
    key, expected = asked.key_file.read_text().strip(), Expectation.load(asked.expect)
    seen = watch(
        asked.url,
        key,
        expected,
        asked.readers,
        asked.subscribers,
        asked.seconds,
        asked.every_ms,
    )
    print(json.dumps(asyncio.run(seen)))


if __name__ == "__main__":
    main()
