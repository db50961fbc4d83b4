"""API keys: who may call, and what for. A key is shown once and stored only as an HMAC.

    token    dibs_<id>_<secret>     id: 12 hex digits, public; secret: 64 hex digits, random
    record   HMAC-SHA256(server secret, token), label, scopes, created and revoked stamps

The server secret lies in `DATA_DIR/secret` (mode 0600), the records in the store: a copy of the
store alone is of no use to forge or find a token. A 256-bit random token needs no slow hash.

Records are cached in memory and read again every `limits.KEY_REFRESH_S` seconds by a thread of its
own, so a key created or revoked by another process counts after that time at most; one created or
revoked through this `KeyBook` counts at once. While the store cannot be read, the last known
records hold: nothing can be written then either.
"""

import contextlib
import hmac
import os
import secrets
import threading
import time
from pathlib import Path
from typing import Protocol

import msgspec
import structlog

from engine.core import limits
from engine.core.errors import ConfigError
from engine.log.store import Keys

log = structlog.get_logger("keys")

SCOPES = ("read", "sell", "stock", "plan", "admin")
TABLE = Keys().keys
BY_DIBS = "dibs"  # who makes the first keys, and what the command line does
_PREFIX = "dibs_"
_ID_HEX, _SECRET_HEX = 12, 64
_TOKEN_CHARS = len(_PREFIX) + _ID_HEX + 1 + _SECRET_HEX


class KeyStore(Protocol):
    """Where records are kept: named hashes of bytes."""

    def hash_all(self, name: str) -> dict[str, bytes]:
        """Return all fields of a hash, empty if there is none."""

    def hash_put(self, name: str, field: str, value: bytes) -> None:
        """Set one field; durable when this returns."""

    def hash_delete(self, name: str, field: str) -> None:
        """Remove one field."""

    def change(self, name: str, field: str, value: bytes | None, done: bytes) -> None:
        """Set one field, or remove it (None), and record `done`, in one step."""

    def done(self, before: str, count: int) -> list[tuple[str, bytes]]:
        """Return what was recorded before a position ("": the newest), newest first."""


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One key as stored. Stamps are UTC microseconds; `revoked_us` is 0 while it is good."""

    id: str
    label: str
    scopes: tuple[str, ...]
    created_us: int
    digest: bytes
    revoked_us: int = 0

    @property
    def grants(self) -> frozenset[str]:
        """Every scope that this key opens: `admin` implies all."""
        return frozenset(SCOPES if "admin" in self.scopes else self.scopes)


class Done(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing done to a key, a user or a session: when (UTC microseconds), by whom, to which,
    and what was before and after. Never a secret."""

    at_us: int
    by: str
    what: str
    of: str
    before: dict[str, str] = {}
    after: dict[str, str] = {}


class _Known(msgspec.Struct, frozen=True):
    key: Key
    grants: frozenset[str]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Key).decode


