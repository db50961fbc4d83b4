"""Planted bugs: ways to break a promise, each of which the suite must find.

They are patched in by `launch`, in a process of its own, or by a test that takes them out again.
A bug that no longer fits the code it changes fails loudly here instead of being found "absent".
"""

import asyncio
import inspect
import textwrap
import time
from collections.abc import Callable
from types import ModuleType

import msgspec

from engine.core import ledger, limits, packed, purchases
from engine.core.commands import Ship
from engine.core.decide import (
    allotment,
    capacity,
    edits,
    exchanges,
    facts,
    joins,
    orders,
    reservations,
    return_goods,
    shipments,
    shorts,
    steals,
    timers,
    validation,
)
from engine.core.decide.rows import Row
from engine.core.ledger import Ledger
from engine.core.notes import facts as told
from engine.core.notes.fulfillments import Fulfillment
from engine.core.routing import costs
from engine.core.state import Position
from engine.log import frame
from engine.log.frame import Frame
from engine.log.reader import entry_id_of
from engine.log.writer import Writer
from engine.service import engine as engine_module
from engine.service import recover as recover_module
from engine.service.loop import Loop
from engine.service.rounds import Round

Restore = list[tuple[object, str, object]]


def _set(undo: Restore, owner: object, name: str, value: object) -> None:
    undo.append((owner, name, inspect.getattr_static(owner, name)))
    setattr(owner, name, value)


def rewrite(
    undo: Restore, owner: ModuleType | type, name: str, old: str, new: str, **names
) -> None:
    """Replace a piece of a function's source that must stand there exactly once."""
    function = getattr(owner, name)
    source = textwrap.dedent(inspect.getsource(function))
    if source.count(old) != 1:
        raise RuntimeError(f"{name} has changed: {old!r} stands there {source.count(old)} times")
    # Apart from its globals: a method may call a function of its own name.
    made: dict[str, object] = {}
    space = function.__globals__ | names
    exec(compile(source.replace(old, new), f"<bug in {name}>", "exec"), space, made)
    _set(undo, owner, name, made[name])


def _ack_before_append(undo: Restore) -> None:
    send = Loop._send

    def early(self, decided, asked, commands) -> None:
        self._release(Round(decided, [], commands, self._since_s))
        send(self, [], asked, commands)

    _set(undo, Loop, "_send", early)


def _doubts_as_one(undo: Restore) -> None:
    """What the log says of the first frame in doubt is told of the others too."""
    rewrite(undo, Loop, "settle", "stored = stored - 1 if known else stored", "pass")


def _gap_allowed(undo: Restore) -> None:
    """A frame does not say which one has to stand before it."""
    send = Writer.send

    def careless(self, *words) -> None:
        append = self._appender.append
        self._appender.append = lambda after, *rest: append("", *rest)
        try:
            send(self, *words)
        finally:
            del self._appender.append

    _set(undo, Writer, "send", careless)


def _skip_fence(undo: Restore) -> None:
    fence, newest = recover_module.open_epoch, {}

    def unfenced(store, writer: str) -> int:
        last = store.last_id()
        if last == "0-0":
            return fence(store, writer)
        epoch = int(last.split("-")[0]) + 1
        newest[epoch] = last
        return epoch

    def behind(self) -> str:
        if self._tip.epoch == self.epoch:
            return entry_id_of(self._tip)
        return newest.get(self.epoch, f"{self.epoch}-0")

    _set(undo, recover_module, "open_epoch", unfenced)
    _set(undo, Writer, "_newest", property(behind))


def _split_check_take(undo: Restore) -> None:
    """The check sees the stock as it was when the batch began; the takes come after."""
    begin, available = Ledger.begin, Position.available
    seen: dict[int, tuple[Position, int]] = {}

    def opening(self, stamp_us: int) -> None:
        seen.clear()
        begin(self, stamp_us)

    def stale(self) -> int:
        return seen.setdefault(id(self), (self, available.fget(self)))[1]

    _set(undo, Ledger, "begin", opening)
    _set(undo, Position, "available", property(stale))


def _per_line_check(undo: Restore) -> None:
    """Each line is checked by itself, so two lines of one SKU are never added up."""
    _set(undo, allotment._Pool, "take", lambda self, part, units: None)


