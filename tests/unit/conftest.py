"""What unit tests share: `make` is each ledger's class in turn, `shop` one opened; `server` is the
real bundled server on a folder of its own, `store` its writer's store; `home` is where views live,
in each database in turn."""

from collections.abc import Iterator

import pytest

from engine.core.ledger import Ledger as SlowLedger
from engine.log.store import Store
from engine.views.home import Home, SqliteHome
from engine.views.postgres import PostgresHome
from ext.ledger import Ledger as FastLedger
from tests.postgres import postgres
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


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def home(request, tmp_path_factory) -> Iterator[Home]:
    """Give where views may live."""
    if request.param == "sqlite":
        yield SqliteHome(tmp_path_factory.mktemp("views"))
    else:
        with postgres() as url:
            yield PostgresHome(url)


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
