"""Packed requests: the recogniser writes what the specification writes, or nothing (P4, P7)."""

import hashlib
import json
from random import Random

import msgspec
import pytest

from engine.core import commands as c
from engine.core import packed
from engine.core.commands import Request
from ext.packed import Packer, fingerprint

QUANTITIES = (1, 127, 128, 255, 256, 65_535, 65_536, 10**9)
PRICES = (0, 5, 127, 128, 200, 65_536, 2**32, 10**15)
BODIES = {c.PlaceOrder: "", c.Reserve: "", c.Commit: "reservation_id", c.Extend: "reservation_id"}
KINDS = {c.PlaceOrder: packed.Kind.PLACE_ORDER, c.Reserve: packed.Kind.RESERVE}
KINDS |= {c.Commit: packed.Kind.COMMIT, c.Extend: packed.Kind.EXTEND}


class Draw:
    """Commands whose JSON stays in the plain form."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)

    def text(self, most: int = 20) -> str:
        letters = "abcXYZ09-_ /.:üß漢☕"
        return "".join(self.rng.choice(letters) for _ in range(self.rng.randint(1, most)))

    def maybe(self, value):
        return value if self.rng.random() < 0.4 else None

    def details(self) -> dict:
        names = ("name", "company", "line1", "line2", "city", "region", "postcode", "phone")
        fields = {f: self.text() for f in (*names, "email") if self.rng.random() < 0.4}
        return {
            "ship_to": self.maybe(c.Address(city="Gent", country=self.maybe("BE")))
            if self.rng.random() < 0.5
            else self.maybe(c.Address(**fields) if fields else None),
            "payment": self.maybe("paid"),
            "currency": self.maybe("EUR"),
            "customer": self.maybe(self.text(150)),
            "note": self.maybe(""),
        }

    def lines(self, make) -> tuple:
        rng = self.rng
        found = []
        for _ in range(rng.choice((1, 2, 3, 20))):
            more = {"location": self.maybe(self.text())}
            if make is c.OrderLine:
                more |= {"line_id": self.maybe(self.text())}
                more |= {"unit_price": self.maybe(rng.choice(PRICES))}
            found.append(make(sku=self.text(30), quantity=rng.choice(QUANTITIES), **more))
        return tuple(found)

    def command(self):
        rng = self.rng
        match rng.randrange(4):
            case 0:
                return c.PlaceOrder(
                    order_id=self.text(),
                    channel=self.text(),
                    lines=self.lines(c.OrderLine),
                    when_short=rng.choice(packed.WHEN_SHORT),
                    **self.details(),
                )
            case 1:
                ttl_s = rng.randint(1, 86_400)
                return c.Reserve(self.text(), self.text(), ttl_s, self.lines(c.ReserveLine))
            case 2:
                order_id = self.maybe(self.text())
                return c.Commit(reservation_id="hold", order_id=order_id, **self.details())
        return c.Extend("hold", rng.randint(1, 86_400))

    def body(self, command) -> bytes:
        """The command's JSON, as some client might write it."""
        body = json.loads(msgspec.json.encode(command))
        body.pop(BODIES[type(command)], None)
        items = list(body.items())
        self.rng.shuffle(items)
        body = dict(items)
        if isinstance(command, c.PlaceOrder) and self.rng.random() < 0.3:
            body.setdefault("when_short", "refuse")
        return json.dumps(body, ensure_ascii=False, indent=self.maybe(1)).encode()


def test_plain_bodies_are_packed_as_the_specification_says() -> None:
    draw, packer, recognised = Draw(5), Packer(), 0
    for tag in range(4_000):
        command, key = draw.command(), draw.maybe("key-1") or ""
        path = b"hold" if BODIES[type(command)] else b""
        body, kind = draw.body(command), KINDS[type(command)]
        if not packer.body(kind, body, b"actor", key=key.encode(), path=path, tag=tag):
            continue
        recognised += 1
        data = packer.take()
        assert data == packed.pack(Request(command, "actor", key), tag), body
        asked = packed.unpack(data)
        assert asked.request == Request(command, "actor", key)
        assert asked.fingerprint == c.fingerprint(command)
    assert recognised > 3_900


