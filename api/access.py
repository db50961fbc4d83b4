"""Who calls, and whether the call may be made: an API key in a header, or a session in a cookie.

    Authorization: Bearer KEY         programs; never sent by a browser of itself
    Cookie: __Host-dibs=TOKEN         people; http-only, SameSite=Strict, and Secure
    Cookie: dibs-PORT=TOKEN           the same on this machine, where there is no TLS and cookies do
                                      not tell ports apart

A browser adds the cookie to whatever is sent to us, so a call that changes something has to come
from our own page. Browsers say so in `Sec-Fetch-Site`; those that do not, in `Origin`, which must
be our host. Who sends neither is no browser (the rule of Go's `http.CrossOriginProtection`, and of
OWASP's cheat sheet on CSRF). There is no token to hand out and to lose; `SameSite` stands behind.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from api.cycle import Cycle
from api.problems import Headers, ProblemError, fail
from engine.core import limits
from engine.service.people.records import Signed

SELF = "self"  # the scope of what everybody may do for himself who is signed in
CALLER = b"dibs-caller"  # by which a front tells the writer's server whom it serves
_HARMLESS = frozenset(("GET", "HEAD"))
_NAME, _NAME_HERE = b"__Host-dibs", b"dibs-%d"
_KEYLESS = ((b"www-authenticate", b'Bearer realm="dibs"'),)


def bearer(authorization: bytes) -> str | None:
    """Return the token in an Authorization header, None if its scheme is another."""
    scheme, _, token = authorization.partition(b" ")
    return token.strip().decode("latin-1") if scheme.lower() == b"bearer" else None


def admit(
    front: Any, needed: str, scope: dict, authorization: bytes | None, cookie: bytes | None
) -> tuple[str, Signed | None]:
    """Return who calls, as the log calls it, and the session if it is one; 401 or 403 else."""
    if authorization is None:
        signed = signed_in(front, scope["headers"], cookie)
        if signed is None:
            raise _unknown(cookie)
        check_origin(scope["method"], scope["headers"])
        if needed != SELF and needed not in signed.user.grants:
            raise _forbidden(needed, _lacks(signed, needed))
        return signed.actor, signed
    token = bearer(authorization)
    known = front.keys.grants(token) if token is not None else None
    if known is None:
        raise fail(
            "unauthorized",
            "this is not a valid API key, or it was revoked: send Authorization: Bearer KEY",
            headers=((b"www-authenticate", b'Bearer realm="dibs", error="invalid_token"'),),
        )
    if needed not in known[1] and not (needed == SELF and "admin" in known[1]):
        raise _forbidden(needed, f"this call needs a key with the scope {needed!r}")
    return known[0], None


def _unknown(cookie: bytes | None) -> ProblemError:
    """401. A cookie of ours that opens nothing any more is a session that has ended."""
    if cookie is not None and (_NAME + b"=" in cookie or b"dibs-" in cookie):
        return fail("session_ended", "the session has ended: sign in again", headers=_KEYLESS)
    detail = "send the header Authorization: Bearer KEY, or sign in"
    return fail("unauthorized", detail, headers=_KEYLESS)


def _forbidden(needed: str, detail: str) -> ProblemError:
    challenge = f'Bearer realm="dibs", error="insufficient_scope", scope="{needed}"'
    return fail("forbidden", detail, headers=((b"www-authenticate", challenge.encode()),))


def _lacks(signed: Signed, needed: str) -> str:
    if signed.user.temporary_until_us:
        return "choose a password of your own first"
    return f"a user with the role {signed.user.role!r} may not do this; it needs {needed!r}"


def signed_in(front: Any, headers: Headers, cookie: bytes | None) -> Signed | None:
    """Return who is signed in by a cookie."""
    if cookie is None or front.people is None:
        return None
    name = _cookie_name(header(headers, b"host"))
    for pair in cookie.split(b";"):
        found, _, value = pair.strip().partition(b"=")
        if found == name:
            return front.people.whois(value.decode("latin-1"))
    return None


@contextlib.contextmanager
def while_signed_in(front: Any, scope: dict, receive: Any) -> Iterator[None]:
    """Cut a stream off when the session that opened it is over, which a key's is not. While it is
    open, its session counts as seen."""
    headers, cycle = scope["headers"], Cycle.of(receive)
    cookie = header(headers, b"cookie")
    if cycle is None or not cookie or header(headers, b"authorization"):
        yield
        return
    watching = asyncio.create_task(_watch(front, headers, cookie, cycle))
    try:
        yield
    finally:
        watching.cancel()


async def _watch(front: Any, headers: Headers, cookie: bytes, cycle: Cycle) -> None:
    while signed_in(front, headers, cookie):
        await asyncio.sleep(limits.SESSION_LOOK_S)
    cycle.transport.abort()


def header(headers: Headers, name: bytes) -> bytes:
    """Return a header's value, b"" if it is not there."""
    return next((value for found, value in headers if found == name), b"")


def check_origin(method: str, headers: Headers) -> None:
    """Refuse what a browser sends for somebody else's page."""
    if method in _HARMLESS:
        return
    site, origin = header(headers, b"sec-fetch-site"), header(headers, b"origin")
    if site:
        good = site in (b"same-origin", b"none")
    else:
        host = urlsplit(origin.decode("latin-1")).netloc.lower()
        good = not origin or host == header(headers, b"host").decode("latin-1").lower()
    if not good:
        raise fail("cross_site", "call from dibs' own page, or send an API key")


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _cookie_name(host: bytes) -> bytes:
    """Return the cookie's name for a Host header: with its port, if that is this machine."""
    parts = urlsplit("//" + host.decode("latin-1"))
    try:
        name, port = parts.hostname or "", parts.port or 80
    except ValueError:
        return _NAME
    return _NAME_HERE % port if _is_here(name) else _NAME


def set_cookie(headers: Headers, token: str) -> Headers:
    """Return the headers that give a browser a session; an empty token takes it away."""
    name = _cookie_name(header(headers, b"host"))
    secure = b"; Secure" if name == _NAME else b""
    life_s = limits.SESSION_S_MAX if token else 0
    value = b"%b=%b; Path=/; HttpOnly; SameSite=Strict; Max-Age=%d%b"
    cookie = value % (name, token.encode(), life_s, secure)
    return ((b"set-cookie", cookie), (b"cache-control", b"no-store"))


def address(scope: dict) -> str:
    """Return the caller's address; a front before us has told it in a header."""
    client = scope.get("client")
    if client:
        return client[0]
    return header(scope["headers"], CALLER).decode("latin-1")[: limits.ID_CHARS_MAX]
