"""Who we are to eBay, and how eBay proves a push.

A push is signed with ECDSA over its raw body. Its header says by which key, which is asked for once
and kept for an hour, as eBay advises. Whoever forges a push names keys that do not exist, so
unknown keys are asked for rarely, and what is no key is remembered, too.
"""

import base64
import hashlib
import re
import time
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from engine.connectors.base import Account, BadSignature, ConnectorError
from engine.connectors.calls import CallError, Calls, document
from engine.connectors.ebay import wire

_KEY_S = 3_600.0
_KEYS_MAX = 64
_PAUSE_S = 2.0  # between two questions for keys that nobody knows
_KID = re.compile(r"[0-9A-Za-z-]{1,64}")
_PEM = re.compile(r"-----(BEGIN|END) PUBLIC KEY-----|\s")
_SCOPES = " ".join(
    f"https://api.ebay.com/oauth/api_scope{more}"
    for more in ("", "/sell.fulfillment", "/sell.inventory", "/sell.finances")
)


async def fetch_token(account: Account, calls: Calls) -> tuple[str, float]:
    """Ask for an access token; return it, and the seconds that it lives."""
    pair = f"{account.secrets['client_id']}:{account.secrets['client_secret']}"
    answer = await calls.ask(
        "token",
        "POST",
        account.url.rstrip("/") + "/identity/v1/oauth2/token",
        headers={"authorization": "Basic " + base64.b64encode(pair.encode()).decode()},
        data={
            "grant_type": "refresh_token",
            "refresh_token": account.secrets["refresh_token"],
            "scope": _SCOPES,
        },
    )
    found = document(answer, wire.Token)
    return found.access_token, found.expires_in


def challenge(account: Account, query: Mapping[str, str], url: str) -> dict[str, str]:
    """Answer eBay, which wants to see that an address is ours before it pushes there."""
    endpoint = account.options.get("endpoint", url.partition("?")[0])
    token = account.secrets.get("verification_token", "")
    text = query.get("challenge_code", "") + token + endpoint
    return {"challengeResponse": hashlib.sha256(text.encode()).hexdigest()}


class PublicKeys:
    """eBay's keys. `ask` fetches one by its name, `CallError` 404 if there is none."""

    def __init__(
        self,
        ask: Callable[[str], Awaitable[wire.PublicKey]],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask, self._now_s = ask, now_s
        self._kept: dict[str, tuple[wire.PublicKey | None, float]] = {}
        self._not_before_s = 0.0

    async def verify(self, given: Mapping[str, str], body: bytes) -> None:
        """Raise `BadSignature` unless eBay signed these bytes, and `ConnectorError` where that
        cannot be found out now."""
        try:
            header = base64.b64decode(given.get("x-ebay-signature", ""), validate=True)
            proof = msgspec.json.decode(header, type=wire.Proof)
            signature = base64.b64decode(proof.signature, validate=True)
        except (ValueError, msgspec.MsgspecError) as error:
            raise BadSignature from error
        key = await self._key(proof.kid)
        if key is None or not _signed(key, signature, body):
            raise BadSignature

    async def _key(self, name: str) -> wire.PublicKey | None:
        now_s = self._now_s()
        if name in self._kept and self._kept[name][1] > now_s:
            return self._kept[name][0]
        if not _KID.fullmatch(name):
            return None
        if self._not_before_s > now_s:
            raise ConnectorError("this key is not known yet", self._not_before_s - now_s)
        try:
            found = await self._ask(name)
        except CallError as error:
            if error.status not in (400, 404):
                raise ConnectorError(f"eBay's key cannot be had: {error}", _PAUSE_S) from error
            found, self._not_before_s = None, now_s + _PAUSE_S
        if len(self._kept) >= _KEYS_MAX:
            del self._kept[min(self._kept, key=lambda known: self._kept[known][1])]
        self._kept[name] = (found, now_s + _KEY_S)
        return found


def _signed(key: wire.PublicKey, signature: bytes, body: bytes) -> bool:
    # Loading it takes tens of milliseconds, which only who connects eBay should wait for.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    digest = {"SHA1": hashes.SHA1, "SHA256": hashes.SHA256}.get(key.digest.replace("-", ""))
    try:
        public = load_der_public_key(base64.b64decode(_PEM.sub("", key.key)))
        if digest is None or not isinstance(public, ec.EllipticCurvePublicKey):
            return False
        public.verify(signature, body, ec.ECDSA(digest()))
    except (InvalidSignature, ValueError):
        return False
    return True