ODD = (
    b"",
    b"[]",
    b"{}",
    b'{"order_id":"1","channel":"w"}',
    b'{"order_id":"1","channel":"w","lines":[]}',
    b'{"order_id":"1","channel":"w","lines":[{"sku":"a"}]}',
    b'{"order_id":"1","channel":"w","lines":[{"sku":"a","quantity":0}]}',
    b'{"order_id":"1","channel":"w","lines":[{"sku":"a","quantity":1.0}]}',
    b'{"order_id":"1","channel":"w","lines":[{"sku":"a","quantity":01}]}',
    b'{"order_id":"1","channel":"w","lines":[{"sku":"a","quantity":1e1}]}',
    b'{"order_id":"1","channel":"w","lines":[{"sku":"a","quantity":1000000001}]}',
    b'{"order_id":"1","channel":"w","lines":[{"sku":"a","quantity":1,"sku":"a"}]}',
    b'{"order_id":"1","channel":"w","lines":[{"sku":"a","quantity":1}],"order_id":"1"}',
    b'{"order_id":"1","channel":"w","lines":[{"sku":"a","quantity":1}],"more":1}',
    b'{"order_id":"1","channel":"w","lines":[{"sku":"a","quantity":1}]}x',
    b'{"order_id":"1","channel":"w","lines":[{"sku":"a","quantity":1}]',
    b'{"order_id":"1","channel":"w","lines":[{"sku":"a","quantity":1},]}',
    b'{"order_id":"1","channel":"w","lines":[{"sku":"a","quantity":1}],}',
    b'{"order_id":"","channel":"w","lines":[{"sku":"a","quantity":1}]}',
    b'{"order_id":"\\u0031","channel":"w","lines":[{"sku":"a","quantity":1}]}',
    b'{"order_id":"a\x7f","channel":"w","lines":[{"sku":"a","quantity":1}]}',
    b'{"order_id":"a\n","channel":"w","lines":[{"sku":"a","quantity":1}]}',
    b'{"order_id":"\xff","channel":"w","lines":[{"sku":"a","quantity":1}]}',
    b'{"order_id":"\xed\xa0\x80","channel":"w","lines":[{"sku":"a","quantity":1}]}',
    b'{"order_id":"1","channel":null,"lines":[{"sku":"a","quantity":1}]}',
    b'{"order_id":"1","channel":"w","currency":"eur","lines":[{"sku":"a","quantity":1}]}',
    b'{"order_id":"1","channel":"w","payment":"cash","lines":[{"sku":"a","quantity":1}]}',
    b'{"order_id":"1","channel":"w","ship_to":{"latitude":1.5},"lines":[]}',
    b'{"order_id":"%b","channel":"w","lines":[{"sku":"a","quantity":1}]}' % (b"x" * 129),
)


@pytest.mark.parametrize("body", ODD)
def test_what_is_not_plain_is_left_alone(body: bytes) -> None:
    packer = Packer()
    assert not packer.body(packed.Kind.PLACE_ORDER, body, b"a")
    assert len(packer) == packer.count == 0


def test_cut_bodies_are_left_alone() -> None:
    draw, packer = Draw(6), Packer()
    for _ in range(40):
        command = draw.command()
        body = draw.body(command)
        for end in range(1, len(body)):
            if body[end:].strip():
                assert not packer.body(KINDS[type(command)], body[:end], b"a", path=b"hold")


@pytest.mark.parametrize("size", [0, 1, 127, 128, 129, 255, 256, 257, 1_000])
def test_fingerprint_is_blake2b(size: int) -> None:
    data = Random(size).randbytes(size)
    digest = hashlib.blake2b(data, digest_size=8).digest()
    assert fingerprint(data) == int.from_bytes(digest, "little")


def test_damaged_requests_are_refused_and_named_by_their_tag() -> None:
    good = packed.pack(Request(Draw(7).command(), "a"), 77)
    for at in range(packed.HEAD.size, len(good)):
        cut = bytearray(good[:at])
        cut[:4] = at.to_bytes(4, "little")
        with pytest.raises(ValueError):
            packed.unpack(bytes(cut))
    with pytest.raises(ValueError):
        packed.split(good[:-1])
