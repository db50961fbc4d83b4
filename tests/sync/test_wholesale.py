"""What is particular to wholesale: signatures that anybody can check, and files in a folder."""

import asyncio
import csv
import io
import os
import shutil
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from engine.config import Settings
from engine.connectors import signatures
from engine.connectors.base import (
    Acceptance,
    AcceptedLine,
    Account,
    BadSignature,
    Parcel,
    Quantity,
)
from engine.connectors.wholesale import rows
from engine.connectors.wholesale.connector import Wholesale
from engine.core.errors import ConfigError
from engine.service.wiring import Wiring
from engine.sync.feed import Feed
from engine.sync.listings import Listing
from engine.sync.office import Office
from engine.sync.store import SyncStore
from engine.views.home import SqliteHome
from engine.views.reader import ViewsReader
from tests.sync.office import until

NOW = datetime.now(UTC)
HEADER = "order_id,line_id,sku,quantity,unit_price,currency,changed_at,ship_to_country\n"


def order(name: str, *lines: str, changed: str = "2026-11-29T10:00:00Z") -> str:
    """Return an order's rows: each line as LINE,SKU,QUANTITY,PRICE."""
    return "".join(f"{name},{line},EUR,{changed},DE\n" for line in lines)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path


@pytest.fixture
def partner(folder: Path) -> Wholesale:
    account = Account(name="acme", connector="wholesale", channel="b2b", url=f"file://{folder}")
    return Wholesale(account, None)


def put(folder: Path, name: str, text: str, age_s: float = 5.0) -> Path:
    """Put a file into the folder, last written so many seconds ago."""
    place = folder / "in" / name
    place.write_text(text)
    at_s = time.time() - age_s
    os.utime(place, (at_s, at_s))
    return place


async def pulled(partner: Wholesale) -> list:
    """Return what a sweep finds."""
    return [row async for row in partner.pull(NOW, NOW)]


def test_what_we_sign_the_public_library_believes_and_the_other_way_round() -> None:
    secret, other = signatures.fresh_secret(), signatures.fresh_secret()
    body = '{"type": "order", "data": {"name": "Zoë"}}'
    headers = signatures.signed([other, secret], "m-1", body.encode())
    for key in (secret, other):
        assert Webhook(key).verify(body, headers)["type"] == "order"
    with pytest.raises(WebhookVerificationError):
        Webhook(signatures.fresh_secret()).verify(body, headers)
    now = datetime.now(UTC)
    theirs = Webhook(secret).sign("m-2", now, body)
    given = {"webhook-id": "m-2", "webhook-timestamp": str(int(now.timestamp()))}
    given["webhook-signature"] = f"v1a,unknown {theirs}"
    signatures.verify([other, secret], given, body.encode())


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "m-3"},
        {"webhook-id": ""},
        {"webhook-timestamp": str(int(NOW.timestamp()) - 301)},
        {"webhook-timestamp": str(int(NOW.timestamp()) + 301)},
        {"webhook-timestamp": "soon"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
    ],
)
def test_a_changed_message_is_not_believed(change) -> None:
    secret, at_s = signatures.fresh_secret(), NOW.timestamp()
    headers = signatures.signed([secret], "m-1", b"{}", at_s)
    signatures.verify([secret], headers, b"{}", at_s)
    with pytest.raises(BadSignature):
        signatures.verify([secret], headers | change, b"{}", at_s)
    with pytest.raises(BadSignature):
        signatures.verify([secret], headers, b"{ }", at_s)
    with pytest.raises(BadSignature):
        signatures.verify([""], headers, b"{}", at_s)


def test_a_secret_that_is_too_short_is_refused() -> None:
    for wrong in ("whsec_AAAA", "not base64!"):
        with pytest.raises(ConfigError, match="secret"):
            signatures.secret_bytes(wrong)
    account = Account(name="a", connector="wholesale", channel="c", url="https://acme.example")
    with pytest.raises(ConfigError, match="hook_secret"):
        Wholesale(account, None)


