"""The planner, compiled; see scorer.pyx, and engine/core/routing/batch.py for a batch's arrays."""

from engine.core.routing.batch import Batch

def solve(batch: Batch, *, nodes_max: int | None = None) -> None: ...
