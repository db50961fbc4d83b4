"""Random instances of a given shape, for tests and for the benchmark."""

from random import Random

from engine.core import limits
from engine.core.routing.instance import Instance
from engine.core.routing.tariff import Band, Tariff


def drawn(rng: Random, demands: int, places: int, quantity: int, density: float) -> Instance:
    """Return an awkward instance: tariffs that step both ways, units without weight or cost, splits
    that cost nothing, limits on shipments. `density` is the share of positions with stock."""
    tariffs = [_tariff(rng) for _ in range(3)]
    return Instance(
        quantities=[rng.randint(1, quantity) for _ in range(demands)],
        grams=[rng.choice((0, rng.randint(1, 1_500))) for _ in range(demands)],
        fixed=[rng.randint(0, 500_000) for _ in range(places)],
        tariffs=[rng.choice(tariffs) for _ in range(places)],
        stock=[
            [rng.randint(0, quantity + 1) if rng.random() < density else 0 for _ in range(places)]
            for _ in range(demands)
        ],
        unit=[
            [rng.choice((0, rng.randint(0, 20_000))) for _ in range(places)] for _ in range(demands)
        ],
        split=rng.choice((0, rng.randint(0, 300_000))),
        shipments_max=rng.choice((limits.LOCATIONS_MAX, limits.LOCATIONS_MAX, 2, 1)),
    )


def _tariff(rng: Random) -> Tariff:
    bands, end = [], 0
    for _ in range(rng.randint(1, 4)):
        end += rng.randint(500, 4_000)
        base, per_g = rng.randint(0, 900_000), rng.randint(0, 900)
        bands.append(Band(end, rng.choice((0, base)), rng.choice((0, per_g))))
    return tuple(bands)


def retail(rng: Random, demands: int, places: int, density: float) -> Instance:
    """Return an order as shops see them: a few units of some SKUs, thin stock here and there,
    eight zones with parcel rates, goods from 50 g to 5 kg, a cost of handling at each location."""
    zones = [_parcel(zone) for zone in range(8)]
    quantities = [rng.choice((1, 1, 1, 2, 2, 3, 5)) for _ in range(demands)]
    stock = [
        [rng.choice((1, 2, 5, 20, 100)) if rng.random() < density else 0 for _ in range(places)]
        for _ in range(demands)
    ]
    for row, units in zip(stock, quantities, strict=True):
        if sum(row) < units:
            row[rng.randrange(places)] = units
    return Instance(
        quantities=quantities,
        grams=[int(50 * 100 ** rng.random()) for _ in range(demands)],
        fixed=[rng.randint(50, 250) * 1_000 for _ in range(places)],
        tariffs=[rng.choice(zones) for _ in range(places)],
        stock=stock,
        unit=[[rng.randint(0, 30) * 1_000 for _ in range(places)] for _ in range(demands)],
        split=100_000,
    )


def _parcel(zone: int) -> Tariff:
    ends = (500, 1_000, 2_000, 5_000, 10_000, 20_000, 31_500)
    return tuple(
        Band(end, (350 + 45 * zone + 60 * n + 12 * zone * n) * 1_000, 0)
        for n, end in enumerate(ends)
    )
