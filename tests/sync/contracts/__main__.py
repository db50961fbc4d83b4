"""`python -m tests.sync.contracts [-k …]`: judge every call of the whole suite of sync.

Runs the tests of sync, or those that the arguments for pytest choose, with all calls recorded; then
judges those, and writes what it found to docs/connect/contracts.md. Fails if a call is not as its
contract asks.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tests.sync.contracts.catalogue import ROOT, SOURCES
from tests.sync.contracts.judge import Judgement, judge, mutation_table, table
from tests.sync.contracts.recorder import recorded

HERE = Path(__file__).parents[3]
PAGE = HERE / "docs" / "connect" / "contracts.md"
_EACH = 100
_TEXT = """# Calls against contracts

Written by `make contracts`, {day}. Every call that a connector made to its twin was recorded, in
{tests}. At most {each} of each operation were given to
[Prism](https://github.com/stoplightio/prism) (Shopify's to graphql-core) with the channel's
contract, and so were the twin's answers. A contract that is the vendor's own says what the vendor
asks for. Of one that was converted, trimmed or written from help pages it can only be said that
calls have that shape.

What this cannot see: a field too many, unless the contract forbids it; limits, order and
signatures, which the twins judge; what a vendor does otherwise than it says.

{calls}
## Would a wrong call be noticed?

Calls were also made wrong, in one way each, and given to the same judge. "Not asked for": the
contract requires nothing of the kind, so its absence is no fault.

{mutations}"""


async def _judged(folder: Path) -> list[Judgement]:
    files = [folder / f"{connector}.jsonl" for connector in SOURCES]
    return [await judge(f.stem, recorded(f), _EACH) for f in files if f.is_file()]


def main(chosen: list[str]) -> int:
    """Record, judge, write; return how the process ends."""
    if not ROOT.is_dir():
        sys.exit(f"{ROOT} is not there; set DIBS_SHARED_CONTRACTS to the vendors' contracts")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pytest", "-q", "tests/sync", "--deselect"]
        command += ["tests/sync/test_contracts.py", *chosen]
        done = subprocess.run(
            command, cwd=HERE, env=os.environ | {"DIBS_RECORD": folder}, check=False
        )
        found = asyncio.run(_judged(Path(folder)))
    PAGE.parent.mkdir(exist_ok=True)
    day = datetime.now(UTC).date()
    tests = (
        f"the tests of sync that `{' '.join(chosen)}` chooses" if chosen else "all tests of sync"
    )
    parts = {"calls": table(found), "mutations": mutation_table(found)}
    PAGE.write_text(_TEXT.format(day=day, tests=tests, each=_EACH, **parts))
    for row in found:
        for problem in row.problems + row.slipped:
            print(f"{row.connector}: {problem}")
    print(f"{sum(sum(row.judged.values()) for row in found):,} calls judged; see {PAGE}")
    return done.returncode or any(row.problems or row.slipped for row in found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