async def test_orders_come_from_files_and_a_file_seen_twice_changes_nothing(
    folder, partner
) -> None:
    text = HEADER + order("PO-1", "1,MUG,2,10.00", "2,CUP,1,3.5") + order("PO-2", "1,MUG,9,")
    put(folder, "a.csv", text)
    first = await pulled(partner)
    assert [partner.read(row).order_id for row in first] == ["PO-1", "PO-2"]
    found = partner.read(first[0])
    assert [(line.sku, line.quantity, line.unit_price) for line in found.lines] == [
        ("MUG", 2, 1_000),
        ("CUP", 1, 350),
    ]
    assert found.ship_to.country == "DE" and found.payment == "authorized"
    assert await pulled(partner) == [] and (folder / "done" / "a.csv").exists()
    put(folder, "b.csv", text)  # the same under another name: the same deliveries
    assert [row.id for row in await pulled(partner)] == [row.id for row in first]
    shutil.rmtree(folder / "done")
    put(folder, "a.csv", text)
    assert [row.id for row in await pulled(partner)] == [row.id for row in first]


async def test_a_newer_file_is_the_order_and_an_older_one_is_not(folder, partner) -> None:
    put(folder, "b.csv", HEADER + order("PO-1", "1,MUG,1,", changed="2026-11-29T12:00:00+01:00"))
    put(folder, "a.csv", HEADER + order("PO-1", "1,MUG,2,", changed="2026-11-29T10:30:00Z"))
    found = [partner.read(row) for row in await pulled(partner)]
    versions = {row.lines[0].quantity: row.version for row in found}
    assert versions[1] > versions[2]
    assert partner.read(await partner.fetch("PO-1")).lines[0].quantity == 1
    assert await partner.fetch("PO-9") is None


async def test_half_a_file_is_not_read(folder, partner) -> None:
    whole = HEADER + order("PO-1", "1,MUG,2,")
    put(folder, "young.csv", whole, age_s=0.5)
    put(folder, "open.csv", whole.rstrip("\n"), age_s=30.0)
    put(folder, "moving.csv.part", whole, age_s=500.0)
    put(folder, ".hidden.csv", whole, age_s=500.0)
    put(folder, "empty.csv", "", age_s=30.0)
    assert await pulled(partner) == []
    put(folder, "open.csv", whole.rstrip("\n"), age_s=61.0)
    assert len(await pulled(partner)) == 1


async def test_a_file_whose_orders_were_not_all_taken_is_read_again(folder, partner) -> None:
    put(folder, "a.csv", HEADER + order("PO-1", "1,MUG,2,") + order("PO-2", "1,MUG,2,"))
    async for _ in partner.pull(NOW, NOW):
        break  # killed after the first
    assert (folder / "in" / "a.csv").exists() and len(await pulled(partner)) == 2


async def test_bad_rows_are_told_of_beside_and_the_other_orders_taken(folder, partner) -> None:
    text = HEADER + order("PO-1", "1,MUG,2,10.00", "2,CUP,two,3.5") + order("PO-2", "1,MUG,9,1,5")
    text += order("PO-3", "1,MUG,1,free") + order("PO-4", "1,MUG,1,1.00", changed="yesterday")
    text += order("PO-5", "1,MUG,1,1.00", "1,MUG,1,1.00") + order("PO-6", "1,MUG,1,1.00")
    put(folder, "a.csv", text)
    assert [partner.read(row).order_id for row in await pulled(partner)] == ["PO-6"]
    report = (folder / "done" / "a.csv.errors.csv").read_text()
    told = {(r["row"], r["order_id"], r["field"]) for r in csv.DictReader(io.StringIO(report))}
    assert told >= {
        ("2", "PO-1", "quantity"),
        ("3", "PO-2", ""),
        ("4", "PO-3", "unit_price"),
        ("5", "PO-4", "changed_at"),
        ("7", "PO-5", "line_id"),
    }


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"order_id,sku\nPO-1,MUG\n", "line_id"),
        (HEADER.replace("currency", "curency").encode(), "curency"),
        (b"\xff\xfe", ""),
        (b"", "order_id"),
    ],
)
def test_a_file_that_is_none_is_told_of(body, field) -> None:
    orders, problems = rows.parse(body)
    assert orders == [] and field in {problem.field for problem in problems}
    assert all(problem.fix for problem in problems)


