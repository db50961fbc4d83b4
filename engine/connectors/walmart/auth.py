"""Who we are to Walmart, and how it proves a push."""

import base64
import hmac
import uuid
from collections.abc import Mapping

from engine.connectors.base import Account, BadSignature
from engine.connectors.calls import Calls, document
from engine.connectors.tokens import Tokens
from engine.connectors.walmart import wire

SERVICE = "Walmart Marketplace"


def headers(account: Account) -> dict[str, str]:
    """Return what every call carries; its correlation id is never used twice."""
    pair = f"{account.secrets['client_id']}:{account.secrets['client_secret']}"
    return {
        "authorization": "Basic " + base64.b64encode(pair.encode()).decode(),
        "wm_qos.correlation_id": str(uuid.uuid4()),
        "wm_svc.name": SERVICE,
        "accept": "application/json",
    }


def tokens(account: Account, calls: Calls, root: str) -> Tokens:
    """Return the tokens of the account."""

    async def fetch() -> tuple[str, float]:
        answer = await calls.ask(
            "token",
            "POST",
            f"{root}/v3/token",
            headers=headers(account),
            data={"grant_type": "client_credentials"},
        )
        found = document(answer, wire.Token)
        return found.access_token, found.expires_in

    return Tokens(fetch)


def verify(account: Account, given: Mapping[str, str], body: bytes) -> None:
    """Raise `BadSignature` unless the header that we chose has the HMAC-SHA256 of the body, keyed
    with the secret of the subscription. Its documentation does not say in which letters, so base64
    and hexadecimal are both taken."""
    secret = account.secrets.get("hook_secret", "").encode()
    mac = hmac.digest(secret, body, "sha256")
    name = account.options.get("hook_header", "x-walmart-signature").lower()
    shown = given.get(name, "").encode("utf-8", "replace")
    right = (base64.b64encode(mac), mac.hex().encode())
    if not secret or not any(hmac.compare_digest(text, shown) for text in right):
        raise BadSignature
