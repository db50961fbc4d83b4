"""What all notes share."""

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from engine.core.lives import Happened, Life


class NoteBase(msgspec.Struct, frozen=True, tag_field="what", forbid_unknown_fields=True):
    """Base of all notes."""

    def fold(self, life: "Life", happened: "Happened") -> None:
        """Change what `life` says now; `LedgerError` if that does not fit."""
        raise NotImplementedError
