"""Who we are to Hepsiburada, and how it proves a push: by a password of ours."""

from collections.abc import Mapping

from engine.connectors.base import Account
from engine.connectors.basic import basic, check_secret, password_of


def headers(account: Account) -> dict[str, str]:
    """Return what goes with each call: HTTP Basic, and the integrator's name as User-Agent."""
    secrets = account.secrets
    return {
        "authorization": basic(secrets["merchant"], secrets["secret"]),
        "user-agent": secrets["user_agent"],
    }


def verify(account: Account, given: Mapping[str, str]) -> None:
    """Raise `BadSignature` unless the push carries our password. Nothing signs the body."""
    shown = password_of(given.get("authorization", ""))
    check_secret(account.secrets.get("hook_key", ""), shown)
