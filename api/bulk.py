"""Many orders at once: from JSON to a parcel of packed requests, and back to their results.

Orders in their plain form are packed and answered without an object for any of them
(`ext.packed`). The others, and all where that is not compiled, are read one by one, so that one bad
order is one problem among the results. A batch in the plain form is packed as a whole.
"""

from collections.abc import Iterable
from typing import Annotated

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
_PLACE_ORDER = int(packed.Kind.PLACE_ORDER)


class Body:
    """The reader of a batch: it leaves the bytes as they are, `place` looks at them."""

    def read(self, data: bytes, named: dict) -> bytes:
        """Return the body."""
        return data


class Gathered:
    """Orders, each read by itself, for one parcel.

    `data` are the packed requests of those that could be read, tagged with their places, `count`
    says how many. `bodies` are the results by place: problems from the start, answers once `fill`
    has them. With a `key`, order i has the key `key:i`.
    """

    def __init__(self, orders: Iterable[bytes | Problem], actor: str, key: str = "") -> None:
        self.bodies: list[bytes] = []
        self.count = 0
        self._packer = Packer() if Packer is not None else _Requests()
        self._actor, self._key = actor, key
        name, plain = actor.encode(), self._packer.body
        for place, order in enumerate(orders):
            own = self._key_of(place).encode() if key else b""
            if type(order) is Problem:
                problem = order
            elif plain(_PLACE_ORDER, order, name, key=own, tag=place):
                problem = None
            else:
                problem = self._read(order, place)
            self.count += problem is None
            self.bodies.append(b"" if problem is None else encode(problem))
        self.data = self._packer.take()

    def _key_of(self, place: int) -> str:
        return f"{self._key}:{place}" if self._key else ""

    def _read(self, order: bytes, place: int) -> Problem | None:
        """Pack an order that is not in its plain form, or return what is wrong with it."""
        try:
            request = Request(_order(order, {}), self._actor, self._key_of(place))
        except ProblemError as error:
            return error.problem
        self._packer.raw(packed.pack(request, place))
        return None

    def fill(self, answers: bytes) -> list[bytes]:
        """Put packed answers in their places and return all results."""
        bodies, starts, at = self.bodies, problems.STARTS, 0
        head = packed.ANSWER.size
        while at < len(answers):
            size, code, _, _, place, _ = packed.ANSWER.unpack_from(answers, at)
            body = answers[at + head : at + size]
            bodies[place] = starts[code] + body if code else body
            at += size
        return bodies

    def lines(self, answers: bytes) -> bytes:
        """Return all results as lines."""
        if self.count == len(self.bodies) and Packer is not None:
            return results(answers, problems.STARTS, lines=True)
        return b"\n".join([*self.fill(answers), b""])


class _Requests:
    """What a `Packer` does, where it is not compiled: it takes nothing for plain."""

    def __init__(self) -> None:
        self._requests: list[bytes] = []

    def body(self, kind: int, body: bytes, actor: bytes, *, key: bytes, tag: int) -> bool:
        return False

    def raw(self, request: bytes) -> None:
        self._requests.append(request)

    def take(self) -> bytes:
        return b"".join(self._requests)


async def place(ask: Ask) -> Reply:
    """Place all orders of a body, each for itself, and answer with all results."""
    if Packer is not None and not ask.key:
        packer = Packer()
        count = packer.orders(ask.value, ask.actor.encode())
        if count > 0:
            answers = await _submit(ask, packer.take(), count)
            return 200, _content(results(answers, problems.STARTS))
    found = Gathered(map(bytes, _split(ask.value)), ask.actor, ask.key)
    answers = await _submit(ask, found.data, found.count) if found.count else b""
    return 200, _content(b"[" + b",".join(found.fill(answers)) + b"]")


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
