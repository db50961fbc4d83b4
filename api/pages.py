"""The console's built files, held in memory: the page with its policy, and what it loads.

`api/console` has the sources and, in `dist`, what Vite makes of them; `npm run build` there makes
it anew. File names carry a hash of their content, so browsers keep them for good.
"""

import gzip
import secrets
from collections.abc import Callable
from mimetypes import guess_type
from pathlib import Path

from starlette.exceptions import HTTPException

from api.problems import Headers

_DIST = Path(__file__).parent / "console" / "dist"
_PLACE = b"__NONCE__"  # `cspNonce` of vite.config.ts
_NONCE_BYTES = 16
_SQUEEZED_BYTES_MIN = 1_000
SECURITY: Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)


def _policy(nonce: bytes) -> bytes:
    """Scripts and styles are our own files; the grid's generated styles bear the nonce, and its
    icons are pictures within them."""
    return (
        b"default-src 'none'; connect-src 'self'; script-src 'self'; style-src 'self' 'nonce-%b'; "
        b"img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" % nonce
    )


class Page:
    """The page at `/`. Each answer has a nonce of its own."""

    def __init__(self) -> None:
        self._text = (_DIST / "index.html").read_bytes()

    def answer(self) -> tuple[bytes, Headers]:
        """Return the page and its headers."""
        nonce = secrets.token_urlsafe(_NONCE_BYTES).encode()
        headers = (
            (b"content-security-policy", _policy(nonce)),
            (b"cache-control", b"no-store"),
            *SECURITY,
        )
        return self._text.replace(_PLACE, nonce), headers


class Files:
    """An ASGI application that serves the files beside the page, squeezed for who takes gzip."""

    def __init__(self) -> None:
        self._files = {path.name: _read(path) for path in (_DIST / "console").iterdir()}

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        """Answer one GET or HEAD."""
        found = self._files.get(scope["path"].rpartition("/")[2])
        if found is None:
            raise HTTPException(404)
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405, headers={"allow": "GET, HEAD"})
        plain, squeezed, headers = found
        takes = any(n == b"accept-encoding" and b"gzip" in v for n, v in scope["headers"])
        body = plain
        if squeezed and takes:
            body, headers = squeezed, [*headers, (b"content-encoding", b"gzip")]
        size = (b"content-length", b"%d" % len(body))
        if scope["method"] == "HEAD":
            body = b""
        await send({"type": "http.response.start", "status": 200, "headers": [*headers, size]})
        await send({"type": "http.response.body", "body": body})


def _read(path: Path) -> tuple[bytes, bytes, list]:
    """Return a file as it is, squeezed if that pays, and its headers."""
    plain = path.read_bytes()
    squeezed = gzip.compress(plain, mtime=0) if len(plain) >= _SQUEEZED_BYTES_MIN else b""
    media = guess_type(path.name)[0] or "application/octet-stream"
    headers = [
        (b"content-type", media.encode()),
        (b"cache-control", b"public, max-age=31536000, immutable"),
        (b"vary", b"accept-encoding"),
        (b"x-content-type-options", b"nosniff"),
    ]
    return plain, squeezed, headers
