"""Searching: every list of a Magento shop is asked for in the same way."""

from collections.abc import Mapping


def search(
    where: Mapping[str, str], condition: str, size: int, page: int = 1, sort: str = ""
) -> dict[str, str]:
    """Return the query for rows whose field has `condition` ("eq", "in", "gteq") to a value."""
    query = {"searchCriteria[pageSize]": str(size), "searchCriteria[currentPage]": str(page)}
    for field, value in where.items():
        name = "searchCriteria[filterGroups][0][filters][0]"
        query[f"{name}[field]"], query[f"{name}[value]"] = field, value
        query[f"{name}[conditionType]"] = condition
    if sort:
        query["searchCriteria[sortOrders][0][field]"] = sort
        query["searchCriteria[sortOrders][0][direction]"] = "ASC"
    return query
