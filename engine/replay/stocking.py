"""Locations, SKUs and opening stock that the documents imply.

Locations: those that the files name (Olist's sellers), where the files name them and no count is
given; otherwise `count` warehouses (3 by default) in cities of the seller's country.

Opening stock of a SKU is a fraction of all units that its orders ask for and its negative
adjustments write off. The fraction is drawn for each SKU, evenly between `fill` − 0.1 and `fill` +
0.1, so that some never run out and some do before the end; it is rounded up or down at random so
that it is right on average. Units for orders are split over the warehouses by weights drawn for
each SKU (exponential, so that one, its home, often holds most of it), and what a named location
sold is stocked there. Units to be written off are stocked at home, where they are written off.
The same seed, files and options always give the same stock.
"""

from collections import Counter

import msgspec
import numpy as np

from engine.core import limits
from engine.core.commands import PutLocation, PutSku
from engine.replay.documents import Adjustment, Document, Order
from engine.replay.files import Loaded
from engine.replay.places import warehouses

FILL = 0.9
FILL_SPREAD = 0.1
LOCATIONS_DEFAULT = 3


class Catalogue(msgspec.Struct):
    """What is loaded before the first order. `opening` is units by (SKU, location); `home` is
    where a SKU's returns and corrections are booked: the location with most of its stock."""

    locations: list[PutLocation]
    skus: list[PutSku]
    opening: dict[tuple[str, str], int]
    home: dict[str, str]


def derive(
    loaded: Loaded, *, locations: int | None = None, seed: int = 1, fill: float = FILL
) -> Catalogue:
    """Derive the catalogue. With `locations`, orders are no longer bound to named ones: see
    `unbind`, which must have been applied to the documents then."""
    draw = np.random.default_rng(seed)
    catalogue = Catalogue([], [], {}, {})
    known: set[str] = set()
    for extract in loaded.extracts.values():
        demand = _demand(extract.documents)
        bound = any(place for _, place in demand.ordered)
        if bound:
            places = list(extract.places.values())
        else:
            places = warehouses(extract.country, locations or LOCATIONS_DEFAULT)
        catalogue.locations += [place for place in places if place.location not in known]
        known.update(place.location for place in places)
        names = [] if bound else [place.location for place in places]
        _stock(catalogue, sorted(extract.skus), demand, names, fill, draw)
        catalogue.skus += [
            PutSku(sku, (facts.title or sku)[: limits.TITLE_CHARS_MAX], facts.weight_g)
            for sku, facts in sorted(extract.skus.items())
        ]
    return catalogue


def unbind(documents: list[Document]) -> list[Document]:
    """Return the documents with no order line bound to a location."""
    free = []
    for document in documents:
        if isinstance(document, Order) and any(line.location for line in document.command.lines):
            command = document.command
            lines = tuple(msgspec.structs.replace(line, location=None) for line in command.lines)
            command = msgspec.structs.replace(command, lines=lines)
            document = msgspec.structs.replace(document, command=command)
        free.append(document)
    return free


class _Demand(msgspec.Struct):
    """Units that orders ask for by (SKU, named location or ""), and that are written off by SKU."""

    ordered: Counter[tuple[str, str]]
    written_off: Counter[str]


def _demand(documents: list[Document]) -> _Demand:
    demand = _Demand(Counter(), Counter())
    for document in documents:
        if isinstance(document, Order):
            for line in document.command.lines:
                demand.ordered[line.sku, line.location or ""] += line.quantity
        elif isinstance(document, Adjustment):
            for line in document.lines:
                demand.written_off[line.sku] += max(-line.delta, 0)
    return demand


def _stock(
    catalogue: Catalogue, skus: list[str], demand: _Demand, names: list[str], fill: float, draw
) -> None:
    fractions = draw.uniform(fill - FILL_SPREAD, fill + FILL_SPREAD, len(skus))
    fraction_of = dict(zip(skus, fractions, strict=True))
    opening, home = catalogue.opening, catalogue.home

    def units_of(sku: str, wanted: int) -> int:
        exact = wanted * max(float(fraction_of[sku]), 0.0)
        return int(exact) + int(draw.random() < exact - int(exact))

    for (sku, place), wanted in sorted(demand.ordered.items()):
        units = units_of(sku, wanted)
        if place:
            opening[sku, place] = units
            if units > opening[sku, home.setdefault(sku, place)]:
                home[sku] = place
            continue
        weights = draw.exponential(size=len(names))
        edges = np.rint(np.cumsum(weights) / weights.sum() * units).astype(int)
        shares = np.diff(edges, prepend=0)
        home[sku] = names[int(shares.argmax())]
        opening.update(((sku, name), int(n)) for name, n in zip(names, shares, strict=True))
    for sku, wanted in sorted(demand.written_off.items()):
        cell = (sku, home.setdefault(sku, catalogue.locations[0].location))
        opening[cell] = opening.get(cell, 0) + units_of(sku, wanted)
    for sku in skus:
        home.setdefault(sku, catalogue.locations[0].location)
