"""The guides' examples, run as a reader would run them, against a real `dibs serve`.

Every ```sh block of a guide goes into one bash, in order. A ```json block shows what the call
before it answers: all that it shows must be in the answer.
"""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.processes import Dibs

DOCS = Path(__file__).parents[2] / "docs"
GUIDES = ("backorders.md", "bundles.md", "channels.md", "fulfillment.md", "orders.md", "returns.md")
GUIDES += ("people.md", "routing.md", "supply.md", "validation.md", "webhooks.md")
_BLOCK = re.compile(r"```(sh|json)\n(.*?)```", re.S)
_MARK = "@@shown@@"


def script_and_shown(text: str, dibs: Dibs) -> tuple[str, list[Any]]:
    """Return the guide as a script that prints a mark before each shown answer is due."""
    parts, shown = [], []
    for kind, block in _BLOCK.findall(text):
        if kind == "sh":
            parts.append(block)
        else:
            parts.append(f"echo '{_MARK}'\n")
            shown.append(json.loads(block))
    script = "\n".join(parts).replace("http://127.0.0.1:8787", dibs.url)
    for name in ("admin.key", "first-admin.code"):
        script = script.replace(f"data/{name}", str(dibs.folder / name))
    return script, shown


def holds(answer: Any, shown: Any) -> bool:
    """Say whether all that is shown is in the answer."""
    if isinstance(shown, dict):
        return isinstance(answer, dict) and all(holds(answer.get(k), v) for k, v in shown.items())
    if isinstance(shown, list):
        return len(answer) == len(shown) and all(map(holds, answer, shown))
    return answer == shown


@pytest.mark.parametrize("name", GUIDES)
def test_a_guide_does_what_it_says(name: str, tmp_path: Path) -> None:
    with Dibs(tmp_path) as dibs:
        script, shown = script_and_shown((DOCS / name).read_text(), dibs)
        done = subprocess.run(
            ["bash", "-euc", script], capture_output=True, text=True, timeout=60, check=True
        )
    answers, last = [], None
    for line in filter(str.strip, done.stdout.splitlines()):
        if line == _MARK:
            answers.append(last)
            continue
        last = json.loads(line)
        assert last.get("status") is None or isinstance(last["status"], str), last
    assert shown, "the guide shows no answer"
    for answer, expected in zip(answers, shown, strict=True):
        assert holds(answer, expected), f"{answer} is not as shown: {expected}"
