"""`dibs` with an appender that stores nothing: what durability costs, and what the rest costs.

Front, loop, ledger and frames are the same; only the frame is thrown away instead of sent. It
takes the words of `dibs`: `python -m benchmarks.peers.http_not_durable serve --data DIR --port N`.
"""

from engine.cli import main
from engine.log.writer import Appends, Told
from engine.service.wiring import Wiring


class Nowhere:
    """An appender that says yes at once."""

    def append(self, after: str, entry_id: str, data: bytes, told: Told, timeout_s: float) -> None:
        """Store nothing."""
        told(None)

    def confirm(self, entry_id: str, told: Told) -> None:
        """Confirm."""
        told(None)

    async def close(self) -> None:
        """Nothing is open."""


async def _nowhere(wiring: Wiring) -> Appends:
    return Nowhere()


if __name__ == "__main__":
    Wiring.appender = _nowhere
    main()
