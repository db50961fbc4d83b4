"""Tracking numbers: whether one looks like what a carrier gives, before a channel finds out."""

import re

_FORM = re.compile(r"[0-9A-Z]{8,40}")
_DIGITS_MIN = 6
_POSTAL = re.compile(r"[A-Z]{2}([0-9]{8})([0-9])[A-Z]{2}")  # S10 of the Universal Postal Union
_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)


def plausible(number: str | None) -> bool:
    """Say whether a carrier can have given this number: 8 to 40 letters and digits, at least six of
    them digits; spaces and hyphens do not count. A postal one has a right check digit."""
    plain = re.sub(r"[ -]", "", number or "").upper()
    if not _FORM.fullmatch(plain) or sum(map(str.isdigit, plain)) < _DIGITS_MIN:
        return False
    postal = _POSTAL.fullmatch(plain)
    return postal is None or _check(postal[1]) == int(postal[2])


def _check(digits: str) -> int:
    total = sum(int(d) * weight for d, weight in zip(digits, _WEIGHTS, strict=True))
    return {10: 0, 11: 5}.get(11 - total % 11, 11 - total % 11)
