"""What does routing by policy cost, beside the fewest locations without one?

Two-line orders with an address, packed, in batches of 500, by the compiled ledger in process: of a
channel without a policy, and of channels whose policy rates every location by zone and weight band.
All positions have plenty of stock, half of the locations each SKU. Single decisions are timed one
call each.

    python -m benchmarks.bench_routing [--locations 10 32 100 1000] [--orders 20000] [--rounds 3]
"""

import argparse
import gc
import random
import time

from benchmarks.show import Samples, finish
from benchmarks.stats import ratio_row
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
from ext.packed import tally

START_US = 1_800_000_000_000_000
SKUS, BATCH, ZONES, SINGLE = 200, 500, 8, 5_000
STOCK = 1_000_000
ENDS = (500, 1_000, 2_000, 5_000, 10_000, 20_000, 31_500)
RATE = "orders/s of CPU"
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
        # Half of them have each SKU, and one does in any case.
        held = [s for s in range(SKUS) if rng.random() < 0.5 or s % places == n]
        lines = [c.ReceiptLine(f"SKU-{s}", STOCK) for s in held]
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
    """Return orders decided in a second of CPU; zero if one was refused."""
    batches = [b"".join(requests[at : at + BATCH]) for at in range(0, len(requests), BATCH)]
    refused = 0
    gc.collect()
    began = time.process_time()
    for data in batches:
        now_us += 1_000
        ledger.begin(now_us)
        answers, _ = ledger.decide_packed(data)
        refused += tally(answers)[1]
        ledger.drain()
    return 0.0 if refused else len(requests) / (time.process_time() - began)


def each_us(ledger: Ledger, requests: list[bytes], now_us: int) -> list[float]:
    """Return the µs of single decisions, the call included, in rising order."""
    ledger.begin(now_us)
    found = []
    for data in requests:
        began = time.perf_counter_ns()
        ledger.decide_packed(data)
        found.append((time.perf_counter_ns() - began) / 1_000)
    ledger.drain()
    return sorted(found)


def measure(samples: Samples, places: int, count: int, seed: int) -> None:
    """Add one round of every contestant, the ledgers of one locations' count."""
    case = f"{places:,} locations, half of them have each SKU"
    for channel in ("plain", *KINDS):
        requests = orders(channel, count + SINGLE, seed)
        name = "without a policy" if channel == "plain" else channel
        ledger = opened(places, 1)
        samples.add(case, name, RATE, rate(ledger, requests[SINGLE:], START_US))
        times = each_us(ledger, requests[:SINGLE], START_US + 10**9)
        for word, share in (("p50", 0.5), ("p99", 0.99)):
            samples.add(case, name, f"µs a decision, {word}", times[int(share * SINGLE)])


def main() -> None:
    """Measure, print and write `results/routing.jsonl`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--locations", type=int, nargs="+", default=[10, 32, 100, 1_000])
    parser.add_argument("--orders", type=int, default=20_000, help="for ten locations")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    samples, ratios = Samples(), []
    for places in options.locations:
        count = max(options.orders * 10 // max(places, 10), 2_000)
        for number in range(options.rounds):
            measure(samples, places, count, options.seed + number)
        case = f"{places:,} locations, half of them have each SKU"
        plain = samples.of(case, "without a policy", RATE)
        for kind in KINDS:
            name = f"{places:,} locations: orders per CPU-second, {kind} ÷ without a policy"
            ratios.append(ratio_row(name, samples.of(case, kind, RATE), plain, target=0.7))
    finish("routing", {**vars(options), "rows": samples.rows(), "ratios": ratios})


if __name__ == "__main__":
    main()
