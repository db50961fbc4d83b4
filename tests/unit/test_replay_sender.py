"""The HTTP client: order, retries with the same bytes, lost connections, waiting and pacing."""

import asyncio
import time
from itertools import pairwise

import msgspec
import pytest

from engine.core import limits
from engine.replay.documents import ReplayError
from engine.replay.sender import NO_ANSWER, WITHHELD, Exchange, Sender, _delay
from tests.unit.replay_server import LedgerServer


async def _sender(server: LedgerServer, connections: int = 4) -> Sender:
    sender = Sender(server.url, "secret", connections)
    await sender.open()
    place = b'{"name":"L","kind":"store","country":"GB"}'
    await sender.run(
        [
            Exchange(sender.encode("PUT", "/v1/locations/L", place)),
            Exchange(sender.encode("PUT", "/v1/skus/A", b'{"title":"A"}')),
        ]
    )
    receipt = b'{"receipt_id":"r","location":"L","lines":[{"sku":"A","quantity":1000}]}'
    await sender.run([Exchange(sender.encode("POST", "/v1/stock/receipts", receipt))])
    server.bodies.clear()
    server.posts = 0
    return sender


def _order(sender: Sender, name, quantity: int = 1, **when) -> Exchange:
    body = {"order_id": str(name), "channel": "t", "lines": [{"sku": "A", "quantity": quantity}]}
    return Exchange(sender.encode("POST", "/v1/orders", msgspec.json.encode(body)), name, **when)


async def test_starts_in_order_and_answers_all():
    async with LedgerServer() as server:
        sender = await _sender(server, 8)
        orders = [_order(sender, n) for n in range(500)]
        seen = []
        await sender.run(orders, on_answer=lambda e: seen.append(e.tag))
        assert {e.status for e in orders} == {201} and sorted(seen) == list(range(500))
        arrived = [int(msgspec.json.decode(body)["order_id"]) for _, _, body in server.bodies]
        assert max(abs(a - b) for a, b in zip(arrived, range(500), strict=True)) < 8
        begun = [e.begun for e in orders]
        assert begun == sorted(begun) and all(e.begun <= e.ended for e in orders)
        sender.close()


@pytest.mark.parametrize("fault", ["drop_every", "unknown_every", "busy_every"])
async def test_tries_again_with_the_same_id_and_nothing_happens_twice(fault):
    async with LedgerServer(**{fault: 5}) as server:
        sender = await _sender(server)
        server.faults[fault] = 5
        orders = [_order(sender, n) for n in range(60)]
        await sender.run(orders)
        assert all(e.accepted for e in orders) and sender.retried >= 12
        assert server.ledger.stock("A").allocated == 60
        replayed = [msgspec.json.decode(e.body).get("replayed", False) for e in orders]
        assert any(replayed) == (fault != "busy_every")
        assert {e.attempts > 1 for e in orders if e.tag % 5 == 4} != {False}
        sender.close()


async def test_a_server_that_closes_after_answering_loses_nothing():
    async with LedgerServer() as server:
        sender = await _sender(server)
        server.faults["close_every"] = 3
        orders = [_order(sender, n) for n in range(30)]
        await sender.run(orders)
        assert {e.status for e in orders} == {201} and sender.reconnected > 0
        assert sender.retried == 0
        sender.close()


async def test_a_busy_server_is_not_sent_the_rest_meanwhile():
    async with LedgerServer() as server:
        sender = await _sender(server, 2)
        server.faults["busy_every"] = 1
        orders = [_order(sender, n) for n in range(50)]
        asyncio.get_running_loop().call_later(0.3, server.faults.update, {"busy_every": 0})
        await sender.run(orders)
        assert {e.status for e in orders} == {201}
        tried = [msgspec.json.decode(body)["order_id"] for _, _, body in server.bodies]
        assert set(tried[:6]) == {"0", "1"} and {e.attempts for e in orders[2:]} == {1}
        sender.close()


async def test_tries_are_bounded(monkeypatch):
    monkeypatch.setattr(limits, "REPLAY_ATTEMPTS_MAX", 3)
    async with LedgerServer() as server:
        sender = await _sender(server)
        server.faults["drop_every"] = 1
        order = _order(sender, 1)
        await sender.run([order])
        assert (order.status, order.attempts) == (NO_ANSWER, 3)
        server.faults = {**server.faults, "drop_every": 0, "busy_every": 1}
        order = _order(sender, 2)
        await sender.run([order])
        assert (order.status, order.attempts) == (429, 3)
        sender.close()


async def test_followers_wait_for_the_answer_and_are_withheld_after_a_refusal():
    async with LedgerServer() as server:
        sender = await _sender(server)
        good, bad = _order(sender, "good", 10), _order(sender, "bad", 5_000)
        chain = []
        for root in (good, bad):
            for after in (root, None):
                request = sender.encode("POST", f"/v1/orders/t/{root.tag}/cancel", b"{}", "k")
                chain.append(Exchange(request, after=after or chain[-1], root=root))
        await sender.run([good, bad, *chain])
        assert [e.status for e in chain] == [200, 200, WITHHELD, WITHHELD]
        assert good.ended <= chain[0].begun and chain[0].ended <= chain[1].begun
        sent = [path for _, path, _ in server.bodies]
        assert sent.count("/v1/orders/t/bad/cancel") == 0
        sender.close()


async def test_paced_starts_no_earlier_than_due_and_clocks_from_due():
    async with LedgerServer() as server:
        sender = await _sender(server, 1)
        orders = [_order(sender, n, due_s=0.05 * n) for n in range(4)]
        started = time.perf_counter()
        await sender.run(orders, paced=True)
        assert time.perf_counter() - started >= 0.15
        gaps = [b.begun - a.begun for a, b in pairwise(orders)]
        assert gaps == pytest.approx([0.05] * 3)
        sender.close()


async def test_nobody_there():
    sender = Sender("http://127.0.0.1:9", "k", 1)
    with pytest.raises(ReplayError, match="dibs up"):
        await sender.open()


async def test_a_server_that_goes_away_for_good_is_said(monkeypatch):
    monkeypatch.setattr(limits, "REPLAY_ANSWER_TIMEOUT_S", 0.3)
    async with LedgerServer() as server:
        sender = await _sender(server)
        server._server.close()
        server.faults["drop_every"] = 1
        with pytest.raises(ReplayError, match="went away; 3 of 3"):
            await asyncio.wait_for(sender.run([_order(sender, n) for n in range(3)]), 20)
        sender.close()


@pytest.mark.parametrize("url", ["ftp://x", "http://", "file:///etc"])
def test_addresses_that_are_none(url):
    with pytest.raises(ReplayError, match="address"):
        Sender(url)


@pytest.mark.parametrize("key", ["a\r\nX: y", "schlüssel"])
def test_keys_that_would_break_the_head(key):
    with pytest.raises(ReplayError, match="key"):
        Sender("http://127.0.0.1", key)


def test_retry_delays_are_bounded():
    assert _delay(b"1", 1) == 1.0
    assert _delay(b"3600", 1) == limits.REPLAY_RETRY_DELAY_S_MAX
    assert _delay(b"soon", 99) == limits.REPLAY_RETRY_DELAY_S_MAX
    assert 0 < _delay(b"0", 1) == _delay(b"", 1) < _delay(b"", 2) < 1
