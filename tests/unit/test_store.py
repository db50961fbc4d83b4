"""The store and the writer on the real bundled server: what is read, stored, refused (P3, P6)."""

import asyncio
import os
import signal
import socket

import pytest
import redis

from engine.core.errors import (
    AppendError,
    ConfigError,
    FencedError,
    LogError,
)
from engine.log.frame import Link
from engine.log.reader import open_epoch, read_entries, read_frames
from engine.log.store import Appender, AsyncStock, Keys, Store
from engine.log.writer import Writer
from tests.unit.logkit import SAFE, batch, grown, plain_server, running

MIB = 1 << 20


@pytest.fixture
def worker(server):
    opened = Store(server.url("worker"))
    yield opened
    opened.close()


def test_names_carry_the_partition_as_a_hash_tag() -> None:
    keys = Keys(3)
    assert (keys.log, keys.stock) == ("dibs:{p3}:log", "dibs:{p3}:stock")
    assert (keys.cursors, keys.keys) == ("dibs:{p3}:cursors", "dibs:{p3}:keys")


# Settings.


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("appendonly", "no"),
        ("appendfsync", "everysec"),
        ("appendfsync", "no"),
        ("no_appendfsync_on_rewrite", "yes"),
        ("maxmemory_policy", "allkeys-lru"),
        ("maxmemory_policy", "volatile-ttl"),
    ],
)
def test_an_unsafe_setting_is_refused_by_name(name: str, value: str, tmp_path) -> None:
    with (
        plain_server(tmp_path / "s", **SAFE | {name: value}) as store,
        pytest.raises(ConfigError) as error,
    ):
        store.check_settings()
    shown = name.replace("_", "-")
    assert f"{shown} is {value!r} and must be" in str(error.value)
    assert f"CONFIG SET {shown}" in str(error.value)
    assert str(error.value).count("must be") == 1


def test_all_unsafe_settings_are_named_at_once(tmp_path) -> None:
    with plain_server(tmp_path / "s") as store, pytest.raises(ConfigError) as error:
        store.check_settings()
    assert "appendonly" in str(error.value) and "appendfsync" in str(error.value)


def test_unwise_settings_are_warned_of(tmp_path) -> None:
    loose = SAFE | {"maxmemory": "0", "save": "60 1", "auto_aof_rewrite_percentage": "0"}
    with plain_server(tmp_path / "s", **loose, aof_load_truncated="no") as store:
        assert [w.split(" ")[0] for w in store.check_settings()] == [
            "aof-load-truncated", "maxmemory", "save",
        ]  # fmt: skip


def test_the_bundled_server_is_safe(store) -> None:
    assert store.check_settings() == []
    assert store.info()["maxmemory"] > 0
    assert store.info()["aof_last_write_status"] == "ok"


def test_a_server_that_is_not_there_is_a_log_error(tmp_path) -> None:
    store = Store(f"unix://{tmp_path}/none.sock")
    for call in (store.tail, store.check_settings, store.info, store.length):
        with pytest.raises(LogError):
            call()
    with pytest.raises(LogError):
        asyncio.run(Appender.connect(f"unix://{tmp_path}/none.sock"))


