"""P1, P2: nobody sells a unit twice, and a ledger that would is seen to (F13, F14).

Each race runs on real processes over HTTP; the judge counts from the log, not from the ledger.
"""

import pytest

from tests.faults.contest import RACES, contest


@pytest.mark.parametrize("ledger", ["auto", "slow"])
@pytest.mark.parametrize("race", RACES)
async def test_race_sells_each_unit_once(race, ledger):
    found = await contest(race, ledger=ledger)
    assert found.verdict.clean, f"{found.verdict.explain()}\nkept: {found.artefacts}"
    assert 0 < found.sold <= found.units and found.contenders == 200
    assert found.verdict.counts.oversold_units == 0
    assert found.verdict.counts.refusals_redecided == found.verdict.counts.refused > 0


async def test_the_last_unit_is_sold():
    """Refusing everybody would be safe too: the one unit must find its buyer."""
    found = await contest("last_unit", seed=2)
    assert (found.sold, found.units) == (1, 1)


async def test_the_fenced_unit_goes_to_its_channel_only():
    """All ten are sold: nine to whoever came, and the one that is set aside to the market."""
    found = await contest("fenced", seed=2)
    assert (found.sold, found.units) == (10, 10)


async def test_negative_control_takes_what_is_set_aside():
    """Where nobody looks at fences, another channel gets the last unit; the judge says so."""
    found = await contest("fenced", bug="fence unseen")
    assert found.oversold > 0
    assert "P5" in found.verdict.promises()


@pytest.mark.parametrize(
    ("bug", "race"), [("split check/take", "last_unit"), ("per-line check", "same_sku")]
)
async def test_negative_control_oversells(bug, race):
    """With the check and the take apart, or lines checked one by one, units are sold twice."""
    found = await contest(race, bug=bug)
    assert found.oversold > 0
    assert found.verdict.counts.oversold_units > 0
    assert {"P1", "P5"} <= found.verdict.promises()
