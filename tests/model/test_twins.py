"""Slow twin ≡ fast twin ≡ replay ≡ snapshot and tail (P7), over random histories.

The seeds are fixed. `pytest -s` prints their steps. A
step is one command decided, or one batch closed, by both twins.
"""

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import STEPS, Twins

STEPS_MIN = 20_000
# Of each command. Hypothesis also draws constants of the modules that are loaded, so how often one
# is accepted varies with the tests that run in the same process.
ACCEPTED_MIN = 10
EXAMPLES = 72


@pytest.mark.parametrize("number", range(4))
def test_twins_agree(number: int) -> None:
    run_state_machine_as_test(
        seed(number)(Twins),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=100,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_enough_steps_were_made() -> None:
    """Runs last: what the histories above consisted of."""
    for name, number in sorted(STEPS.items()):
        print(f"{number:8} {name}")
    assert STEPS["steps"] >= STEPS_MIN
    assert STEPS["replays"] >= 2 * 4 * EXAMPLES
    for command in (
        "Reserve",
        "Commit",
        "Extend",
        "Release",
        "PlaceOrder",
        "Cancel",
        "Transfer",
        "Ship",
        "Hold",
        "ReleaseHold",
        "EditOrder",
        "MergeOrders",
        "SplitOrder",
        "Reallocate",
        "PutValidation",
        "PutFence",
        "OpenReturn",
        "ApproveReturn",
        "ReceiveReturn",
        "InspectReturn",
        "TellFact",
        "ReleaseOrder",
        "ReleaseWave",
        "AcceptFulfillment",
        "RejectFulfillment",
        "PickFulfillment",
        "PickShort",
        "PackFulfillment",
        "ShipFulfillment",
        "DeliverFulfillment",
    ):
        assert STEPS[f"{command} accepted"] >= ACCEPTED_MIN, command
    assert STEPS["fenced"] >= 50  # commands beside fences that must not lose to them
    assert STEPS["restated"] >= 50 <= STEPS["changed"]
    assert STEPS["expired"] >= 50 <= STEPS["filled"]
