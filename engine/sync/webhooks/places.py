"""Which addresses may be called: somebody else's words decide them, so never one inside.

The name is looked up at each call and every answer is judged; the call then goes to the address
that was judged, so a name that says something else a moment later helps nobody.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import httpx

from engine.core import limits

Lookup = Callable[[str, int], Awaitable[list[str]]]
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Refused(Exception):
    """An address that may not be called, and why."""


def check(url: str, *, loopback: bool = False) -> None:
    """Raise `Refused` for an address that could never be called, by what it says itself."""
    if len(url) > limits.WEBHOOK_URL_CHARS_MAX or not url.isprintable() or " " in url:
        raise Refused(f"an address has no spaces, and at most {limits.WEBHOOK_URL_CHARS_MAX} signs")
    try:
        there = urlsplit(url)
        host, port = there.hostname, there.port
    except ValueError as error:
        raise Refused(f"this is no address: {error}") from error
    if not host or there.username or there.password or there.fragment:
        raise Refused("an address is https://HOST/PATH, without user, password or #")
    if port == 0:
        raise Refused("port 0 is no port")
    if there.scheme != "https" and not (loopback and there.scheme == "http"):
        raise Refused("an address begins with https://")
    try:
        known = ipaddress.ip_address(host)
    except ValueError:
        if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
            judge("127.0.0.1" if host.endswith("localhost") else "10.0.0.1", loopback=loopback)
        return
    judge(str(known), loopback=loopback)


def judge(text: str, *, loopback: bool = False) -> None:
    """Raise `Refused` unless an IP address is of the public internet, or of this machine where that
    is allowed. An IPv6 address that carries an IPv4 one is judged by that, too."""
    address = ipaddress.ip_address(text.partition("%")[0])
    inner = [address]
    if isinstance(address, ipaddress.IPv6Address):
        inner += [a for a in (address.ipv4_mapped, address.sixtofour) if a]
        if address.teredo:
            inner.append(address.teredo[1])
        if address in _NAT64:
            inner.append(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    mapped = getattr(address, "ipv4_mapped", None)
    if loopback and (mapped or address).is_loopback:
        return
    for one in inner:
        if one is address and mapped:
            continue
        if not one.is_global or one.is_multicast or one.is_reserved or one.is_unspecified:
            raise Refused(f"{text} is not an address of the public internet")


async def look_up(host: str, port: int) -> list[str]:
    """Return the addresses of a name."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(limits.WEBHOOK_LOOKUP_S):
            rows = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError) as error:
        raise Refused(f"{host} cannot be looked up: {error}") from error
    return list(dict.fromkeys(row[4][0] for row in rows))


async def pinned(
    url: str, *, loopback: bool = False, lookup: Lookup = look_up
) -> tuple[httpx.URL, dict[str, str], dict[str, str]]:
    """Return (address, headers, extensions) of a call that goes to a judged IP address and still
    asks for the name. Raises `Refused`."""
    check(url, loopback=loopback)
    there = httpx.URL(url)
    found = await lookup(there.host, there.port or (443 if there.scheme == "https" else 80))
    if not found:
        raise Refused(f"{there.host} has no address")
    for address in found:
        judge(address, loopback=loopback)
    return (
        there.copy_with(host=found[0].partition("%")[0]),
        {"host": there.netloc.decode()},
        {"sni_hostname": there.host},
    )
