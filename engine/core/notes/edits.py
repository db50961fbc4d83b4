"""What was changed of an order at somebody's wish: edits, and orders merged or split."""

from typing import TYPE_CHECKING

import msgspec

from engine.core.notes.base import NoteBase

if TYPE_CHECKING:
    from engine.core.lives import Happened, Life


class LineEdit(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Line number `line` of the order: `before` units were wanted, and `after` are now; likewise
    its price, in minor units (-1: none), where that changed."""

    line: int
    before: int
    after: int
    price_before: int | None = None
    price_after: int | None = None


class Edited(NoteBase, frozen=True, tag="edited"):
    """The order was edited: these lines, and these `fields` of its details."""

    edit_id: str
    lines: tuple[LineEdit, ...] = ()
    fields: tuple[str, ...] = ()
    reason: str = ""

    def fold(self, life: "Life", happened: "Happened") -> None:
        """The edit is done."""
        life.once("edit", self.edit_id, happened)


class Merged(NoteBase, frozen=True, tag="merged"):
    """The order took over the lines of `from_order_id`, placed at `from_seq`."""

    merge_id: str
    from_order_id: str
    from_seq: int

    def fold(self, life: "Life", happened: "Happened") -> None:
        """The merge is done."""
        life.once("merge", self.merge_id, happened)


class MergedInto(NoteBase, frozen=True, tag="merged_into"):
    """The order was cancelled because `order_id`, placed at `seq`, took over its lines."""

    order_id: str
    seq: int

    def fold(self, life: "Life", happened: "Happened") -> None:
        """Nothing follows."""


class SplitOff(NoteBase, frozen=True, tag="split_off"):
    """Units of the order were moved into a new one, `new_order_id`: `lines` are (number of the
    line, units)."""

    split_id: str
    new_order_id: str
    lines: tuple[tuple[int, int], ...]

    def fold(self, life: "Life", happened: "Happened") -> None:
        """The split is done."""
        life.once("split", self.split_id, happened)
