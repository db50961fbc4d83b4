"""Standard Webhooks: how we sign what we send, and prove what somebody signed for us.

    webhook-id          names the message: the same id is the same message, sent again
    webhook-timestamp   seconds since 1970, of this attempt
    webhook-signature   "v1," and base64 of HMAC-SHA256 over "ID.TIMESTAMP.BODY"; several, with
                        spaces between, while a secret is changed

A secret is written "whsec_" and base64 of its bytes. (standardwebhooks.com, as of 2026-11.)
"""

import base64
import binascii
import hmac
import secrets
import time
from collections.abc import Mapping, Sequence

from engine.connectors.base import BadSignature
from engine.core.errors import ConfigError

PREFIX = "whsec_"
TOLERANCE_S = 300.0
_BYTES, _BYTES_MIN = 32, 24


def fresh_secret() -> str:
    """Return a new random secret."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def secret_bytes(secret: str) -> bytes:
    """Return the bytes of a secret. Raises `ConfigError` for text that is none."""
    try:
        found = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ConfigError(f"a secret is {PREFIX} and base64: {error}") from error
    if len(found) < _BYTES_MIN:
        raise ConfigError(f"a secret has at least {_BYTES_MIN} bytes; this one has {len(found)}")
    return found


def signed(
    keys: Sequence[str], message: str, body: bytes, at_s: float | None = None
) -> dict[str, str]:
    """Return the headers that prove a message with each of these secrets."""
    seconds = str(int(time.time() if at_s is None else at_s))
    marks = [f"v1,{_mac(key, message, seconds, body)}" for key in keys]
    return {
        "webhook-id": message,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(marks),
    }


def verify(
    keys: Sequence[str], headers: Mapping[str, str], body: bytes, at_s: float | None = None
) -> None:
    """Raise `BadSignature` unless one of these secrets signed the message within the last minutes.
    Header names are lower case."""
    message, seconds = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    now_s = time.time() if at_s is None else at_s
    if not message or not seconds.isascii() or not seconds.isdigit():
        raise BadSignature
    if abs(now_s - int(seconds)) > TOLERANCE_S:
        raise BadSignature
    shown = [
        text.removeprefix("v1,").encode("utf-8", "replace")
        for text in headers.get("webhook-signature", "").split(" ")
        if text.startswith("v1,")
    ]
    right = [_mac(key, message, seconds, body).encode() for key in keys if key]
    if not any(hmac.compare_digest(one, other) for one in right for other in shown):
        raise BadSignature


def _mac(key: str, message: str, seconds: str, body: bytes) -> str:
    text = f"{message}.{seconds}.".encode() + body
    return base64.b64encode(hmac.digest(secret_bytes(key), text, "sha256")).decode()
