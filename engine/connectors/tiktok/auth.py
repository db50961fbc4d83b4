"""Who we are to TikTok Shop: a token, and a signature on each call; and how it proves a push."""

import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

import httpx
import msgspec

from engine.connectors.base import Account, BadSignature
from engine.connectors.calls import CallError, Calls, document
from engine.connectors.tokens import Tokens

AUTH_URL = "https://auth.tiktok-shops.com"
_UNSIGNED = frozenset(("sign", "access_token"))


class _Granted(msgspec.Struct, frozen=True):
    access_token: str
    access_token_expire_in: float  # seconds since 1970
    refresh_token: str = ""


class _Answer(msgspec.Struct, frozen=True):
    code: int = 0
    message: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")


def sign(secret: str, path: str, query: Mapping[str, str], body: bytes) -> str:
    """Return the signature of a call: the hex HMAC-SHA256 of secret, path, the query's names and
    values by name, the body, and secret again."""
    pairs = "".join(f"{name}{query[name]}" for name in sorted(query) if name not in _UNSIGNED)
    text = secret.encode() + path.encode() + pairs.encode() + body + secret.encode()
    return hmac.digest(secret.encode(), text, "sha256").hex()


def signed(
    account: Account, path: str, query: Mapping[str, str], body: dict[str, Any] | None
) -> tuple[dict[str, str], bytes]:
    """Return (query, body) of a call, signed as of now."""
    content = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
    whole = dict(query) | {
        "app_key": account.secrets["app_key"],
        "timestamp": str(int(time.time())),
        "shop_cipher": account.secrets["shop_cipher"],
    }
    whole["sign"] = sign(account.secrets["app_secret"], path, whole, content)
    return whole, content


def tokens(account: Account, calls: Calls) -> Tokens:
    """Return the tokens of a shop that authorised the app. The refresh token may change with each
    use; the newest is kept."""

    async def fetch() -> tuple[str, float]:
        query = {
            "app_key": account.secrets["app_key"],
            "app_secret": account.secrets["app_secret"],
            "refresh_token": calls.renewed.get("refresh_token", account.secrets["refresh_token"]),
            "grant_type": "refresh_token",
        }
        url = account.options.get("auth_url", AUTH_URL).rstrip("/") + "/api/v2/token/refresh"
        answer = await calls.ask("token", "GET", url, params=query, check=check)
        found = msgspec.json.decode(document(answer, _Answer).data, type=_Granted, strict=False)
        if found.refresh_token:
            calls.renewed.put("refresh_token", found.refresh_token)
        return found.access_token, max(found.access_token_expire_in - time.time(), 0.0)

    return Tokens(fetch)


# What a code inside a 200 stands for. Others are a refusal that stays one.
_EXPIRED = frozenset((105001, 105002))
_BUSY = frozenset((36009003, 11001031))
_TOO_MANY = frozenset((36009002, 36009004))


def check(answer: httpx.Response) -> None:
    """Raise `CallError` unless the answer's `code` is 0, which alone is success."""
    found = document(answer, _Answer)
    if found.code == 0:
        return
    status = 422
    for codes, other in ((_EXPIRED, 401), (_BUSY, 500), (_TOO_MANY, 429)):
        if found.code in codes:
            status = other
    raise CallError(f"{found.code} {found.message}", status, safe=status == 429)


def verify(account: Account, given: Mapping[str, str], body: bytes) -> None:
    """Raise `BadSignature` unless `Authorization` is the hex HMAC-SHA256 of the app's key and the
    raw body, by the app's secret."""
    secret = account.secrets.get("app_secret", "").encode()
    key = account.secrets.get("app_key", "").encode()
    right = hmac.digest(secret, key + body, "sha256").hex().encode()
    shown = given.get("authorization", "").encode("utf-8", "replace")
    if not secret or not hmac.compare_digest(right, shown):
        raise BadSignature
