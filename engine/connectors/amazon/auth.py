"""Who we are to Amazon: a token of Login with Amazon on each call, which lives for an hour."""

from collections.abc import Awaitable, Mapping
from typing import Any

import httpx
import msgspec

from engine.connectors.base import Account
from engine.connectors.calls import Calls, document
from engine.connectors.tokens import Tokens

_TOKEN_URL = "https://api.amazon.com/auth/o2/token"
_REFUSED = (401, 403)


class _Grant(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: float = 3_600.0


class Api:
    """Calls of the Selling Partner API for one account; all of them share a token."""

    def __init__(self, account: Account, calls: Calls) -> None:
        self._account, self._calls = account, calls
        self._root = account.url.rstrip("/")
        if calls.tokens is None:
            calls.tokens = Tokens(self._grant)
        self._tokens = calls.tokens
        self.seller = account.options.get("seller_id", "")
        names = account.options.get("marketplaces", "").split(",")
        self.marketplaces = [name.strip() for name in names if name.strip()]
        calls.rate_of = rate

    async def _grant(self) -> tuple[str, float]:
        secrets = self._account.secrets
        form = {"grant_type": "refresh_token"}
        form |= {name: secrets[name] for name in ("refresh_token", "client_id", "client_secret")}
        url = self._account.options.get("token_url", _TOKEN_URL)
        found = document(await self._calls.ask("token", "POST", url, data=form), _Grant)
        return found.access_token, found.expires_in

    async def ask(self, operation: str, method: str, path: str, **more: Any) -> httpx.Response:
        """Call, with a fresh token if Amazon refuses the one that we have. Raises `CallError`."""

        def ask(token: str) -> Awaitable[httpx.Response]:
            headers = {"x-amz-access-token": token, "user-agent": "dibs (Language=Python)"}
            return self._calls.ask(operation, method, self._root + path, headers=headers, **more)

        return await self._tokens.call(ask, _REFUSED)

    async def plain(self, operation: str, method: str, url: str, **more: Any) -> httpx.Response:
        """Call an address that Amazon signed for us, which takes no token."""
        return await self._calls.ask(operation, method, url, **more)


def rate(headers: Mapping[str, str]) -> float | None:
    """Return the calls a second that Amazon allows this seller of the operation just called; None
    where it does not say so in a number."""
    try:
        per_s = float(headers.get("x-amzn-ratelimit-limit", ""))
    except ValueError:
        return None
    return per_s if 0 < per_s < 1_000 else None
