"""Commands for the twins, drawn from a seeded generator: few names, so that ids, SKUs and keys
meet again and again, and quantities at their edges as well as small ones.

A history is a list of seeds rather than of fields: Hypothesis then makes and shrinks histories of
a hundred steps, which a field-by-field strategy would not fit into its budget.
"""

from datetime import UTC, datetime
from random import Random

import msgspec

from engine.core import commands as c
from engine.core import limits, validation_commands
from tests.model import changes, fencing, policies

LOCATIONS = ("berlin", "köln", "lyon", "store-1")
SKUS = ("red", "blue", "green", "tea ☕", "rope")
BUNDLES = ("set", "big-set", "huge-set", "all")
CHANNELS = ("web", "shop", "ünder ☕")
PURCHASES = ("po-1", "po-2", "PO ☕")
REASONS = ("found", "lost")
BUCKETS = ("damaged", "quality_control", "safety_stock")
PLACES = ((52.52, 13.4), (50.94, 6.96), (45.76, 4.84), (-33.9, 151.2), (90.0, 180.0))

OPENING = (
    *(
        c.PutLocation(name, name, "warehouse", "DE", latitude=50.0 + n, longitude=10.0 - n)
        for n, name in enumerate(LOCATIONS[:3])
    ),
    c.PutLocation("store-1", "no coordinates", "store", "DE", priority=200),
    *(c.PutSku(name, name) for name in SKUS[:4]),
    c.PutSku("rope", "rope", backorderable=True),
    c.PutChannel("web"),
    c.PutChannel("shop"),
    c.PutSku("set", "set", components=(c.Component("red", 2), c.Component("blue", 1))),
    c.PutSku("big-set", "big", components=(c.Component("set", 2), c.Component("red", 1))),
    c.PutSku("huge-set", "huge", components=(c.Component("big-set", 1), c.Component("rope", 3))),
    *(
        c.Receive(f"open-{n}", place, tuple(c.ReceiptLine(sku, 30 + 7 * n) for sku in SKUS))
        for n, place in enumerate(LOCATIONS)
    ),
)


def _seldom(rng: Random, value, otherwise=None, share: float = 0.15):
    return value if rng.random() < share else otherwise


def _quantity(rng: Random) -> int:
    if rng.random() < 0.06:
        return rng.choice((400, limits.QUANTITY_MAX - 1, limits.QUANTITY_MAX))
    return rng.choice((1, 1, 1, 2, 2, 3, 5, 9))


def _stock(rng: Random) -> int:
    return _seldom(rng, limits.QUANTITY_MAX, rng.randint(1, 40), 0.03)


def _location(rng: Random) -> str:
    return _seldom(rng, "nowhere", rng.choice(LOCATIONS), 0.02)


def _plain(rng: Random) -> str:
    return _seldom(rng, rng.choice(("set", "unknown", "all")), rng.choice(SKUS), 0.04)


def _sku(rng: Random) -> str:
    return _seldom(rng, "unknown", rng.choice((*SKUS, *SKUS, *BUNDLES)), 0.02)


def _lines(rng: Random, line, most: int = 4) -> tuple:
    return tuple(line() for _ in range(rng.randint(1, most)))


def _coordinates(rng: Random) -> dict:
    latitude, longitude = rng.choice(PLACES)
    return {} if rng.random() < 0.3 else {"latitude": latitude, "longitude": longitude}


def _home(rng: Random) -> dict:
    return rng.choice(
        ({"city": "Ghent"}, {"country": "DE", "postcode": rng.choice(("10115", "8"))})
    )


