"""Scarcity prices: what a unit of a SKU at a location is worth to orders that are still to come.

They come from outside (`PUT /v1/routing/scarcity/{sku}`), from whoever forecasts demand; the ledger
only adds them to what a unit costs, where a strategy is `balanced`.
"""

from engine.core import limits
from engine.core.answers.base import Answer
from engine.core.register import Code, Register
from engine.core.routing.policy import PutScarcity, ScarcityPrice


class ScarcityAnswer(Answer):
    """Scarcity prices as they are now. Fields as in `PutScarcity`."""

    sku: str
    prices: tuple[ScarcityPrice, ...] = ()


def answer(put: PutScarcity, seq: int, replayed: bool = False) -> ScarcityAnswer:
    """Answer for prices put at `seq`."""
    return ScarcityAnswer(seq=seq, replayed=replayed, sku=put.sku, prices=put.prices)


class Scarcity(Register):
    """The prices by SKU, and by location of each."""

    def __init__(self) -> None:
        super().__init__(Code.SCARCITY, "sku", PutScarcity, limits.SKUS_MAX, answer)
        self._mills: dict[str, dict[str, int]] = {}

    def put(self, number: int, document: bytes, seq: int) -> None:
        """Set the prices of a SKU; see `Register.put`."""
        super().put(number, document, seq)
        thing = self.rows[number].put
        self._mills[thing.sku] = {row.location: row.mills for row in thing.prices}

    def mills(self, sku: str, location: str) -> int:
        """Return the price of a unit."""
        return self._mills.get(sku, {}).get(location, 0)
