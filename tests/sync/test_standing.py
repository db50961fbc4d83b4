"""How many orders the seller cancels, beside what a channel allows; and what is done in time."""

import time
import uuid
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from engine.connectors import registry
from engine.connectors.base import Account, ForeignOrder, Parcel
from engine.connectors.standards import standards_of
from engine.connectors.tracking import plausible
from engine.core import limits
from engine.core.errors import ConfigError
from engine.sync.metrics import scrape
from engine.sync.standing import Counted, Rate, Rates, Standing
from engine.sync.status import AccountStatus, health_of
from engine.views import outgoing
from tests.sync.office import running, until


class Views:
    """Views in which so many orders wait, and so many are due."""

    def __init__(self, waiting: int = 0, due: int = 0) -> None:
        self.waiting, self.due = waiting, due

    async def ask(self, what, channel: str, *_: int) -> int:
        """Say how many."""
        return self.due if what is outgoing.due else self.waiting


def standing(store, connector: str = "walmart", **options: str) -> Standing:
    name = uuid.uuid4().hex[:8]
    account = Account(
        name=name, connector=connector, channel=name, url="http://x.example", options=options
    )
    return Standing(account, store)


async def looked(found: Standing, waiting: int = 0) -> Rate | None:
    found._looked_s = 0.0
    return (await found.look(Views(waiting))).cancelled


@pytest.mark.parametrize("connector", registry.names())
def test_what_a_channel_allows_is_dated_and_sourced(connector: str) -> None:
    for allowed in msgspec.structs.astuple(standards_of(connector)):
        assert allowed is None or (0 < allowed.share <= 0.1 and allowed.days and allowed.source)


@pytest.mark.parametrize(
    ("connector", "counts"),
    [
        ("amazon", ["cancelled", "late", "untracked"]),
        ("ebay", ["cancelled"]),
        ("tiktok", ["cancelled", "late", "untracked"]),
        ("walmart", ["cancelled", "late"]),
    ],
)
def test_who_counts_what_is_known(connector: str, counts: list[str]) -> None:
    allowed = msgspec.structs.asdict(standards_of(connector))
    assert [what for what, standard in allowed.items() if standard] == counts


async def test_a_cancellation_counts_once_and_for_as_long_as_the_channel_counts_it(store) -> None:
    found = standing(store)
    for _ in range(100):
        await found.placed()
    for order in ("a", "b", "a"):
        await found.cancelled(order)
    rate = await looked(found)
    assert (rate.total, rate.counted, rate.days) == (100, 2, 30) and rate.share == 0.02
    long_ago = time.time() - 31 * 86_400
    key = store.key("cancelled", found._account.name)
    await store.redis.zadd(key, {"a": long_ago})
    await found._tally.add({"2026-01-01": 50}, "placed", found._account.name)
    rate = await looked(found)
    assert (rate.total, rate.counted) == (100, 1)
    assert set(await store.table("placed", found._account.name)) != {"2026-01-01"}


async def test_units_are_held_back_while_cancellations_are_near_what_is_allowed(store) -> None:
    found = standing(store)
    for _ in range(100):
        await found.placed()
    assert (await looked(found, 1)).held_back == 0  # 1 % of 2 %
    rate = await looked(found, 2)
    assert rate.held_back == limits.STANDING_GUARD_UNITS and rate.counted == 0
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
    assert found.left(parcel("a"), 0, True, None) == Counted()


@pytest.mark.parametrize("text", ["-1", "x", "1.5", "9999999"])
def test_a_guard_of_no_units_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="guard_units"):
        standing(None, guard_units=text)


@pytest.mark.parametrize("connector", ["tiktok", "ebay"])
async def test_a_shop_that_cancels_too_much_shows_less_and_says_so(
    desk, monkeypatch, connector: str
) -> None:
    """Orders are cancelled in dibs, told to the channel, counted, and listings show less."""
    monkeypatch.setattr(limits, "STANDING_LOOK_S", 0.05)
    async with running(desk, connector, {"MUG": 50, "CUP": 9}) as site:
        mug, cup = site.twin.listings()
        orders = [site.twin.buy(mug) for _ in range(limits.STANDING_ORDERS_MIN)]
        for order in orders:
            await site.comes(order)
        await site.shows(mug, 50 - len(orders))
        await site.shows(cup, 9)
        body = {"reason": "broken on the shelf"}
        await desk.post(f"/v1/orders/{site.channel}/{orders[0]}/cancel", body)

        def rate() -> Rate | None:
            return site.worker.standing.rates.cancelled

        await until(lambda: rate() and rate().counted == 1, "the cancellation is counted", 20)
        assert rate().total == len(orders) and rate().near
        assert rate().share == site.twin.penalties.shares()["cancelled"]
        await site.shows(cup, 9 - limits.STANDING_GUARD_UNITS)
        status = site.office.noters[site.name].last
        assert msgspec.structs.asdict(status.cancellations)["held_back"] == 2


