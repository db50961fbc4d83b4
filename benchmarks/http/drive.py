"""One round: wrk, or `streamer` where a workload has streams, loads a target for some seconds, then
its books are checked.

Both are closed loops: wrk asks again when it was answered, so its latencies say how long an answer
takes under full load, not how long a caller waits who comes at a time of its own.
"""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.http.books import Books
from benchmarks.http.processes import Weather, cpu_s
from benchmarks.http.targets import Target
from benchmarks.http.workloads import LAG_PER_CONNECTION, Script, Workload
from benchmarks.show import figure

LUA = Path(__file__).with_name("wrk.lua")
SETTLE_S, SETTLE_TIMEOUT_S = 0.3, 30.0
BUSY = 0.95  # share of a core from which on a process is the limit


def drive(
    target: Target, script: Script, number: int, *, connections: int, seconds: float, core: int
) -> dict:
    """Load `target` once; return rates, latencies, CPU and whether all of it was right.

    `number` (0 to 99) tells this round's ids from those of the others. Rates are 0 where the
    answers or the books are wrong; `wrong` says how.
    """
    workload, lag = script.workload, connections * LAG_PER_CONNECTION - 1
    target.pin(1 - core)
    before = target.books()
    used = _used(target)
    weather = Weather()
    arguments = script.arguments(f"r{number:02d}-", lag)
    if workload.streams:
        found = _streamer(target, arguments, seconds, core)
    else:
        found = _wrk(target, arguments, connections, seconds, core)
    front_s, writer_s, behind_s = (
        after - before for after, before in zip(_used(target), used, strict=True)
    )
    around = weather.read()
    after = settled(target)
    target.pin(1 - core)
    took_s, done, sent = found["us"] / 1e6, found["requests"], found["sent"]
    most = workload.units(sent, lag)
    least = most - workload.lines * workload.orders * (sent - done) if most else 0
    wrong = _wrong(found, workload, (before, after), least, most)
    each = max(done * workload.orders, 1)
    return {
        "per_s": 0.0 if wrong else done * workload.orders / took_s,
        "per_cpu_s": 0.0 if wrong or not front_s else done * workload.orders / front_s,
        "cpu_us": front_s / each * 1e6,
        "writer_cpu_us": writer_s / each * 1e6,
        "fronts_cpu_us": (front_s - writer_s) / each * 1e6,
        "log_cpu_us": behind_s / each * 1e6,
        "server_cpu": front_s / took_s,
        "generator_cpu": found["cpu_s"] / took_s,
        "p50_us": found["p50_us"],
        "p99_us": found["p99_us"],
        "p999_us": found["p999_us"],
        "max_us": found["max_us"],
        "least_units": least,
        "most_units": most,
        "wrong": wrong,
        **around,
    }


def _used(target: Target) -> tuple[float, float, float]:
    """Return CPU seconds of all its own processes, of those that decide, of what it stores on."""
    return cpu_s(target.front()), cpu_s(target.writer()), cpu_s(target.behind())


def _wrk(target: Target, arguments: list[str], connections: int, seconds: float, core: int) -> dict:
    words = ["taskset", "-c", str(core), "wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s"]
    words += ["--timeout", "10s", "-s", str(LUA), "-H", "Content-Type: application/json"]
    words += ["-H", f"Authorization: Bearer {target.key}"] if target.key else []
    words += [f"http://127.0.0.1:{target.port}", "--", *arguments]
    return _result(words)


def _streamer(target: Target, arguments: list[str], seconds: float, core: int) -> dict:
    workload = target.workload
    words = ["taskset", "-c", str(core), sys.executable, "-m", "benchmarks.http.streamer"]
    words += [str(target.port), target.key, *arguments]
    return _result([*words, str(workload.orders), str(workload.streams), f"{seconds:g}"])


def _result(words: list[str]) -> dict:
    out = subprocess.check_output(words, text=True)
    return json.loads(re.search(r"RESULT (.*)", out).group(1))


def settled(target: Target) -> Books | None:
    """Return the books once they stand still: requests that wrk left behind are done with."""
    deadline, last = time.monotonic() + SETTLE_TIMEOUT_S, None
    while time.monotonic() < deadline:
        time.sleep(SETTLE_S)
        found = target.books()
        if found == last:
            return found
        last = found
    raise SystemExit(f"{target.name} still takes stock long after the load has ended")


def _wrong(
    found: dict, workload: Workload, books: tuple[Books | None, Books | None], least: int, most: int
) -> str:
    """Say what is wrong with a round whose books stood so before and after, or nothing."""
    before, after = books
    done, refusals = found["requests"], found["refused"]
    expected = done if workload.expect == "refused" else 0
    if not done:
        return "nothing was answered"
    if found["broken"]:
        return f"{found['broken']} connections or requests broke"
    if refusals != expected:
        return f"{refusals} of {done} were refused, not {expected}"
    if after is None:
        return ""
    if not after.sound:
        return "a position is overdrawn"
    taken = after.taken - before.taken
    return "" if least <= taken <= most else f"{taken} units taken, not {least} to {most}"


def line(label: str, row: dict, unit: str) -> str:
    """Return one round as a line to print."""
    full = row["generator_cpu"] >= BUSY > row["server_cpu"]
    note = row["wrong"] or ("wrk is the limit" if full else "")
    return (
        f"{label:34} {figure(row['per_s']):>9} {unit:11} {row['cpu_us']:7.1f} µs CPU "
        f"+ {row['log_cpu_us']:5.1f} log  {note}"
    )
