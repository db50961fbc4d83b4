"""The README's examples, run as a reader would run them: the same words, in a shell, in order.

Goal: a person who has never seen dibs can place an order by copying. Method: every ```sh block
goes, unchanged but for port and data folder, into one bash with a real `dibs serve`.
"""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.processes import Dibs

README = Path(__file__).parents[2] / "README.md"


def _script(dibs: Dibs) -> str:
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(), re.S)
    assert len(blocks) >= 6, "the README lost its examples"
    text = "\n".join(blocks)
    return text.replace("http://127.0.0.1:8787", dibs.url).replace(
        "data/admin.key", str(dibs.folder / "admin.key")
    )


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    with Dibs(tmp_path_factory.mktemp("readme")) as dibs:
        done = subprocess.run(
            ["bash", "-euc", _script(dibs)], capture_output=True, text=True, timeout=60, check=True
        )
    return [json.loads(line) for line in done.stdout.splitlines() if line.strip()]


def test_the_tour_gives_what_it_says(answers: list[dict]) -> None:
    answers, bulk = answers[:-3], answers[-3:]
    location, sku, receipt, order, refused, reservation, committed, stock, cancelled, last = answers
    assert location["location"] == "berlin"
    assert sku["sku"] == "MUG-RED"
    assert receipt["lines"] == [{"sku": "MUG-RED", "on_hand": 3, "quantity": 3}]
    assert order["status"] == "allocated"
    assert order["lines"][0]["allocations"] == [{"location": "berlin", "quantity": 2}]
    assert (refused["status"], refused["code"]) == (409, "insufficient_stock")
    assert refused["errors"][0]["available"] == 1
    assert reservation["status"] == "reserved"
    assert (committed["order_id"], committed["status"]) == ("cart-7", "allocated")
    assert (stock["on_hand"], stock["allocated"], stock["available"]) == (3, 3, 0)
    assert cancelled["status"] == last["status"] == "cancelled"
    assert [found.get("order_id") for found in bulk] == ["bulk-1", "bulk-2", None]
    assert [found["status"] for found in bulk] == ["allocated", "allocated", 409]


def test_every_link_and_path_in_the_readme_exists() -> None:
    root, text = README.parent, README.read_text()
    links = re.findall(r"\]\((?!http)([^)#]+)\)", text)
    paths = re.findall(r"`((?:engine|ext|api|tests|benchmarks|docs)/[\w./]*)`", text)
    missing = [name for name in links + paths if not (root / name).exists()]
    assert not missing
