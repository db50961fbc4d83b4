"""A front's way to the writer: packed requests over a socket that only fronts use.

    lane ─▶ parcel ─▶ FrontClient ── fronts.sock ──▶ FrontServer ─▶ the writer's loop
    lane ◀──────────── answers, in the same order ──────────┘

It is the packed socket (`packed_socket`) with a hello of its own: both ends are the same program,
so the writer takes the requests as they are. The requests of one turn of the event loop share a
parcel. What cannot be sent is answered here: `unavailable` without a writer, `overloaded` when too
much is under way. When the writer is lost, what was sent and may have been decided is unknown.
"""

import asyncio
from pathlib import Path
from typing import Any

import structlog

from engine.core import limits, packed
from engine.core.errors import OUTCOME_UNKNOWN
from engine.core.packed import Kind, Trouble, pack_trouble
from engine.service.client import Parcel
from engine.service.packed_socket import PackedClient, PackedServer

log = structlog.get_logger("front")
HELLO = b"DIBF\x01\x00\x00\x00"  # magic, version
_AWAY = "the writer is away; try again"
_FULL = "too many requests wait for the writer; slow down"


def front_server(client: Any, path: Path) -> PackedServer:
    """Return the writer's end: listens at `path`, once started, for the fronts of `client`."""
    return PackedServer(client, path, HELLO, trusted=True)


def lost(requests: bytes, left: int) -> bytes:
    """Return the answers of the last `left` requests of a parcel whose writer is lost: what would
    have changed something is unknown, what was to be read was not."""
    found = []
    for one in packed.split(requests)[-left:]:
        _, kind, _, _, tag, _ = packed.HEAD.unpack_from(one)
        if kind == Kind.READ_STOCK:
            found.append(pack_trouble(Trouble.UNAVAILABLE, _AWAY, tag))
        else:
            found.append(pack_trouble(Trouble.OUTCOME_UNKNOWN, OUTCOME_UNKNOWN, tag))
    return b"".join(found)


class _Wire(PackedClient):
    """One connection to the writer."""

    def __init__(self) -> None:
        super().__init__(HELLO)
        self.closed = asyncio.Event()

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self.closed.set()

    def lose(self, parcel: Parcel, requests: bytes, left: int) -> None:
        parcel.deliver(lost(requests, left))


class FrontClient:
    """The lane's client in a front. Every parcel gets answers, those of a failure if need be."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._wire: _Wire | None = None

    @property
    def linked(self) -> bool:
        """Whether there is a connection to the writer."""
        return self._wire is not None and not self._wire.closed.is_set()

    @property
    def resting(self) -> bool:
        """Whether the writer has answered everything that it was sent."""
        return not self.linked or not self._wire.unanswered

    async def run(self) -> None:
        """Keep a connection to the writer, until cancelled."""
        try:
            while True:
                try:
                    self._wire = await _Wire.connect(self._path)
                except OSError:  # it is not there yet, or not any more
                    await asyncio.sleep(limits.FRONT_RECONNECT_S)
                    continue
                log.info("connected to the writer")
                await self._wire.closed.wait()
                log.warning("the writer is lost")
        finally:
            if self._wire:
                self._wire.close()

    def submit_packed(self, parcel: Parcel) -> None:
        """Send the parcel when this turn of the event loop is over. Nothing is raised."""
        asyncio.get_running_loop().call_soon(self._send, parcel)

    def _send(self, parcel: Parcel) -> None:
        requests, wire = parcel.close(), self._wire
        if not self.linked:
            parcel.deliver(packed.fail_all(requests, Trouble.UNAVAILABLE, _AWAY))
        elif (
            wire.unanswered + parcel.count > limits.FRONT_REQUESTS_MAX
            or wire.unsent_bytes > limits.FRONT_UNSENT_BYTES_MAX
        ):
            parcel.deliver(packed.fail_all(requests, Trouble.OVERLOADED, _FULL))
        else:
            wire.send(parcel, requests)
