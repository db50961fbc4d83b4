"""In which order a channel is told."""

import uuid
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from engine.config import Settings
from engine.connectors.base import Account, Parcel
from engine.connectors.calls import CallError
from engine.service.wiring import Wiring
from engine.sync import outbox
from engine.sync.standing import Standing
from engine.sync.store import SyncStore


class Channel:
    """Notes what it is told; it hears of the first parcel only when it is told again."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def ship(self, parcel: Parcel) -> None:
        self.told.append(f"try {parcel.shipment_id}")
        if self.told.count(self.told[-1]) == 1:
            raise CallError("busy", 503)

    async def refund(self, order_id: str, refund_id: str, amount: int, currency: str) -> None:
        self.told.append(f"refund {order_id}")


@pytest.fixture
async def store(dibs):
    wiring = Wiring(Settings(Path(dibs.folder)))
    found = SyncStore(wiring.url("sync"))
    yield found
    await found.close()
    wiring.close()


async def test_money_goes_back_after_the_parcel_it_is_for(store) -> None:
    name, channel = uuid.uuid4().hex[:8], Channel()
    account = Account(name=name, connector="woocommerce", channel=name, url="")
    teller = outbox.Teller(account, channel, store, Standing(account, store))
    parcel = Parcel(order_id="7", shipment_id="s", lines=(), shipped_at=datetime.now(UTC))
    tasks = {
        "refund:7:r": outbox.Refund("7", "r", 500, "GBP"),
        "refund:8:r": outbox.Refund("8", "r", 500, "GBP"),
        "ship:7:s": outbox.Shipment(parcel),
    }
    rows = {entry: msgspec.json.encode(task) for entry, task in tasks.items()}
    await store.put(rows, "outbox", name)
    assert await teller.step() == 1
    assert sorted(channel.told) == ["refund 8", "try s"]
    teller._rest.clear()
    while await teller.step():
        pass
    assert channel.told[2:] == ["try s", "refund 7"]
    assert not await store.table("outbox", name)
