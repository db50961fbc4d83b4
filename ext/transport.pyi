from collections.abc import Sequence

Rows = Sequence[Sequence[int]]

def marginals(demand: Rows, stock: Sequence[int], cost: Rows, lost: int) -> list[list[int]]: ...
def played(
    arrivals: Rows, stock: Sequence[int], cost: Rows, ways: Rows
) -> list[list[int]]: ...
