"""API keys: what is stored gives nothing away, and a revoked key ends in a stated time."""

import hashlib
import hmac
import os
import stat
import threading
from pathlib import Path

import pytest

from engine.core import limits
from engine.core.errors import ConfigError
from engine.service.keys import TABLE, KeyBook, first_admin_key, load_secret
from tests.contract.world import DictStore

SECRET = b"0123456789abcdef" * 2


def book(store: DictStore | None = None, **more) -> KeyBook:
    return KeyBook(store or DictStore(), SECRET, **more)


def test_a_token_is_found_again_and_its_twins_are_not() -> None:
    keys = book()
    key, token = keys.create("till", ["sell", "read"])
    assert token.startswith(f"dibs_{key.id}_") and len(token.rsplit("_", 1)[1]) == 64
    assert keys.verify(token) == key
    assert keys.grants(token) == (key.id, frozenset({"read", "sell"}))
    for index in range(len(token)):
        twin = token[:index] + ("0" if token[index] != "0" else "1") + token[index + 1 :]
        assert keys.verify(twin) is None
    for wrong in ("", token[:-1], token + "0", token.upper(), "ä" * len(token), "\x00" * 82):
        assert keys.verify(wrong) is None


def test_the_store_holds_an_hmac_and_never_the_secret() -> None:
    store = DictStore()
    _, token = book(store).create("till", ["read"])
    (record,) = store.hash_all(TABLE).values()
    assert token.rsplit("_", 1)[1].encode() not in record
    digest = hmac.new(SECRET, token.encode(), hashlib.sha256).digest()
    assert KeyBook(store, SECRET).list()[0].digest == digest
    other = KeyBook(store, b"x" * 32)
    other.refresh()
    assert other.verify(token) is None, "without the server's secret a copy of the store is useless"


def test_admin_implies_all_and_unknown_scopes_are_refused() -> None:
    keys = book()
    _, token = keys.create("root", ["admin"])
    assert keys.grants(token)[1] == {"read", "sell", "stock", "plan", "admin"}
    for scopes in ([], ["root"], ["read", ""]):
        with pytest.raises(ValueError, match="scopes are"):
            keys.create("x", scopes)
    assert len(keys.list()) == 1


def test_revoking_counts_at_once_here_and_after_a_refresh_elsewhere() -> None:
    store = DictStore()
    here, elsewhere = book(store), book(store, refresh_s=0.01)
    key, token = here.create("till", ["sell"])
    elsewhere.start()
    try:
        assert elsewhere.verify(token)
        gone = here.revoke(key.id)
        assert gone.revoked_us >= key.created_us and here.verify(token) is None
        refreshed = threading.Event()
        read = store.hash_all
        store.hash_all = lambda name: (read(name), refreshed.set())[0]
        assert refreshed.wait(10), "the thread reads again"
        refreshed.clear()
        assert refreshed.wait(10), "and by its next reading has taken the last one in"
        assert elsewhere.verify(token) is None
    finally:
        elsewhere.stop()
    assert here.revoke(key.id) == gone, "revoking twice keeps the first stamp"
    with pytest.raises(KeyError):
        here.revoke("none")


def test_the_last_known_keys_hold_while_the_store_is_away() -> None:
    store = DictStore()
    keys = book(store, refresh_s=0.01)
    _, token = keys.create("till", ["sell"])
    tried = threading.Semaphore(0)

    def away(name: str) -> dict:
        tried.release()
        raise OSError("away")

    store.hash_all = away
    with pytest.raises(OSError):
        keys.start()
    del store.hash_all
    keys.start()
    store.hash_all = away
    try:
        for _ in range(2):
            assert tried.acquire(timeout=10)
        assert keys.verify(token)
    finally:
        keys.stop()


def test_a_full_table_forgets_what_was_revoked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "KEYS_MAX", 3)
    keys = book()
    made = [keys.create(str(n), ["read"])[0] for n in range(3)]
    with pytest.raises(ValueError, match="revoke one"):
        keys.create("one too many", ["read"])
    for index in (1, 0):
        keys.revoke(made[index].id)
    fresh, token = keys.create("fits", ["read"])
    assert {key.id for key in keys.list()} == {made[0].id, made[2].id, fresh.id}
    assert keys.verify(token)


def test_a_damaged_record_opens_nothing_and_hides_no_other() -> None:
    store = DictStore()
    keys = book(store)
    _, token = keys.create("good", ["read"])
    store.hash_put(TABLE, "bad", b"{}")
    keys.refresh()
    assert keys.verify(token) and len(keys.list()) == 1


def test_the_secret_is_private_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    secret = load_secret(path)
    assert len(secret) == 64 and load_secret(path) == secret
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["secret"]
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_secret(path)
    path.chmod(0o600)
    path.write_text("short")
    with pytest.raises(ConfigError, match="damaged"):
        load_secret(path)
    with pytest.raises(ConfigError):
        KeyBook(DictStore(), b"short")


def test_first_admin_key_is_kept_while_it_is_good(tmp_path: Path) -> None:
    keys, path = book(), tmp_path / "admin.key"
    token = first_admin_key(keys, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == token + "\n" and "admin" in keys.verify(token).scopes
    assert first_admin_key(keys, path) == token and len(keys.list()) == 1
    keys.revoke(keys.list()[0].id)
    fresh = first_admin_key(keys, path)
    assert fresh != token and keys.verify(fresh) and path.read_text().strip() == fresh
