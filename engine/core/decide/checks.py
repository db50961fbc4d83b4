"""What an order can fail when it is placed: one function per check, of a rule and the order.

They look at the order and the state, and at nothing outside: an address is complete and well
formed, which does not say that somebody lives there.
"""

import hashlib
import re
from collections.abc import Callable, Iterable

import msgspec

from engine.core import bundles
from engine.core.commands import Address, Details
from engine.core.events import OrderStatus
from engine.core.notes.holds import Held
from engine.core.state import State
from engine.core.usual import unusual
from engine.core.validation_commands import ValidationRule

_pack = msgspec.msgpack.Encoder().encode

# How postcodes are written where that is one pattern: digits (9), letters (A), either (*).
_FORMS = {
    "9999": "AT AU BE BG CH CY DK GE HU LI LU LV MD MK NO NZ PH SI TN ZA",
    "99999": "DE EE ES FI FR HR IT KR LT MC ME MX MY RS SA SM TH TR UA VA",
    "999 99": "CZ GR SE SK",
    "99-999": "PL",
    "9999 AA": "NL",
    "999999": "CN IN KZ RO RU SG",
    "999-9999": "JP",
    "A9A 9A9": "CA",
    "9999-999": "PT",
    "99999-999": "BR",
}
_SHAPES = {"9": "[0-9]", "A": "[A-Z]", " ": " ?", "-": "-?"}
_POSTCODES = {
    country: re.compile("".join(_SHAPES[sign] for sign in form))
    for form, countries in _FORMS.items()
    for country in countries.split()
} | {
    "US": re.compile(r"[0-9]{5}(-?[0-9]{4})?"),
    "GB": re.compile(r"[A-Z]{1,2}[0-9][0-9A-Z]? ?[0-9][A-Z]{2}"),
    "IE": re.compile(r"[A-Z][0-9W][0-9] ?[0-9A-Z]{4}"),
}


_PLAIN_ADDRESS = ValidationRule("bad_address")


class Placed(msgspec.Struct, frozen=True):
    """An order as the checks see it: what it carries, and (SKU, units) of each line."""

    state: State
    details: Details
    lines: tuple[tuple[str, int], ...]
    channel: str = ""

    @property
    def mark(self) -> int:
        """What is the same of two orders that may be one: a digest of their channel, customer and
        lines, in any order; 0 if nobody is named."""
        to = self.details.ship_to
        who = self.details.customer or (to and (to.email or (to.name, to.line1, to.postcode)))
        if not who or who == (None, None, None):
            return 0
        body = _pack((self.channel, who, sorted(self.lines)))
        return int.from_bytes(hashlib.blake2b(body, digest_size=8).digest(), "little")


def failed(rules: tuple[ValidationRule, ...], placed: Placed) -> list[ValidationRule]:
    """Return the rules that an order fails, in their order."""
    return [rule for rule in rules if _FAILS[rule.check](rule, placed)]


def bad_address(rule: ValidationRule, address: Address | None) -> bool:
    """Say whether an address lacks a field that the rule wants, or has a postcode that its country
    does not write so."""
    if address is None or any(not (getattr(address, f) or "").strip() for f in rule.fields):
        return True
    form = _POSTCODES.get(address.country or "")
    code = (address.postcode or "").strip().upper()
    return bool(form and code) and not form.fullmatch(code)


def unpaid(rules: tuple[ValidationRule, ...], payment: str) -> ValidationRule | None:
    """Return the rule that an order of such a payment is held by, None if it may go on. Who got
    their money back gets no goods, with a rule or without."""
    rule = next((rule for rule in rules if rule.check == "payment"), None)
    if payment == "refunded":
        return rule or ValidationRule("payment")
    return rule if payment == "pending" else None


def unreachable(
    rules: tuple[ValidationRule, ...], address: Address | None
) -> ValidationRule | None:
    """Return the rule that an order to such an address is held by, None if it may go on."""
    rule = next((rule for rule in rules if rule.check == "bad_address"), None)
    return rule if rule and bad_address(rule, address) else None


