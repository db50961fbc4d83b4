"""`dibs serve --fronts 2`, real processes: no unit is sold twice whichever front takes the order
(P1), nothing acknowledged is lost when a front or the writer is killed, or all stop (P3), and no
process stays behind.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.cli import EXIT_USAGE
from tests.contract.site import Line
from tests.processes import Dibs

pytest.importorskip("ext.fastlane")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux spreads connections")
PATIENCE_S = 30.0
UNITS = 10_000
BUYERS = 24


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Dibs]:
    """A running shop with two fronts."""
    with Dibs(tmp_path, options=("--fronts", "2")) as dibs:
        wait_for(lambda: events(dibs, "fronts listen"))
        yield dibs


def ask(dibs: Dibs, method: str, path: str, body: dict | None = None, key: str = "") -> dict:
    """One call that must succeed, on a connection of its own."""
    headers = {"Authorization": f"Bearer {key or dibs.key}", "Content-Type": "application/json"}
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(dibs.url + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        return json.load(answer)


def stock_up(dibs: Dibs, units: int = UNITS) -> None:
    """Put units of one SKU on the shelf."""
    place = {"name": "Berlin", "kind": "warehouse", "country": "DE"}
    ask(dibs, "PUT", "/v1/locations/berlin", place)
    ask(dibs, "PUT", "/v1/skus/MUG", {"title": "Mug"})
    lines = [{"sku": "MUG", "quantity": units}]
    receipt = {"receipt_id": "opening", "location": "berlin", "lines": lines}
    ask(dibs, "POST", "/v1/stock/receipts", receipt)


def events(dibs: Dibs, name: str) -> list[dict]:
    """What the log of `serve` says under a name, in order."""
    rows = [json.loads(row) for row in dibs.log("serve").splitlines() if row.startswith("{")]
    return [row for row in rows if row["event"] == name]


def fronts(dibs: Dibs) -> list[int]:
    """Process ids of all fronts so far, in the order in which they began to listen."""
    return [row["process"] for row in events(dibs, "a front listens")]


def runs(pid: int) -> bool:
    """Whether a process is there and not only waits to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(what: Callable[[], object]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.02)


class Buyers:
    """Connections that place orders of one unit, one after the other, until told to end or refused.
    After the loss of a connection, or an unknown outcome, the order is sent again on a new one."""

    def __init__(self, dibs: Dibs) -> None:
        self.dibs, self.key = dibs, dibs.key
        self.bought: set[str] = set()
        self.codes: Counter[str] = Counter()
        self.losses: Counter[int] = Counter()
        self.over = False  # end at the next loss or trouble

    def order(self, order_id: str) -> bytes:
        lines = [{"sku": "MUG", "quantity": 1}]
        body = json.dumps({"order_id": order_id, "channel": "web", "lines": lines}).encode()
        return (
            b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
        ) % (self.key.encode(), len(body), body)

    async def buy(self, number: int, most: int) -> None:
        """Be one buyer."""
        done, line = 0, None
        while done < most:
            try:
                if line is None:
                    line = Line(*await asyncio.open_connection("127.0.0.1", self.dibs.port))
                await line.send(self.order(f"{number}-{done}"))
                status, _, body = await line.answer()
            except (OSError, asyncio.IncompleteReadError):
                self.losses[number] += 1
                line = None
                if self.over:
                    return
                await asyncio.sleep(0.05)
                continue
            if status == 503:
                self.codes[json.loads(body)["code"]] += 1
                if self.over:
                    return
                continue
            self.codes[str(status)] += 1
            if status == 201:
                self.bought.add(f"{number}-{done}")
            done += 1
        if line is not None:
            line.writer.close()

    async def run(self, most: int, *, meanwhile: Callable[[], object] | None = None) -> None:
        """Be all of them, `most` orders each; do something else when they are busy."""
        tasks = [asyncio.create_task(self.buy(n, most)) for n in range(BUYERS)]
        if meanwhile:
            while len(self.bought) < 5 * BUYERS:
                await asyncio.sleep(0.005)
            await asyncio.to_thread(meanwhile)
        await asyncio.gather(*tasks)

    def check(self) -> None:
        """What was acknowledged is there, once, and nothing was sold that was not."""
        for name in self.bought:
            assert ask(self.dibs, "GET", f"/v1/orders/web/{name}")["status"] == "allocated"
        stock = ask(self.dibs, "GET", "/v1/stock/MUG")
        assert stock["available"] == UNITS - stock["allocated"] >= 0


def test_the_last_units_are_sold_once_through_two_fronts(shop: Dibs) -> None:
    stock_up(shop, 200)
    buyers = Buyers(shop)
    asyncio.run(buyers.run(10))
    assert buyers.codes == {"201": 200, "409": 10 * BUYERS - 200}
    stock = ask(shop, "GET", "/v1/stock/MUG")
    assert (stock["allocated"], stock["available"]) == (200, 0)
    (line,) = events(shop, "fronts listen")
    assert (line["fronts"], line["lane"]) == (2, "fast") and "httptools" in line["parser"]


