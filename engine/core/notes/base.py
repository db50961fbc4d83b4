"""What all notes share."""

from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET, UnsetType

if TYPE_CHECKING:
    from engine.core.lives import Happened, Life

# (location, day since 1970 on which it sends something of the order)
Sends = tuple[tuple[int, int], ...]


class NoteBase(
    msgspec.Struct, frozen=True, tag_field="what", forbid_unknown_fields=True, kw_only=True
):
    """Base of all notes. Where a routing policy chose locations anew, `receipt` is the packed
    `routing.slip.Slip`. `sends` says, where that changes, which locations count the order now, and
    on which days."""

    receipt: bytes | UnsetType = UNSET
    sends: Sends | UnsetType = UNSET

    def fold(self, life: "Life", happened: "Happened") -> None:
        """Change what `life` says now; `LedgerError` if that does not fit."""
        raise NotImplementedError
