"""How many single two-line orders per second over HTTP, durable, beside what one writes first?

Two servers, the same work, the same disk, the same durability (`appendfsync always`), 64 keep-alive
connections, interleaved rounds A-B-A-B. Ours: `dibs serve`. Peer: `benchmarks.peers.redis_lua`
(FastAPI, redis-py, one Lua script with an XADD). Load: `wrk` on the other core, each order with a
fresh id and two random SKUs. After each round the books are checked: units taken equal units sold,
nothing negative; a round that fails the check counts as zero.

    python -m benchmarks.bench_http_order [--rounds 5] [--seconds 5] [--connections 64]
"""

import argparse
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import redis as redis_client
from rich.console import Console
from rich.table import Table

from benchmarks.record import record
from engine.log.embedded import binary

SKUS = 200
OPENING = 1_000_000_000
LUA = """
local prefix, n = "%(prefix)s", 0
local id = 0
function setup(thread) thread:set("id", id); id = id + 1 end
function init(args) math.randomseed(%(seed)d + id) end
function request()
  n = n + 1
  local a, b = math.random(0, %(skus)d - 1), math.random(0, %(skus)d - 1)
  if a == b then b = (b + 1) %% %(skus)d end
  local body = '{"order_id":"' .. prefix .. id .. '-' .. n .. '","channel":"web","lines":[' ..
    '{"sku":"SKU-' .. a .. '","quantity":1},{"sku":"SKU-' .. b .. '","quantity":1}]}'
  return wrk.format("POST", "/v1/orders", wrk.headers, body)
end
local bad = 0
function response(status) if status ~= 201 then bad = bad + 1 end end
function done(summary, latency)
  local e = summary.errors
  io.write(string.format('RESULT {"requests":%%d,"us":%%d,"errors":%%d,"p50":%%d,' ..
    '"p99":%%d,"p999":%%d,"max":%%d}\\n', summary.requests, summary.duration,
    e.status + e.connect + e.read + e.timeout,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9), latency.max))
end
"""


