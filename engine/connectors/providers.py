"""What every fulfilment provider speaks: somebody else's warehouse that does the work of locations
of dibs. A provider's account says which, in its option `locations`.

    requested ─▶ preview ─▶ create, on hold ─▶ accepted ─▶ picking ─▶ release ─▶ parcels ─▶ shipped

A work has an id of ours, by which it can be seen that the provider has it. So each call may be made
again after a crash, and none makes a second order.
"""

from typing import Literal, Protocol

import msgspec

from engine.connectors.base import Account
from engine.connectors.calls import Calls
from engine.core.terms import Address

State = Literal["held", "working", "over"]


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What a location is to do for an order: `lines` are (SKU as the provider calls it, quantity),
    each SKU once. `work_id` is ours and names it for ever."""

    work_id: str
    order_id: str
    lines: tuple[tuple[str, int], ...]
    ship_to: Address | None = None


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel that has left. `parcel_id` is the provider's; `lines` are as in `Work`."""

    parcel_id: str
    lines: tuple[tuple[str, int], ...]
    carrier: str | None = None
    tracking: str | None = None
    delivered: bool = False


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a work stands: `held` until it is released, then `working`, then `over`. When it is over,
    what is in no parcel will never be; `reason` says why, and `there` whether the provider has the
    units all the same. `lines` are what was asked for."""

    state: State
    lines: tuple[tuple[str, int], ...]
    parcels: tuple[Sent, ...] = ()
    reason: str = ""
    there: bool = True


class Provider(Protocol):
    """A provider, of one account. Raises `ConnectorError` or `CallError` where a call does."""

    def __init__(self, account: Account, calls: Calls) -> None: ...

    async def preview(self, work: Work) -> str:
        """Return why the provider cannot do a work, empty if it can. Nothing is made."""

    async def create(self, work: Work) -> None:
        """Have the provider set units aside for a work and wait. Again, it makes no second one."""

    async def release(self, work_id: str) -> None:
        """Have the provider begin. Again, it changes nothing."""

    async def standing(self, work_id: str) -> Standing | None:
        """Return how a work stands, None if the provider has none of that id."""

    async def cancel(self, work_id: str) -> bool:
        """Have the provider not do a work; return whether it is not too late for that."""
