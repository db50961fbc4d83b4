"""The packed socket: durable answers, whole and in order; bad requests harm nobody (P3, P9)."""

import asyncio
from random import Random

import pytest

from engine.core import commands as c
from engine.core import limits, packed
from engine.core.commands import Request
from engine.core.errors import UnavailableError
from engine.core.outcomes import Code
from engine.service.packed_socket import HELLO, PackedClient, PackedServer
from tests.contract.inprocess import InProcessClient


@pytest.fixture
async def shop(tmp_path):
    """A server over a ledger with 100 units of A and B, and a client on it."""
    engine = InProcessClient()
    line = tuple(c.ReceiptLine(sku, 100) for sku in "AB")
    for command in (
        c.PutLocation("berlin", "", "warehouse", "DE"),
        c.PutSku("A", ""),
        c.PutSku("B", ""),
        c.Receive("r", "berlin", line),
    ):
        await engine.submit(Request(command))
    server = PackedServer(engine, tmp_path / "s")
    await server.start()
    client = await PackedClient.connect(tmp_path / "s")
    yield engine, server, client
    client.close()
    await server.close()


def reserve(n: int, quantity: int = 1, **more) -> bytes:
    lines = (c.ReserveLine("A", quantity), c.ReserveLine("B", quantity))
    return packed.pack(Request(c.Reserve(f"r{n}", "web", 60, lines), "svc"), n, **more)


def answers(data: bytes) -> list[packed.Answer]:
    return [packed.unpack_answer(one) for one in packed.split(data)]


async def test_many_at_once_in_order_and_never_more_than_there_is(shop) -> None:
    engine, _, client = shop
    asked = [client.ask(b"".join(reserve(n) for n in range(a, a + 50)), 50) for a in (0, 50, 100)]
    found = [one for data in await asyncio.gather(*asked) for one in answers(data)]
    assert [one.tag for one in found] == list(range(150))
    assert [one.code for one in found] == [0] * 100 + [Code.INSUFFICIENT_STOCK] * 50
    assert (await engine.stock("A")).reserved == 100
    (again,) = answers(await client.ask(reserve(7), 1))
    assert again.replayed and again.code == 0
    (brief,) = answers(await client.ask(reserve(500, brief=True), 1))
    assert (brief.code, brief.body) == (Code.INSUFFICIENT_STOCK, b"")


async def test_a_wrong_request_is_told_so_and_the_others_hold(shop) -> None:
    engine, _, client = shop
    good, cut = reserve(1), bytearray(reserve(2))
    cut[4] = 99
    long = packed.pack(Request(c.Release("x" * 3), "svc"), 3).replace(b"xxx", b"x\x00x")
    order = c.PlaceOrder(order_id="o", channel="w", lines=(c.OrderLine("A", 1),), note="hi")
    noted = packed.pack(Request(order, "svc"), 4)
    spaced = noted.replace(b'{"note":"hi"}', b'{"note": "h"}')
    sent = good + bytes(cut) + long + spaced + noted
    found = answers(await client.ask(sent, 5))
    wrong = packed.Trouble.MALFORMED
    assert [one.code for one in found] == [0, wrong, wrong, wrong, 0]
    assert b"kind 99 is unknown" in found[1].body
    assert (await engine.order("w", "o")).note == "hi"


async def test_random_bytes_end_the_connection_and_nothing_else(shop, tmp_path) -> None:
    engine, _, client = shop
    before = engine.ledger.digest()
    for seed in range(20):
        reader, writer = await asyncio.open_unix_connection(tmp_path / "s")
        writer.write(HELLO + Random(seed).randbytes(200) if seed % 2 else b"GET / HTTP/1.1\r\n\r\n")
        writer.write_eof()
        async with asyncio.timeout(5):
            await reader.read()
        writer.close()
    assert engine.ledger.digest() == before
    (found,) = answers(await client.ask(reserve(1), 1))
    assert found.code == 0


async def test_damaged_requests_change_nothing_that_is_not_asked(shop) -> None:
    """Flip each byte of a good request: it is refused, or does what the flipped one says."""
    engine, _, client = shop
    whole = reserve(1)
    for at in range(4, len(whole)):
        flipped = bytearray(whole)
        flipped[at] ^= 0xFF
        (found,) = answers(await client.ask(bytes(flipped), 1))
        assert found.code in {*map(int, Code), *map(int, packed.Trouble), 0}
    engine.ledger.load(engine.ledger.dump())
    stock = await engine.stock("A")
    assert 0 <= stock.reserved <= stock.on_hand == 100


async def test_an_engine_that_is_away_says_so_in_order(shop) -> None:
    engine, server, client = shop
    first = client.ask(reserve(1), 1)
    await first
    engine.trouble = UnavailableError("away")
    found = answers(await client.ask(reserve(2) + reserve(3), 2))
    assert [one.code for one in found] == [packed.Trouble.UNAVAILABLE] * 2
    engine.trouble = None
    pending = client.ask(reserve(4), 1)
    await server.close()
    with pytest.raises(UnavailableError):
        await pending
        await client.ask(reserve(5), 1)


async def test_only_the_owner_may_connect(shop, tmp_path) -> None:
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o600
    assert limits.SOCKET_REQUESTS_MAX > 0
