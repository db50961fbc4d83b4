"""The fast lane of a server: which requests it may take, and how its answers look.

`ext.fastlane` does the work on bytes; here stand the decisions: a header block is the lane's if the
parser of the normal path reads it without anything that the normal path treats specially. All other
requests go to that path unchanged, also those that arrive while one is in the lane: they wait
behind it as behind any other. tests/contract/test_lanes.py holds that both answer alike.
"""

from collections import Counter
from functools import partial
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from api import problems
from api.access import bearer
from api.endpoint import VISIBLE, Front
from api.guard import CLOSING, HEAD, IDLE, GuardedProtocol
from engine.core import limits
from engine.core.errors import ServiceError
from engine.core.outcomes import Code
from ext.fastlane import Block, Form, Lane, LaneCycle

_MISSING = 128


class _Probe:
    """What the parser says about a header block."""

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.complete = True


def learn(block: bytes, body_bytes_max: int) -> Block | None:
    """Return what a header block says, or None if the normal path must look at it.

    `block` is everything between the request line and the body. Bounds are the normal path's; a
    body longer than `body_bytes_max` is left to it.
    """
    probe = _Probe()
    parser = httptools.HttpRequestParser(probe)
    try:
        parser.feed_data(b"POST / HTTP/1.1\r\n" + block)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return None
    found = dict(probe.headers)
    counts = Counter(name for name, _ in probe.headers)
    if (
        not probe.complete
        or parser.should_upgrade()
        or not parser.should_keep_alive()
        or counts[b"host"] != 1
        or counts[b"content-length"] > 1
        or counts[b"authorization"] != 1
        or counts[b"idempotency-key"] > 1
        or found.keys() & {b"transfer-encoding", b"expect", b"upgrade"}
        or found.get(b"connection", b"keep-alive").lower() != b"keep-alive"
    ):
        return None
    length = found.get(b"content-length", b"0")
    key = found.get(b"idempotency-key", b"")
    token = bearer(found[b"authorization"])
    if not length.isdigit() or len(length) > 7 or int(length) > body_bytes_max:
        return None
    if token is None or (b"idempotency-key" in found and not VISIBLE.match(key)):
        return None
    return Block(int(length), token, key)


def _form(status: int, media: bytes, start: bytes = b"", extra: bytes = b"") -> Form:
    head = STATUS_LINE[status] + b"content-type: " + media + b"\r\ncontent-length: "
    return Form(status, head, b"\r\n" + extra, start)


def _problem_form(slug: str, status: int = 0) -> Form:
    waits = slug in ("unavailable", "outcome_unknown", "overloaded")
    extra = b"retry-after: 1\r\n" if waits else b""
    start, status = problems.start_of(slug, status), status or problems.TABLE[slug][0]
    return _form(status, b"application/problem+json", start, extra)


def forms() -> dict[int, Form]:
    """Return the forms of all answers that are not successes, by code."""
    found = {code: _problem_form(slug) for code, slug in problems.SLUGS.items()}
    found[Code.UNKNOWN_SKU + _MISSING] = _problem_form("unknown_sku", 404)
    return found


def make_lane(front: Front, body_bytes_max: int) -> Lane:
    """Return a lane in front of `front`'s client, on a server that takes such bodies at most."""
    known = partial(learn, body_bytes_max=min(body_bytes_max, limits.LANE_BODY_BYTES_MAX))

    def submit(parcel: Any) -> bool:
        try:
            front.client.submit_packed(parcel)
        except ServiceError:
            return False
        return True

    json = b"application/json"
    return Lane(submit, known, front.keys, forms(), _form(201, json), _form(200, json))


class LaneProtocol(GuardedProtocol):
    """One connection with a lane beside the normal path. Made by `api.guard.guarded`.

    While a request is in the lane, `cycle` is its `LaneCycle` and `phase` is IDLE; whatever else
    arrives goes to the normal path, which lets it wait behind the cycle.
    """

    lane: Lane

    def connection_made(self, transport: Any) -> None:
        """Take the connection."""
        self.in_lane = LaneCycle(self, transport)
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Offer a request to the lane when nothing else is under way."""
        cycle = self.in_lane
        if not cycle.response_complete:
            cycle.behind = True
        elif (
            self.phase == IDLE or (self.phase == HEAD and not self.raw_bytes)
        ) and not self.flow.write_paused:
            taken = self.lane.offer(cycle, data)
            if taken:
                self.phase, self.since = IDLE, self.sweep.now
                self.cycle = self.running = cycle
                if taken == len(data):
                    return
                cycle.behind = True
                data = data[taken:]
        super().data_received(data)

    def lane_answered(self, behind: bool) -> None:
        """The request in the lane has its answer."""
        if behind or self.phase == CLOSING:
            self.on_response_complete()
        else:
            self.server_state.total_requests += 1

    def look(self, now: float) -> None:
        """A connection whose request is in the lane is not idle."""
        if not self.in_lane.response_complete and self.phase == IDLE:
            self.since = now
        super().look(now)

    def eof_received(self) -> bool:
        """A caller that has said everything still gets the answer from the lane."""
        if not self.in_lane.response_complete and not self.transport.is_closing():
            self.cycle.keep_alive = False
            return True
        return super().eof_received()
