"""What `verify` reports; JSON-able."""

import msgspec


class Problem(msgspec.Struct, frozen=True):
    """A broken promise: at which event, in which file or stream entry, and why."""

    seq: int
    where: str
    promise: str
    why: str


class SnapshotCheck(msgspec.Struct, frozen=True):
    """`state` is `equal`, `different`, `damaged`, or `not reached` by this walk."""

    file: str
    seq: int
    state: str


class Report(msgspec.Struct):
    """What a walk found. Counts are of the events walked: those after `base_seq`.

    Units are counted at positions, a bundle by its components; `units_oversold` is how far
    promises went beyond what was there, P1's own measure.
    """

    ok: bool = False
    first_bad: str = ""
    problem_count: int = 0
    base_seq: int = 0
    base: str = ""
    last_seq: int = 0
    last_entry: str = ""
    chain: str = ""
    first_stamp_us: int = 0
    last_stamp_us: int = 0
    frames: int = 0
    events: int = 0
    bytes: int = 0
    epochs: int = 0
    fences: int = 0
    segments: int = 0
    stream_entries: int = 0
    skus: int = 0
    locations: int = 0
    positions: int = 0
    open_orders: int = 0
    live_reservations: int = 0
    units_received: int = 0
    units_counted: int = 0
    units_adjusted: int = 0
    units_returned: int = 0
    units_reserved: int = 0
    units_allocated: int = 0
    units_freed: int = 0
    units_shipped: int = 0
    units_oversold: int = 0
    units_on_hand: int = 0
    units_promised: int = 0
    seconds: float = 0.0
    events_per_s: float = 0.0
    kinds: dict[str, int] = msgspec.field(default_factory=dict)
    snapshots: list[SnapshotCheck] = msgspec.field(default_factory=list)
    problems: list[Problem] = msgspec.field(default_factory=list)
