"""HTTP Basic, both ways: what we show, and what is shown to us."""

import base64
import hmac

from engine.connectors.base import BadSignature


def basic(user: str, password: str) -> str:
    """Return the value of an Authorization header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def password_of(authorization: str) -> str:
    """Return the password of such a header; empty if it has none."""
    kind, _, text = authorization.partition(" ")
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(text, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


def check_secret(right: str, shown: str) -> None:
    """Raise `BadSignature` unless both are the same and not empty."""
    if not right or not hmac.compare_digest(right.encode(), shown.encode("utf-8", "replace")):
        raise BadSignature
