"""A lean HTTP client that never hides what happened: sent or not, answered or not."""

import asyncio
from typing import Any
from urllib.parse import quote

import msgspec

from engine.core import commands
from engine.core import fulfillment_commands as f
from engine.core import return_commands as r

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode

_ORDER, _WORK = "/v1/orders/{channel}/{order_id}", "/v1/fulfillments/{fulfillment_id}"
_RETURN = f"{_ORDER}/returns/{{return_id}}"
ROUTES = {
    commands.PutLocation: ("PUT", "/v1/locations/{location}"),
    commands.PutSku: ("PUT", "/v1/skus/{sku}"),
    commands.PutChannel: ("PUT", "/v1/channels/{channel}"),
    commands.PutFence: ("PUT", "/v1/channels/{channel}/fences/{sku}"),
    commands.PutPurchaseOrder: ("PUT", "/v1/purchase-orders/{purchase_order}"),
    commands.RoutingPolicy: ("PUT", "/v1/routing/policies/{policy}"),
    commands.PutCapacity: ("PUT", "/v1/routing/capacities/{location}"),
    commands.Receive: ("POST", "/v1/stock/receipts"),
    commands.Count: ("POST", "/v1/stock/counts"),
    commands.Adjust: ("POST", "/v1/stock/adjustments"),
    commands.Transfer: ("POST", "/v1/stock/transfers"),
    commands.Reserve: ("POST", "/v1/reservations"),
    commands.Commit: ("POST", "/v1/reservations/{reservation_id}/commit"),
    commands.Extend: ("POST", "/v1/reservations/{reservation_id}/extend"),
    commands.Release: ("DELETE", "/v1/reservations/{reservation_id}"),
    commands.PlaceOrder: ("POST", "/v1/orders"),
    commands.Cancel: ("POST", "/v1/orders/{channel}/{order_id}/cancel"),
    commands.Ship: ("POST", "/v1/orders/{channel}/{order_id}/shipments"),
    commands.Hold: ("POST", "/v1/orders/{channel}/{order_id}/holds"),
    commands.ReleaseHold: ("POST", "/v1/orders/{channel}/{order_id}/holds/{hold_id}/release"),
    commands.PutValidation: ("PUT", "/v1/channels/{channel}/validation"),
    commands.EditOrder: ("PATCH", _ORDER),
    commands.MergeOrders: ("POST", f"{_ORDER}/merge"),
    commands.SplitOrder: ("POST", f"{_ORDER}/split"),
    commands.TellFact: ("POST", f"{_ORDER}/facts"),
    commands.Reallocate: ("POST", f"{_ORDER}/reallocations"),
    f.ReleaseOrder: ("POST", f"{_ORDER}/release"),
    f.AcceptFulfillment: ("POST", f"{_WORK}/accept"),
    f.RejectFulfillment: ("POST", f"{_WORK}/reject"),
    f.CancelFulfillment: ("POST", f"{_WORK}/cancel"),
    f.PickFulfillment: ("POST", f"{_WORK}/pick"),
    f.PickShort: ("POST", f"{_WORK}/short"),
    f.PackFulfillment: ("POST", f"{_WORK}/pack"),
    f.ShipFulfillment: ("POST", f"{_WORK}/ship"),
    f.DeliverFulfillment: ("POST", f"{_WORK}/deliver"),
    r.OpenReturn: ("POST", f"{_ORDER}/returns"),
    r.ApproveReturn: ("POST", f"{_RETURN}/approve"),
    r.RejectReturn: ("POST", f"{_RETURN}/reject"),
    r.ReceiveReturn: ("POST", f"{_RETURN}/receipts"),
    r.InspectReturn: ("POST", f"{_RETURN}/inspections"),
    r.RefundReturn: ("POST", f"{_RETURN}/refunds"),
    r.CloseReturn: ("POST", f"{_RETURN}/close"),
}


class Unsent(Exception):
    """No connection: the request never left."""


class Lost(Exception):
    """The request left, at least in part, and no answer came."""


def call_of(command: commands.Command) -> tuple[str, str, dict[str, Any] | None]:
    """Return (method, path, body) of a command; what the path names is not in the body."""
    method, path = ROUTES[type(command)]
    body = msgspec.to_builtins(command)
    named = {name: str(value) for name, value in body.items() if f"{{{name}}}" in path}
    for name, value in named.items():
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
        del body[name]
    return method, path, None if method == "DELETE" else body


class Wire:
    """One keep-alive connection to 127.0.0.1, opened when it is needed. Waits are bounded."""

    def __init__(self, port: int, token: str, *, timeout_s: float = 8.0) -> None:
        self.port, self.token, self.timeout_s = port, token, timeout_s
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, body: Any = None, key: str = "") -> tuple[int, Any]:
        """Send one request and return (status, JSON); raises `Unsent` or `Lost`."""
        if self._streams is None:
            try:
                self._streams = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError as error:
                raise Unsent(str(error)) from None
        try:
            async with asyncio.timeout(self.timeout_s):
                return await self._exchange(method, path, body, key)
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            self.close()
            raise Lost(repr(error)) from None

    async def _exchange(self, method: str, path: str, body: Any, key: str) -> tuple[int, Any]:
        reader, writer = self._streams
        data = b"" if body is None else _encode(body)
        head = f"{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {self.token}\r\n"
        if key:
            head += f"idempotency-key: {key}\r\n"
        if data:
            head += "content-type: application/json\r\n"
        writer.write(f"{head}content-length: {len(data)}\r\n\r\n".encode() + data)
        await writer.drain()
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        answer = await reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection") == "close":
            self.close()
        return int(lines[0].split()[1]), _decode(answer) if answer else None

    def close(self) -> None:
        """Drop the connection."""
        if self._streams:
            self._streams[1].transport.abort()
            self._streams = None
