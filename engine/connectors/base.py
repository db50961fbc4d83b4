"""What every connector speaks: one shape of orders, listings, quantities and parcels for all.

    push, or pull ─▶ Delivery ─▶ inbox ─▶ Connector.read ─▶ ForeignOrder ─▶ dibs
    dibs ─▶ Quantity ─▶ Connector.publish ─▶ channel
    dibs ─▶ Parcel ─▶ Connector.ship ─▶ channel

`ForeignOrder` is the whole order as its channel shows it at `version`. Whoever applies it compares
versions, so it does not matter in which order, how often and by which way documents come.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol, TypeVar

import msgspec

from engine.connectors.calls import CallError, Calls
from engine.core.fact_commands import Paid
from engine.core.terms import Address

State = Literal["open", "cancelled", "fulfilled"]
T = TypeVar("T")


class ConnectorError(Exception):
    """The channel could not be asked, or its answer not understood. `retry_s` is when to try again,
    in seconds, or None where trying again would not help."""

    def __init__(self, message: str, retry_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_s = retry_s


def worth_again(error: ConnectorError | CallError) -> bool:
    """Say whether doing the same later may succeed."""
    return error.retry_s is not None or (isinstance(error, CallError) and error.again)


class BadQuestion(Exception):
    """A channel asked what cannot be answered: `path` names the field, empty for the whole, and
    `detail` what would do."""

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(f"{path}: {detail}" if path else detail)
        self.path, self.detail = path, detail


def understood(decode: Callable[[bytes], T], body: bytes, what: str = "an order") -> T:
    """Decode a document of a channel. Raises `ConnectorError`, which says that `what` it is cannot
    be understood."""
    try:
        return decode(body)
    except msgspec.MsgspecError as error:
        raise ConnectorError(f"{what} cannot be understood: {error}") from error


class BadSignature(Exception):
    """A push that its channel did not sign. Nothing of it may be believed."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A seller's account at a channel: the `channel` of dibs that it feeds, where it is, and the
    secrets that open it. `options` are the connector's own."""

    name: str
    connector: str
    channel: str
    url: str
    secrets: dict[str, str] = {}
    options: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Account({self.name!r}, {self.connector!r}, {self.url!r})"

    def __rich_repr__(self) -> Iterator[tuple[str, str]]:
        """Show the same where rich prints it, which by itself would show the secrets."""
        yield from ((name, getattr(self, name)) for name in ("name", "connector", "channel", "url"))


class Sign(msgspec.Struct, frozen=True):
    """What is seen of an order without reading it: one `mark` means that it says the same, as far
    as its channel shows that cheaply."""

    order_id: str
    mark: str


class Delivery(msgspec.Struct, frozen=True):
    """A document of the channel, by push or by pull, not yet understood. `id` is the channel's own
    name of this delivery: the same `id` is kept once. `sign` is that of the order which it shows
    whole, where its connector scans."""

    id: str
    topic: str
    body: bytes
    sign: Sign | None = None


class ForeignLine(msgspec.Struct, frozen=True, kw_only=True):
    """`quantity` units of a listing, at `unit_price` minor units. `line` is the channel's name of
    the line, `sku` what the seller called the listing there."""

    line: str
    listing: str
    sku: str | None = None
    quantity: int
    unit_price: int | None = None


class ForeignOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order as its channel shows it at `version`, a number that never falls: the time of its
    last change in milliseconds since 1970. Two changes may have the same one, where the channel's
    clock is coarse. `lines` are what is still wanted: what was cancelled or refunded before it left
    is not among them. An order that is not `ready` is known but must not take stock yet. One that
    is not `whole` comes from a document that shows a part of it: of lines that it does not mention
    it says nothing. A `brief` one says what is wanted, but not where to and at what price: one that
    does follows, and may be the older. Where a channel goes by that, the carrier is to have the
    order by `collect_by`, and has it since `collected_at`."""

    order_id: str
    version: int
    state: State = "open"
    ready: bool = True
    whole: bool = True
    brief: bool = False
    payment: Paid | None = None
    lines: tuple[ForeignLine, ...] = ()
    currency: str | None = None
    ship_to: Address | None = None
    customer: str | None = None
    note: str | None = None
    placed_at: datetime | None = None
    required_by: datetime | None = None
    collect_by: datetime | None = None
    collected_at: datetime | None = None


class Fetch(msgspec.Struct, frozen=True):
    """A document that only says which order changed: it is to be asked for. `meanwhile` is what the
    document says itself, for when the quota allows no call of the connector's `fetch_operation` at
    once: stock must not wait for an address."""

    order_id: str
    meanwhile: ForeignOrder | None = None


class Quantity(msgspec.Struct, frozen=True):
    """`listing` is to show `quantity` units; `item` is what its channel needs to find it. `shown`
    is what it was last made to show, None if nobody knows: a channel that compares before it sets
    can so find out that somebody changed it since."""

    listing: str
    quantity: int
    item: dict[str, str] = {}
    shown: int | None = None


class Published(msgspec.Struct, frozen=True):
    """What became of a `Quantity`: taken, or the channel's `problem`. `again` says whether trying
    the same again may help; `crossed`, that the listing changed meanwhile, so that another quantity
    is likely to be right at once."""

    listing: str
    problem: str = ""
    again: bool = False
    crossed: bool = False


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """What has left for an order: quantities by the channel's `line`, and how it travels.
    `shipment_id` is ours and names it for ever."""

    order_id: str
    shipment_id: str
    lines: tuple[tuple[str, int], ...]
    shipped_at: datetime
    carrier: str | None = None
    tracking: str | None = None
    last: bool = False


class AcceptedLine(msgspec.Struct, frozen=True):
    """Of a channel's `line` of `sku`: `quantity` units are wanted, `allocated` of them promised
    from stock; the others are backordered."""

    line: str
    sku: str
    quantity: int
    allocated: int


class Acceptance(msgspec.Struct, frozen=True):
    """An order that dibs took, as it was taken."""

    order_id: str
    lines: tuple[AcceptedLine, ...]


class Units(msgspec.Struct, frozen=True):
    """Units of a listing that its channel may be shown now: `total` of them, and at most so many
    by themselves at each location of dibs."""

    total: int
    at: dict[str, int]


class Stock(Protocol):
    """What there is now, for a channel that asks."""

    async def __call__(self, listings: Sequence[str]) -> Mapping[str, Units]:
        """Return the units of each listing that sells a SKU which exists."""


class Bulk(Protocol):
    """The way to show very many quantities with one call that the channel works off later."""

    operation: str
    """The operation, as quotas name it, that such a call is."""
    rows: int
    """How many quantities one call may carry."""
    beyond: int
    """Of what waits, single calls reach so many before such a call is worked off; it takes what
    comes after those."""
    poll_s: float
    """Seconds between two looks at what became of it."""

    async def send(self, rows: Sequence[Quantity]) -> str:
        """Hand in at most `rows` quantities; return the channel's name of this delivery."""

    async def done(self, ticket: str, listings: Sequence[str]) -> list[Published] | None:
        """Return what became of what was sent under `ticket`; None while the channel works."""


