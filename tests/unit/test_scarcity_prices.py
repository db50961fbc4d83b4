"""Scarcity prices made from views: what is looked at, what is put, and that nothing else is."""

import json
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from engine.cli.scarcity import Worker, scene
from engine.config import Settings
from engine.insight.forecast import Problem, Times
from engine.insight.scarcity import prices
from tests.processes import Dibs, free_port

NEAR, FAR = 300, 900
POLICY = {
    "version": 1,
    "zones": [
        {"zone": "north", "country": "DE", "postcodes": ["1"]},
        {"zone": "south", "country": "DE", "postcodes": ["8"]},
    ],
    "lanes": [
        {"origin": origin, "zone": zone, "bands": [{"up_to_g": 5000, "base": base}]}
        for origin, zone, base in (
            ("berlin", "north", NEAR),
            ("berlin", "south", NEAR + 100),
            ("munich", "north", FAR),
            ("munich", "south", NEAR),
        )
    ],
    "locations": [
        {"location": "berlin", "origin": "berlin"},
        {"location": "munich", "origin": "munich"},
    ],
    "strategies": [{"strategy": "all", "kind": "balanced"}],
}


def ask(site: Dibs, method: str, path: str, body=None) -> dict:
    """Return what dibs answers."""
    request = urllib.request.Request(
        site.url + path,
        None if body is None else json.dumps(body).encode(),
        {"Authorization": f"Bearer {site.key}", "Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def furnish(site: Dibs) -> None:
    """Two warehouses, a policy that looks at prices, and a mug that is wanted mostly in the north,
    which only Berlin serves cheaply."""
    for place in ("berlin", "munich"):
        ask(
            site,
            "PUT",
            f"/v1/locations/{place}",
            {"name": place, "kind": "warehouse", "country": "DE"},
        )
    for sku in ("MUG", "CUP"):
        ask(site, "PUT", f"/v1/skus/{sku}", {"title": sku, "weight_g": 400})
        for place, units in (("berlin", 30), ("munich", 60)):
            receipt = {"receipt_id": f"{sku}-{place}", "location": place}
            receipt["lines"] = [{"sku": sku, "quantity": units}]
            ask(site, "POST", "/v1/stock/receipts", receipt)
    ask(site, "PUT", "/v1/routing/policies/main", POLICY)
    ask(site, "PUT", "/v1/channels/web", {"policy": "main"})
    ask(site, "PUT", "/v1/routing/scarcity/CUP", {"prices": [{"location": "berlin", "mills": 5}]})
    for number in range(24):
        order(site, str(number), "10115" if number % 4 else "80331")


def order(site: Dibs, name: str, postcode: str) -> dict:
    """Place an order of a mug."""
    body = {"order_id": name, "channel": "web", "lines": [{"sku": "MUG", "quantity": 1}]}
    return ask(
        site,
        "POST",
        "/v1/orders",
        body | {"ship_to": {"country": "DE", "postcode": postcode}},
    )


def until(what, seconds: float = 20.0):
    """Return what `what` returns once that is true."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.05)
    return found


def views_are_at(site: Dibs, settings: Settings, seq: int):
    """Return the scene once the views have this log position, None before."""
    try:
        found = scene(settings, Times(ahead_days=28.0))
    except Exception:
        return None
    return found if found.seq >= seq else None


def once(site: Dibs, *options: str) -> subprocess.CompletedProcess:
    """Run `dibs scarcity once`."""
    words = ["scarcity", "once", "--url", site.url, "--data", str(site.folder), *options]
    return subprocess.run(
        [sys.executable, "-m", "engine.cli", *words], capture_output=True, text=True, timeout=60
    )


def prices_of(site: Dibs, sku: str) -> dict[str, int]:
    """Return the prices that hold."""
    try:
        found = ask(site, "GET", f"/v1/routing/scarcity/{sku}")
    except urllib.error.HTTPError as error:
        assert error.code == 404
        return {}
    return {row["location"]: row["mills"] for row in found.get("prices", ())}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with Dibs(tmp_path_factory.mktemp("scarce"), views=True) as found:
        furnish(found)
        yield found


def test_prices_follow_the_demand_and_are_put_once(site: Dibs) -> None:
    settings = Settings(site.folder)
    seq = order(site, "last", "10115")["seq"]
    until(lambda: views_are_at(site, settings, seq))
    done = once(site, "--ahead-days", "28")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 SKUs looked at, 2 put" in done.stdout
    found = prices_of(site, "MUG")
    # A unit of Berlin saves the north 600 later; Munich has plenty.
    assert 0 < found["berlin"] <= (FAR - NEAR) * 1_000 and "munich" not in found
    assert prices_of(site, "CUP") == {}  # nobody wants it: its prices are taken back
    at = ask(site, "GET", "/v1/routing/scarcity/MUG")["seq"]
    until(lambda: views_are_at(site, settings, at))
    again = once(site, "--ahead-days", "28")
    assert "0 put, 1 near enough" in again.stdout
    assert ask(site, "GET", "/v1/routing/scarcity/MUG")["seq"] == at
    # The south goes to Munich from now on, if 100 is less than what a unit of Berlin is worth.
    routed = order(site, "south", "80331")["lines"][0]["allocations"][0]["location"]
    assert routed == "munich"


def test_a_worker_goes_on_and_tells_how_old_its_prices_are(site: Dibs) -> None:
    settings, port, stopping = Settings(site.folder), free_port(), threading.Event()
    worker = Worker(settings, f"http://127.0.0.1:{port}", "", Times(ahead_days=28.0), 1.0)
    runner = threading.Thread(target=worker.run, args=(stopping,))
    runner.start()
    try:
        until(lambda: metrics(worker).get("dibs_scarcity_skus/failed"))
        assert "dibs_scarcity_age_seconds" not in metrics(worker)  # nobody answers at that address
        worker._url = site.url
        told = until(lambda: "dibs_scarcity_age_seconds" in metrics(worker) and metrics(worker))
        assert told["dibs_scarcity_solved"] == 1 and told["dibs_scarcity_seq"] > 0
        assert told["dibs_scarcity_age_seconds"] < 60
        seq = order(site, "one more", "10115")["seq"]
        until(lambda: metrics(worker)["dibs_scarcity_seq"] >= seq)
    finally:
        stopping.set()
        runner.join()


class Up:
    """`dibs up` in a folder, with what asks it."""

    def __init__(self, folder: Path) -> None:
        self.folder, port = folder, free_port()
        self.url = f"http://127.0.0.1:{port}"
        words = ["up", "--data", str(folder), "--port", str(port), "--hooks-port", "0"]
        command = [sys.executable, "-m", "engine.cli", *words, "--scarcity", "1"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    @property
    def key(self) -> str:
        """The admin key."""
        return (self.folder / "admin.key").read_text().strip()

    def ready(self) -> bool:
        """Say whether it answers."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=1):
                return True
        except OSError:
            return False


@pytest.mark.slow
def test_up_keeps_prices_if_it_is_asked_to(tmp_path: Path) -> None:
    site = Up(tmp_path)
    try:
        until(site.ready, 60.0)
        furnish(site)
        assert until(lambda: prices_of(site, "MUG"), 60.0)["berlin"] > 0
    finally:
        site.process.terminate()
        site.process.wait(30)


def metrics(worker: Worker) -> dict[str, float]:
    """Return the metrics by name and label."""
    return {
        "/".join((sample.name.removesuffix("_total"), *sample.labels.values())): sample.value
        for family in worker.collect()
        for sample in family.samples
    }


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--back-days", "0"), "--back-days"),
        (("--url", "ftp://x"), "--url"),
        (("--key", "dibs_nothing"), "key"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(site: Dibs, options, words) -> None:
    done = once(site, *options)
    assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr


def test_the_price_is_the_same_for_the_same_views_and_none_where_stock_is_plenty() -> None:
    cost = [[300_000, 900_000], [400_000, 300_000]]
    scarce = Problem("A", ["x", "y"], [5, 90], [1.0, 0.2], 1, cost, 1_350_001, 14.0)
    assert prices(scarce) == prices(scarce)
    first, second = prices(scarce)
    assert 500_000 < first <= 600_000 and second == 0
    assert prices(scarce._replace(stock=[500, 500])) == [0, 0]
    assert prices(scarce._replace(days=0.0)) == [0, 0]
    many = scarce._replace(stock=[5_000, 90_000], rates=[1_000.0, 200.0])  # only solved, not played
    assert prices(many) == [600_000, 0]
