"""The consumers printed in docs/stock-stream.md, run as they stand against real processes (P11)."""

import json
import re
import urllib.request
from pathlib import Path
from types import CodeType

import pytest

from engine.log.embedded import EmbeddedServer
from tests.processes import Dibs

PAGE = Path(__file__).parents[2] / "docs" / "stock-stream.md"


def call(dibs: Dibs, method: str, path: str, body: dict) -> dict:
    request = urllib.request.Request(
        f"{dibs.url}{path}",
        method=method,
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {dibs.key}"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def printed(number: int) -> CodeType:
    """One of the page's programs."""
    programs = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    assert len(programs) == 2
    return compile(programs[number], str(PAGE), "exec")


def stocked(dibs: Dibs) -> None:
    """Five mugs in Berlin."""
    place = {"name": "Berlin", "kind": "warehouse", "country": "DE"}
    call(dibs, "PUT", "/v1/locations/berlin", place)
    call(dibs, "PUT", "/v1/skus/MUG", {"title": "Mug"})
    lines = [{"sku": "MUG", "quantity": 5}]
    receipt = {"receipt_id": "r", "location": "berlin", "lines": lines}
    call(dibs, "POST", "/v1/stock/receipts", receipt)


def sold(dibs: Dibs, number: int) -> int:
    """Sell two mugs; return the log position."""
    lines = [{"sku": "MUG", "quantity": 2}]
    order = {"order_id": str(number), "channel": "web", "lines": lines}
    return call(dibs, "POST", "/v1/orders", order)["seq"]


def test_the_printed_consumer_follows_stock(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    with Dibs(tmp_path, work=True) as dibs:
        stocked(dibs)
        seq = sold(dibs, 1)
        turns = []

        def done() -> bool:
            turns.append(1)
            return f"{seq}-0" in capsys.readouterr().out or len(turns) > 20

        heard: list[str] = []
        address = EmbeddedServer(tmp_path / "server").url("reader")
        exec(
            printed(0),
            {
                "address": address,
                "done": done,
                "print": lambda *words: heard.append(words) or print(*words),
            },
        )
    assert [(sku, place, units) for _, sku, place, units in heard] == [
        ("MUG", "berlin", "5"),
        ("MUG", "berlin", "3"),
    ]
    assert heard[-1][0] == f"{seq}-0"


def test_the_printed_screen_shows_the_newest_without_a_worker(tmp_path: Path) -> None:
    with Dibs(tmp_path) as dibs:
        stocked(dibs)
        seen: list[int] = []

        def done(shown: dict[tuple[str, str], int]) -> bool:
            """Sell when a state has come; three of them are enough."""
            seen.append(shown["MUG", "berlin"])
            if len(seen) < 3:
                sold(dibs, len(seen))
            return len(seen) == 3

        exec(printed(1), {"base": dibs.url, "key": dibs.key, "done": done})
    assert seen == [5, 3, 1]
