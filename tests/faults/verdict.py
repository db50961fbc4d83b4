"""What the judge says: counts, what was reached, and every broken promise with its context."""

from pathlib import Path

import msgspec

from tests.faults.history import Op

VIOLATIONS_MAX = 50


class Violation(msgspec.Struct, frozen=True):
    """One broken promise. `check` is the number of the judge's check that found it."""

    check: int
    promise: str
    seq: int
    message: str
    context: dict = {}


class Counts(msgspec.Struct):
    """How much was looked at. `lost`, `invented`, `double` and `oversold_units` must be 0."""

    ops: int = 0
    reads: int = 0
    acknowledged: int = 0
    replayed: int = 0
    refused: int = 0
    unknown: int = 0
    unknown_applied: int = 0
    unknown_not_applied: int = 0
    unavailable: int = 0
    invalid: int = 0
    frames: int = 0
    events: int = 0
    effects: int = 0
    epochs: int = 0
    fences: int = 0
    redecided: int = 0
    refusals_redecided: int = 0
    reads_compared: int = 0
    lost: int = 0
    invented: int = 0
    double: int = 0
    oversold_units: int = 0

    def add(self, ops: list[Op]) -> None:
        """Count what clients were answered."""
        for op in ops:
            self.ops += 1
            self.reads += op.is_read
            if op.outcome == "ok" and not op.is_read:
                self.acknowledged += not op.replayed
                self.replayed += op.replayed
            elif not op.is_read:
                setattr(self, op.outcome, getattr(self, op.outcome) + 1)


class Verdict(msgspec.Struct):
    """The result of one judgement. `sometimes` counts rare states; a storm that never reached
    one has proved nothing about it. `accepted` counts commands by kind, repeats left out."""

    counts: Counts
    violations: list[Violation]
    sometimes: dict[str, int]
    digest: str = ""
    digests: dict[str, str] = {}
    accepted: dict[str, int] = {}

    @property
    def clean(self) -> bool:
        """Say whether every promise held."""
        return not self.violations

    def add_ops(self, ops: list[Op]) -> None:
        """Count what clients were answered."""
        self.counts.add(ops)
        for op in ops:
            if op.outcome == "ok" and not op.is_read and not op.replayed:
                self.accepted[op.name] = self.accepted.get(op.name, 0) + 1

    def add(self, check: int, promise: str, seq: int, message: str, **context) -> None:
        """Note a broken promise; the first ones are kept."""
        if len(self.violations) < VIOLATIONS_MAX:
            self.violations.append(Violation(check, promise, seq, message, context))

    def reach(self, state: str, times: int = 1) -> None:
        """Note that a rare state was reached."""
        self.sometimes[state] = self.sometimes.get(state, 0) + times

    def happened(self, name: str) -> int:
        """Return how often a kind of command was accepted, or a rare state reached."""
        return self.accepted.get(name, 0) + self.sometimes.get(name, 0)

    def promises(self) -> set[str]:
        """Return which promises are broken."""
        return {violation.promise for violation in self.violations}

    def explain(self) -> str:
        """Return the counts and the first violation as text."""
        counts = msgspec.to_builtins(self.counts)
        lines = [", ".join(f"{name} {n}" for name, n in counts.items() if n)]
        for found in self.violations[:3]:
            lines.append(
                f"check {found.check}, {found.promise}, seq {found.seq}: {found.message}\n"
                f"  {msgspec.json.encode(found.context).decode()[:2000]}"
            )
        return "\n".join(lines)

    def save(self, path: Path) -> None:
        """Write the verdict as JSON."""
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=2))