@pytest.mark.parametrize("url", ["http://x", "redis://", "unix://", "redis://h:port", "", "h:1"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        Store(url)


async def test_a_server_over_tcp_with_a_password(tmp_path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    extra = {"port": str(port), "bind": "127.0.0.1", "requirepass": "hush"}
    with plain_server(tmp_path / "s", password="hush", **SAFE | extra):
        url = f"redis://:hush@127.0.0.1:{port}"
        store = Store(url)
        assert store.check_settings() == []
        writer = await grown(url, store, 3)
        assert store.tail()[0] == f"1-{writer.link.seq}"
        with pytest.raises(LogError, match="WRONGPASS") as error:
            await Appender.connect(url.replace("hush", "wrong"))
        assert "wrong" not in str(error.value)


def test_a_password_is_never_shown() -> None:
    assert "hush" not in Store("redis://me:hush@example.org:7000/2").shown


# Reading and fencing.


async def test_entries_are_read_both_ways(server, store) -> None:
    writer = await grown(server.url("writer"), store, 5)
    ids = ["1-0", "1-1", "1-2", "1-3", "1-4", "1-5"]
    assert [name for name, _ in store.read("0-0", 100)] == ids
    assert [name for name, _ in store.read("1-2", 2)] == ["1-3", "1-4"]
    assert [name for name, _ in store.read_back(None, 3)] == ids[:-4:-1]
    assert [name for name, _ in store.read_back("1-2", 9)] == ["1-1", "1-0"]
    assert store.tail()[0] == store.last_id() == "1-5"
    assert store.length() == 6
    found = list(read_frames(store, Link()))
    assert found[-1].digest == writer.link.digest
    assert [one.first_seq for one in read_entries(store, Link(), 100)] == [1, 2, 3, 4, 5]
    assert [one.last_seq for one in read_frames(store, Link(), until=3)] == [1, 2, 3]


async def test_a_follower_waits_over_fences_and_gets_what_comes(server, store) -> None:
    writer = await grown(server.url("writer"), store, 1)
    link = writer.link
    assert open_epoch(store, "other") == 2
    reading = asyncio.create_task(asyncio.to_thread(read_entries, store, link, 10, 5_000))
    await asyncio.sleep(0.1)
    assert not reading.done(), "a fence alone is nothing to a follower"
    writer = await grown(server.url("writer"), Store(server.url("writer")), 1)
    assert [found.last_seq for found in await reading] == [2]


@pytest.mark.parametrize("entry_id", ["5-9", "4-10", "5-0", "1-1"])
def test_an_id_that_is_not_higher_is_refused(store, entry_id: str) -> None:
    store.append("5-9", b"x")
    with pytest.raises(FencedError):
        store.append(entry_id, b"y")
    assert store.length() == 1


def test_a_fence_survives_trimming_and_restart(server, store, worker) -> None:
    store.fence(7, "w")
    store.append("7-1", b"x")
    worker.trim("7-2")
    assert (store.length(), store.tail(), store.last_id()) == (0, None, "7-1")
    os.kill(server.pid, signal.SIGKILL)
    server.start()
    for epoch in (1, 6, 7):
        with pytest.raises(FencedError):
            store.fence(epoch, "late")
    assert open_epoch(store, "next") == 8


def test_writers_that_start_at_once_get_epochs_of_their_own(server) -> None:
    """F9: 20 at once, none shares a number."""

    async def start() -> list[int]:
        stores = [Store(server.url("writer")) for _ in range(20)]
        return await asyncio.gather(*(asyncio.to_thread(open_epoch, s, "w") for s in stores))

    assert sorted(asyncio.run(start())) == list(range(1, 21))


async def test_a_stale_writer_is_refused_fifty_times(server, store) -> None:
    """F9, P6: a new writer fences; whatever the old one sends then is stored nowhere."""
    refused = 0
    old = await grown(server.url("writer"), store, 1)
    for _ in range(50):
        new = await grown(server.url("writer"), store, 1)
        before = store.length()
        with pytest.raises(FencedError):
            await old.append(batch(old.link))
        refused += 1
        assert old.closed and not old.doubts
        assert store.length() == before
        old = new
    frames = list(read_frames(store, Link()))
    assert [found.first_seq for found in frames] == list(range(1, 52))
    assert refused == 50


async def test_the_other_order_would_miss_what_the_zombie_adds(server, store) -> None:
    """The control for the order of recovery: reading before the fence is not the whole truth."""
    zombie = await grown(server.url("writer"), store, 1)
    read_too_early = list(read_frames(store, Link()))
    await zombie.append(batch(zombie.link))
    open_epoch(store, "new")
    assert len(list(read_frames(store, Link()))) == len(read_too_early) + 1


def test_a_user_that_may_run_no_script_is_named(tmp_path) -> None:
    """Without scripts frames could not say which one has to stand before them."""
    with plain_server(tmp_path / "server") as store:
        store.check_scripts()
        admin = redis.Redis(unix_socket_path=str(tmp_path / "server" / "s.sock"))
        admin.execute_command("ACL", "SETUSER", "default", "-eval")
        admin.close()
        with pytest.raises(ConfigError, match="EVAL"):
            store.check_scripts()


# Refusals.


async def test_out_of_memory_is_refused_read_and_recovered_from(tmp_path) -> None:
    """F4: appends are refused with nothing stored; reads and trims live; then it goes on."""
    with running(tmp_path / "server", memory_bytes=12 * MIB) as server:
        store, worker = Store(server.url("writer")), Store(server.url("worker"))
        writer = await grown(server.url("writer"), store, 0)
        with pytest.raises(AppendError, match="OOM"):
            while True:
                await writer.append(batch(writer.link, 500_000))
        assert writer.closed and not writer.doubts
        assert list(read_frames(store, Link()))[-1].digest == writer.link.digest
        assert worker.trim(f"{writer.epoch}-{writer.link.seq}") > 0
        link = writer.link
        again = Writer(await Appender.connect(server.url("writer")), link, open_epoch(store, "w"))
        await again.append(batch(link, 500_000))
        assert [one.first_seq for one in read_frames(store, link)] == [link.seq + 1]


async def test_no_permission_is_a_refusal(server, store) -> None:
    appender = await Appender.connect(server.url("reader"))
    open_epoch(store, "w")
    writer = Writer(appender, Link(), 1)
    with pytest.raises(AppendError, match="NOPERM"):
        await writer.append(batch(Link()))
    assert store.length() == 1


# The stock stream and the hashes.


def rows(*ids: str) -> list:
    return [(name, {"sku": "A", "available": "1"}) for name in ids]


def test_stock_changes_are_stored_once(worker) -> None:
    assert worker.stock_ends() == (None, None)
    assert worker.stock_append(rows("1-0", "1-1", "4-0")) == 3
    assert worker.stock_append(rows("1-1", "4-0", "4-1")) == 1
    assert worker.stock_append(rows("1-1", "4-0")) == 0
    assert [name for name, _ in worker.stock_read("0-0", 10)] == ["1-0", "1-1", "4-0", "4-1"]
    assert worker.stock_read("4-0", 10) == rows("4-1")
    assert worker.stock_read("4-1", 10, block_ms=50) == []
    assert worker.stock_ends() == ("1-0", "4-1")


def test_stock_changes_are_stored_all_or_none(tmp_path) -> None:
    """A gap inside a batch could never be filled: ids only rise."""
    with running(tmp_path / "server", memory_bytes=4 * MIB) as server:
        worker, sent = Store(server.url("worker")), 0
        with pytest.raises(AppendError, match="OOM"):
            while True:
                sent += 1
                many = [(f"{sent}-{n}", {"sku": "x" * 20_000}) for n in range(3)]
                worker.stock_append(many)
        kept = [name for name, _ in worker.stock_read("0-0", 10_000)]
        assert kept == [f"{n}-{i}" for n in range(1, sent) for i in range(3)]


async def test_a_follower_of_the_stock_stream_is_woken(server, worker) -> None:
    stock = await AsyncStock.connect(server.url("reader"))
    assert await stock.ends() == (None, None)
    reading = asyncio.create_task(stock.read("0-0", 10, 5_000))
    await asyncio.sleep(0.05)
    worker.stock_append(rows("3-0"))
    assert await reading == rows("3-0")
    assert await stock.read("3-0", 10, 50) == []
    assert await stock.ends() == ("3-0", "3-0")
    os.kill(server.pid, signal.SIGKILL)
    with pytest.raises(LogError):
        await stock.read("3-0", 10, 5_000)
    await stock.close()


def test_hashes_hold_cursors_and_keys(worker) -> None:
    for name in (Keys().cursors, Keys().keys):
        assert worker.hash_all(name) == {}
        worker.hash_put(name, "a", b"\x00\xff")
        worker.hash_put(name, "b", "12")
        assert worker.hash_all(name) == {"a": b"\x00\xff", "b": b"12"}
        assert worker.hash_delete(name, "a") is True
        assert worker.hash_delete(name, "a") is False
        assert worker.hash_all(name) == {"b": b"12"}
