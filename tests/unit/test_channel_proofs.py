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
