"""Named kill points: methods of the engine are wrapped in the process that is to die.

    before_stamp        a batch is about to be stamped
    after_decide        decided in memory, nothing sent
    half_sent           half of the entry's bytes are on their way
    sent_no_reply       all of them are, the answer is not here
    durable_unreleased  the server has answered, the clients have not been
    released            the clients' answers are on their way

Nothing of this is in the product: the wrapping happens in `launch`, which only tests start.
"""

import asyncio
import os
import signal
from collections.abc import Callable

from engine.log import appender
from engine.service.loop import Loop

SITES = (
    "before_stamp",
    "after_decide",
    "half_sent",
    "sent_no_reply",
    "durable_unreleased",
    "released",
)
VICTIMS = ("ledger", "redis", "both")


class Strike:
    """Kills once, at the `hit`-th time that the site is passed."""

    def __init__(self, hit: int, victim: str, server_pid: Callable[[], int], hold_s: float) -> None:
        self._left, self._victim, self._server_pid = hit, victim, server_pid
        self.hold_s = hold_s

    def due(self) -> bool:
        """Count a passing of the site; say whether it is the one."""
        self._left -= 1
        return self._left == 0

    def fall(self) -> None:
        """Kill now. Returns only if this process is not the victim."""
        if self._victim in ("redis", "both"):
            os.kill(self._server_pid(), signal.SIGKILL)
        if self._victim in ("ledger", "both"):
            os.kill(os.getpid(), signal.SIGKILL)


def arm(site: str, strike: Strike) -> None:
    """Wrap the method that passes `site`."""
    _ARM[site](strike)


def _before_stamp(strike: Strike) -> None:
    stamp = Loop._stamp

    def wrapped(self) -> None:
        if self.batches and strike.due():
            strike.fall()
        stamp(self)

    Loop._stamp = wrapped


def _after_decide(strike: Strike) -> None:
    decide = Loop._decide_batch

    def wrapped(self):
        decided = decide(self)
        if decided and strike.due():
            strike.fall()
        return decided

    Loop._decide_batch = wrapped


def _sending(strike: Strike, share: float) -> None:
    send, received = appender._Wire.send, appender._Wire.data_received
    cut: set[appender._Wire] = set()

    def fall(wire) -> None:
        strike.fall()
        wire.fail("cut in the middle")

    def wrapped(self, parts, timeout_s, told) -> None:
        if self not in cut and (b"EVAL" not in parts or not strike.due()):
            send(self, parts, timeout_s, told)
            return
        data = b"".join(parts) if self not in cut else b""  # nothing may follow half a command
        cut.add(self)
        send(self, [data[: int(len(data) * share)]], timeout_s, told)
        asyncio.get_running_loop().call_later(strike.hold_s, fall, self)

    def deaf(self, data: bytes) -> None:
        if self not in cut:
            received(self, data)

    appender._Wire.send, appender._Wire.data_received = wrapped, deaf


def _durable_unreleased(strike: Strike) -> None:
    finish = Loop._finish

    def wrapped(self):
        finished = finish(self)
        for done in finished:
            if done.decided and strike.due():
                strike.fall()
        return finished

    Loop._finish = wrapped


def _released(strike: Strike) -> None:
    release = Loop._release

    def wrapped(self, done) -> None:
        release(self, done)
        if done.decided and strike.due():
            asyncio.get_running_loop().call_later(strike.hold_s / 10, strike.fall)

    Loop._release = wrapped


_ARM: dict[str, Callable[[Strike], None]] = {
    "before_stamp": _before_stamp,
    "after_decide": _after_decide,
    "half_sent": lambda strike: _sending(strike, 0.5),
    "sent_no_reply": lambda strike: _sending(strike, 1.0),
    "durable_unreleased": _durable_unreleased,
    "released": _released,
}
assert set(_ARM) == set(SITES)