def _put_channel(rng: Random) -> c.PutChannel:
    season = c.Season(rng.choice(("01-01", "10-01")), rng.choice(("02-29", "12-31")))
    buffers = tuple(
        c.Buffer(
            units=rng.choice((0, 0, 3)),
            percent=rng.choice((0, 10, 100)),
            skus=tuple(_sku(rng) for _ in range(rng.choice((0, 0, 2)))),
            locations=tuple(_location(rng) for _ in range(rng.choice((0, 0, 1)))),
            below=rng.choice((None, None, 5)),
            below_baseline=rng.random() < 0.3,
            season=rng.choice((None, season)),
        )
        for _ in range(rng.choice((0, 1, 2)))
    )
    return c.PutChannel(
        rng.choice(CHANNELS),
        priority=rng.choice((1, 100)),
        locations=rng.choice((None, tuple(_location(rng) for _ in range(2)))),
        buffers=buffers,
        cap=rng.choice((None, 7)),
        protect=rng.choice((0, 4)),
        policy=_seldom(rng, rng.choice(policies.NAMES), share=0.4),
    )


def _put_purchase_order(rng: Random) -> c.PutPurchaseOrder:
    return c.PutPurchaseOrder(
        rng.choice(PURCHASES),
        _location(rng),
        datetime(2026, 12, rng.randint(1, 3), tzinfo=UTC),
        _lines(rng, lambda: c.PurchaseLine(_sku(rng), rng.randint(1, 5))),
        cancelled=rng.random() < 0.2,
    )


def _put_validation(rng: Random) -> c.PutValidation:
    """Mostly of one channel, so that the orders of the others are placed as ever."""
    checks = rng.sample(validation_commands.CHECKS, rng.choice((0, 1, 1, 2, 4)))
    rules = tuple(
        validation_commands.ValidationRule(
            check,
            rng.choice(("", "Zoë")),
            rng.choice((None, 1, 60)),
            rng.choice(("release", "cancel", "escalate")),
            rng.random() < 0.6,
            fields=rng.choice((("country",), ("city", "postcode"))),
            units=rng.choice((None, 2, 5, 5)),
            escalate_to=rng.choice(("", "", "lead")),
            times=rng.choice((None, 1, 3)),
        )
        for check in checks
    )
    return c.PutValidation(_seldom(rng, "shop", "market"), rules)


def put_location(rng: Random) -> c.PutLocation:
    return c.PutLocation(
        rng.choice(LOCATIONS),
        rng.choice("AB"),
        "warehouse",
        "DE",
        active=rng.random() < 0.8,
        priority=rng.choice((1, 100)),
        **_coordinates(rng),
    )


def _put_sku(rng: Random) -> c.PutSku:
    if rng.random() < 0.6:
        return c.PutSku(
            rng.choice(SKUS),
            rng.choice("tT"),
            backorderable=rng.random() < 0.25,
            weight_g=5,
            baseline=rng.choice((None, 20)),
            handling=_seldom(rng, "cold"),
            backorder_limit=rng.choice((None, None, None, 0, 10)),
        )
    units = (1, 1, 2, 3, _seldom(rng, limits.QUANTITY_MAX, 1, 0.1))
    components = tuple(c.Component(_sku(rng), rng.choice(units)) for _ in range(rng.randint(0, 3)))
    name = _seldom(rng, "red", rng.choice(BUNDLES), 0.1)
    return c.PutSku(name, "bundle", components=components, backorderable=rng.random() < 0.1)


def receive(rng: Random) -> c.Receive:
    lines = _lines(rng, lambda: c.ReceiptLine(_plain(rng), _stock(rng)))
    of = _seldom(rng, rng.choice((*PURCHASES, "none")))
    return c.Receive(f"d{rng.randint(0, 99)}", _location(rng), lines, of)


def _count(rng: Random) -> c.Count:
    units = (0, 1, 5, 30, _seldom(rng, limits.QUANTITY_MAX, 40))
    lines = _lines(
        rng,
        lambda: c.CountLine(_plain(rng), rng.choice(units), _seldom(rng, rng.choice(units))),
        most=2,
    )
    return c.Count(f"d{rng.randint(0, 99)}", _location(rng), lines)


