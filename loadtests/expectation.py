"""What the books have to say, kept by those who sent the load: the yardstick of `verify`."""

from pathlib import Path

import msgspec
import numpy

from loadtests.openloop.mix import sku_name


class Expectation(msgspec.Struct):
    """Units by SKU number of one world, each list as long as the world has SKUs.

    `received` is what lies on hand: receipts and adjustments. `allocated` and `reserved` are net of
    what was acknowledged; `doubt` counts units of requests without an answer, which the server may
    have taken or not. `orders` are ids of acknowledged orders of `channel`, a fair sample.
    No reservation ends before `reserved_whole_until`, none lives after `reserved_until` (seconds
    since 1970; both 0 while nothing was reserved).
    """

    world: str
    channel: str
    received: list[int]
    allocated: list[int]
    reserved: list[int]
    doubt: list[int]
    orders: list[str] = []
    reserved_whole_until: float = 0.0
    reserved_until: float = 0.0

    @classmethod
    def opening(cls, world: str, channel: str, skus: int, units: int) -> "Expectation":
        """Return that of a world that opens with `units` of each SKU."""
        empty = [0] * skus
        return cls(world, channel, [units] * skus, list(empty), list(empty), list(empty))

    def add(self, units: numpy.ndarray, orders: list[str], ends: tuple[float, float]) -> None:
        """Add a run: `units` are allocated, reserved and in doubt by SKU, int64 (3, skus); its
        reservations end between the two times of `ends`."""
        for mine, new in zip((self.allocated, self.reserved, self.doubt), units, strict=True):
            mine[:] = (numpy.asarray(mine, numpy.int64) + new).tolist()
        self.orders += orders
        if units[1].any() or units[2].any():
            self.lives(*ends)

    def lives(self, first: float, last: float) -> None:
        """Note that reservations end between two times."""
        self.reserved_whole_until = min(self.reserved_whole_until or first, first)
        self.reserved_until = max(self.reserved_until, last)

    def sku(self, number: int) -> str:
        """Return a SKU's name."""
        return sku_name(self.world, number)

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_bytes(msgspec.json.encode(self))

    @classmethod
    def load(cls, path: Path) -> "Expectation":
        """Read it from JSON; `msgspec.DecodeError` if the file is something else."""
        return msgspec.json.decode(path.read_bytes(), type=cls)