def parcel(
    order: str, tracking: str | None = "00340434161094042557", shipment: str = "s"
) -> Parcel:
    now = datetime.now(UTC)
    return Parcel(order_id=order, shipment_id=shipment, lines=(), shipped_at=now, tracking=tracking)


async def told(found: Standing, store, it: Parcel, due_us: int | None, first: bool = True) -> None:
    counted = found.left(it, due_us, first, None)
    await store.outbox_told(found._account.name, "ship", counted.more, counted.marks)


async def test_an_order_of_two_parcels_is_late_once_and_for_as_long_as_it_counts(store) -> None:
    found, past = standing(store, "amazon"), 1
    await told(found, store, parcel("a"), past)
    await told(found, store, parcel("a", shipment="t"), past, first=False)
    await told(found, store, parcel("b", None), None)
    await told(found, store, parcel("c"), round((time.time() + 60) * 1e6))
    rates = await found.look(Views(due=2))
    assert (rates.late.total, rates.late.counted, rates.late.coming) == (3, 1, 2)
    assert rates.late.share == 1 / 3 and rates.late.projected == 3 / 5
    assert (rates.untracked.total, rates.untracked.counted, rates.untracked.coming) == (4, 1, 0)
    name, long_ago = found._account.name, time.time() - 31 * 86_400
    for book, member in (("shipped_late", "a"), ("parcels_untracked", "b:s")):
        await store.redis.zadd(store.key(book, name), {member: long_ago})
    for book in ("shipped", "parcels"):
        await found._tally.add({"2026-01-01": 50}, book, name)
    found._looked_s = 0.0
    rates = await found.look(Views())
    assert (rates.late.total, rates.late.counted) == (3, 0)
    assert (rates.untracked.total, rates.untracked.counted) == (4, 0)


@pytest.mark.parametrize(
    "number", ["00340434161094042557", "1Z 999 AA1 01 2345 6784", "jd0002-345"]
)
def test_what_a_carrier_gives_can_be_followed(number: str) -> None:
    assert plausible(number)


@pytest.mark.parametrize(
    "number", [None, "", "s-1", "to-be-followed", "12345", "1234567\u0663", "x" * 41]
)
def test_what_no_carrier_gives_cannot_be_followed(number: str | None) -> None:
    assert not plausible(number)


def test_a_postal_number_has_a_check_digit() -> None:
    assert plausible("RB123456785GB") and not plausible("RB123456784GB")


@pytest.mark.parametrize(
    ("word", "field"),
    [
        ("cancelling", "cancellations"),
        ("late", "late_shipments"),
        ("untracked", "untracked_parcels"),
    ],
)
def test_what_is_near_is_the_account_s_health(word: str, field: str) -> None:
    now = datetime.now(UTC)
    enough = limits.STANDING_ORDERS_MIN
    names = {"account": "a", "connector": "amazon", "channel": "a", "written_at": now}
    bad = Rate(total=enough - 1, counted=1, beyond=1, days=30, allowed=0.04)
    few = msgspec.structs.replace(bad, beyond=0)
    assert health_of(AccountStatus(**names, **{field: bad}), now) == word
    assert health_of(AccountStatus(**names, **{field: few}), now) == "good"


_RIGHT = {"carrier": "DHL", "tracking_number": "00340434161094042557"}
_WRONG = {
    "amazon": [{"carrier": "Zippy", "tracking_number": "00340434161094042557"}],
    "walmart": [{"carrier": "Zippy"}],
}


