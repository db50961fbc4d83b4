"""What these tests share: one dibs with its worker, and whoever asks it."""

import pytest

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