def _fence_open(undo: Restore) -> None:
    """Nobody looks whether units are set aside for somebody else."""
    _set(undo, allotment, "share", lambda state, sku, channel: None)


def _off_by_one(undo: Restore) -> None:
    """`>=` for `>`: the last unit is never sold."""
    rewrite(undo, allotment, "_grant", "units < quantity:", "units <= quantity:")


def _wall_clock_expiry(undo: Restore) -> None:
    wall = {"wall_us": lambda: time.time_ns() // 1_000}
    old, new = "found.expires_us <= state.now_us", "found.expires_us <= wall_us()"
    rewrite(undo, reservations, "find_live", old, new, **wall)
    _set(undo, orders, "find_live", reservations.find_live)


def _forget_keys(undo: Restore) -> None:
    whole = recover_module.recover

    def forgetful(*words, **options):
        recovered = whole(*words, **options)
        state = recovered.ledger._state
        for table in (state.order_seqs, state.reservation_seqs, state.remembered):
            table.clear()
        return recovered

    _set(undo, engine_module, "recover", forgetful)


def _skip_checksum(undo: Restore) -> None:
    def trusting(data: bytes, entry_id: str = "") -> Frame:
        head = frame._HEAD.unpack_from(data)
        _, _, count, epoch, first_seq, stamp_us, _, previous = head
        body = data[frame.HEAD_BYTES : -frame.DIGEST_BYTES]
        return Frame(epoch, first_seq, count, stamp_us, previous, body, data[-16:])

    _set(undo, frame, "unpack", trusting)


class _Opened:
    """A parcel that can be told what it holds."""

    def __init__(self, parcel) -> None:
        self.count, self.close, self.deliver = parcel.count, parcel.close, parcel.deliver
        self.watch = parcel.watch


def _read_before_durable(undo: Restore) -> None:
    async def hasty(self, question):
        return question(self.ledger)

    submit = Loop.submit_packed

    def sort_out(loop, parcel) -> None:
        requests = packed.split(parcel.close())
        reads = b"".join(r for r in requests if r[4] == packed.Kind.READ_STOCK)
        others = b"".join(r for r in requests if r[4] != packed.Kind.READ_STOCK)
        if reads:
            parcel.deliver(loop.ledger.decide_packed(reads)[0])
        if others:
            parcel.close = lambda: others
            submit(loop, parcel)

    def hasty_packed(self, parcel) -> None:
        asyncio.get_running_loop().call_soon(sort_out, self, _Opened(parcel))

    _set(undo, Loop, "read", hasty)
    _set(undo, Loop, "submit_packed", hasty_packed)


def _held_leaves(undo: Restore) -> None:
    """An order that somebody holds is shipped all the same."""
    rewrite(undo, shipments, "ship", "if order.status is OrderStatus.ON_HOLD:", "if False:")
    rules = ledger._DECIDE | {Ship: shipments.ship}
    _set(undo, ledger, "_DECIDE", rules)


def _checks_pass(undo: Restore) -> None:
    """What a channel's rules find wrong with an order is forgotten."""
    _set(undo, validation._Look, "noted", lambda self, cause, decision: decision)


def _scrap_stays(undo: Restore) -> None:
    """What came back and is thrown away stays on hand."""
    move = "draft.move(number, BucketId.ON_HAND, -line.quantity, line.disposition)"
    rewrite(undo, return_goods, "_sort", move, "pass")


def _short_stays(undo: Restore) -> None:
    """Units that a picker did not find stay in the stock."""
    _set(undo, shorts, "_gone", lambda *words: [])


def _sooner_gives(undo: Restore) -> None:
    """An order gives units to one that comes after it."""
    rewrite(undo, steals, "_givers", "turn > mine", "turn != mine")


def _before_its_time(undo: Restore) -> None:
    """What has its time is done half a minute early."""
    rewrite(undo, timers, "due", "due_us > state.now_us", "due_us > state.now_us + 30_000_000")


def _patience(undo: Restore) -> None:
    """A location may leave a fulfillment for as long as it likes."""
    _set(undo, Fulfillment, "due_us", 0)


def _old_fact_wins(undo: Restore) -> None:
    """What was told last holds, however old it is."""
    rewrite(undo, told, "news", "told[name].rank < now.rank", "True")
    for module in (facts, validation):
        _set(undo, module, "news", told.news)


def _one_more_than_asked(undo: Restore) -> None:
    """An edit adds a unit of its own."""
    rewrite(undo, edits, "_wishes", "wanted - row.wanted\n", "wanted - row.wanted + 1\n")


def _waits(row: Row) -> Row:
    return msgspec.structs.replace(row, takes={}, backordered=row.wanted)


def _merged_waits(undo: Restore) -> None:
    """Units that an order takes over from another are free again."""
    fresh = joins._fresh
    _set(undo, joins, "_fresh", lambda row: _waits(fresh(row)))


def _split_waits(undo: Restore) -> None:
    """Units that are moved to another order are free again."""
    old = "rows[number].remove(state, quantity)"
    rewrite(undo, joins, "_moved", old, f"waits({old})", waits=_waits)


def _goods_not_awaited(undo: Restore) -> None:
    """The first goods of a return let all leave that is given for them."""
    rewrite(undo, exchanges, "freed", "came.get(key, 0) < units", "False")


def _comes_twice(undo: Restore) -> None:
    """What comes of a purchase order counts twice."""
    rewrite(undo, purchases, "arrived", "+= line.quantity", "+= 2 * line.quantity")


def _shut_gives(undo: Restore) -> None:
    """A policy's orders come from where they are not to come from, too."""
    rewrite(undo, costs, "consider", "if rule.channels is not None and", "if False and")


def _moved_stays(undo: Restore) -> None:
    """What is said to go elsewhere, as a location cannot send it, stays there."""
    rewrite(undo, capacity, "_moved", "events += found", "pass")


def _unbounded_queue(undo: Restore) -> None:
    _set(undo, limits, "QUEUE_COMMANDS_MAX", 1 << 60)


BUGS: dict[str, Callable[[Restore], None]] = {
    "ack before append": _ack_before_append,
    "doubts told as one": _doubts_as_one,
    "gap allowed": _gap_allowed,
    "skip fence": _skip_fence,
    "split check/take": _split_check_take,
    "per-line check": _per_line_check,
    "fence unseen": _fence_open,
    ">= for >": _off_by_one,
    "expiry by wall clock": _wall_clock_expiry,
    "forget keys on restart": _forget_keys,
    "skip checksum": _skip_checksum,
    "read before durable": _read_before_durable,
    "unbounded queue": _unbounded_queue,
    "held order leaves": _held_leaves,
    "checks pass": _checks_pass,
    "scrap stays": _scrap_stays,
    "short units stay": _short_stays,
    "sooner one gives": _sooner_gives,
    "before its time": _before_its_time,
    "old fact wins": _old_fact_wins,
    "one more than asked": _one_more_than_asked,
    "merged units get lost": _merged_waits,
    "split units get lost": _split_waits,
    "goods not awaited": _goods_not_awaited,
    "comes twice": _comes_twice,
    "shut place gives": _shut_gives,
    "moved one stays": _moved_stays,
    "never too late": _patience,
}
# Which the judge finds by books of its own, that ask neither ledger nor twin.
BOOK_BUGS = {
    "before its time",
    "old fact wins",
    "one more than asked",
    "merged units get lost",
    "split units get lost",
    "goods not awaited",
    "comes twice",
    "shut place gives",
    "moved one stays",
    "never too late",
}
LIFE_BUGS = BOOK_BUGS | {
    "held order leaves",
    "checks pass",
    "scrap stays",
    "short units stay",
    "sooner one gives",
}
LEDGER_BUGS = {"split check/take", "per-line check", ">= for >", "expiry by wall clock"}
LEDGER_BUGS |= {"fence unseen"}
SLOW_ONLY = LEDGER_BUGS | LIFE_BUGS | {"forget keys on restart"}


def plant(name: str) -> Restore:
    """Plant a bug in this process; give what is returned to `dig_out`."""
    undo: Restore = []
    BUGS[name](undo)
    return undo


def dig_out(undo: Restore) -> None:
    """Take a bug out again."""
    for owner, name, value in reversed(undo):
        setattr(owner, name, value)