@pytest.mark.parametrize("connector", sorted(_WRONG))
async def test_what_is_late_or_cannot_be_followed_counts_as_its_channel_counts_it(
    desk, monkeypatch, connector: str
) -> None:
    """Known orders leave late, known parcels have numbers that lead nowhere, one order is
    cancelled: dibs says the same of them as the twin, and has seen the late ones come."""
    monkeypatch.setattr(limits, "STANDING_LOOK_S", 0.05)
    monkeypatch.setattr(limits, "STANDING_ORDERS_MIN", 5)
    monkeypatch.setattr(limits, "STANDING_OPEN_MAX", 50_000)  # other tests leave orders open
    async with running(desk, connector, {"MUG": 50}) as site:
        (mug,) = site.twin.listings()
        site.twin.ship_by_s = -60.0
        late = [site.twin.buy(mug, 2) for _ in range(3)]
        site.twin.ship_by_s = 86_400.0
        early = [site.twin.buy(mug, 2) for _ in range(5)]
        for order in late + early:
            await site.comes(order)

        def rates() -> Rates:
            return site.worker.standing.rates

        await until(lambda: rates().late and rates().late.coming == 3, "three are seen to be due")
        assert rates().late.counted == 0 and rates().late.projected == 1
        path = f"/v1/orders/{site.channel}"
        await desk.post(f"{path}/{early.pop()}/cancel", {"reason": "broken on the shelf"})
        half = [{"sku": site.twin.listings()[mug], "quantity": 1}]
        first = {"shipment_id": "half", "lines": half, **_RIGHT}
        await desk.post(f"{path}/{late[0]}/shipments", first)
        for number, order in enumerate((*late[:2], *early)):
            wrong = _WRONG[connector]
            how = wrong[number] if number < len(wrong) else _RIGHT
            await desk.post(f"{path}/{order}/shipments", {"shipment_id": f"s-{number}", **how})
        penalties = site.twin.penalties
        await until(lambda: penalties.parcels == 7 and penalties.cancelled, "all is told")
        shares = penalties.shares()
        assert shares["late"] == 2 / 6 and shares["cancelled"] == 1 / 8
        assert shares["untracked"] == len(_WRONG[connector]) / 7

        def same() -> bool:
            found = {w: r for w, r in msgspec.structs.asdict(rates()).items() if r is not None}
            return all(rate.share == shares[what] for what, rate in found.items())

        await until(same, "dibs counts as its channel counts")
        assert rates().late.coming == 1, "one has not left"
        assert (rates().untracked is None) == (connector == "walmart")

        def noted() -> AccountStatus:
            return site.office.noters[site.name].last

        await until(lambda: noted().late_shipments == rates().late, "it is noted")
        status = noted()
        assert health_of(status, site.now()) == "cancelling", "the worst of it"
        text = scrape([status]).decode()
        assert f'dibs_connection_late_share{{account="{site.name}"}} 0.333' in text


async def test_at_tiktok_an_order_is_late_until_its_carrier_scans_it(desk, monkeypatch) -> None:
    """A parcel that was told stops no clock: it may still lie in the yard."""
    monkeypatch.setattr(limits, "STANDING_LOOK_S", 0.05)
    async with running(desk, "tiktok", {"MUG": 50}) as site:
        twin, path = site.twin, f"/v1/orders/{site.channel}"
        (mug,) = twin.listings()
        twin.ship_by_s, twin.collect_s = 60.0, 86_400.0
        early = [twin.buy(mug) for _ in range(4)]
        twin.collect_s = -50.0
        soon = twin.buy(mug)
        twin.collect_s = -120.0
        late = [twin.buy(mug) for _ in range(3)]
        for order in (*early, soon, *late):
            await site.comes(order)

        def is_late(total: int, counted: int, coming: int) -> bool:
            rate = site.worker.standing.rates.late
            return bool(rate) and (rate.total, rate.counted, rate.coming) == (
                total,
                counted,
                coming,
            )

        await until(lambda: is_late(3, 3, 1), "three are late, and one will be")
        wrong = [{"carrier": "DHL"}, {"carrier": "DHL", "tracking_number": "van 7"}]
        for number, order in enumerate((*late, *early)):
            how = wrong[number] if number < len(wrong) else _RIGHT
            await desk.post(f"{path}/{order}/shipments", {"shipment_id": f"s-{number}", **how})
        await until(lambda: twin.penalties.parcels == 7, "all parcels are told")
        await until(lambda: site.worker.standing.rates.untracked.total == 7, "they are counted")
        assert site.worker.standing.rates.untracked.share == twin.penalties.shares()["untracked"]
        assert is_late(3, 3, 1), "no carrier has any of them"
        for order in (*early[:3], late[0]):
            twin.scan(order)
        await until(lambda: is_late(6, 3, 1), "four were scanned, one of them too late")
        assert twin.penalties.shares()["late"] == 3 / 6
        twin.push(late[0])  # told once more, nothing counts twice
        await desk.post(f"{path}/{soon}/cancel", {"reason": "broken on the shelf"})
        await until(lambda: is_late(6, 3, 0), "what is cancelled is awaited no more")


async def test_only_the_first_scan_of_an_order_counts(store) -> None:
    found, now = standing(store, "tiktok"), datetime.now(UTC)
    order = ForeignOrder(order_id="1", version=1, collect_by=now - timedelta(seconds=9))
    has = msgspec.structs.replace(order, collected_at=now)
    await found.seen(has)  # placed elsewhere, before dibs was there
    for document in (order, has, has):
        await found.seen(document)
    rates = await found.look(Views(due=5))
    assert (rates.late.total, rates.late.counted, rates.late.coming) == (1, 1, 0)