def _adjust(rng: Random) -> c.Adjust:
    deltas = (-3, -1, 0, 1, 2, 4, _seldom(rng, rng.choice((-1, 1)) * limits.QUANTITY_MAX, 1))

    def line() -> c.AdjustLine:
        bucket = rng.choice(BUCKETS) if rng.random() < 0.6 else None
        return c.AdjustLine(_plain(rng), rng.choice(deltas), rng.choice(REASONS), bucket)

    return c.Adjust(f"d{rng.randint(0, 99)}", _location(rng), _lines(rng, line, most=3))


def _transfer(rng: Random) -> c.Transfer:
    lines = _lines(rng, lambda: c.TransferLine(_plain(rng), _quantity(rng)), most=3)
    return c.Transfer(f"d{rng.randint(0, 99)}", _location(rng), _location(rng), lines)


def _reserve(rng: Random) -> c.Reserve:
    lines = _lines(
        rng,
        lambda: c.ReserveLine(_sku(rng), _quantity(rng), _seldom(rng, _location(rng), share=0.25)),
    )
    ttl_s = rng.choice((1, 2, 5, 60, 86_400))
    return c.Reserve(f"r{rng.randint(0, 30)}", rng.choice(("web", "shop")), ttl_s, lines)


def place(rng: Random) -> c.PlaceOrder:
    def line() -> c.OrderLine:
        price = rng.choice((None, 0, 1_999, limits.PRICE_MINOR_MAX))
        name = rng.choice((None, "1", "ligne-é"))
        place = _seldom(rng, _location(rng))
        return c.OrderLine(_sku(rng), _quantity(rng), name, price, place)

    return c.PlaceOrder(
        order_id=f"o{rng.randint(0, 60)}",
        channel=rng.choice(("web", "web", "shop", "market")),
        lines=_lines(rng, line, most=5),
        when_short=rng.choice(("refuse", "refuse", "backorder", "split", "complete")),
        ship_to=_seldom(rng, c.Address(**_home(rng), **_coordinates(rng)), share=0.4),
        payment=_seldom(rng, "paid"),
        review_score=_seldom(rng, 70),
        policy=_seldom(rng, rng.choice(policies.NAMES), share=0.1),
        strategy=_seldom(rng, rng.choice(policies.STRATEGIES), share=0.1),
        priority=_seldom(rng, rng.randint(1, 9), 0),
        required_by=_seldom(rng, datetime(2027, 1, rng.randint(1, 3), tzinfo=UTC)),
    )


def _reservation_id(rng: Random, state) -> str:
    known = sorted(state.reservation_seqs)
    return rng.choice(known) if known and rng.random() < 0.9 else f"r{rng.randint(0, 30)}"


def _follow_up(rng: Random, state) -> c.Command:
    name, verb = _reservation_id(rng, state), rng.random()
    if verb < 0.5:
        order_id = _seldom(rng, f"o{rng.randint(0, 60)}", share=0.3)
        note = _seldom(rng, "by hand")
        return c.Commit(reservation_id=name, order_id=order_id, note=note)
    return c.Extend(name, rng.choice((1, 3, 86_400))) if verb < 0.75 else c.Release(name)


def cancel(rng: Random, state) -> c.Cancel:
    known = sorted(state.order_seqs)
    if not known or rng.random() < 0.05:
        return c.Cancel("web", f"o{rng.randint(0, 60)}")
    channel, order_id = rng.choice(known)
    lines = state.orders[state.order_seqs[channel, order_id]].event.lines
    named = tuple(
        c.CancelLine(state.sku_name(rng.choice(lines).sku), rng.choice((1, 1, 2, 4)))
        for _ in range(rng.randint(0, 3))
    )
    if rng.random() < 0.05:
        named = (*named, c.CancelLine("unknown", 1))
    back = _seldom(rng, f"rma{rng.randint(0, 3)}", None, 0.4)
    return c.Cancel(channel, order_id, named or None, _seldom(rng, "changed mind"), back)


