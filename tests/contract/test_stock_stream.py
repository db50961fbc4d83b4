"""The consumer printed in docs/stock-stream.md, run as it stands against real processes (P11)."""

import json
import re
import urllib.request
from pathlib import Path

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


def test_the_printed_consumer_follows_stock(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (consumer,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    with Dibs(tmp_path, work=True) as dibs:
        place = {"name": "Berlin", "kind": "warehouse", "country": "DE"}
        call(dibs, "PUT", "/v1/locations/berlin", place)
        call(dibs, "PUT", "/v1/skus/MUG", {"title": "Mug"})
        lines = [{"sku": "MUG", "quantity": 5}]
        receipt = {"receipt_id": "r", "location": "berlin", "lines": lines}
        call(dibs, "POST", "/v1/stock/receipts", receipt)
        order = {"order_id": "1", "channel": "web", "lines": [{"sku": "MUG", "quantity": 2}]}
        seq = call(dibs, "POST", "/v1/orders", order)["seq"]
        turns = []

        def done() -> bool:
            turns.append(1)
            return f"{seq}-0" in capsys.readouterr().out or len(turns) > 20

        heard: list[str] = []
        address = EmbeddedServer(tmp_path / "server").url("reader")
        exec(
            compile(consumer, str(PAGE), "exec"),
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
