"""The parts that all channels share, one at a time."""

import io

import httpx
import pytest
from rich.console import Console
from rich.pretty import pretty_repr

from engine.connectors.base import (
    Account,
    ConnectorError,
    Delivery,
    Fetch,
    ForeignOrder,
    order_now,
    worth_again,
)
from engine.connectors.calls import CallError
from engine.sync.desk import Desk, Order, Refusal


def test_an_account_never_shows_its_secrets() -> None:
    secrets = {"key": "s3cret"}
    account = Account(
        name="shop", connector="woocommerce", channel="web", url="http://x", secrets=secrets
    )
    page = Console(file=io.StringIO())
    page.print(account, {"accounts": [account]})
    shown = [repr(account), str(account), pretty_repr([account]), page.file.getvalue()]
    assert all("s3cret" not in text and "shop" in text for text in shown)


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (ConnectorError("not understood"), False),
        (ConnectorError("busy", 2.0), True),
        (CallError("no answer"), True),
        (CallError("gone", 404), False),
        (CallError("broken", 500), True),
        (CallError("come back tomorrow", 403, retry_s=86_400.0), True),
    ],
)
def test_what_is_worth_doing_again(error, again) -> None:
    assert worth_again(error) is again


class Channel:
    """Knows one order, and one document that is none."""

    documents = {"1": Delivery("1", "order", b"{}"), "2": Delivery("2", "note", b"{}")}

    async def fetch(self, order_id: str) -> Delivery | None:
        """Return a document."""
        return self.documents.get(order_id)

    def read(self, delivery: Delivery) -> ForeignOrder | Fetch | None:
        """Understand the order, not the note."""
        return ForeignOrder(order_id="1", version=1) if delivery.topic == "order" else Fetch("2")


async def test_an_order_is_asked_for_and_what_is_none_is_none() -> None:
    found = [await order_now(Channel(), name) for name in ("1", "2", "3")]
    assert found == [ForeignOrder(order_id="1", version=1), None, None]


async def test_only_an_order_that_is_not_there_is_no_order() -> None:
    """dibs may refuse to say, for whatever reason: that must not place it again."""
    answers = {
        "/v1/orders/web/there": httpx.Response(200, json={"order_id": "there", "lines": []}),
        "/v1/orders/web/gone": httpx.Response(404, json={"code": "unknown_order", "status": 404}),
        "/v1/orders/web/secret": httpx.Response(400, json={"code": "bad", "status": 400}),
    }
    transport = httpx.MockTransport(lambda request: answers[request.url.path])
    async with httpx.AsyncClient(transport=transport) as client:
        desk = Desk(client, "http://dibs", "key")
        found = [await desk.order("web", name) for name in ("there", "gone", "secret")]
    assert found == [Order([]), None, Refusal("bad", 400)]
