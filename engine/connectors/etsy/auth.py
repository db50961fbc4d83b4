"""Who we are to Etsy: an application's two words, and a seller's token that lives an hour."""

import msgspec

from engine.connectors.base import Account
from engine.connectors.calls import Calls, document
from engine.connectors.tokens import Tokens


class _Granted(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: float = 3_600.0
    refresh_token: str = ""


def tokens(account: Account, calls: Calls) -> Tokens:
    """Return the tokens of a seller who gave consent. Each use brings a new refresh token, which
    lives for 90 days; the newest is kept."""

    async def fetch() -> tuple[str, float]:
        form = {
            "grant_type": "refresh_token",
            "client_id": account.secrets["keystring"],
            "refresh_token": calls.renewed.get("refresh_token", account.secrets["refresh_token"]),
        }
        url = account.url.rstrip("/") + "/v3/public/oauth/token"
        found = document(await calls.ask("token", "POST", url, data=form), _Granted)
        if found.refresh_token:
            calls.renewed.put("refresh_token", found.refresh_token)
        return found.access_token, found.expires_in

    return Tokens(fetch)


def headers(account: Account, token: str) -> dict[str, str]:
    """Return what each call carries: which application calls, and for which seller."""
    pair = f"{account.secrets['keystring']}:{account.secrets['shared_secret']}"
    return {"x-api-key": pair, "authorization": f"Bearer {token}"}
