"""Cells to values. Every function raises `ValueError` with what is wrong."""

import re
from datetime import UTC, datetime
from functools import lru_cache

from engine.core import limits

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_DECIMAL = re.compile(r"([+-]?)([0-9]{1,15})(?:\.([0-9]*))?", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@lru_cache(1 << 17)
def identifier(text: str) -> str:
    """An id: 1 to `ID_CHARS_MAX` characters, none of them a control character."""
    if not text:
        raise ValueError("is empty")
    if len(text) > limits.ID_CHARS_MAX:
        raise ValueError(f"is longer than {limits.ID_CHARS_MAX} characters")
    if _CONTROL.search(text):
        raise ValueError(f"{text!r} holds a control character")
    return text


def optional(text: str) -> str | None:
    """Free text for an optional field, without control characters; None if empty."""
    return _CONTROL.sub(" ", text).strip()[: limits.TEXT_CHARS_MAX] or None


def units(text: str) -> int:
    """A whole number of units other than 0, of either sign, within `QUANTITY_MAX`."""
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"{text!r} is not a whole number")
    value = int(text)
    if not 0 < abs(value) <= limits.QUANTITY_MAX:
        raise ValueError(f"{text} is not between 1 and {limits.QUANTITY_MAX} units")
    return value


def grams(text: str) -> int:
    """A weight in whole grams; a decimal part of zeros is allowed."""
    whole, _, fraction = text.partition(".")
    if not _WHOLE.fullmatch(whole) or fraction.strip("0"):
        raise ValueError(f"{text!r} is not a whole number of grams")
    if not 0 <= int(whole) <= limits.WEIGHT_G_MAX:
        raise ValueError(f"{text} is not between 0 and {limits.WEIGHT_G_MAX} grams")
    return int(whole)


@lru_cache(1 << 16)
def minor_units(text: str) -> int:
    """An amount with at most two decimals, as a whole number of hundredths. No float is used."""
    found = _DECIMAL.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is not an amount of money")
    sign, whole, fraction = found[1], found[2], found[3] or ""
    if fraction[2:].strip("0"):
        raise ValueError(f"{text} is finer than the currency's hundredth")
    value = int(whole) * 100 + int(fraction[:2].ljust(2, "0"))
    if value > limits.PRICE_MINOR_MAX:
        raise ValueError(f"{text} is more than {limits.PRICE_MINOR_MAX // 100}")
    return -value if sign == "-" else value


@lru_cache(1 << 16)
def moment_us(text: str) -> int:
    """A date and time as microseconds since 1970. Without an offset it is taken as UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a date and time") from None
    if len(text) < len("2010-12-01T08:26"):
        raise ValueError(f"{text!r} has no time of day")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


@lru_cache(1 << 16)
def degrees(text: str, most: int) -> float:
    """Latitude (`most` 90) or longitude (180)."""
    try:
        value = float(text)
    except ValueError:
        value = most + 1.0
    if not -most <= value <= most:
        raise ValueError(f"{text!r} is not between -{most} and {most} degrees")
    return value
