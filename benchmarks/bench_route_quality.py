"""How good are the plans, beside an exact solver and beside the rules that people use?

Drawn orders as shops see them (a few units of one to five SKUs, thin stock, eight zones of parcel
rates) at 8, 12, 32, 128 and 1,000 candidate locations. Each is planned by the compiled planner; a
sample also as a mixed integer program by HiGHS. Beside them stand the first locations with stock,
the nearest ones (least shipping for one parcel of the order), and the fewest shipments.

With `--olist FOLDER` also real orders, each of which could come from all sellers of its categories
(`benchmarks.routing.sellers` says what is assumed): every order, and those of several categories.

With `--brunel FOLDER` also a day of a real network: 19 plants, rates by lane, weight and carrier,
who may serve whom, orders a day. Its orders come one after the other and take what is cheapest
then; beside that stand the first plant that may and can, and the least sum for as many orders as
can be at once, which picks the orders too: the plants cannot send all of them.

    python -m benchmarks.bench_route_quality [--rounds 3] [--orders 400] [--olist FOLDER]
        [--brunel FOLDER]
"""

import argparse
import time
from pathlib import Path
from random import Random

from rich.progress import track

from benchmarks.routing import brunel, sellers
from benchmarks.routing.draw import retail
from benchmarks.routing.milp import solve as exact
from benchmarks.show import Samples, finish
from benchmarks.stats import ratio_row
from engine.core.routing import fewest
from engine.core.routing.batch import Batch
from engine.core.routing.instance import Instance, Plan, price
from engine.core.routing.tariff import cost
from ext import scorer

PLACES = (8, 12, 32, 128, 1_000)
EXACT_PLACES_MAX, EXACT_LIMIT_S = 128, 20.0
US, COST, SPLITS = "µs/order", "cost ÷ planner's", "shipments/order"


def ranked(instance: Instance, rank: list[tuple], *, few: bool = False) -> list[list[int]]:
    """Return the picks that take from locations by rank, or from the fewest, best rank first."""
    offers = [{j: n for j, n in enumerate(row) if n} for row in instance.stock]
    names = dict(enumerate(rank))
    places = len(rank)
    if few:
        chosen = fewest.choose(instance.quantities, offers, names)
        return [[dict(row).get(j, 0) for j in range(places)] for row in chosen]
    picks = []
    for quantity, offer in zip(instance.quantities, offers, strict=True):
        row, left = [0] * places, quantity
        for j in sorted(offer, key=names.__getitem__):
            row[j] = min(left, offer[j])
            left -= row[j]
        picks.append(row)
    return picks


def rules(instance: Instance, km: list[int] | None = None) -> dict[str, list[list[int]]]:
    """Return what each rule picks; without kilometres, near is who ships cheapest."""
    count = len(instance.fixed)
    weight = sum(q * g for q, g in zip(instance.quantities, instance.grams, strict=True))
    first = [(j,) for j in range(count)]
    far = km or [cost(tariff, weight) for tariff in instance.tariffs]
    near = [(way, j) for j, way in enumerate(far)]
    return {
        "first with stock": ranked(instance, first),
        "nearest": ranked(instance, near),
        "fewest shipments": ranked(instance, near, few=True),
    }


def shipments(picks: list[list[int]]) -> int:
    """Return from how many locations picks come."""
    return sum(map(any, zip(*picks, strict=True)))


