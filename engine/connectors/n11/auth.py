"""Who we are to n11: two headers, or two elements of a SOAP body."""

from engine.connectors.base import Account


def headers(account: Account) -> dict[str, str]:
    """Return what goes with each call of REST."""
    return {"appkey": account.secrets["app_key"], "appsecret": account.secrets["app_secret"]}
