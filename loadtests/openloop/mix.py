"""What is sent: request texts with places of fixed width for numbers, SKUs and times to live.

Fixed widths keep every offset and the Content-Length the same, so a request is made by writing
digits into a prepared text.
"""

import re

import msgspec

from loadtests.openloop import core

CHANNEL = "load"
NUMBER_DIGITS, SKU_DIGITS, TTL_DIGITS = 10, 7, 5
TTL_S = 600
_PLACE = re.compile(rb"<(number|sku|ttl)>")
_KINDS = {
    b"number": (core.NUMBER, NUMBER_DIGITS),
    b"sku": (core.SKU, SKU_DIGITS),
    b"ttl": (core.TTL, TTL_DIGITS),
}


class Share(msgspec.Struct, frozen=True):
    """`weight` of the arrivals are of kind `name`, with `lines` lines."""

    name: str
    weight: float = 1.0
    lines: int = 2


class Part(msgspec.Struct, frozen=True):
    """One template as the generator takes it; `name` is for people."""

    name: str
    text: bytes
    slots: list[tuple[int, int, int, int]]
    lines: int
    weight: float
    effect: int
    then: int = -1

    def packed(self) -> tuple:
        """Return the tuple that `core.Generator` reads."""
        return self.text, self.slots, self.lines, self.weight, self.effect, self.then


def share_of(text: str) -> Share:
    """Read `NAME[:LINES]=WEIGHT`, like `orders:4=0.5`; `ValueError` if it is not that."""
    found = re.fullmatch(r"([a-z_]+)(?::(\d+))?(?:=([\d.]+))?", text)
    if not found or found[1] not in NAMES:
        raise ValueError(f"{text!r} is not NAME[:LINES]=WEIGHT; names are {', '.join(NAMES)}")
    return Share(found[1], float(found[3] or 1), int(found[2] or 2))


def sku_name(world: str, number: int) -> str:
    """Return the name of a world's SKU."""
    return f"{world}-{number:0{SKU_DIGITS}d}"


def order_name(run: str, number: int) -> str:
    """Return the id of a run's order or reservation."""
    return f"{run}-{number:0{NUMBER_DIGITS}d}"


class Requests:
    """Builds the parts of one run: `world` names SKUs, `run` orders, `key` is the API key.

    `bound_ttl` lets reservations end at the moment that the generator is given, else after
    `TTL_S` seconds.
    """

    def __init__(self, host: str, key: str, world: str, run: str, *, bound_ttl=False) -> None:
        self._head = f"Host: {host}\r\nAuthorization: Bearer {key}\r\n".encode()
        self._world, self._run = world, run
        self._ttl = "<ttl>" if bound_ttl else str(TTL_S)

    def parts(self, shares: list[Share]) -> list[Part]:
        """Return the parts, follow-ups behind those that they follow."""
        found: list[Part] = []
        for share in shares:
            found += getattr(self, f"_{share.name}")(share, len(found))
        # Weighted ones first: the generator draws among the leading ones.
        order = sorted(range(len(found)), key=lambda n: not found[n].weight)
        place = {old: new for new, old in enumerate(order)} | {-1: -1}
        return [msgspec.structs.replace(found[n], then=place[found[n].then]) for n in order]

    def _part(
        self, share: Share, name: str, method: str, path: str, body: str, effect: int, **more
    ):
        more = {"lines": share.lines, "weight": share.weight} | more
        head = f"{method} {path} HTTP/1.1\r\n".encode() + self._head
        if method != "GET":
            size = len(_filled(body.encode())[0])
            head += b"Content-Type: application/json\r\nContent-Length: %d\r\n" % size
        text, slots = _filled(head + b"\r\n" + body.encode())
        return Part(name, text, slots, effect=effect, **more)

    def _lines(self, share: Share) -> str:
        line = f'{{"sku":"{self._world}-<sku>","quantity":1}}'
        return ",".join([line] * share.lines)

    def _orders(self, share: Share, at: int) -> list[Part]:
        body = (
            f'{{"order_id":"{self._run}-<number>","channel":"{CHANNEL}",'
            f'"lines":[{self._lines(share)}]}}'
        )
        return [self._part(share, "order", "POST", "/v1/orders", body, core.ALLOCATES)]

    def _reserve(self, share: Share, at: int) -> list[Part]:
        body = (
            f'{{"reservation_id":"{self._run}-<number>","channel":"{CHANNEL}",'
            f'"ttl_s":{self._ttl},"lines":[{self._lines(share)}]}}'
        )
        return [self._part(share, "reserve", "POST", "/v1/reservations", body, core.RESERVES)]

    def _reserve_commit(self, share: Share, at: int) -> list[Part]:
        path = f"/v1/reservations/{self._run}-<number>/commit"
        follow = {"lines": 0, "weight": 0.0}
        commit = self._part(share, "commit", "POST", path, "{}", core.COMMITS, **follow)
        first = self._reserve(share, at)[0]
        return [msgspec.structs.replace(first, then=at + 1), commit]

    def _reserve_release(self, share: Share, at: int) -> list[Part]:
        path = f"/v1/reservations/{self._run}-<number>"
        follow = {"lines": 0, "weight": 0.0}
        release = self._part(share, "release", "DELETE", path, "", core.RELEASES, **follow)
        first = self._reserve(share, at)[0]
        return [msgspec.structs.replace(first, then=at + 1), release]

    def _stock(self, share: Share, at: int) -> list[Part]:
        path = f"/v1/stock/{self._world}-<sku>"
        return [self._part(share, "stock", "GET", path, "", core.NOTHING, lines=1)]


NAMES = ("orders", "reserve", "reserve_commit", "reserve_release", "stock")


def _filled(text: bytes) -> tuple[bytes, list[tuple[int, int, int, int]]]:
    """Put zeros where the places are; return the text and its slots."""
    out, slots, at, line = bytearray(), [], 0, 0
    for found in _PLACE.finditer(text):
        kind, width = _KINDS[found[1]]
        out += text[at : found.start()]
        slots.append((len(out), width, kind, line if kind == core.SKU else 0))
        line += kind == core.SKU
        out += b"0" * width
        at = found.end()
    return bytes(out + text[at:]), slots