def measure(samples: Samples, rng: Random, places: int, orders: int, sample: int) -> None:
    """Plan orders of one size, and a sample of them exactly."""
    density = min(0.5, 6 / places)
    count = max(orders * 32 // max(places, 32), 20)
    instances = [retail(rng, rng.randint(1, 5), places, density) for _ in range(count)]
    case = f"{places:,} locations"
    plans = compare(samples, case, [(instance, None) for instance in instances])
    if places <= EXACT_PLACES_MAX:
        beside_exact(samples, case, list(zip(instances, plans, strict=True))[:sample])


def compare(samples: Samples, case: str, orders: list) -> list[Plan]:
    """Plan orders, each an instance and its kilometres, and show what rules make of them."""
    instances = [instance for instance, _ in orders]
    batch, count = Batch(instances), len(instances)
    began = time.perf_counter()
    scorer.solve(batch)
    took_s = time.perf_counter() - began
    samples.add(case, "planner", US, took_s / count * 1e6)
    plans = [batch.plan(number) for number in range(count)]
    total = sum(plan.cost for plan in plans)
    samples.add(case, "planner", SPLITS, sum(len(p.places()) for p in plans) / count)
    samples.add(case, "planner's own bound", COST, sum(p.bound for p in plans) / total)
    sums, parts = {}, {}
    for instance, km in orders:
        for name, picks in rules(instance, km).items():
            sums[name] = sums.get(name, 0) + price(instance, picks)
            parts[name] = parts.get(name, 0) + shipments(picks)
    for name, theirs in sums.items():
        samples.add(case, name, COST, theirs / total)
        samples.add(case, name, SPLITS, parts[name] / count)
    return plans


def beside_exact(samples: Samples, case: str, planned: list[tuple[Instance, Plan]]) -> None:
    """Solve a sample by HiGHS."""
    best = ours = worse = 0
    began = time.perf_counter()
    for instance, plan in planned:
        found, _, _ = exact(instance, limit_s=EXACT_LIMIT_S)
        best, ours, worse = best + found, ours + plan.cost, worse + (plan.cost > found)
    took_s = time.perf_counter() - began
    samples.add(case, "exact (HiGHS)", COST, best / ours)
    samples.add(case, "exact (HiGHS)", US, took_s / len(planned) * 1e6)
    samples.add(case, "planner", f"orders dearer than exact, of {len(planned)}", worse)


def olist(samples: Samples, folder: Path, sample: int) -> None:
    """Compare on Olist's orders."""
    found = sellers.cases(folder)
    several = [case for case in found if len(case.instance.quantities) > 1]
    for name, orders in (("all orders", found), ("several categories", several)):
        places = sum(len(case.km) for case in orders) / len(orders)
        case = f"Olist, {name} ({len(orders):,}; {places:.0f} sellers each)"
        plans = compare(samples, case, orders)
        step = max(len(orders) // sample, 1)
        planned = [(one.instance, plan) for one, plan in zip(orders, plans, strict=True)]
        beside_exact(samples, case, planned[::step][:sample])


def main() -> None:
    """Measure, print and write `results/route_quality.jsonl`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="one round of a tenth")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--orders", type=int, default=400)
    parser.add_argument("--exact", type=int, default=40)
    parser.add_argument("--olist", type=Path)
    parser.add_argument("--brunel", type=Path)
    options = parser.parse_args()
    if options.short:
        options.rounds, options.orders, options.exact = 1, 40, 4
    samples = Samples()
    for number in track(range(options.rounds), description="rounds"):
        for places in PLACES:
            rng = Random(f"{number}/{places}")
            measure(samples, rng, places, options.orders, options.exact)
    ratios = []
    for places in PLACES:
        if places <= EXACT_PLACES_MAX:
            case, goal = f"{places:,} locations", 1.001 if places <= 12 else 1.01
            theirs = samples.of(case, "exact (HiGHS)", COST)
            name = f"planner's cost ÷ exact, {case}"
            ratios.append(
                ratio_row(name, [1.0] * len(theirs), theirs, target=goal, less_is_better=True)
            )
    if options.olist:
        olist(samples, options.olist, options.exact)
    if options.brunel:
        for contestant, unit, value in brunel.compare(options.brunel):
            samples.add("Brunel, one day", contestant, unit, value)
    told = {k: str(v) if isinstance(v, Path) else v for k, v in vars(options).items()}
    finish("route_quality", {**told, "rows": samples.rows(), "ratios": ratios})


if __name__ == "__main__":
    main()
