"""What does routing by policy cost, beside the fewest locations without one?

Two-line orders with an address, packed, in batches of 500, by the compiled ledger in process: once
of a channel without a policy, once of channels whose policy rates every location by zone and
weight band. All positions have plenty of stock, half of the locations each SKU. Both ledgers take
the same orders; every routed order must have been decided by the compiled way (its share is
recorded). Single decisions are timed one call each.

    python -m benchmarks.bench_routing [--locations 10 32 100 1000] [--orders 40000] [--rounds 3]
"""

import argparse
import gc
import random
import statistics
import time

from benchmarks.record import record
from benchmarks.show import CONSOLE
from engine.core import commands as c
from engine.core import packed
from engine.core.commands import Request
from engine.core.routing.policy import (
    ChannelStrategy,
    Lane,
    LocationRule,
    RateBand,
    RoutingPolicy,
    Strategy,
    Zone,
)
from ext.ledger import Ledger

START_US = 1_800_000_000_000_000
SKUS, BATCH, ZONES, SINGLE = 200, 500, 8, 5_000
STOCK = 1_000_000
ENDS = (500, 1_000, 2_000, 5_000, 10_000, 20_000, 31_500)
KINDS = ("cheapest", "fewest", "balanced")


def policy(places: int, rng: random.Random) -> RoutingPolicy:
    """Return a policy with a lane from every location to every zone."""
    zones = tuple(Zone(f"zone-{z}", "DE", (str(z),)) for z in range(ZONES))
    lanes = tuple(
        Lane(
            f"place-{n}",
            f"zone-{z}",
            tuple(
                RateBand(end, 350 + 45 * far + 60 * step + 12 * far * step)
                for step, end in enumerate(ENDS)
            ),
            1 + far // 3,
        )
        for n in range(places)
        for z in range(ZONES)
        for far in (rng.randrange(8),)
    )
    rules = tuple(
        LocationRule(
            f"place-{n}", f"place-{n}", handling_cost=rng.randint(50, 250), cut_off=14 * 60
        )
        for n in range(places)
    )
    strategies = tuple(
        Strategy(kind, kind, split_cost=100 if kind == "balanced" else 0) for kind in KINDS
    )
    channels = tuple(ChannelStrategy(kind, kind) for kind in KINDS)
    return RoutingPolicy("main", 1, strategies, "", zones, lanes, None, rules, channels)


def opened(places: int, seed: int) -> Ledger:
    """Return a ledger with the locations, the stock, the policy and a channel for each kind."""
    rng, ledger = random.Random(seed), Ledger()
    ledger.begin(START_US)
    commands: list = [
        c.PutLocation(
            f"place-{n}",
            "",
            "warehouse",
            "DE",
            latitude=47 + 8 * rng.random(),
            longitude=6 + 9 * rng.random(),
        )
        for n in range(places)
    ]
    commands += [
        c.PutSku(f"SKU-{n}", f"SKU {n}", int(50 * 40 ** rng.random())) for n in range(SKUS)
    ]
    for n in range(places):
        lines = [c.ReceiptLine(f"SKU-{s}", STOCK) for s in range(SKUS) if rng.random() < 0.5]
        commands.append(c.Receive(f"r{n}", f"place-{n}", tuple(lines)))
    commands += [policy(places, rng), *(c.PutChannel(kind, policy="main") for kind in KINDS)]
    for command in commands:
        ledger.decide(Request(command))
    ledger.drain()
    return ledger


def orders(channel: str, count: int, seed: int) -> list[bytes]:
    """Return packed two-line orders to anywhere."""
    rng, found = random.Random(seed), []
    for n in range(count):
        skus = rng.sample(range(SKUS), 2)
        lines = tuple(c.OrderLine(f"SKU-{s}", rng.choice((1, 1, 2)), None, 999) for s in skus)
        home = c.Address(
            postcode=f"{rng.randrange(ZONES)}{rng.randrange(10_000):04d}",
            country="DE",
            latitude=47 + 8 * rng.random(),
            longitude=6 + 9 * rng.random(),
        )
        order = c.PlaceOrder(order_id=f"o{n}", channel=channel, lines=lines, ship_to=home)
        found.append(packed.pack(Request(order, "bench"), n, brief=True))
    return found


def rate(ledger: Ledger, requests: list[bytes], now_us: int) -> float:
    """Return orders decided a second."""
    batches = [b"".join(requests[at : at + BATCH]) for at in range(0, len(requests), BATCH)]
    gc.collect()
    began = time.perf_counter()
    for data in batches:
        now_us += 1_000
        ledger.begin(now_us)
        answers, end = ledger.decide_packed(data)
        ledger.drain()
        if end != len(data) or any(
            packed.unpack_answer(one).code for one in packed.split(answers[:24])
        ):
            raise SystemExit("an order was refused; nothing measured here counts")
    return len(requests) / (time.perf_counter() - began)


def each_us(ledger: Ledger, requests: list[bytes], now_us: int) -> list[float]:
    """Return the µs of single decisions."""
    ledger.begin(now_us)
    found = []
    for data in requests:
        began = time.perf_counter_ns()
        ledger.decide_packed(data)
        found.append((time.perf_counter_ns() - began) / 1_000)
    ledger.drain()
    return found


def main() -> None:
    """Measure, show, record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--locations", type=int, nargs="+", default=[10, 32, 100, 1_000])
    parser.add_argument("--orders", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    samples: dict[str, list[float]] = {}
    for places in options.locations:
        count = max(options.orders * 10 // max(places, 10), 2 * SINGLE)
        for number in range(options.rounds):
            for channel in ("plain", *KINDS):
                requests = orders(channel, count, options.seed + number)
                ledger = opened(places, options.seed)
                name = f"{places} locations, {channel}"
                found = rate(ledger, requests[SINGLE:], START_US)
                samples.setdefault(f"{name}: orders/s", []).append(found)
                times = sorted(each_us(ledger, requests[:SINGLE], START_US + 10**9))
                for word, share in (("p50", 0.5), ("p99", 0.99)):
                    value = times[int(share * len(times))]
                    samples.setdefault(f"{name}: µs a decision, {word}", []).append(value)
    medians = {name: statistics.median(found) for name, found in samples.items()}
    for places in options.locations:
        plain = medians[f"{places} locations, plain: orders/s"]
        for kind in KINDS:
            share = medians[f"{places} locations, {kind}: orders/s"] / plain
            samples[f"{places} locations, {kind}: routed ÷ without a policy"] = [share]
            medians[f"{places} locations, {kind}: routed ÷ without a policy"] = share
    for name, value in medians.items():
        CONSOLE.print(f"{name:56} {value:12,.2f}", markup=False)
    path = record("routing", {"seed": options.seed, "samples": samples})
    CONSOLE.print(f"→ {path}", markup=False)


if __name__ == "__main__":
    main()
