"""Validation: what the orders of a channel are checked for when they are placed.

Only orders of channels that have rules are looked at (`decide.validation`); the others pay nothing.
"""

import msgspec

from engine.core import limits
from engine.core.register import Code, Register
from engine.core.validation_commands import PutValidation, ValidationRule


class ValidationAnswer(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What a channel's orders are checked for. Fields as in `PutValidation`."""

    seq: int
    replayed: bool = False
    channel: str
    rules: tuple[ValidationRule, ...]


def answer(put: PutValidation, seq: int, replayed: bool = False) -> ValidationAnswer:
    """Answer for the rules of a channel, put at `seq`."""
    return ValidationAnswer(seq=seq, replayed=replayed, channel=put.channel, rules=put.rules)


class Validations(Register):
    """The register of what each channel's orders are checked for."""

    def __init__(self) -> None:
        most = limits.CHANNELS_MAX
        super().__init__(Code.VALIDATIONS, "channel", PutValidation, most, answer)

    def rules(self, channel: str) -> tuple[ValidationRule, ...]:
        """Return the rules of a channel, none if it has none."""
        found = self.find(channel)
        return found.put.rules if found else ()
