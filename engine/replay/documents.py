"""What order files say, as typed documents in time order, and what was wrong with them."""

from collections import Counter

import msgspec

from engine.core import limits
from engine.core.commands import AdjustLine, Cancel, PlaceOrder, PutLocation, ReceiptLine
from engine.core.errors import DibsError
from engine.core.return_commands import OpenReturn


class ReplayError(DibsError):
    """The files, the options or the server do not allow a replay. Nothing was sent unless the
    message says so."""


class Order(msgspec.Struct, frozen=True):
    """A sale at `at_us` (UTC, microseconds). A line may name the location that sold it."""

    at_us: int
    command: PlaceOrder


class Cancellation(msgspec.Struct, frozen=True):
    """An earlier order is cancelled, whole or in part. `rule` says how it was matched to it."""

    at_us: int
    cancellation_id: str
    command: Cancel
    rule: str


class Leaving(msgspec.Struct, frozen=True):
    """What is left of an earlier order leaves, as one shipment."""

    at_us: int
    channel: str
    order_id: str


class GivenBack(msgspec.Struct, frozen=True):
    """An earlier order is cancelled, whole or in part, when it has left: its goods come back."""

    at_us: int
    command: OpenReturn
    rule: str


class GoodsReturn(msgspec.Struct, frozen=True):
    """Goods came back that no earlier order in the files accounts for: a receipt."""

    at_us: int
    channel: str
    return_id: str
    lines: tuple[ReceiptLine, ...]


class Adjustment(msgspec.Struct, frozen=True):
    """Stock was corrected, with a reason a line."""

    at_us: int
    channel: str
    adjustment_id: str
    lines: tuple[AdjustLine, ...]


Document = Order | Cancellation | Leaving | GivenBack | GoodsReturn | Adjustment


class SkuFacts(msgspec.Struct):
    """What the files say about a SKU. Weight in grams."""

    title: str = ""
    weight_g: int | None = None


class Fault(msgspec.Struct, frozen=True):
    """A dirty place in a file: `file:line`, the column if there is one, and what is wrong."""

    file: str
    line: int
    column: str
    detail: str

    def __str__(self) -> str:
        column = f" column {self.column}:" if self.column else ""
        return f"{self.file}:{self.line}:{column} {self.detail}"


class Findings:
    """Faults and skipped rows, counted in full and kept up to a bound."""

    def __init__(self) -> None:
        self.fault_count = 0
        self.faults: list[Fault] = []
        self.skipped: Counter[str] = Counter()
        self.first_skipped: dict[str, str] = {}

    def fault(self, file: str, line: int, column: str, detail: str) -> None:
        """Note a dirty row."""
        self.fault_count += 1
        if len(self.faults) < limits.REPLAY_FAULTS_KEPT_MAX:
            self.faults.append(Fault(file, line, column, detail))

    def skip(self, file: str, line: int, reason: str) -> None:
        """Note a good row that is none of the ledger's business."""
        self.skipped[reason] += 1
        self.first_skipped.setdefault(reason, f"{file}:{line}")


class Extract(msgspec.Struct):
    """What an adapter got out of its tables. `country` is where the seller is at home; `places`
    are locations that the files themselves name."""

    country: str
    documents: list[Document] = []
    skus: dict[str, SkuFacts] = {}
    places: dict[str, PutLocation] = {}
