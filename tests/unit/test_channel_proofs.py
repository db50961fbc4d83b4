"""The page that says what is shown of each channel names tests that there are."""

import re
from pathlib import Path

from engine.connectors import registry

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "connect" / "proof.md"


def test_each_test_that_the_page_names_is_there() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("|")][2:]
    for row in rows:
        files = re.findall(r"`(test_\w+)\.py`", row)
        names = re.findall(r"`(test_\w+)`", row)
        assert files and names, row
        text = "".join((ROOT / "tests" / "sync" / f"{file}.py").read_text() for file in files)
        assert not [name for name in names if f"def {name}(" not in text], row


def test_each_channel_of_a_contract_has_a_row() -> None:
    told = PAGE.read_text().lower().replace(" ", "")
    assert not [name for name in registry.names() if name != "wholesale" and name not in told]


def test_each_connector_ran_each_test_and_none_failed() -> None:
    text = (ROOT / "docs" / "connect" / "conformance.md").read_text()
    head, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    code = (ROOT / "tests" / "sync" / "test_conformance.py").read_text()
    code += (ROOT / "tests" / "sync" / "test_contracts.py").read_text()
    each = re.compile(r"^@(?:each_channel|pytest.*registry.names.*)\n.*def test_(\w+)", re.M)
    wanted = {name.replace("_", " ") for name in each.findall(code)}
    assert head == ["test", *sorted(registry.names())]
    assert {row[0] for row in rows} == wanted and len(wanted) >= 13
    reasons = set(re.findall(r"^(\d+)\. (?!Not run|\*\*failed)", text, re.M))
    for row in rows:
        assert all(re.fullmatch(r"yes|no \((\d+)\)", cell) for cell in row[1:]), row
        assert {cell[4:-1] for cell in row[1:] if cell != "yes"} <= reasons, row
