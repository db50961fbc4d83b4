"""Searching: every list of a Magento shop is asked for in the same way."""

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote

SKUS_PER_CALL = 50
"""SKUs that one search is for. Each is at most 64 characters, and what a shop works out of each
takes it some queries of its own."""
_QUERY_BYTES = 6_000  # of SKUs in an address: web servers take 8 kB of it with all that is around


def search(
    where: Mapping[str, str],
    condition: str,
    size: int,
    page: int = 1,
    sort: str = "",
    direction: str = "ASC",
) -> dict[str, str]:
    """Return the query for rows whose field has `condition` ("eq", "in", "gteq") to a value."""
    query = {"searchCriteria[pageSize]": str(size), "searchCriteria[currentPage]": str(page)}
    for field, value in where.items():
        name = "searchCriteria[filterGroups][0][filters][0]"
        query[f"{name}[field]"], query[f"{name}[value]"] = field, value
        query[f"{name}[conditionType]"] = condition
    if sort:
        query["searchCriteria[sortOrders][0][field]"] = sort
        query["searchCriteria[sortOrders][0][direction]"] = direction
    return query


def listable(sku: str) -> bool:
    """Say whether a search may name a SKU beside others: a shop takes lists apart at commas."""
    return "," not in sku


def portions(skus: Iterable[str]) -> Iterator[list[str]]:
    """Give SKUs in lists, each for one search with `in`; one with a comma alone, for `eq`."""
    some, taken = [], 0
    for sku in skus:
        if not listable(sku):
            yield [sku]
            continue
        size = len(quote(sku, safe="")) + len(quote(",", safe=""))
        if some and (len(some) == SKUS_PER_CALL or taken + size > _QUERY_BYTES):
            yield some
            some, taken = [], 0
        some.append(sku)
        taken += size
    if some:
        yield some


def named(skus: list[str], size: int, sort: str = "", direction: str = "ASC") -> dict[str, str]:
    """Return the query for the first `size` rows of SKUs, which are one of `portions`."""
    condition = "in" if listable(skus[0]) else "eq"
    return search({"sku": ",".join(skus)}, condition, size, 1, sort, direction)