def cleared(
    rules: tuple[ValidationRule, ...], live: dict[str, Held], details: Details, payment: str
) -> tuple[str, ...]:
    """Return the ids of the live holds whose cause is gone: the order is paid, or its address is
    as its channel wants it."""
    address = next((rule for rule in rules if rule.check == "bad_address"), _PLAIN_ADDRESS)
    gone = set()
    if payment in ("paid", "authorized"):
        gone.add("payment")
    if not bad_address(address, details.ship_to):
        gone.add("bad_address")
    # Not refunded any more, where nobody minds that it is not paid: what a fact made, it ends.
    mild = payment == "pending" and unpaid(rules, payment) is None
    return tuple(
        name
        for name, hold in live.items()
        if hold.reason in gone or (mild and name.partition("-")[0] == "payment" == hold.reason)
    )


def fewer(
    state: State,
    rules: tuple[ValidationRule, ...],
    live: dict[str, Held],
    wanted: list[tuple[int, int]],
) -> tuple[str, ...]:
    """Return the id of the hold for a quantity that no line, (SKU number, units), has any more."""
    rule = next((rule for rule in rules if rule.check == "quantity"), None)
    if rule is None or any(_too_many(rule, state, *line) for line in wanted):
        return ()
    return tuple(name for name, one in live.items() if name == one.reason == "quantity")


def hold(state: State, rule: ValidationRule, hold_id: str) -> Held:
    """Return the hold that a rule makes now."""
    until_us = state.now_us + rule.minutes * 60_000_000 if rule.minutes else 0
    keeps = keeps_stock(rule)
    return Held(hold_id, rule.check, rule.owner, until_us, rule.then, keeps, rule.escalate_to)


def keeps_stock(rule: ValidationRule) -> bool:
    """Say whether an order that fails a rule keeps its units: of what is unknown there are none."""
    return rule.keeps_stock and rule.check != "unknown_sku"


def _unknown_sku(rule: ValidationRule, placed: Placed) -> bool:
    return bool(unknown(placed.state, placed.lines))


def unknown(state: State, lines: Iterable[tuple[str, int]]) -> dict[str, int | None]:
    """Return the SKUs of lines that nothing is known of: with their numbers, None if they have
    none."""
    numbers = {name: state.sku_numbers.get(name) for name, _ in lines}
    return {
        name: number
        for name, number in numbers.items()
        if number is None or state.skus[number].put.provisional
    }


def _bad_address(rule: ValidationRule, placed: Placed) -> bool:
    return bad_address(rule, placed.details.ship_to)


def _duplicate(rule: ValidationRule, placed: Placed) -> bool:
    state = placed.state
    since_us = state.now_us - rule.within_minutes * 60_000_000
    for seq, stamp_us in state.lives.marks.get(placed.mark, {}).items():
        other = state.order_placed(seq) if stamp_us >= since_us else None
        if other is not None and other.status is not OrderStatus.CANCELLED:
            return True
    return False


def _non_stock(rule: ValidationRule, placed: Placed) -> bool:
    """A line, or a part of its bundle, is of a SKU that no location ever had."""
    state = placed.state
    for name, _ in placed.lines:
        number, leaves = state.sku_numbers.get(name), {}
        if number is not None:
            bundles.leaves(state.skus, number, 1, leaves)
            if any(not state.skus[leaf].positions for leaf in leaves):
                return True
    return False


def _payment(rule: ValidationRule, placed: Placed) -> bool:
    return placed.details.payment in (None, "pending", "refunded")


def _review(rule: ValidationRule, placed: Placed) -> bool:
    score = placed.details.review_score
    return score is not None and score >= rule.score


def _quantity(rule: ValidationRule, placed: Placed) -> bool:
    numbers = placed.state.sku_numbers
    return any(
        _too_many(rule, placed.state, numbers.get(name), units) for name, units in placed.lines
    )


def _too_many(rule: ValidationRule, state: State, sku: int | None, units: int) -> bool:
    """Say whether a line is larger than the rule lets it be. `sku` is None if it does not exist."""
    if rule.units is not None and units > rule.units:
        return True
    if rule.times is None or sku is None:
        return False
    return unusual(*state.skus[sku].usual, units, rule.times)


def _every(rule: ValidationRule, placed: Placed) -> bool:
    return True


_FAILS: dict[str, Callable[[ValidationRule, Placed], bool]] = {
    "unknown_sku": _unknown_sku,
    "bad_address": _bad_address,
    "duplicate": _duplicate,
    "non_stock": _non_stock,
    "payment": _payment,
    "review": _review,
    "quantity": _quantity,
    "cool_off": _every,
    "operator": _every,
}
