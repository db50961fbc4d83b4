"""Who we are to the shop. It pushes nothing, so there is nothing to prove the other way."""

from engine.connectors.base import Account


def headers(account: Account) -> dict[str, str]:
    """Return what goes with each call: the access token of an integration, which does not end."""
    return {"authorization": f"Bearer {account.secrets['token']}", "accept": "application/json"}
