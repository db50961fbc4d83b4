"""Who we are to Trendyol, and how it proves a push: by a key of ours that it sends back to us."""

import base64
import hmac
from collections.abc import Mapping

from engine.connectors.base import Account, BadSignature


def headers(account: Account) -> dict[str, str]:
    """Return what goes with each call: HTTP Basic, and a User-Agent or the answer is 403."""
    secrets = account.secrets
    pair = f"{secrets['key']}:{secrets['secret']}"
    return {
        "authorization": "Basic " + base64.b64encode(pair.encode()).decode(),
        "user-agent": f"{secrets['seller']} - SelfIntegration",
    }


def verify(account: Account, given: Mapping[str, str]) -> None:
    """Raise `BadSignature` unless the push carries our key, as X-API-Key or as the password of HTTP
    Basic. Nothing signs the body: that the address has a secret part is the other half."""
    right = account.secrets.get("hook_key", "")
    shown = given.get("x-api-key", "") or _password(given.get("authorization", ""))
    if not right or not hmac.compare_digest(right.encode(), shown.encode("utf-8", "replace")):
        raise BadSignature


def _password(authorization: str) -> str:
    kind, _, text = authorization.partition(" ")
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(text, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""
