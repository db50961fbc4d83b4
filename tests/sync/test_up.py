"""`dibs up` runs the channels, too: what is connected while it runs works at once, and a port that
somebody else has is named."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.processes import free_port

WAIT_S = 60.0


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "engine.cli", *words]


def until(read: Callable[[], Any], what: str) -> Any:
    """Wait until something is read that is true; return it."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        try:
            if found := read():
                return found
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"never: {what}")


class Up:
    """`dibs up` in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.hooks = folder, free_port(), free_port()
        ports = ("--port", str(self.port), "--hooks-port", str(self.hooks))
        words = command("up", "--data", str(folder), *ports)
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, start_new_session=True)

    def get(self, url: str) -> bytes:
        """Ask with the key that may read."""
        key = (self.folder / "page.key").read_text().strip()
        asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})
        with urllib.request.urlopen(asked, timeout=5) as answer:
            return answer.read()

    def health(self) -> str:
        """Return the health of the only account; "" while there is none."""
        found = json.loads(self.get(f"http://127.0.0.1:{self.port}/v1/connections"))
        rows = found["connections"]
        return rows[0]["health"] if rows else ""


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    found = Up(tmp_path)
    yield found
    found.process.send_signal(signal.SIGTERM)
    try:
        found.process.wait(30)
    finally:
        if found.process.poll() is None:
            os.killpg(found.process.pid, signal.SIGKILL)


def test_what_is_connected_while_it_runs_works_at_once(up: Up) -> None:
    address = f"http://127.0.0.1:{up.hooks}"
    until(lambda: up.get(f"{address}/healthz") == b"ok", "pushes are heard")
    until(lambda: up.health() == "", "dibs answers")
    secrets = [f"--secret={name}=s3cr3t" for name in ("key", "secret", "hook_secret", "hook_path")]
    words = ("channels", "connect", "woocommerce", "shop", "--url", "http://127.0.0.1:9", *secrets)
    subprocess.run(command(*words, "--data", str(up.folder)), check=True, capture_output=True)
    # There is no shop at that address: what counts is that somebody works for it.
    until(lambda: up.health() not in ("", "stopped"), "somebody works for it")
    rows = up.get(f"{address}/metrics").decode()
    assert 'dibs_connection_listings{account="shop"} 0.0' in rows
    assert "s3cr3t" not in (up.folder / "logs" / "channels.log").read_text()


@pytest.mark.parametrize("option", ["--port", "--hooks-port"])
def test_a_port_that_somebody_has_is_named(option: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ports = {"--port": free_port(), "--hooks-port": free_port(), option: port}
        words = [str(word) for pair in ports.items() for word in pair]
        asked = command("up", "--data", str(tmp_path), *words)
        done = subprocess.run(asked, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2, done.stdout[-2_000:]
    assert f"port {port}" in done.stdout and option in done.stdout
