"""What a channel expects of a seller: data, dated and sourced, in a connector's `standards.json`.

A seller who cancels more orders than a channel allows, ships more of them late, or names more
tracking numbers that lead nowhere, loses offers or the account. A channel that counts nothing of
the kind, or says nothing of it, has no file.
"""

from typing import Literal

import msgspec

from engine.connectors import registry


class Allowed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of what counts in `days` days, at most a `share` (0.02: one in fifty) may be the seller's
    fault. `since` and `source` say from when on this holds and where it is written; `sure` is false
    for what is only told. `by` says what stops the clock of an order that may be late: that the
    channel is told of its `parcel`, or that the carrier's `scan` of it is there."""

    share: float
    days: int
    since: str
    source: str
    sure: bool = True
    by: Literal["parcel", "scan"] = "parcel"


class Standards(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a channel expects; None where it expects nothing. `cancelled`: of the orders placed,
    those the seller cancels. `late`: of the orders that left, those of which the channel heard,
    or that the carrier had, after that was due. `untracked`: of the parcels, those the channel
    cannot follow."""

    cancelled: Allowed | None = None
    late: Allowed | None = None
    untracked: Allowed | None = None


def standards_of(connector: str) -> Standards:
    """Read the standards of a connector's channel from its `standards.json`, if there is one."""
    return registry.data(connector, "standards.json", Standards, Standards())
