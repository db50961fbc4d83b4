"""What tests of both ledgers share: `make` is each ledger's class in turn, `shop` one opened."""

import pytest

from engine.core.ledger import Ledger as SlowLedger
from ext.ledger import Ledger as FastLedger
from tests.unit.shop import Shop


@pytest.fixture(params=[SlowLedger, FastLedger], ids=["slow", "fast"])
def make(request):
    """Return a ledger's class."""
    return request.param


@pytest.fixture
def shop(make):
    """Return a shop over an empty ledger."""
    return Shop(make())
