"""Who we are to Walmart, and how it proves a push."""

import asyncio
import base64
import hmac
import time
import uuid
from collections.abc import Callable, Mapping

from engine.connectors.base import Account, BadSignature
from engine.connectors.calls import Calls, document
from engine.connectors.walmart import wire

SERVICE = "Walmart Marketplace"
_EARLY_S = 60.0  # a token is changed so long before it ends


class Tokens:
    """The account's access token, asked for by one caller at a time and shared by all."""

    def __init__(
        self,
        account: Account,
        calls: Calls,
        root: str,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        pair = f"{account.secrets['client_id']}:{account.secrets['client_secret']}"
        self._basic = "Basic " + base64.b64encode(pair.encode()).decode()
        self._calls, self._root, self._now_s = calls, root, now_s
        self._turn = asyncio.Lock()
        self._token, self._ends_s = "", 0.0

    def _headers(self) -> dict[str, str]:
        """Return what every call carries; its correlation id is never used twice."""
        return {
            "authorization": self._basic,
            "wm_qos.correlation_id": str(uuid.uuid4()),
            "wm_svc.name": SERVICE,
            "accept": "application/json",
        }

    async def headers(self) -> dict[str, str]:
        """Return what goes with a call now."""
        async with self._turn:
            if self._now_s() >= self._ends_s:
                await self._ask()
        return self._headers() | {"wm_sec.access_token": self._token}

    def forget(self, used: Mapping[str, str]) -> None:
        """Have the next call ask for a new token, unless the one that was used is gone already."""
        if used.get("wm_sec.access_token") == self._token:
            self._ends_s = 0.0

    async def _ask(self) -> None:
        answer = await self._calls.ask(
            "token",
            "POST",
            f"{self._root}/v3/token",
            headers=self._headers(),
            data={"grant_type": "client_credentials"},
        )
        found = document(answer, wire.Token)
        self._token = found.access_token
        self._ends_s = self._now_s() + max(found.expires_in - _EARLY_S, found.expires_in / 2)


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
