"""Many orders in one request: from the body to a parcel of packed requests, and back to results.

A batch whose orders all stand in their plain form is packed and answered without an object for any
of them (`ext.packed`). Otherwise, and where that is not compiled, each order is read by itself, so
that one bad order is one problem among the results.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from api import problems
from api.endpoint import Ask, Content, Reply
from api.problems import Problem, ProblemError
from api.wire import Reader, check, encode, invalid
from engine.core import limits, packed
from engine.core.commands import PlaceOrder, Request
from engine.service.client import Bulk

try:
    from ext.packed import Packer, results
except ImportError:
    Packer = None

_RawOrders = Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=limits.BATCH_ORDERS_MAX)]


class _RawBatch(msgspec.Struct, forbid_unknown_fields=True):
    orders: _RawOrders


_object = msgspec.json.Decoder(_RawBatch).decode
_list = msgspec.json.Decoder(_RawOrders).decode
_order = Reader(PlaceOrder).read


class Body:
    """The reader of a batch: it leaves the bytes as they are, `place` looks at them."""

    def read(self, data: bytes, named: dict) -> bytes:
        """Return the body."""
        return data


async def place(ask: Ask) -> Reply:
    """Place all orders of a body, each for itself, and answer with all results."""
    if Packer is not None and not ask.key:
        packer = Packer()
        count = packer.orders(ask.value, ask.actor.encode())
        if count > 0:
            answers = await _submit(ask, packer.take(), count)
            return 200, _content(results(answers, problems.STARTS))
    return await _place_each(ask)


async def _place_each(ask: Ask) -> Reply:
    found = [_read(raw) for raw in _split(ask.value)]
    data, places = [], []
    for i, order in enumerate(found):
        if type(order) is PlaceOrder:
            request = Request(order, ask.actor, f"{ask.key}:{i}" if ask.key else "")
            data.append(packed.pack(request, i))
            places.append(i)
    bodies = [b"" if type(order) is PlaceOrder else encode(order) for order in found]
    if places:
        for one in packed.split(await _submit(ask, b"".join(data), len(places))):
            answer = packed.unpack_answer(one)
            start = problems.STARTS[answer.code] if answer.code else b""
            bodies[answer.tag] = start + answer.body
    return 200, _content(b"[" + b",".join(bodies) + b"]")


async def _submit(ask: Ask, data: bytes, count: int) -> bytes:
    parcel = Bulk(data, count)
    ask.front.client.submit_packed(parcel)
    return await parcel.answers


def _content(bodies: bytes) -> Content:
    return Content(b'{"results":' + bodies + b"}", "application/json")


def _split(data: bytes) -> list[msgspec.Raw]:
    """Return the orders of a batch; raises where the batch itself is bad."""
    check(data, 1)
    try:
        return _list(data) if data.lstrip()[:1] == b"[" else _object(data).orders
    except (ValueError, RecursionError, OverflowError) as error:
        raise invalid(error, data, _RawBatch) from None


def _read(raw: Any) -> PlaceOrder | Problem:
    try:
        return _order(bytes(raw), {})
    except ProblemError as error:
        return error.problem
