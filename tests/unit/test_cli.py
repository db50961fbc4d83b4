"""The command line as a person uses it: help, keys, errors in one line with an exit code."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.log.embedded import EmbeddedServer
from tests.processes import Dibs

COMMANDS = ("up", "serve", "work", "verify", "snapshot", "replay", "keys", "scarcity", "user")


def dibs(*arguments: str, code: int = 0) -> subprocess.CompletedProcess:
    """Run a command and expect its exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "engine.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={"COLUMNS": "120", "PATH": "/usr/bin:/bin", "NO_COLOR": "1"},
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def test_help_names_every_command_and_what_it_does() -> None:
    text = dibs("--help").stdout
    for name in COMMANDS:
        assert re.search(rf"│ {name} +\w", text), name


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help(name: str) -> None:
    assert "Usage:" in dibs(name, "--help").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("serve", "--port", "70000"), "port 70000"),
        (("serve", "--host", "nowhere"), "not an IP address"),
        (("serve", "--redis", "http://x"), "redis://"),
        (("work", "--ledger", "quick"), "auto, fast, slow"),
        (("replay", "no-such-file.csv", "--key", "k"), "no-such-file.csv"),
        (("replay", "x.csv", "--key", "k", "--speed", "fast"), "--speed"),
        (("replay", "x.csv"), "admin.key"),
        (("keys", "create", "me", "--scope", "everything"), "everything"),
        (("keys", "revoke", "nobody"), "nobody"),
        (("user", "add", "Ada Lovelace"), "small letters"),
        (("user", "add", "ada", "--role", "queen"), "viewer, operator, planner, admin"),
        (("user", "role", "nobody", "admin"), "no such user"),
        (("user", "reset", "nobody"), "no such user"),
        (("user", "remove", "nobody"), "no such user"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    arguments: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    done = dibs(*arguments, "--data", str(tmp_path / "data"), code=2)
    said = " ".join((done.stdout + done.stderr).split())
    assert words in said and "Traceback" not in said


def test_keys_are_created_listed_and_revoked(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data"))
    token = dibs("keys", "create", "till 4", "--scope", "sell", "--scope", "read", *data)
    assert re.fullmatch(r"dibs_[0-9a-f]{12}_[0-9a-f]{64}\n", token.stdout)
    key_id = token.stdout.split("_")[1]
    listed = dibs("keys", "list", *data).stdout
    assert key_id in listed and "till 4" in listed and "active" in listed
    assert token.stdout.split("_")[2].strip() not in listed
    dibs("keys", "revoke", key_id, *data)
    assert "revoked" in dibs("keys", "list", *data).stdout


def test_users_are_added_listed_changed_and_removed(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data"))
    passwords = [dibs("user", "add", "ada", "--role", "admin", *data).stdout]
    passwords.append(dibs("user", "reset", "ada", *data).stdout)
    assert len(set(passwords)) == 2
    assert all(re.fullmatch(r"([a-z2-9]{5}-){3}[a-z2-9]{5}\n", each) for each in passwords)
    assert "there is a user" in dibs("user", "add", "ada", *data, code=2).stderr
    assert "last admin" in dibs("user", "remove", "ada", *data, code=2).stderr
    dibs("user", "add", "bob", "--role", "admin", *data)
    dibs("user", "role", "ada", "viewer", *data)
    listed = dibs("user", "list", *data).stdout
    assert re.search(r"ada +│ viewer", listed) and re.search(r"bob +│ admin", listed)
    dibs("user", "remove", "ada", *data)
    assert "ada" not in dibs("user", "list", *data).stdout


@pytest.mark.parametrize("terminal", [True, False])
def test_a_traceback_in_the_log_tells_no_values(terminal: bool, monkeypatch, capsys) -> None:
    import structlog

    from engine import cli

    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    cli._log_to_stderr()
    try:
        password = "nine green " + "bottles"
        try:
            raise RuntimeError("told")
        except RuntimeError:
            structlog.get_logger("test").exception("failed")
        said = capsys.readouterr().err
        assert "told" in said and password not in said
    finally:
        structlog.reset_defaults()


def test_verify_of_an_empty_log_is_clean(tmp_path: Path) -> None:
    assert "clean" in dibs("verify", "--data", str(tmp_path / "data")).stdout


def test_a_preflight_without_compiler_names_the_package(tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "scripts" / "preflight.py"
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        env={"PATH": str(tmp_path), "CC": "no-such-compiler"},
    )
    assert done.returncode == 1
    assert "build-essential" in done.stderr and "Traceback" not in done.stderr


def test_a_server_left_behind_by_a_kill_is_taken_over_and_stopped(tmp_path: Path) -> None:
    with Dibs(tmp_path) as first:
        os.kill(first.serve.pid, signal.SIGKILL)
        first.serve.wait()
    left = EmbeddedServer(tmp_path / "server")
    assert left.alive()
    with Dibs(tmp_path):
        assert left.alive()
    assert not left.alive()
