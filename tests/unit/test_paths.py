"""Where the API has things, for ids of any kind."""

import pytest

from engine.core.paths import order_path, path_of


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        (("stock", "TEA-1"), "/v1/stock/TEA-1"),
        (("skus", "a/b?c#d"), "/v1/skus/a%2Fb%3Fc%23d"),
        (("skus", "çay 5%"), "/v1/skus/%C3%A7ay%205%25"),
    ],
)
def test_an_id_is_one_part_of_a_path_whatever_it_has(parts: tuple[str, ...], path: str) -> None:
    assert path_of(*parts) == path


def test_an_order_and_what_it_has() -> None:
    assert order_path("web", "1/2") == "/v1/orders/web/1%2F2"
    assert order_path("web", "1", "facts") == "/v1/orders/web/1/facts"
