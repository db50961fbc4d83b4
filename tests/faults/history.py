"""What the clients saw: one JSON line per call, written in the order in which calls ended.

A call that carries several commands (a batch) is one line per command with the same times. Times
are `time.monotonic_ns` of the one process that all clients live in, so "answered before sent" has
a meaning; `sent_us` is wall time and only for people.
"""

from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from engine.core import commands

Outcome = Literal["ok", "refused", "unknown", "unavailable", "invalid"]

# ok           the answer says that it holds
# refused      the ledger's no, with the log position whose state gave it
# unknown      503 outcome_unknown, or the connection ended after the request went out
# unavailable  not looked at: no connection, 503 unavailable or overloaded, 429
# invalid      refused before the ledger saw it (no log position)


class Op(msgspec.Struct, tag="op", omit_defaults=True):
    """One command or read of one client, as seen from outside."""

    client: int
    index: int
    name: str
    body: dict[str, Any]
    sent_ns: int
    outcome: Outcome = "unknown"
    key: str = ""
    answered_ns: int = 0
    sent_us: int = 0
    status: int = 0
    answer: Any = None
    error: str = ""
    front: int = 0  # port of the process that was asked
    final: bool = False

    @property
    def is_read(self) -> bool:
        """Say whether this op only looks."""
        return self.name in READS

    @property
    def seq(self) -> int:
        """Log position that the answer carries, 0 if none."""
        seq = self.answer.get("seq", 0) if isinstance(self.answer, dict) else 0
        return seq if isinstance(seq, int) else 0

    @property
    def code(self) -> str:
        """The problem's code, if the answer is one."""
        return self.answer.get("code", "") if isinstance(self.answer, dict) else ""

    @property
    def replayed(self) -> bool:
        """Say whether the answer is that of an earlier request."""
        return isinstance(self.answer, dict) and bool(self.answer.get("replayed"))

    def command(self) -> commands.Command:
        """Return the command that was asked for."""
        return msgspec.convert(self.body, _COMMANDS[self.name])


class Mark(msgspec.Struct, tag="mark", omit_defaults=True):
    """Something the supervisor did. A `tail` mark says where the log ended after a crash, read
    while nothing could write: what was shown before must not lie beyond it. The `seq` of a `clock
    rate` mark says how many times as fast as ours the engine's clock goes."""

    what: str
    ns: int
    seq: int = 0
    detail: str = ""


READS = frozenset({"stock", "order"})
_COMMANDS = {kind.__name__: kind for kind in get_args(commands.Command)}
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Op | Mark).decode


class History:
    """An open history. Lines are kept in memory too: the judge runs in the same process."""

    def __init__(self, path: Path | None = None) -> None:
        self.rows: list[Op | Mark] = []
        self._file = path.open("ab") if path else None

    def add(self, row: Op | Mark) -> None:
        """Append one line."""
        self.rows.append(row)
        if self._file:
            self._file.write(_encode(row) + b"\n")

    def close(self) -> None:
        """Flush and close the file."""
        if self._file:
            self._file.close()
            self._file = None

    @property
    def ops(self) -> list[Op]:
        """All ops, in the order in which they ended."""
        return [row for row in self.rows if isinstance(row, Op)]

    @property
    def marks(self) -> list[Mark]:
        """All marks."""
        return [row for row in self.rows if isinstance(row, Mark)]


def shown(op: Op) -> dict:
    """Return an op as the context of what is wrong shows it."""
    return msgspec.to_builtins(op)


def read(path: Path) -> History:
    """Return the history in a file."""
    history = History()
    with path.open("rb") as lines:
        history.rows = [_decode(line) for line in lines]
    return history
