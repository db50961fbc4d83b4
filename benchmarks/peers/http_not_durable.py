"""`dibs` with an appender that stores nothing: what durability costs, and what the rest costs.

Front, loop, ledger and frames are the same; only the frame is thrown away instead of sent. It
takes the words of `dibs`: `python -m benchmarks.peers.http_not_durable serve --data DIR --port N`.
"""

from engine.cli import main
from engine.log.writer import Appends
from engine.service.wiring import Wiring


class Nowhere:
    """An appender that says yes at once."""

    async def append(self, entry_id: str, data: bytes, timeout_s: float = 0) -> None:
        """Store nothing."""

    async def confirm(self, entry_id: str, timeout_s: float = 0) -> None:
        """Confirm."""

    async def close(self) -> None:
        """Nothing is open."""


async def _nowhere(wiring: Wiring) -> Appends:
    return Nowhere()


if __name__ == "__main__":
    Wiring.appender = _nowhere
    main()