def call(method: str, url: str, body: dict | None = None, key: str = "") -> bytes:
    """Send one request and return the answer's body."""
    request = urllib.request.Request(
        url,
        method=method,
        data=json.dumps(body).encode() if body is not None else None,
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {key}"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read()


def wait_ready(port: int, process: subprocess.Popen) -> None:
    """Wait until a server answers /readyz with 200."""
    for _ in range(600):
        if process.poll() is not None:
            raise SystemExit(f"server on port {port} ended with code {process.returncode}")
        try:
            call("GET", f"http://127.0.0.1:{port}/readyz")
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise SystemExit(f"server on port {port} is not ready")


def _wait_for(ping) -> None:
    for _ in range(200):
        try:
            ping()
            return
        except redis_client.RedisError:
            time.sleep(0.05)
    raise SystemExit("the peer's server does not answer")


def cpu_s(pid: int) -> float:
    """Return the CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Ours:
    """`dibs serve` on the bundled server."""

    name = "dibs"

    def __init__(self, folder: Path, port: int, core: str) -> None:
        self.port, self.sold = port, 0
        command = [
            sys.executable,
            "-m",
            "engine.cli",
            "serve",
            "--data",
            str(folder),
            "--port",
            str(port),
        ]
        self.process = subprocess.Popen(["taskset", "-c", core, *command])
        wait_ready(port, self.process)
        self.key = (folder / "admin.key").read_text().strip()
        base = f"http://127.0.0.1:{port}"
        call(
            "PUT",
            f"{base}/v1/locations/main",
            {"name": "Main", "kind": "warehouse", "country": "DE"},
            self.key,
        )
        for n in range(SKUS):
            call("PUT", f"{base}/v1/skus/SKU-{n}", {"title": f"SKU {n}"}, self.key)
        lines = [{"sku": f"SKU-{n}", "quantity": OPENING} for n in range(SKUS)]
        call(
            "POST",
            f"{base}/v1/stock/receipts",
            {"receipt_id": "opening", "location": "main", "lines": lines},
            self.key,
        )

    def taken(self) -> int:
        """Return the units that the books say are allocated; fail on a negative."""
        total = 0
        for n in range(SKUS):
            url = f"http://127.0.0.1:{self.port}/v1/stock/SKU-{n}"
            stock = json.loads(call("GET", url, key=self.key))
            assert stock["available"] >= 0 and stock["on_hand"] == OPENING
            total += stock["allocated"]
        return total

    def close(self) -> None:
        """Stop the server."""
        self.process.terminate()
        self.process.wait(30)


class Peer:
    """FastAPI, redis-py and a Lua script on a server of its own."""

    name = "fastapi+redis-lua"
    key = ""

    def __init__(self, folder: Path, port: int, core: str) -> None:
        self.port = port
        folder.mkdir()
        # The same program and durability as ours, but free to run scripts.
        self.server = subprocess.Popen(
            [
                str(binary()),
                "--port",
                "0",
                "--unixsocket",
                f"{folder}/s",
                "--dir",
                str(folder),
                "--appendonly",
                "yes",
                "--appendfsync",
                "always",
                "--save",
                "",
            ],
            stdout=subprocess.DEVNULL,
        )
        url = f"unix://{folder}/s"
        self.redis = redis_client.Redis.from_url(url, decode_responses=True)
        _wait_for(self.redis.ping)
        assert self.redis.config_get("appendfsync")["appendfsync"] == "always"
        command = [
            sys.executable,
            "-m",
            "benchmarks.peers.redis_lua",
            "--redis",
            url,
            "--port",
            str(port),
        ]
        self.process = subprocess.Popen(["taskset", "-c", core, *command])
        wait_ready(port, self.process)
        for n in range(SKUS):
            call("PUT", f"http://127.0.0.1:{port}/stock/SKU-{n}/{OPENING}")

    def taken(self) -> int:
        """Return the units that the books say are taken; fail on a negative."""
        left = [int(v) for v in self.redis.hgetall("stock").values()]
        assert min(left) >= 0
        return OPENING * SKUS - sum(left)

    def close(self) -> None:
        """Stop the server."""
        self.process.terminate()
        self.process.wait(30)
        self.server.terminate()
        self.server.wait(30)


def drive(target, connections: int, seconds: float, prefix: str, seed: int, core: str) -> dict:
    """Load `target` once and return rate, latencies and CPU, with the books checked."""
    before, cpu = target.taken(), cpu_s(target.process.pid)
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(LUA % {"prefix": prefix, "seed": seed, "skus": SKUS})
        script.flush()
        out = subprocess.check_output(
            [
                "taskset",
                "-c",
                core,
                "wrk",
                "-t1",
                f"-c{connections}",
                f"-d{seconds:g}s",
                "--timeout",
                "10s",
                "-s",
                script.name,
                "-H",
                "Content-Type: application/json",
                "-H",
                f"Authorization: Bearer {target.key}",
                f"http://127.0.0.1:{target.port}",
            ],
            text=True,
        )
    found = json.loads(re.search(r"RESULT (.*)", out).group(1))
    time.sleep(0.2)
    taken = target.taken() - before
    # What was in flight when the generator stopped may have been taken without being counted.
    balanced = 2 * found["requests"] <= taken <= 2 * (found["requests"] + connections)
    used = cpu_s(target.process.pid) - cpu
    return {
        "target": target.name,
        "per_s": found["requests"] / (found["us"] / 1e6) if balanced and not found["errors"] else 0,
        "cpu_us": used / found["requests"] * 1e6,
        "balanced": balanced,
        **found,
    }


def main() -> None:
    """Run the rounds, print the table, record the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if not shutil.which("wrk"):
        raise SystemExit("this benchmark drives load with wrk (Debian: apt-get install wrk)")
    console, rows = Console(), []
    random.seed(options.seed)
    with tempfile.TemporaryDirectory(prefix="dibs-bench-") as folder:
        targets = [Ours(Path(folder, "ours"), 18_701, "0"), Peer(Path(folder, "peer"), 18_702, "0")]
        try:
            for number in range(-1, options.rounds):
                for target in targets:
                    row = drive(
                        target,
                        options.connections,
                        options.seconds,
                        f"r{number}-",
                        options.seed + number,
                        "1",
                    )
                    if number >= 0:
                        rows.append(row)
                        console.print(f"round {number} {target.name:20} {row['per_s']:10,.0f}/s")
        finally:
            for target in targets:
                target.close()
    show(console, rows, options)


def show(console: Console, rows: list[dict], options: argparse.Namespace) -> None:
    """Print and record medians with ranges, and the ratio."""
    table = Table("server", "orders/s", "range", "p50 ms", "p99 ms", "p99.9 ms", "CPU µs/order")
    medians = {}
    for name in dict.fromkeys(row["target"] for row in rows):
        mine = [row for row in rows if row["target"] == name]
        rates = [row["per_s"] for row in mine]
        medians[name] = statistics.median(rates)

        def middle(field: str, mine=mine) -> float:
            return statistics.median(row[field] for row in mine)

        table.add_row(
            name,
            f"{medians[name]:,.0f}",
            f"{min(rates):,.0f} – {max(rates):,.0f}",
            *(f"{middle(field) / 1000:.2f}" for field in ("p50", "p99", "p999")),
            f"{middle('cpu_us'):.0f}",
        )
    ratio = medians[Ours.name] / medians[Peer.name] if medians[Peer.name] else 0.0
    console.print(table)
    console.print(f"ours ÷ peer: [bold]{ratio:.2f}[/]")
    path = record(
        "http_order",
        {
            "connections": options.connections,
            "seconds": options.seconds,
            "seed": options.seed,
            "medians_per_s": medians,
            "ratio": ratio,
            "samples": rows,
        },
    )
    console.print(f"recorded in {path}", soft_wrap=True)


if __name__ == "__main__":
    main()
