"""Who we are to the shop, and how the shop proves a push."""

import base64
import hmac
from collections.abc import Mapping

from engine.connectors.base import Account, BadSignature


def headers(account: Account) -> dict[str, str]:
    """Return what goes with each call: HTTP Basic, which the shop takes over https."""
    pair = f"{account.secrets['key']}:{account.secrets['secret']}"
    return {"authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def verify(account: Account, given: Mapping[str, str], body: bytes) -> None:
    """Raise `BadSignature` unless `X-WC-Webhook-Signature` is the base64 HMAC-SHA256 of the body.

    The shop's first call, a form with nothing but `webhook_id=…`, has no signature; it asks for
    nothing and changes nothing.
    """
    if is_ping(given, body):
        return
    secret = account.secrets.get("hook_secret", "").encode()
    right = base64.b64encode(hmac.digest(secret, body, "sha256")).decode()
    shown = given.get("x-wc-webhook-signature", "")
    if not secret or not hmac.compare_digest(right.encode(), shown.encode("utf-8", "replace")):
        raise BadSignature


def is_ping(given: Mapping[str, str], body: bytes) -> bool:
    """Say whether this is the call by which the shop tries the address out."""
    kind = given.get("content-type", "")
    return kind.startswith("application/x-www-form-urlencoded") and body.startswith(b"webhook_id=")
