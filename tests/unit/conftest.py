"""What unit tests share: `make` is each ledger's class in turn, `shop` one opened; `server` is the
real bundled server on a folder of its own, `store` its writer's store."""

import pytest

from engine.core.ledger import Ledger as SlowLedger
from engine.log.store import Store
from ext.ledger import Ledger as FastLedger
from tests.unit.logkit import running
from tests.unit.shop import Shop


@pytest.fixture(params=[SlowLedger, FastLedger], ids=["slow", "fast"])
def make(request):
    """Return a ledger's class."""
    return request.param


@pytest.fixture
def shop(make):
    """Return a shop over an empty ledger."""
    return Shop(make())


@pytest.fixture
def server(tmp_path):
    """Run a log server."""
    with running(tmp_path / "server") as started:
        yield started


@pytest.fixture
def store(server):
    """Open its store as the writer."""
    opened = Store(server.url("writer"))
    yield opened
    opened.close()
