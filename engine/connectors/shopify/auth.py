"""Who we are to the shop, and how the shop proves a push."""

import base64
import hmac
from collections.abc import Mapping

import msgspec

from engine.connectors.base import Account, BadSignature
from engine.connectors.calls import Calls, document
from engine.connectors.tokens import Tokens


class _Granted(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: float = 86_399.0


def tokens(account: Account, calls: Calls) -> Tokens:
    """Return the tokens of an app in a shop of its own organisation: the client credentials grant,
    which lasts for a day."""

    async def fetch() -> tuple[str, float]:
        form = {
            "grant_type": "client_credentials",
            "client_id": account.secrets["client_id"],
            "client_secret": account.secrets["client_secret"],
        }
        url = account.url.rstrip("/") + "/admin/oauth/access_token"
        found = document(await calls.ask("token", "POST", url, data=form), _Granted)
        return found.access_token, found.expires_in

    return Tokens(fetch)


def verify(account: Account, given: Mapping[str, str], body: bytes) -> None:
    """Raise `BadSignature` unless `X-Shopify-Hmac-Sha256` is the base64 HMAC-SHA256 of the raw
    body, by the app's client secret."""
    secret = account.secrets.get("client_secret", "").encode()
    right = base64.b64encode(hmac.digest(secret, body, "sha256"))
    shown = given.get("x-shopify-hmac-sha256", "").encode("utf-8", "replace")
    if not secret or not hmac.compare_digest(right, shown):
        raise BadSignature
