"""`python -m tests.sync.conformance`: run the tests of all connectors, write what came of each.

The table goes to docs/connect/conformance.md, channels × tests, from pytest's own report. A test of
tests/unit holds that it has a cell for every channel and test, and none that failed.
"""

import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

HERE = Path(__file__).parents[2]
PAGE = HERE / "docs" / "connect" / "conformance.md"
TESTS = ("tests/sync/test_conformance.py", "tests/sync/test_contracts.py")
_NAME = re.compile(r"test_(\w+)\[(\w+)\]")
_TEXT = """# Conformance

Written by `make conformance`, {day}. Each connector runs the same tests, in
`tests/sync/test_conformance.py` and `tests/sync/test_contracts.py`, each against the twin of its
channel, beside a real `dibs serve` and `dibs work`.

{table}
{reasons}"""

Results = dict[str, dict[str, str]]
"""What came of each test of each channel: empty if it passed, else why it did not."""


def read(report: Path) -> Results:
    """Read a JUnit report: by test, then channel."""
    found: Results = defaultdict(dict)
    for case in ElementTree.parse(report).iter("testcase"):
        if name := _NAME.fullmatch(case.get("name", "")):
            skipped = case.find("skipped")
            failed = case.find("failure") is not None or case.find("error") is not None
            why = "**failed**" if failed else ""
            if skipped is not None:
                why = skipped.get("message", "skipped")
            found[name[1]][name[2]] = why
    return found


def table(results: Results) -> tuple[str, str]:
    """Return (the table, why cells are not "yes") in Markdown."""
    channels = sorted({channel for row in results.values() for channel in row})
    notes: dict[str, int] = {}
    lines = [f"| test | {' | '.join(channels)} |", "|---|" + "---|" * len(channels)]
    for test, row in results.items():
        cells = []
        for channel in channels:
            why = row.get(channel, "not run")
            cells.append(f"no ({notes.setdefault(why, len(notes) + 1)})" if why else "yes")
        lines.append(f"| {test.replace('_', ' ')} | {' | '.join(cells)} |")
    reasons = [f"{number}. {why[:1].upper()}{why[1:]}." for why, number in notes.items()]
    return "\n".join(lines) + "\n", "\n".join(reasons) + "\n"


def main() -> int:
    """Run, write; return how the process ends."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", *TESTS, f"--junitxml={report}"]
        done = subprocess.run([*command, *sys.argv[1:]], cwd=HERE, check=False)
        rows, reasons = table(read(report))
    PAGE.write_text(_TEXT.format(day=datetime.now(UTC).date(), table=rows, reasons=reasons))
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
