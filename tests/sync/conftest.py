"""What these tests share: one dibs with its worker, and whoever asks it."""

from pathlib import Path

import pytest

from engine.config import Settings
from engine.service.wiring import Wiring
from engine.sync.store import SyncStore
from tests.processes import Dibs
from tests.sync.office import Desk


@pytest.fixture(scope="package")
def dibs(tmp_path_factory):
    """Run dibs with its worker and views, for all tests here."""
    with Dibs(tmp_path_factory.mktemp("sync"), views=True) as running:
        yield running


@pytest.fixture
async def desk(dibs):
    """Ask it as an operator would."""
    asked = Desk(dibs)
    yield asked
    await asked.http.aclose()


@pytest.fixture
async def store(dibs):
    """Remember as sync does, in the log's server."""
    wiring = Wiring(Settings(Path(dibs.folder)))
    found = SyncStore(wiring.url("sync"))
    yield found
    await found.close()
    wiring.close()
