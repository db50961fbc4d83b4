"""Judges the calls of a connector, and says in a table what came of it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from tests.sync.contracts import graphql
from tests.sync.contracts.catalogue import (
    SOURCES,
    Contract,
    Operation,
    contracts,
    flaw,
    outside,
)
from tests.sync.contracts.mutations import KINDS, mutations
from tests.sync.contracts.prism import judging
from tests.sync.contracts.recorder import Call

_Said = dict[str, set[str]]
_EACH_KIND = 3  # mutations of a kind, of as many operations


class Judgement:
    """What was found of a connector's calls, by operation. `strangers` are calls that no contract
    knows, `apart` those that none need know, `slipped` mutations that nobody noticed."""

    def __init__(self, connector: str) -> None:
        self.connector = connector
        self.calls: Counter[str] = Counter()
        self.judged: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.answers_right: Counter[str] = Counter()
        self.wrong: dict[str, set[str]] = defaultdict(set)
        self.flaws: dict[str, set[str]] = defaultdict(set)
        self.answers_wrong: dict[str, set[str]] = defaultdict(set)
        self.answers_excused: dict[str, set[str]] = defaultdict(set)
        self.tests: set[str] = set()
        self.strangers: Counter[str] = Counter()
        self.apart: Counter[str] = Counter()
        self.mutated: Counter[str] = Counter()
        self.slipped: list[str] = []

    def note(
        self, name: str, call: Call, asked: Sequence[str], answered: Sequence[str] | None
    ) -> None:
        """Note what was said of a call and, unless the twin was having a bad day, its answer; None
        where nobody judges answers."""
        self.judged[name] += 1
        self.tests.add(call.test)
        self._sort(name, asked, self.wrong, self.flaws)
        if answered is not None and call.status < 300:
            self.answers[name] += 1
            self.answers_right[name] += not answered
            self._sort(name, answered, self.answers_wrong, self.answers_excused)

    def _sort(self, name: str, found: Sequence[str], wrong: _Said, excused: _Said) -> None:
        """Sort problems into those of ours and those of the file."""
        for text in found:
            why = flaw(self.connector, f"{name}: {text}")
            (wrong if why is None else excused)[name].add(why or text)

    def note_mutation(self, kind: str, name: str, noticed: bool) -> None:
        """Note whether a call that was made wrong was refused."""
        self.mutated[kind] += 1
        if not noticed:
            self.slipped.append(f"{kind}: {name}")

    @property
    def problems(self) -> list[str]:
        """What is wrong with what the connector sends, or its twin answers, in words."""
        found = [f"{name}: in no contract" for name in self.strangers]
        wrong = [*self.wrong.items(), *self.answers_wrong.items()]
        return found + [f"{name}: {text}" for name, rows in wrong for text in sorted(rows)]


async def judge(connector: str, calls: Iterable[Call], each: int = 20) -> Judgement:
    """Judge at most `each` calls of each operation, and some mutations of them."""
    found = Judgement(connector)
    if any(name.endswith(".graphql") for name in SOURCES[connector].files):
        graphql.judge(found, calls, each)
        return found
    for contract, operations in _sorted(found, calls).items():
        async with judging(contract) as prism:
            for operation, rows in operations.items():
                found.calls[operation.name] += len(rows)
                for call in spread(rows, each):
                    found.note(operation.name, call, *await prism.judge(call))
                for kind, call in mutations(contract, operation, rows[0]):
                    if found.mutated[kind] < _EACH_KIND:
                        asked, _ = await prism.judge(call)
                        found.note_mutation(kind, operation.name, bool(asked))
    return found


def _sorted(found: Judgement, calls: Iterable[Call]) -> dict[Contract, dict[Operation, list[Call]]]:
    """Return calls by contract and operation; note those that are of none."""
    known: dict[Contract, dict[Operation, list[Call]]] = {}
    for call in calls:
        for contract in contracts(found.connector):
            if operation := contract.find(call.method, call.path):
                known.setdefault(contract, {}).setdefault(operation, []).append(call)
                break
        else:
            place = found.apart if outside(found.connector, call.path) else found.strangers
            place[f"{call.method} {call.path}"] += 1
    return known


def spread(rows: list[Call], most: int) -> list[Call]:
    """Return at most so many of the calls, from first to last."""
    return rows[:: -(-len(rows) // most)]


def run_table(judgements: Iterable[Judgement], day: str) -> str:
    """Return of how many tests calls were judged, and when, a row a channel, in Markdown."""
    lines = ["| channel | judged on | tests | calls | judged | wrong |", "|---|---|" + "---:|" * 4]
    for found in judgements:
        calls, judged = sum(found.calls.values()), sum(found.judged.values())
        wrong = len(found.problems) + len(found.slipped)
        row = (found.connector, day, len(found.tests), calls, judged, wrong)
        lines.append(f"| {' | '.join(map(str, row))} |")
    return "\n".join(lines) + "\n"


def table(judgements: Iterable[Judgement]) -> str:
    """Return what was found, a row an operation, in Markdown."""
    head = "| channel | contract | operation | calls | judged | as asked for | answers as told |"
    lines = [head, "|---|---|---|---:|---:|---:|---:|"]
    for found in judgements:
        kind = SOURCES[found.connector].kind
        for name in sorted(found.judged):
            row = (found.connector, kind, f"`{name}`", found.calls[name], found.judged[name])
            row += (_asked(found, name), _told(found, name))
            lines.append(f"| {' | '.join(map(str, row))} |")
        for (why, first), count in _apart(found).items():
            row = (found.connector, f"none: {why}", f"`{first}`", count, "", "", "")
            lines.append(f"| {' | '.join(map(str, row))} |")
    return "\n".join(lines) + "\n"


def _asked(found: Judgement, name: str) -> str:
    if rows := found.wrong[name]:
        return f"**no**: {'; '.join(sorted(rows))}"
    rows = found.flaws[name]
    return f"but: {'; '.join(sorted(rows))}" if rows else "yes"


def _told(found: Judgement, name: str) -> str:
    answers = found.answers[name]
    if not answers:
        graphql_ = any(file.endswith(".graphql") for file in SOURCES[found.connector].files)
        return "by the schema" if graphql_ else "no success"
    told = f"{found.answers_right[name]} of {answers}"
    if rows := found.answers_wrong[name]:
        return f"{told}, **no**: {'; '.join(sorted(rows))}"
    rows = found.answers_excused[name]
    return f"{told}, but: {'; '.join(sorted(rows))}" if rows else told


def _apart(found: Judgement) -> Counter[tuple[str, str]]:
    """Count calls of no contract by (why, the first of them): many have an id in their path."""
    first: dict[str, str] = {}
    rows: Counter[tuple[str, str]] = Counter()
    for name, count in found.apart.items():
        why = outside(found.connector, name.partition(" ")[2]) or ""
        rows[why, first.setdefault(why, name)] += count
    return rows


def mutation_table(judgements: Iterable[Judgement]) -> str:
    """Return how many calls that were made wrong were refused, a row a channel, in Markdown."""
    lines = [f"| channel | {' | '.join(KINDS)} |", "|---|" + "---:|" * len(KINDS)]
    for found in judgements:
        cells = []
        for kind in KINDS:
            slipped = sum(row.startswith(kind) for row in found.slipped)
            made = found.mutated[kind]
            cells.append(f"{made - slipped} of {made}" if made else "not asked for")
        lines.append(f"| {found.connector} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
