"""One load on one world, and the verdict on it: what the command line, the scenarios and the
benchmarks have in common."""

import asyncio
import os
import time

import msgspec
from rich.console import Console

from loadtests import verify
from loadtests.expectation import Expectation
from loadtests.openloop.drive import Plan, drive
from loadtests.openloop.mix import TTL_S, Share, order_name
from loadtests.openloop.outcome import Outcome
from loadtests.world import fresh_name

# A TTL is counted from the server's stamp, which comes a little after sending.
_STAMP_SLACK_S = 5.0


class Site(msgspec.Struct, frozen=True):
    """A server to load, and how: its address, a key with all scopes, connections, a seed."""

    url: str
    key: str
    connections: int = 64
    seed: int = 1
    arrivals: str = "poisson"


def load(
    site: Site,
    expected: Expectation,
    name: str,
    shares: list[Share],
    console: Console | None = None,
    **more,
) -> Outcome:
    """Drive `shares` at a world, and note what its books have to say. `more` goes into the plan."""
    run = fresh_name("r")
    plan = Plan(
        name=name,
        url=site.url,
        key=site.key,
        world=expected.world,
        run=run,
        skus=len(expected.received),
        shares=shares,
        connections=site.connections,
        seed=site.seed,
        arrivals=site.arrivals,
        **more,
    )
    began = time.time()
    outcome = drive(plan, console)
    if plan.ttl_end_s:
        # An answer that was slow on its way was stamped later than its TTL was written.
        ends = (plan.ttl_end_s, plan.ttl_end_s + _STAMP_SLACK_S)
    else:
        ends = (began + TTL_S, time.time() + TTL_S + _STAMP_SLACK_S)
    orders = [order_name(run, number) for number in outcome.samples]
    expected.add(outcome.units, orders, ends)
    return outcome


def saturation(site: Site, expected: Expectation, shares: list[Share], seconds: float) -> float:
    """Return arrivals per second that the server takes when each answer brings the next request.

    A request that follows from an answer, like a commit, is no arrival of its own.
    """
    found = load(site, expected, "saturation", shares, seconds=seconds)
    return found.counts["started"] / found.seconds


def check(site: Site, expected: Expectation, console: Console | None = None) -> list[verify.Wrong]:
    """Judge the books; returns what is wrong, and prints the verdict."""
    wrong = asyncio.run(verify.judge(site.url, site.key, expected))
    if console:
        verify.show(console, expected, wrong)
    return wrong


def pin(core: int) -> None:
    """Keep this process, and the threads it starts from now on, on one core."""
    os.sched_setaffinity(0, {core})
