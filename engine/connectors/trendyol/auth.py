"""Who we are to Trendyol, and how it proves a push: by a key of ours that it sends back to us."""

from collections.abc import Mapping

from engine.connectors.base import Account
from engine.connectors.basic import basic, check_secret, password_of


def headers(account: Account) -> dict[str, str]:
    """Return what goes with each call: HTTP Basic, and a User-Agent or the answer is 403."""
    secrets = account.secrets
    return {
        "authorization": basic(secrets["key"], secrets["secret"]),
        "user-agent": f"{secrets['seller']} - SelfIntegration",
    }


def verify(account: Account, given: Mapping[str, str]) -> None:
    """Raise `BadSignature` unless the push carries our key, as X-API-Key or as the password of HTTP
    Basic. Nothing signs the body: that the address has a secret part is the other half."""
    shown = given.get("x-api-key", "") or password_of(given.get("authorization", ""))
    check_secret(account.secrets.get("hook_key", ""), shown)