class KeyBook:
    """All keys: create, list, revoke, verify. `start` begins the refreshing, `stop` ends it.

    `verify` may be called from any thread and never waits; the others talk to the store and
    raise what it raises.
    """

    def __init__(
        self, store: KeyStore, secret: bytes, *, refresh_s: float = limits.KEY_REFRESH_S
    ) -> None:
        if len(secret) < 32:
            raise ConfigError("the server secret is shorter than 32 bytes; delete it and restart")
        self._store, self._secret, self._refresh_s = store, secret, refresh_s
        self._known: dict[str, _Known] = {}
        self.generation: object = object()  # another one whenever grants may have changed
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    # Life.

    def start(self) -> None:
        """Read all records now, then again every `refresh_s` seconds in a thread."""
        self.refresh()
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="keys", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the refreshing and wait for its thread."""
        self._stop.set()
        if self._thread:
            self._thread.join()
            self._thread = None

    def refresh(self) -> None:
        """Read all records from the store. A damaged record opens nothing and is reported."""
        with self._lock:
            known = {}
            for field, data in self._store.hash_all(TABLE).items():
                try:
                    key = _decode(data)
                except msgspec.DecodeError as error:
                    log.error("key record is damaged", id=field, error=str(error))
                    continue
                known[key.id] = _Known(key, key.grants)
            self._known, self.generation = known, object()

    def _run(self) -> None:
        while not self._stop.wait(self._refresh_s):
            try:
                self.refresh()
            except Exception as error:  # the store is away: the last known records hold
                log.warning("keys not refreshed", error=type(error).__name__)

    # Use.

    def grants(self, token: str) -> tuple[str, frozenset[str]] | None:
        """Return (key id, scopes it opens) for a good token, else None. About a microsecond."""
        known = self._match(token)
        return (known.key.id, known.grants) if known else None

    def verify(self, token: str) -> Key | None:
        """Return the key of a good token, or None if it is malformed, wrong or revoked."""
        known = self._match(token)
        return known.key if known else None

    def label(self, key_id: str) -> str | None:
        """Return the label of a key, of one that was revoked too; None if there is none."""
        known = self._known.get(key_id)
        return known.key.label if known else None

    def labelled(self, label: str) -> list[str]:
        """Return the ids of the keys that have this label, of those that were revoked too."""
        return [known.key.id for known in self._known.values() if known.key.label == label]

    def _match(self, token: str) -> _Known | None:
        if len(token) != _TOKEN_CHARS or not token.isascii():
            return None
        known = self._known.get(token[len(_PREFIX) : len(_PREFIX) + _ID_HEX])
        if known is None or known.key.revoked_us:
            return None
        return known if hmac.compare_digest(known.key.digest, self._digest(token)) else None

    def _digest(self, token: str) -> bytes:
        return hmac.digest(self._secret, token.encode(), "sha256")

    # Care.

    def create(
        self, label: str, scopes: list[str] | tuple[str, ...], by: str = BY_DIBS
    ) -> tuple[Key, str]:
        """Make a key; returns it and its token, which cannot be shown again. `by` is whose doing
        it is, for the record.

        `ValueError` if a scope is unknown, none is given, or `limits.KEYS_MAX` keys are good.
        """
        unknown = sorted(set(scopes) - set(SCOPES))
        if unknown or not scopes:
            raise ValueError(f"scopes are {', '.join(SCOPES)}; got {', '.join(unknown) or 'none'}")
        if len(label) > limits.REASON_CHARS_MAX:
            raise ValueError(f"a label has at most {limits.REASON_CHARS_MAX} characters")
        self.refresh()
        self._make_room()
        token = f"{_PREFIX}{secrets.token_hex(_ID_HEX // 2)}_{secrets.token_hex(_SECRET_HEX // 2)}"
        key = Key(
            id=token[len(_PREFIX) : len(_PREFIX) + _ID_HEX],
            label=label,
            scopes=tuple(s for s in SCOPES if s in scopes),
            created_us=time.time_ns() // 1000,
            digest=self._digest(token),
        )
        self._put(key, by, "key.create", {"label": label, "scopes": " ".join(key.scopes)})
        return key, token

    def _make_room(self) -> None:
        """When the table is full, forget the key that was revoked first."""
        if len(self._known) < limits.KEYS_MAX:
            return
        revoked = [k.key for k in self._known.values() if k.key.revoked_us]
        if not revoked:
            raise ValueError(f"there are {limits.KEYS_MAX} keys already; revoke one")
        gone = min(revoked, key=lambda key: key.revoked_us)
        self._store.hash_delete(TABLE, gone.id)

    def list(self) -> list[Key]:
        """Return all keys, oldest first, revoked ones too."""
        self.refresh()
        return sorted((k.key for k in self._known.values()), key=lambda k: (k.created_us, k.id))

    def revoke(self, key_id: str, by: str = BY_DIBS) -> Key:
        """End a key for good; `KeyError` if there is none of this id. Revoking twice is fine."""
        self.refresh()
        key = self._known[key_id].key
        if not key.revoked_us:
            key = msgspec.structs.replace(key, revoked_us=time.time_ns() // 1000)
            self._put(key, by, "key.revoke", {"label": key.label})
        return key

    def _put(self, key: Key, by: str, what: str, after: dict[str, str]) -> None:
        done = Done(at_us=time.time_ns() // 1000, by=by, what=what, of=key.id, after=after)
        with self._lock:
            self._store.change(TABLE, key.id, _encode(key), _encode(done))
            self._known = self._known | {key.id: _Known(key, key.grants)}
            self.generation = object()


def load_secret(path: Path) -> bytes:
    """Return the server secret in `path`, made on first use (256 random bits, mode 0600).

    `ConfigError` if others may read it, or it is too short.
    """
    if not path.exists():
        fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
        write_private(fresh, secrets.token_hex(32))
        with contextlib.suppress(FileExistsError):  # another process was first: its secret holds
            os.link(fresh, path)
        fresh.unlink()
    if path.stat().st_mode & 0o077:
        raise ConfigError(f"{path} can be read by others: chmod 600 it, or delete it and all keys")
    secret = path.read_bytes().strip()
    if len(secret) < 32:
        raise ConfigError(f"{path} is damaged: restore it, or delete it and make new keys")
    return secret


def first_admin_key(book: KeyBook, path: Path) -> str:
    """Return the token in `path` if it is a good admin key, else make one and write it there.

    It is meant for the first steps: make keys with fewer scopes for everything else, then revoke
    it and delete the file.
    """
    return kept_key(book, path, "first admin key", "admin")


def kept_key(book: KeyBook, path: Path, label: str, *scopes: str) -> str:
    """Return the token in `path` if it is a good key with `scopes`, else make one and write it
    there. The file has mode 0600 and is replaced whole."""
    try:
        token = path.read_text().strip()
    except FileNotFoundError:
        token = ""
    key = book.verify(token)
    if key and set(scopes) <= set(key.scopes):
        return token
    _, token = book.create(label, scopes)
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    write_private(fresh, token + "\n")
    fresh.replace(path)
    return token


def write_private(path: Path, text: str) -> None:
    """Write a file that is not there yet, for this user only (mode 0600), durably."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