def test_the_metrics_show_what_fronts_have_answered_and_refused(shop: Dibs) -> None:
    stock_up(shop, 50)
    asyncio.run(Buyers(shop).run(5))
    with socket.create_connection(("127.0.0.1", shop.port)) as line:
        line.sendall(b"no HTTP at all\r\n\r\n")
        assert line.recv(100).startswith(b"HTTP/1.1 400 ")
    orders = 'dibs_http_requests_total{endpoint="place_order",status="%d"}'
    wait_for(lambda: _counted(shop, orders % 201) == 50)
    wait_for(lambda: _counted(shop, orders % 409) == 5 * BUYERS - 50)
    wait_for(lambda: _counted(shop, 'dibs_http_refusals_total{code="malformed_http"}') == 1)
    assert _counted(shop, 'dibs_http_requests_total{endpoint="receipt",status="201"}') == 1


def _counted(dibs: Dibs, row: str) -> float:
    request = urllib.request.Request(
        f"{dibs.url}/metrics", headers={"Authorization": f"Bearer {dibs.key}"}
    )
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        rows = answer.read().decode().splitlines()
    return sum(float(one.rpartition(" ")[2]) for one in rows if one.startswith(row))


def test_a_killed_front_takes_only_its_own_connections_and_comes_back(shop: Dibs) -> None:
    stock_up(shop)
    buyers, before = Buyers(shop), fronts(shop)
    assert len(before) == 2
    asyncio.run(buyers.run(60, meanwhile=lambda: os.kill(before[0], signal.SIGKILL)))
    assert 0 < len(buyers.losses) < BUYERS
    assert len(buyers.bought) == 60 * BUYERS
    wait_for(lambda: len(fronts(shop)) == 3)
    (death,) = events(shop, "a front has died")
    assert death["exit_code"] == -signal.SIGKILL
    assert runs(before[1]) and runs(fronts(shop)[2])
    buyers.check()
    assert ask(shop, "GET", "/v1/stock/MUG")["allocated"] == 60 * BUYERS


def test_fronts_end_with_a_killed_writer_and_nothing_is_lost(shop: Dibs) -> None:
    stock_up(shop)
    buyers = Buyers(shop)

    def kill() -> None:
        buyers.over = True
        shop.serve.kill()

    asyncio.run(buyers.run(100_000, meanwhile=kill))
    for pid in fronts(shop):
        wait_for(lambda pid=pid: not runs(pid))
    shop.serve.wait()
    shop.start()
    buyers.check()


def test_a_polite_end_under_load_keeps_what_was_acknowledged(shop: Dibs) -> None:
    stock_up(shop)
    buyers = Buyers(shop)

    def end() -> None:
        buyers.over = True
        shop.serve.send_signal(signal.SIGTERM)

    asyncio.run(buyers.run(100_000, meanwhile=end))
    assert buyers.codes.keys() == {"201"}, "a request was taken and then not answered"
    assert shop.serve.wait(PATIENCE_S) == 0
    assert not any(runs(pid) for pid in fronts(shop))
    assert not list(shop.folder.glob("*.sock"))
    shop.start()
    buyers.check()
    assert ask(shop, "GET", "/v1/stock/MUG")["allocated"] == len(buyers.bought)


def test_the_front_finds_a_writer_that_recovers(shop: Dibs) -> None:
    stock_up(shop)
    buyers = Buyers(shop)
    server = int((shop.folder / "server" / "server.pid").read_text())
    asyncio.run(buyers.run(60, meanwhile=lambda: os.kill(server, signal.SIGKILL)))
    assert buyers.codes["201"] == 60 * BUYERS
    assert buyers.codes["unavailable"] + buyers.codes["outcome_unknown"] > 0
    buyers.check()
    assert ask(shop, "GET", "/v1/stock/MUG")["allocated"] == 60 * BUYERS


def test_a_revoked_key_is_refused_by_every_front(shop: Dibs) -> None:
    stock_up(shop)

    async def seen(key: str) -> set[str]:
        buyers = Buyers(shop)
        buyers.key = key
        await buyers.run(1)
        return set(buyers.codes)

    made = _keys(shop, "create", "till", "--scope", "sell")
    token = next(word for word in made.split() if word.startswith("dibs_"))
    wait_for(lambda: asyncio.run(seen(token)) == {"201"})
    _keys(shop, "revoke", token.split("_")[1])
    wait_for(lambda: asyncio.run(seen(token)) == {"401"})


def _keys(dibs: Dibs, *words: str) -> str:
    command = [sys.executable, "-m", "engine.cli", "keys", *words, "--data", str(dibs.folder)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [(("--fronts", "65"), "use 0 to 64"), (("--port", "PORT"), "cannot listen on 127.0.0.1 port")],
)
def test_what_cannot_be_is_said_in_one_line(shop: Dibs, tmp_path: Path, options, words) -> None:
    folder = tmp_path / "other"
    options = [str(shop.port) if word == "PORT" else word for word in options]
    command = [sys.executable, "-m", "engine.cli", "serve", "--data", str(folder), "--fronts", "1"]
    found = subprocess.run([*command, *options], capture_output=True, text=True, timeout=60)
    assert found.returncode == EXIT_USAGE
    assert words in found.stderr.splitlines()[-1]
