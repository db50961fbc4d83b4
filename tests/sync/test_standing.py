"""How many orders the seller cancels, beside what a channel allows; and what is done in time."""

import time
import uuid

import msgspec
import pytest

from engine.connectors import registry
from engine.connectors.base import Account
from engine.connectors.standards import standards_of
from engine.core import limits
from engine.core.errors import ConfigError
from engine.sync.standing import Rate, Standing
from tests.sync.office import running, until


class Views:
    """Views in which so many orders wait."""

    def __init__(self, waiting: int = 0) -> None:
        self.waiting = waiting

    async def ask(self, what, channel: str) -> int:
        """Say how many."""
        return self.waiting


def standing(store, connector: str = "walmart", **options: str) -> Standing:
    name = uuid.uuid4().hex[:8]
    account = Account(
        name=name, connector=connector, channel=name, url="http://x.example", options=options
    )
    return Standing(account, store)


async def looked(found: Standing, waiting: int = 0) -> Rate | None:
    found._looked_s = 0.0
    return await found.look(Views(waiting))


@pytest.mark.parametrize("connector", registry.names())
def test_what_a_channel_allows_is_dated_and_sourced(connector: str) -> None:
    allowed = standards_of(connector).cancelled
    assert allowed is None or (0 < allowed.share < 0.1 and allowed.days and allowed.source)


@pytest.mark.parametrize("connector", ["amazon", "ebay", "tiktok", "walmart"])
def test_who_counts_cancellations_is_known(connector: str) -> None:
    assert standards_of(connector).cancelled is not None


async def test_a_cancellation_counts_once_and_for_as_long_as_the_channel_counts_it(store) -> None:
    found = standing(store)
    for _ in range(100):
        await found.placed()
    for order in ("a", "b", "a"):
        await found.cancelled(order)
    rate = await looked(found)
    assert (rate.placed, rate.cancelled, rate.days) == (100, 2, 30) and rate.share == 0.02
    long_ago = time.time() - 31 * 86_400
    key = store.key("cancelled", found._account.name)
    await store.redis.zadd(key, {"a": long_ago})
    await store.add({"2026-01-01": 50}, "placed", found._account.name)
    rate = await looked(found)
    assert (rate.placed, rate.cancelled) == (100, 1)
    assert set(await store.table("placed", found._account.name)) != {"2026-01-01"}


async def test_units_are_held_back_while_cancellations_are_near_what_is_allowed(store) -> None:
    found = standing(store)
    for _ in range(100):
        await found.placed()
    assert (await looked(found, 1)).held_back == 0  # 1 % of 2 %
    rate = await looked(found, 2)
    assert rate.held_back == limits.STANDING_GUARD_UNITS and rate.cancelled == 0
    assert rate.projected == 0.02 and rate.share == 0
    assert (await looked(found, 1)).held_back == 0, "stock came: nothing need be cancelled"


async def test_of_few_orders_a_share_says_nothing(store) -> None:
    found = standing(store)
    for _ in range(limits.STANDING_ORDERS_MIN - 1):
        await found.placed()
    assert not (await looked(found, 9)).near
    await found.placed()
    assert (await looked(found, 9)).near


async def test_a_channel_that_counts_nothing_is_told_of_nothing(store) -> None:
    found = standing(store, "woocommerce")
    await found.placed()
    await found.cancelled("a")
    assert await looked(found, 50) is None


@pytest.mark.parametrize("text", ["-1", "x", "1.5", "9999999"])
def test_a_guard_of_no_units_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="guard_units"):
        standing(None, guard_units=text)


async def test_a_shop_that_cancels_too_much_shows_less_and_says_so(desk, monkeypatch) -> None:
    """Orders are cancelled in dibs, told to the channel, counted, and listings show less."""
    monkeypatch.setattr(limits, "STANDING_LOOK_S", 0.05)
    async with running(desk, "tiktok", {"MUG": 50, "CUP": 9}) as site:
        mug, cup = site.twin.listings()
        orders = [site.twin.buy(mug) for _ in range(limits.STANDING_ORDERS_MIN)]
        for order in orders:
            await site.comes(order)
        await site.shows(mug, 50 - len(orders))
        await site.shows(cup, 9)
        body = {"reason": "broken on the shelf"}
        await desk.post(f"/v1/orders/{site.channel}/{orders[0]}/cancel", body)

        def rate() -> Rate | None:
            return site.worker.standing.rate

        await until(lambda: rate() and rate().cancelled == 1, "the cancellation is counted", 20)
        assert rate().placed == len(orders) and rate().near
        await site.shows(cup, 9 - limits.STANDING_GUARD_UNITS)
        status = site.office.noters[site.name].last
        assert msgspec.structs.asdict(status.cancellations)["held_back"] == 2
