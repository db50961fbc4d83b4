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

COMMANDS = ("up", "serve", "work", "verify", "snapshot", "replay", "keys", "scarcity")


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
