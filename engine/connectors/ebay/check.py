"""Real-time Inventory Check: at checkout eBay asks the seller what is there now.

eBay's page names the fields of one question and of one answer, and says that a call carries several
SKUs and locations, but not what is around them: one question, or a list of them, is answered as
what it came as. Who asks is proved by a username and a password.
"""

import base64
import binascii
import hmac
import re
import time
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, field

from engine.connectors.base import Account, BadQuestion, BadSignature, Stock
from engine.core import limits
from engine.core.errors import ConfigError

_PLACE = re.compile(r" - at `\$?(.*)`$")
_encode = msgspec.json.Encoder().encode
Name = Annotated[str, Meta(min_length=1, max_length=limits.ID_CHARS_MAX)]


class Question(msgspec.Struct, frozen=True):
    """Can `quantity` units of a SKU be had so? The page calls the location by one name in its text
    and by another in its example; the first that is given counts."""

    sku: Name = field(name="SKU")
    how: Literal["PICKUP_IN_STORE", "SHIP_TO_STORE", "SHIP_TO_HOME"] = field(name="fulfillmentType")
    quantity: Annotated[int, Meta(ge=1)] = field(name="requestedQuantity")
    key: Name | None = field(name="merchantLocationKey", default=None)
    id: Name | None = field(name="locationID", default=None)


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a question is answered by; it names the question, too."""

    sku: str = field(name="SKU")
    how: str = field(name="fulfillmentType")
    available: bool = field(name="isAvailable")
    total: int = field(name="totalAvailableQuantity")
    at_s: int = field(name="lastUpdated")
    key: str | None = field(name="merchantLocationKey", default=None)
    id: str | None = field(name="locationID", default=None)


_decode = msgspec.json.Decoder(list[Question] | Question).decode


def stores(account: Account) -> dict[str, str]:
    """Return the location of dibs by eBay's key of it, where the option `stores` says that they
    differ. Raises `ConfigError` for what it cannot be."""
    found = {}
    for pair in account.options.get("stores", "").split(","):
        key, equals, location = (part.strip() for part in pair.partition("="))
        if pair.strip() and not (key and equals and location):
            raise ConfigError(f"account {account.name!r}: option stores: use KEY=location,…")
        found[key] = location
    found.pop("", None)
    return found


def prove(account: Account, headers: Mapping[str, str]) -> None:
    """Raise `BadSignature` unless the caller has the account's username and password. Nobody has
    where the account names none."""
    user, word = (account.secrets.get(name, "") for name in ("check_user", "check_password"))
    scheme, _, text = headers.get("authorization", "").partition(" ")
    try:
        given = base64.b64decode(text.strip(), validate=True)
    except (ValueError, binascii.Error) as error:
        raise BadSignature from error
    right = hmac.compare_digest(given, f"{user}:{word}".encode())
    if not (user and word and right and scheme.lower() == "basic"):
        raise BadSignature


def questions(body: bytes) -> list[Question] | Question:
    """Return what is asked. Raises `BadQuestion` for what cannot be."""
    try:
        found = _decode(body)
    except msgspec.MsgspecError as error:
        place = _PLACE.search(str(error))
        raise BadQuestion(place[1] if place else "", _PLACE.sub("", str(error))) from error
    rows = found if isinstance(found, list) else [found]
    if not 0 < len(rows) <= limits.ASKED_ROWS_MAX:
        raise BadQuestion("", f"ask 1 to {limits.ASKED_ROWS_MAX} questions at once")
    for at, row in enumerate(rows):
        if row.how == "PICKUP_IN_STORE" and not (row.key or row.id):
            place = f"[{at}]." if isinstance(found, list) else ""
            raise BadQuestion(f"{place}merchantLocationKey", "name the store to pick up at")
    return found


async def answer(body: bytes, stock: Stock, place_of: Mapping[str, str]) -> bytes:
    """Return the answer to a body of eBay's.

    What is picked up must lie in the store. What is shipped may come from anywhere, so for that
    counts all that eBay is shown, which is what an order would be given.
    """
    asked = questions(body)
    rows = asked if isinstance(asked, list) else [asked]
    there = await stock(list(dict.fromkeys(row.sku for row in rows)))
    now_s = int(time.time())

    def told(row: Question) -> Answer:
        key, units = row.key or row.id, there.get(row.sku)
        total = units.total if units else 0
        if units and row.how == "PICKUP_IN_STORE":
            total = units.at.get(place_of.get(key, key), 0)
        return Answer(row.sku, row.how, total >= row.quantity, total, now_s, row.key, row.id)

    return _encode([told(row) for row in rows] if isinstance(asked, list) else told(asked))
