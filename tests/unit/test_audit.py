"""The audit: who did what, with what was before and after, on both databases."""

from collections.abc import Iterator

import pytest

from engine.core import commands as c
from engine.core.actors import of_user
from engine.core.commands import Request
from engine.views import audit
from engine.views.home import Home
from tests.unit.logkit import START_US, Chain
from tests.unit.viewskit import opened

ADA, KEY = of_user("ada"), "5f1c09aa72e4"


def history() -> Chain:
    """A person and a key each do a few things."""
    chain = Chain()

    def did(actor: str, *commands: c.Command, **more) -> None:
        chain.done(*(Request(command, actor) for command in commands), **more)

    did(KEY, c.PutLocation("berlin", "Berlin", "warehouse", "DE"), c.PutSku("MUG", "Mug"))
    did(KEY, c.Receive("r1", "berlin", (c.ReceiptLine("MUG", 10),)))
    did(ADA, c.PutSku("MUG", "Red mug"), c.PutChannel("web", "Web", cap=5))
    did(ADA, c.Adjust("a1", "berlin", (c.AdjustLine("MUG", -2, "broken"),)))
    line = (c.OrderLine("MUG", 1),)
    did(KEY, c.PlaceOrder(order_id="1", channel="web", lines=line))
    did(ADA, c.PlaceOrder(order_id="2", channel="web", lines=line))
    did(ADA, c.Hold("web", "1", "h1", "operator", minutes=1, then="release"))
    did(KEY, c.PutChannel("web", "Web", cap=9), wait_us=120_000_000)
    return chain


@pytest.fixture(scope="module")
def views(home: Home) -> Iterator:
    yield from opened(home, history())


def did(views, *by: str, **more) -> list[tuple[str, str | None]]:
    rows, _ = audit.page(views, list(by), limit=50, **more)
    return [(row.kind, row.ref) for row in rows]


def test_it_holds_what_people_did_and_what_keys_did_beside_orders(views) -> None:
    assert did(views, ADA) == [
        ("order_changed", "1"),
        ("order_placed", "2"),
        ("stock_moved", "a1"),
        ("entry_put", "web"),
        ("sku_put", "MUG"),
    ]
    assert did(views, KEY) == [
        ("entry_put", "web"),
        ("stock_moved", "r1"),
        ("sku_put", "MUG"),
        ("location_put", "berlin"),
    ]
    assert len(did(views)) == 9, "what time did by itself is no audit"


def test_it_says_what_was_before_and_after(views) -> None:
    rows = {(row.kind, row.ref): row for row in audit.page(views, [ADA], limit=50)[0]}
    renamed, paper = rows["sku_put", "MUG"], rows["stock_moved", "a1"]
    assert (renamed.before["title"], renamed.after["title"]) == ("Mug", "Red mug")
    assert rows["entry_put", "web"].before is None and rows["entry_put", "web"].after["cap"] == 5
    (moved,) = paper.moved
    assert paper.what == "adjustment"
    assert (moved.sku, moved.location, moved.bucket) == ("MUG", "berlin", "on_hand")
    assert (moved.before, moved.after, moved.reason) == (10, 8, "broken")
    held = rows["order_changed", "1"]
    assert (held.what, held.channel, held.order_id) == ("held", "web", "1")
    newest = audit.page(views, [KEY], limit=1)[0][0]
    assert (newest.before["cap"], newest.after["cap"]) == (5, 9)


def test_it_is_read_by_time_and_in_pages(views) -> None:
    everything = did(views)
    first, place = audit.page(views, [], limit=4)
    rest, end = audit.page(views, [], before=place, limit=50)
    assert [(row.kind, row.ref) for row in first + rest] == everything and end is None
    late = START_US + 100_000_000
    assert did(views, since_us=late) == everything[:1]
    assert did(views, until_us=late) == everything[1:]


def test_secrets_are_hidden() -> None:
    shown = audit._shown({"user": "ada", "password_hash": "x", "keys": [{"secret": 1, "id": 2}]})
    assert shown == {
        "user": "ada",
        "password_hash": "hidden",
        "keys": [{"secret": "hidden", "id": 2}],
    }
