"""A tiny HTTP server around the real slow ledger, which can be told to misbehave in one way."""

import asyncio
from urllib.parse import unquote

import httptools
import msgspec

from engine.core import commands
from engine.core import return_commands as rc
from engine.core.commands import Request
from engine.core.ledger import Ledger
from engine.core.outcomes import Accepted

_STATUS = {"unknown_order": 404}
_RETURN_STEPS = {"": rc.OpenReturn, "receipts": rc.ReceiveReturn, "inspections": rc.InspectReturn}


class LedgerServer:
    """`async with LedgerServer() as server:` then `server.url`. Set a fault before sending:

    `oversell`: refused orders are answered as if everything were there. `forget`: orders that
    are answered 404 when read. `drop_every`: each n-th POST takes effect and the connection ends
    without an answer. `busy_every`: each n-th POST is answered 429, not looked at. `unknown_every`:
    each n-th POST takes effect and is answered 503 `outcome_unknown`. `mangle`: orders are read
    back with another quantity. `close_every`: each n-th answer ends its connection.
    `miscount`: stock reads show one unit more.
    """

    def __init__(self, **faults) -> None:
        self.faults = {"forget": (), "mangle": (), **faults}
        self.ledger = Ledger()
        self.now_us = 1
        self.posts = self.requests = 0
        self.bodies: list[tuple[str, str, bytes]] = []

    async def __aenter__(self) -> "LedgerServer":
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *error) -> None:
        self._server.close()

    def every(self, fault: str, number: int) -> bool:
        """Whether the n-th event is one that `fault` hits."""
        period = self.faults.get(fault)
        return bool(period) and number % period == 0

    def answer(self, method: str, path: str, body: bytes, key: str) -> tuple[int, dict | object]:
        """Return status and answer of one request."""
        parts = [unquote(part) for part in path.split("/")[2:]]
        if method == "GET":
            return self._read(parts)
        request = Request(_command(method, parts, body), "tester", key)
        self.now_us += 1
        self.ledger.begin(self.now_us)
        outcome = self.ledger.decide(request)
        self.ledger.drain()
        if isinstance(outcome, Accepted):
            return 201 if outcome.created else 200, outcome.answer
        if self.faults.get("oversell") and outcome.code.slug == "insufficient_stock":
            return 201, self._lie(request.command)
        return _STATUS.get(outcome.code.slug, 409), {
            "code": outcome.code.slug,
            "detail": outcome.detail,
            "errors": outcome.faults,
        }

    def _read(self, parts: list[str]):
        if parts[0] == "stock":
            found = self.ledger.stock(parts[1])
            if found and found.locations and self.faults.get("miscount"):
                found.locations[0].on_hand += 1
        else:
            found = None if parts[2] in self.faults["forget"] else self.ledger.order(*parts[1:])
            if found and parts[2] in self.faults["mangle"]:
                found.lines[0].quantity += 1
        return (200, found) if found else (404, {"code": "not_found"})

    def _lie(self, order: commands.PlaceOrder) -> dict:
        place = self.ledger.locations()[0][0].location
        lines = [
            {**msgspec.to_builtins(line), "allocations": [(place, line.quantity)]}
            for line in order.lines
        ]
        for line in lines:
            ((place, quantity),) = line["allocations"]
            line["allocations"] = [{"location": place, "quantity": quantity}]
        self.now_us += 1
        return {
            "order_id": order.order_id,
            "channel": order.channel,
            "status": "allocated",
            "seq": self.ledger.seq + 1,
            "lines": lines,
        }


def _command(method: str, parts: list[str], body: bytes):
    fields = msgspec.json.decode(body) if body else {}
    match method, *parts:
        case "PUT", "locations", name:
            kind, fields["location"] = commands.PutLocation, name
        case "PUT", "skus", name:
            kind, fields["sku"] = commands.PutSku, name
        case "POST", "stock", "receipts":
            kind = commands.Receive
        case "POST", "stock", "adjustments":
            kind = commands.Adjust
        case "POST", "orders":
            kind = commands.PlaceOrder
        case "POST", "orders", channel, order_id, "cancel":
            kind, fields["channel"], fields["order_id"] = commands.Cancel, channel, order_id
        case "POST", "orders", channel, order_id, "shipments":
            kind, fields["channel"], fields["order_id"] = commands.Ship, channel, order_id
        case "POST", "orders", channel, order_id, "returns", *rest:
            fields["channel"], fields["order_id"] = channel, order_id
            kind = _RETURN_STEPS[rest[-1] if rest else ""]
            if rest:
                fields["return_id"] = rest[0]
        case _:
            raise AssertionError(f"{method} {parts} is not in the contract")
    return msgspec.convert(fields, kind)


class _Connection(asyncio.Protocol):
    def __init__(self, server: LedgerServer) -> None:
        self.server = server

    def connection_made(self, transport) -> None:
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_begin(self) -> None:
        self.body, self.key, self.url = b"", "", b""

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"idempotency-key":
            self.key = value.decode()

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        server, method = self.server, self.parser.get_method().decode()
        server.requests += 1
        path = self.url.decode()
        server.bodies.append((method, path, self.body))
        extra = b""
        posted = method == "POST"
        server.posts += posted
        if posted and server.every("busy_every", server.posts):
            status, answer, extra = 429, {"code": "overloaded"}, b"Retry-After: 0\r\n"
        else:
            status, answer = server.answer(method, path, self.body, self.key)
            if posted and server.every("unknown_every", server.posts):
                status, answer = 503, {"code": "outcome_unknown"}
            if posted and server.every("drop_every", server.posts):
                self.transport.abort()
                return
        body = msgspec.json.encode(answer)
        close = server.every("close_every", server.requests)
        if close:
            extra += b"Connection: close\r\n"
        self.transport.write(
            b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n%s\r\n" % (status, len(body), extra) + body
        )
        if close:
            self.transport.close()
