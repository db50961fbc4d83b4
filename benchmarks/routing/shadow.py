"""Scarcity prices as the dual prices of a transportation problem (Acimovic & Graves 2015): demand
that is expected until the next delivery, by zone, is served from what is left at the warehouses;
what one more unit at a warehouse would save is what taking one costs.
"""

import numpy
from scipy.optimize import linprog
from scipy.sparse import coo_array

# What a unit that nobody can serve costs, as a multiple of the dearest way.
LOST = 1.5


def transport(demand: numpy.ndarray, stock: numpy.ndarray, cost: numpy.ndarray):
    """Return (cost, duals of the stock, units by zone and warehouse) of serving `demand`."""
    zones, places = cost.shape
    size = zones * places
    objective = numpy.concatenate([cost.ravel(), numpy.full(zones, LOST * cost.max())])
    zone, place = numpy.divmod(numpy.arange(size), places)
    every = numpy.arange(zones)
    served = coo_array(
        (numpy.ones(size + zones), (numpy.concatenate([zone, every]), numpy.arange(size + zones))),
        shape=(zones, size + zones),
    )
    taken = coo_array((numpy.ones(size), (place, numpy.arange(size))), shape=(places, size + zones))
    found = linprog(
        objective, A_ub=taken.tocsr(), b_ub=stock, A_eq=served.tocsr(), b_eq=demand, method="highs"
    )
    return found.fun, -found.ineqlin.marginals, found.x[:size].reshape(zones, places)


def prices(
    rate: numpy.ndarray, stock: numpy.ndarray, cost: numpy.ndarray, seed: int, draws: int
) -> numpy.ndarray:
    """Return the price of a unit at each warehouse: the mean of the duals over `draws` of the
    demand, Poisson around `rate` by zone. Same arguments, same prices."""
    rng, found = numpy.random.default_rng(seed), []
    # Half a unit less: the dual is then what the last unit is worth, not one of many that fit.
    left = numpy.maximum(stock - 0.5, 0)
    for _ in range(draws):
        demand = rng.poisson(rate)
        used = demand > 0
        if used.any():
            found.append(transport(demand[used], left, cost[used])[1])
        else:
            found.append(numpy.zeros(len(stock)))
    return numpy.mean(found, axis=0)
