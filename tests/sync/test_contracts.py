"""What connectors send is what the channels' contracts ask for, as Prism and graphql-core see it.

`make contracts` does the same with every call of the whole suite of sync, and writes
docs/connect/contracts.md.
"""

import asyncio
import contextlib

import pytest

from engine.connectors import registry
from engine.connectors.base import Parcel
from tests.sync.contracts.__main__ import page
from tests.sync.contracts.catalogue import ROOT, SOURCES
from tests.sync.contracts.judge import Judgement, judge, mutation_table, table
from tests.sync.contracts.prism import PRISM
from tests.sync.contracts.recorder import Call
from tests.sync.office import Running, running


def needed(connector: str) -> None:
    """Skip where the contracts, or who judges by them, are not at hand."""
    if connector not in SOURCES:
        pytest.skip(f"there is no contract of {connector} at all")
    if not ROOT.is_dir():
        pytest.skip(f"{ROOT} is not there; set DIBS_SHARED_CONTRACTS to the vendors' contracts")
    if not PRISM.is_file():
        pytest.skip(f"{PRISM} is not there: `make contracts` installs it, or set DIBS_PRISM")


@pytest.mark.parametrize("channel", registry.names())
async def test_every_call_is_as_its_contract_asks(desk, channel) -> None:
    needed(channel)
    async with running(desk, channel, {"MUG": 8, "CUP": 5}) as site:
        await everything(site)
    found = await judge(channel, site.recorder.calls, each=5)
    assert not found.problems, "\n".join(found.problems)
    assert found.judged, "nothing was judged"
    assert not found.slipped, found.slipped
    assert sum(found.mutated.values()) >= 5, found.mutated
    assert channel in table([found]) and channel in mutation_table([found])


async def everything(site: Running) -> None:
    """Have the connector make each call that it knows."""
    mug, cup = site.twin.listings()
    first, second, third = site.twin.buy(mug, 2), site.twin.buy(mug), site.twin.buy(cup)
    there = await site.comes(first)
    await site.comes(second)
    await site.comes(third)
    connector = site.worker.connector
    if site.twin.reduces:
        site.twin.reduce(third)
    if site.twin.refunds_before_parcel:
        with contextlib.suppress(NotImplementedError):
            await connector.refund(second, "r-1", 500, "GBP")
    if site.twin.can_cancel:
        await connector.cancel(second, "lost")
    parcel = Parcel(
        order_id=first,
        shipment_id="s-1",
        lines=((there["lines"][0]["line_id"], 2),),
        shipped_at=site.now(),
        carrier="dhl",
        tracking="JD0001",
        last=True,
    )
    await connector.ship(parcel)
    if not site.twin.refunds_before_parcel:
        await connector.refund(first, "r-1", 500, "GBP")
    await asyncio.sleep(1.1)  # windows end at the last whole second
    await site.worker.sweep.once()
    assert await connector.fetch(first)
    await site.worker.publisher.audit()


async def test_who_judges_finds_a_call_that_is_wrong() -> None:
    """A control: the judge, given what no connector of ours sends."""
    needed("woocommerce")
    wrong = [
        _call("PUT", "/wp-json/wc/v3/products/batch", b'{"update": "all"}'),
        _call("GET", "/wp-json/wc/v3/orders?per_page=many"),
        _call("GET", "/wp-json/wc/v3/nothing-of-the-kind"),
    ]
    found = await judge("woocommerce", wrong)
    assert len(found.wrong) == 2 and len(found.strangers) == 1 and len(found.problems) >= 3


def test_a_run_of_one_channel_leaves_the_rows_of_others() -> None:
    both = page([_judged("n11", 3), _judged("walmart", 4)], "", "2026-11-01")
    one = page([_judged("walmart", 9)], both, "2026-11-02")
    rows = [line for line in one.splitlines() if line.startswith(("| n11 |", "| walmart |"))]
    assert [line for line in rows if line.startswith("| n11 |")] == [
        line for line in both.splitlines() if line.startswith("| n11 |")
    ]
    assert "| walmart | 2026-11-02 | 1 | 9 | 9 | 0 |" in rows and len(rows) == 6
    assert page([], one, "2026-11-03") == one


def _judged(connector: str, count: int) -> Judgement:
    found = Judgement(connector)
    for _ in range(count):
        found.calls["GET /orders"] += 1
        found.note("GET /orders", _call("GET", "/orders"), (), ())
    return found


def _call(method: str, target: str, body: bytes = b"") -> Call:
    headers = {"authorization": "Basic eDp5", "content-type": "application/json"}
    return Call(method, target, headers, body, 500, b"{}", "application/json")