_FRESH = (
    (put_location, 2),
    (_put_sku, 2),
    (_put_channel, 2),
    (_put_purchase_order, 3),
    (_put_validation, 2),
    (lambda rng: policies.put(rng, LOCATIONS), 3),
    (lambda rng: policies.scarcity(rng, SKUS, LOCATIONS), 3),
    (receive, 6),
    (_count, 3),
)
_FRESH += ((_adjust, 3), (_transfer, 3), (_reserve, 8), (place, 10))


def ship(rng: Random, state) -> c.Ship:
    """Draw a shipment of all or some units of an order."""
    known = sorted(state.order_seqs) or [("web", "o1")]
    channel, order_id = rng.choice(known)
    found = state.orders.get(state.order_seqs.get((channel, order_id), 0))
    named = None
    if found and rng.random() < 0.5:
        skus = [state.sku_name(line.sku) for line in found.event.lines]
        named = tuple(
            c.ShipLine(rng.choice(skus), rng.choice((1, 1, 2, 4))) for _ in range(rng.randint(0, 3))
        )
    return c.Ship(
        channel,
        order_id,
        f"s{rng.randint(0, 9)}",
        _seldom(rng, _location(rng), None, 0.3),
        named,
        _seldom(rng, "dhl"),
        _seldom(rng, "00 ☕ 1"),
    )


def hold(rng: Random, state) -> c.Hold:
    return c.Hold(
        *changes.known_order(rng, state),
        f"h{rng.randint(0, 3)}",
        rng.choice(("payment", "review")),
        _seldom(rng, "Zoë", ""),
        rng.choice((None, 1, 60)),
        rng.choice(("release", "escalate", "cancel")),
        rng.random() < 0.4,
    )


def release_hold(rng: Random, state) -> c.ReleaseHold:
    held = [
        (order.event.channel, order.event.order_id, name)
        for order in state.orders.values()
        for name in state.lives.of(order.seq).holds
    ]
    if held and rng.random() < 0.9:
        return c.ReleaseHold(*rng.choice(held))
    return c.ReleaseHold(*changes.known_order(rng, state), f"h{rng.randint(0, 3)}")


_KNOWN = ((_follow_up, 9), (cancel, 5), (ship, 5), (hold, 5), (release_hold, 5))
_KNOWN += (
    (changes.edit, 8),
    (changes.merge, 4),
    (changes.split, 12),
    (changes.reallocate, 12),
    (changes.fact, 10),
    (lambda rng, state: fencing.put(rng, state, SKUS, LOCATIONS), 6),
    (policies.capacity, 4),
)
_DRAWERS = [(f, False) for f, n in _FRESH for _ in range(n)]
_DRAWERS += [(f, True) for f, n in _KNOWN for _ in range(n)]


def request(rng: Random, state) -> c.Request:
    """Draw one request; some of them follow up what `state` holds."""
    drawer, looks = rng.choice(_DRAWERS)
    command = drawer(rng, state) if looks else drawer(rng)
    key = _seldom(rng, f"key-{rng.randint(0, 40)}", "", 0.25)
    return c.Request(command, rng.choice(("", "alice", "bob")), key)


def other_body(command: c.Command) -> c.Command:
    """Return a command with the same ids that asks for something else."""
    fields = type(command).__struct_fields__
    if "lines" in fields and command.lines:
        return msgspec.structs.replace(command, lines=(*command.lines, command.lines[0]))
    if "owner" in fields:
        return msgspec.structs.replace(command, owner="another")
    if "ttl_s" in fields:
        longest = command.ttl_s == limits.RESERVATION_TTL_S_MAX
        return msgspec.structs.replace(command, ttl_s=command.ttl_s + (-1 if longest else 1))
    if "note" in fields:
        return msgspec.structs.replace(command, note="another")
    return command
