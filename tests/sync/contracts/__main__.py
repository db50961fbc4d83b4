"""`python -m tests.sync.contracts [--recorded FOLDER] [-k …]`: judge every call in tests of sync.

Runs the tests of sync, or those that the arguments for pytest choose, with all calls recorded; then
judges those, and writes what it found to docs/connect/contracts.md, where the rows of channels that
made no call stay as they are. With `--recorded` it runs nothing, and judges what runs with
DIBS_RECORD=FOLDER have left there. Fails if a call, or a twin's answer, is not as its contract has
it.
"""

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tests.sync.contracts.catalogue import ROOT, SOURCES
from tests.sync.contracts.judge import Judgement, judge, mutation_table, run_table, table
from tests.sync.contracts.recorder import recorded

HERE = Path(__file__).parents[3]
PAGE = HERE / "docs" / "connect" / "contracts.md"
_EACH = 100
_ROW = re.compile(r"^\| (\w+) \|.*\n", re.MULTILINE)
_TEXT = """# Calls against contracts

Written by `make contracts`. Every call that a connector made to its twin in the tests of sync was
recorded. At most {each} of each operation were given to
[Prism](https://github.com/stoplightio/prism) (Shopify's to graphql-core) with the channel's
contract, and so were the twin's answers. A contract that is the vendor's own says what the vendor
asks for. Of one that was converted, trimmed or written from help pages it can only be said that
calls have that shape.

What this cannot see: a field too many, unless the contract forbids it; limits, order and
signatures, which the twins judge; what a vendor does otherwise than it says.

{runs}
"Tests" are those that made a call which was judged. Wholesale is not here: its partners send files,
and there is no contract of them.

## Each call

"But" says in what the contract is wrong, where a call or an answer is right and Prism has something
against it. "By the schema": Shopify's twin answers by a part of the vendor's schema, with the same
library, and a test holds that part against the whole. "No success": the twin had nothing to give,
or refused, and such answers are not judged.

{calls}
## Would a wrong call be noticed?

Calls were also made wrong, in one way each, and given to the same judge. "Not asked for": the
contract requires nothing of the kind, so its absence is no fault. GraphQL has one path and one
method; there, an unknown path is a field that the schema does not have.

{mutations}"""


async def _judged(folder: Path) -> list[Judgement]:
    files = [folder / f"{connector}.jsonl" for connector in SOURCES]
    return [await judge(f.stem, recorded(f), _EACH) for f in files if f.is_file()]


def _run(folder: str, chosen: list[str]) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "tests/sync", "--deselect"]
    command += ["tests/sync/test_contracts.py", *chosen]
    done = subprocess.run(command, cwd=HERE, env=os.environ | {"DIBS_RECORD": folder}, check=False)
    return done.returncode


def page(found: list[Judgement], old: str, day: str) -> str:
    """Return the page with what was found, and what `old` says of other channels."""
    made = [run_table(found, day), table(found), mutation_table(found)]
    parts = old.split("\n## ") if old.count("\n## ") == len(made) - 1 else [""] * len(made)
    runs, calls, mutations = map(_merged, made, parts)
    return _TEXT.format(each=_EACH, runs=runs, calls=calls, mutations=mutations)


def _merged(new: str, old: str) -> str:
    """Return a table with the rows of the old one of channels that it says nothing of."""
    head = "".join(new.splitlines(keepends=True)[:2])
    rows = [(row[1], row[0]) for row in _ROW.finditer(new) if row[1] in SOURCES]
    told = {name for name, _ in rows}
    kept = [(row[1], row[0]) for row in _ROW.finditer(old) if row[1] in SOURCES.keys() - told]
    return head + "".join(text for _, text in sorted(rows + kept, key=lambda row: row[0]))


def main(chosen: list[str]) -> int:
    """Record, judge, write; return how the process ends."""
    if not ROOT.is_dir():
        sys.exit(f"{ROOT} is not there; set DIBS_SHARED_CONTRACTS to the vendors' contracts")
    failed = 0
    if chosen[:1] == ["--recorded"]:
        found = asyncio.run(_judged(Path(chosen[1])))
    else:
        with tempfile.TemporaryDirectory() as folder:
            failed = _run(folder, chosen)
            found = asyncio.run(_judged(Path(folder)))
    old = PAGE.read_text() if PAGE.is_file() else ""
    PAGE.write_text(page(found, old, str(datetime.now(UTC).date())))
    for row in found:
        for problem in row.problems + row.slipped:
            print(f"{row.connector}: {problem}")
    print(f"{sum(sum(row.judged.values()) for row in found):,} calls judged; see {PAGE}")
    return failed or any(row.problems or row.slipped for row in found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
