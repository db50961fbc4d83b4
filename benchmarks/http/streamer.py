"""Loads the order stream: what wrk is for single requests, for streams that go both ways.

    python -m benchmarks.http.streamer PORT KEY PREFIX FILE ORDERS STREAMS SECONDS

FILE holds orders, one a line, with an `@` where an id goes; ORDERS of them are a block. Each of
STREAMS connections is a closed loop: it keeps `DEPTH` blocks under way, and sends the next one when
the last result of one is there. After SECONDS it ends its body and reads what is due. The last line
of the output is what `wrk.lua` prints too; a request there is a block here, and a latency the time
from sending a block to its last result.
"""

import asyncio
import json
import sys
import time
from collections import deque
from pathlib import Path

import uvloop

DEPTH = 8  # blocks: about what the server takes of a stream, and as much again on its way
PATIENCE_S = 30.0
PROBLEM = b'{"type":"urn:dibs:problem:'


class Load:
    """What all streams of a round share: blocks to send, until when, and what came of them."""

    def __init__(self, prefix: str, orders: list[bytes], each: int, seconds: float) -> None:
        blocks = [b"\n".join(orders[at : at + each]) for at in range(0, len(orders), each)]
        self._blocks = [block + b"\n" for block in blocks]
        self._prefix, self._seconds = prefix, seconds
        self.each, self.sent, self.done, self.refused, self.broken = each, 0, 0, 0, 0
        self.latencies_us: list[float] = []
        self.until = 0.0

    def begin(self) -> None:
        """Start the clock."""
        self.until = time.perf_counter() + self._seconds

    def next(self) -> bytes:
        """Return the next block as a chunk, with an id that was never sent before."""
        block = self._blocks[self.sent % len(self._blocks)]
        self.sent += 1
        data = block.replace(b"@", f"{self._prefix}{self.sent:09d}".encode())
        return b"%x\r\n%b\r\n" % (len(data), data)


class Caller(asyncio.Protocol):
    """One stream. `ended` is set when its answer has ended or its connection is lost."""

    def __init__(self, load: Load, head: bytes) -> None:
        self._load, self._head = load, head
        self._buffer = bytearray()
        self._under_way: deque[float] = deque()
        self._results = 0
        self._begun = self._finished = self._complete = False
        self.ended = asyncio.Event()

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Send the head and the first blocks."""
        self._transport = transport
        transport.write(self._head)
        self._fill()

    def connection_lost(self, error: Exception | None) -> None:
        """Count a connection that was lost too early."""
        self._load.broken += not self._complete
        self.ended.set()

    def data_received(self, data: bytes) -> None:
        """Take chunks apart; each holds whole lines."""
        self._buffer += data
        if not self._begun:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            self._begun = self._buffer.startswith(b"HTTP/1.1 200 ")
            if not self._begun:
                self._transport.abort()
                return
            del self._buffer[: end + 4]
        at, buffer = 0, self._buffer
        while (end := buffer.find(b"\r\n", at)) >= 0:
            size = int(buffer[at:end], 16)
            if len(buffer) < end + size + 4:
                break
            if size == 0:
                self._complete = True
                self._transport.close()
                return
            self._take(bytes(memoryview(buffer)[end + 2 : end + 2 + size]))
            at = end + size + 4
        del buffer[:at]
        self._fill()

    def _take(self, lines: bytes) -> None:
        load = self._load
        self._results += lines.count(b"\n")
        load.refused += lines.count(PROBLEM)
        now = time.perf_counter()
        while self._results >= load.each:
            self._results -= load.each
            load.done += 1
            load.latencies_us.append((now - self._under_way.popleft()) * 1e6)

    def _fill(self) -> None:
        """Send blocks while there is room; when the time is over, end the body once."""
        load = self._load
        while len(self._under_way) < DEPTH and time.perf_counter() < load.until:
            self._under_way.append(time.perf_counter())
            self._transport.write(load.next())
        if not self._finished and time.perf_counter() >= load.until:
            self._finished = True
            self._transport.write(b"0\r\n\r\n")


async def run(load: Load, port: int, key: str, streams: int) -> dict:
    """Run one round and return what `wrk.lua` prints."""
    loop = asyncio.get_running_loop()
    head = (
        "POST /v1/orders/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n"
        f"Content-Type: application/x-ndjson\r\nAuthorization: Bearer {key}\r\n\r\n"
    ).encode()
    load.begin()
    began, used_s = time.perf_counter(), time.process_time()
    callers = []
    for _ in range(streams):
        _, caller = await loop.create_connection(lambda: Caller(load, head), "127.0.0.1", port)
        callers.append(caller)
    async with asyncio.timeout(load.until - time.perf_counter() + PATIENCE_S):
        for caller in callers:
            await caller.ended.wait()
    took_s = time.perf_counter() - began
    times = sorted(load.latencies_us) or [0.0]
    at = {f"{name}_us": times[int(share * (len(times) - 1))] for name, share in _SHARES.items()}
    return {
        "requests": load.done,
        "sent": load.sent,
        "us": took_s * 1e6,
        "refused": load.refused,
        "broken": load.broken,
        "cpu_s": time.process_time() - used_s,
        **at,
    }


_SHARES = {"p50": 0.5, "p99": 0.99, "p999": 0.999, "max": 1.0}


def main() -> None:
    """Read the words, run, print."""
    port, key, prefix, file, each, streams, seconds = sys.argv[1:]
    orders = Path(file).read_bytes().splitlines()
    load = Load(prefix, orders, int(each), float(seconds))
    print("RESULT", json.dumps(uvloop.run(run(load, int(port), key, int(streams)))))


if __name__ == "__main__":
    main()
