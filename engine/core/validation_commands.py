"""What may be asked about the validation of orders: the part of `commands` that says which orders
of a channel are held when they are placed."""

from typing import Annotated, Literal, get_args

from msgspec import Meta

from engine.core import limits
from engine.core.terms import Body, HoldMinutes, HoldThen, Id, Quantity, Score, Text

Times = Annotated[int, Meta(ge=1, le=1_000)]
Check = Literal[
    "unknown_sku",
    "bad_address",
    "duplicate",
    "non_stock",
    "payment",
    "review",
    "quantity",
    "cool_off",
    "operator",
]
CHECKS: tuple[Check, ...] = get_args(Check)
AddressField = Literal["name", "line1", "city", "region", "postcode", "country", "phone", "email"]


class ValidationRule(Body):
    """An order that fails `check` gets a hold whose id and reason are the check's name; `owner`,
    `minutes`, `then`, `escalate_to` and `keeps_stock` are the hold's. `bad_address` wants these
    `fields` of the address, and postcodes as their country writes them; `quantity` at most so many
    `units` of a line, and at most so many `times` what orders of its SKU usually take; `duplicate`
    no other order of the same customer and lines `within_minutes`; `review` a `review_score` below
    `score`; `cool_off` and `operator` hold every order. With `unknown_sku`, SKUs that do not exist
    are made provisionally, and such orders get no stock."""

    check: Check
    owner: Text = ""
    minutes: HoldMinutes | None = None
    then: HoldThen = "escalate"
    keeps_stock: bool = True
    fields: Annotated[tuple[AddressField, ...], Meta(min_length=1, max_length=8)] = (
        "country",
        "postcode",
    )
    units: Quantity | None = None
    score: Score = 50
    within_minutes: HoldMinutes = 24 * 60
    escalate_to: Text = ""
    times: Times | None = None


class PutValidation(Body):
    """Say what the orders of a channel are checked for when they are placed, each check once. With
    no rules, they are not."""

    channel: Id
    rules: Annotated[tuple[ValidationRule, ...], Meta(max_length=limits.VALIDATION_RULES_MAX)]