async def test_what_is_told_is_written_once_and_whole(folder, partner) -> None:
    line = AcceptedLine("1", "MUG", 5, 3)
    parcel = Parcel(
        order_id="PO/1",
        shipment_id="s-1",
        lines=(("1", 3),),
        shipped_at=NOW,
        carrier="dhl",
        tracking="T1",
        last=True,
    )
    written = {}
    for _ in range(2):  # killed after it was told, before that was noted
        await partner.accept(Acceptance("PO/1", (line,)))
        await partner.ship(parcel)
        await partner.refund("PO/1", "r-1", 1_250, "EUR")
        await partner.cancel("PO/2", "lost")
        for path in (folder / "out").iterdir():
            assert path.name not in written, "told twice"
            written[path.name] = list(csv.DictReader(path.open()))
            path.unlink()  # the partner takes it away
    by_number = {name[:3]: some for name, (some,) in written.items()}
    assert set(by_number) == {"855", "856", "812", "865"} and len(written) == 4
    assert by_number["855"]["promised"] == "3" and by_number["855"]["backordered"] == "2"
    assert by_number["856"]["tracking"] == "T1" and by_number["856"]["order_id"] == "PO/1"
    assert by_number["812"]["amount"] == "12.50" and by_number["865"]["reason"] == "lost"


async def test_an_inventory_advice_is_kept_for_the_audit(folder, partner) -> None:
    results = await partner.publish([Quantity("MUG", 4), Quantity("CUP", 0)])
    assert not any(row.problem for row in results)
    await partner.publish([Quantity("MUG", 3)])
    files = sorted((folder / "out").glob("846-*.csv"))
    told = [list(csv.DictReader(path.open())) for path in files]
    assert [[(r["sku"], r["quantity"]) for r in some] for some in told] == [
        [("MUG", "4"), ("CUP", "0")],
        [("MUG", "3")],
    ]
    numbers = [int(some[0]["number"]) for some in told]
    assert numbers == sorted(set(numbers))
    assert await partner.shown([Quantity("MUG", 0), Quantity("TEA", 0)]) == {"MUG": 3}
    assert not [path for path in (folder / "out").iterdir() if path.suffix == ".tmp"]


async def test_a_file_becomes_an_order_and_what_becomes_of_it_files(desk, folder) -> None:
    """The whole way, through the office, with nothing but a folder between the two."""
    test = uuid.uuid4().hex[:8]
    sku, wiring = f"MUG-{test}", Wiring(Settings(Path(desk.dibs.folder)))
    store = SyncStore(wiring.url("sync"))
    account = Account(
        name=test,
        connector="wholesale",
        channel=f"c-{test}",
        url=f"file://{folder}",
        options={"sweep_s": "0.3"},
    )
    await desk.stocked(account.channel, {sku: 3})
    views = ViewsReader(SqliteHome(Path(desk.dibs.folder) / "views"))
    feed = Feed(wiring.stock_reader)
    office = Office([account], store, feed, views, url=desk.dibs.url, key=desk.dibs.key)
    (worker,) = office.workers.values()
    await worker.listings.put([Listing(sku, sku)])
    stop = asyncio.Event()
    task = asyncio.create_task(office.run(stop))

    def told(number: str) -> list[dict[str, str]]:
        files = sorted((folder / "out").glob(f"{number}-*.csv"))
        return [row for path in files for row in csv.DictReader(path.open())]

    try:
        await until(lambda: [row["quantity"] for row in told("846")] == ["3"], "3 are advised")
        put(folder, "a.csv", HEADER + order("PO-1", f"1,{sku},5,2.50"))
        await until(lambda: told("855"), "the order is acknowledged")
        (line,) = told("855")
        assert (line["quantity"], line["promised"], line["backordered"]) == ("5", "3", "2")
        await until(lambda: told("846")[-1]["quantity"] == "0", "nothing is left")
        await desk.receive(f"{test}-more", {sku: 2})
        there = f"/v1/orders/{account.channel}/PO-1"

        async def whole() -> bool:
            return (await desk.http.get(there)).json()["status"] == "allocated"

        await until(whole, "what came filled the order")
        parcel = {"shipment_id": "s1", "carrier": "dhl", "tracking_number": "T9"}
        await desk.post(f"{there}/shipments", parcel)
        await until(lambda: told("856"), "the despatch is advised")
        (line,) = told("856")
        assert (line["tracking"], line["quantity"], line["last"]) == ("T9", "5", "True")
        assert not await store.dead(test) and not worker.failures
    finally:
        stop.set()
        await task
        await store.close()
        views.close()
        wiring.close()
