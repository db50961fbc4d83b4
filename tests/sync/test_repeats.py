"""What may not be said twice is said otherwise, or waits; and how often an account is looked at."""

import pytest

from engine.connectors.base import Account
from engine.connectors.quotas import Limit, Quotas, Repeat
from engine.core.errors import ConfigError
from engine.sync.accounts import sweep_every_s
from engine.sync.queue import Due, Pace, Queue
from engine.sync.repeats import Repeats, otherwise


async def test_what_was_said_may_not_be_said_again_in_any_order_of_its_rows(store) -> None:
    repeats = Repeats(store, "said", 900)
    assert await repeats.claim({"a": 1, "b": 2}) == 0
    assert 890 < await repeats.claim({"b": 2, "a": 1}) <= 900
    assert await repeats.claim({"a": 1, "b": 3}) == 0 == await repeats.claim({"a": 1})
    assert await Repeats(store, "another", 900).claim({"a": 1}) == 0
    await repeats.release({"a": 1})
    assert await repeats.claim({"a": 1}) == 0
    free = Repeats(store, "free", 0)
    assert [await free.claim({"a": 1}) for _ in range(2)] == [0, 0]


def test_the_same_is_said_in_company_or_by_and_by() -> None:
    said, company = {"a": 0, "b": 1}, {"x": 0, "y": 7}
    assert list(otherwise(said, company, 3)) == [
        {"a": 0, "b": 1, "x": 0},
        {"a": 0, "b": 1, "y": 7},
        {"a": 0},  # the most urgent stays
    ]
    assert list(otherwise(said, company, 2)) == [{"a": 0}]
    assert list(otherwise({"a": 0}, {}, 1_000)) == []


def test_a_quantity_that_waits_holds_up_no_other_quantity() -> None:
    queue = Queue(Pace())
    queue.want(Due("a", "A", wanted=5, shown=4, since_s=0.0, not_before_s=900.0, held=5))
    queue.want(Due("a", "A", wanted=5, shown=4, since_s=1.0))
    assert queue.best(1, 10.0) == []
    queue.want(Due("a", "A", wanted=3, shown=4, since_s=2.0))
    assert [row.wanted for row in queue.best(1, 10.0)] == [3]


def test_quotas_say_what_may_not_be_repeated() -> None:
    quiet = Repeat(("stock",), 900, "somewhere", "2026-01-01")
    limit = Limit(("*",), "somewhere", "2026-01-01", per_s=1.0)
    quotas = Quotas((limit,), (quiet,))
    assert (quotas.unrepeatable_s("stock"), quotas.unrepeatable_s("orders")) == (900, 0)


def test_an_account_says_how_often_it_is_looked_at() -> None:
    def every_s(**options: str) -> float:
        return sweep_every_s(
            Account(name="a", connector="woocommerce", channel="a", url="", options=options)
        )

    assert (every_s(), every_s(sweep_s="2.5")) == (60.0, 2.5)
    for wrong in ("soon", "0", "nan", "1e9"):
        with pytest.raises(ConfigError, match=f"sweep_s={wrong}"):
            every_s(sweep_s=wrong)