class Connector(Protocol):
    """A channel's connector, of one account. Raises `ConnectorError` where a call does.

    One whose channel wants to know which orders dibs took has a method `accept(acceptance)`, too,
    which may be called again for the same order; one whose channel takes many quantities at once to
    work them off later has `bulk`, a `Bulk`; one whose channel changes a listing's variations
    together and others by other calls has `family(listing)`, which names them, so that a call of
    `publish` is of one family. One whose channel pushes into a queue has `listen(keep)`: it waits
    for pushes, some seconds at most, calls `keep(delivery)` for each, and only then has the queue
    forget them; it returns how many there were, None where the account has no queue. One whose
    channel asks what is there has `asked(headers, body, stock)`, a coroutine that returns the JSON
    to answer, found by the `Stock`; it raises `BadSignature` and `BadQuestion`. One whose
    channel shows cheaply what changed has `scan(since, until)`, which gives the `Sign` of every
    order that changed in [since, until), and `fetch_some(order_ids)`, which returns the deliveries
    of up to `fetch_rows` orders, of those that there are, by one call if it can: sweeps then read
    only orders whose mark neither they nor a push brought. One that
    cannot do without certain options names them in `needs_options`; one whose `Fetch` has a
    `meanwhile` says in `fetch_operation` which operation of the quotas `fetch` is.
    """

    def __init__(self, account: Account, calls: Calls) -> None: ...

    needs: tuple[str, ...]
    """Names of the secrets without which no call can be made."""
    publish_rows: int
    """How many quantities one call may carry."""
    publish_operation: str
    """The operation, as quotas name it, that such a call is."""
    publish_parallel: int
    """How many such calls may be under way at once."""
    shown_rows: int
    """How many listings are best asked for at once with `shown`; as many as are published, where
    it is left out."""
    publish_units_max: int
    """The largest quantity that a listing may show; more is shown as that. May be left out."""

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raise `BadSignature` unless the channel signed these bytes. Header names are lower
        case. May be a coroutine, where a key has to be asked for."""

    def receive(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        """Return what was pushed, or None for what needs no work, like a ping. No call is made."""

    def pull(self, since: datetime, until: datetime) -> AsyncIterator[Delivery]:
        """Give every order that changed in [since, until)."""

    async def fetch(self, order_id: str) -> Delivery | None:
        """Return an order as it is now, or None where there is none."""

    def read(self, delivery: Delivery) -> ForeignOrder | Fetch | None:
        """Say what a document means; None for what concerns no order. Raises `ConnectorError`
        for one that cannot be understood."""

    async def publish(self, rows: Sequence[Quantity]) -> list[Published]:
        """Show at most `publish_rows` quantities; return what became of each."""

    async def shown(self, items: Sequence[Quantity]) -> dict[str, int]:
        """Return what the channel shows of listings now, for those that it knows."""

    async def ship(self, parcel: Parcel) -> bool | None:
        """Tell the channel of a parcel. May be called again for the same parcel: one that the
        channel has is not told twice. Return True if the channel follows it by a number of its
        own, False if it does not follow this carrier, None if that depends on the number."""

    async def refund(self, order_id: str, refund_id: str, amount: int, currency: str) -> None:
        """Have the channel pay back `amount` minor units, once for each `refund_id`."""

    async def cancel(self, order_id: str, reason: str) -> None:
        """Tell the channel that the seller cannot deliver an order."""

    async def heal(self) -> list[str]:
        """Put right what keeps pushes from coming (a hook that the channel disabled); return what
        was done, in words."""


async def batches(rows: AsyncIterator[T], count: int) -> AsyncIterator[list[T]]:
    """Give rows as they come, `count` at once; the last ones may be fewer."""
    some: list[T] = []
    async for row in rows:
        some.append(row)
        if len(some) == count:
            yield some
            some = []
    if some:
        yield some


async def order_now(connector: Connector, order_id: str) -> ForeignOrder | None:
    """Ask the channel how an order is now; None where it knows none."""
    whole = await connector.fetch(order_id)
    found = connector.read(whole) if whole else None
    return found if isinstance(found, ForeignOrder) else None
