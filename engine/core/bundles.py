"""What bundles may be made of: no cycle, bounded depth, no stock of their own, no line twice.

`skus` is any sequence whose rows have `components` (pairs of SKU number and units), `parents` and
`positions`: the tables of either twin.
"""

from engine.core import limits
from engine.core.outcomes import Code


def fault(skus, number: int, children: list[int]) -> Code | None:
    """Say why SKU `number`, new or known, may not be made of `children`; None if it may."""
    known = skus[number] if number < len(skus) else None
    if len(set(children)) < len(children):
        return Code.DUPLICATE_LINE
    if number in children or (known and any(_reaches(skus, child, number) for child in children)):
        return Code.BUNDLE_CYCLE
    if known and known.positions:
        return Code.BUNDLE_HAS_STOCK
    above = _above(skus, known) if known else 0
    if 1 + max(below(skus, child) for child in children) + above > limits.BUNDLE_DEPTH_MAX:
        return Code.BUNDLE_TOO_DEEP
    return None


def below(skus, number: int) -> int:
    """Return how many levels of components lie below a SKU; more than `BUNDLE_DEPTH_MAX` also
    where it contains itself."""
    return sum(map(bool, _levels({number}, _children(skus)))) - 1


def _levels(start: set[int], neighbours) -> list[set[int]]:
    """Return what lies 0, 1, 2, … steps from `start`; each set is met once a level."""
    levels = [start]
    while levels[-1] and len(levels) <= limits.BUNDLE_DEPTH_MAX + 1:
        levels.append({found for number in levels[-1] for found in neighbours(number)})
    return levels


def _children(skus):
    return lambda number: [child for child, _ in skus[number].components]


def _reaches(skus, start: int, goal: int) -> bool:
    return any(goal in level for level in _levels({start}, _children(skus)))


def _above(skus, sku) -> int:
    """Return how many levels of bundles lie above a SKU."""
    return sum(map(bool, _levels(set(sku.parents), lambda number: skus[number].parents)))


def leaves(skus, number: int, times: int, into: dict[int, int]) -> int:
    """Add the stocked SKUs below SKU `number`, `times` as often as they are in it, to `into`;
    return how many were met."""
    components = skus[number].components
    if not components:
        into[number] = into.get(number, 0) + times
        return 1
    met = 0
    for child, quantity in components:
        met += leaves(skus, child, min(times * quantity, limits.QUANTITY_MAX + 1), into)
        if met > limits.EXPANDED_LINES_MAX:
            break
    return met
