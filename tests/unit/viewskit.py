"""Views of a chain of events, for tests that read them."""

from collections.abc import Iterator

from engine.views.home import Home
from engine.views.projector import Projector
from tests.unit.logkit import Chain


def opened(home: Home, chain: Chain) -> Iterator:
    """Give the views of a chain, to be read, until the fixture ends."""
    fresh = home.new()
    Projector(fresh).apply(chain.frames)
    home.swap(fresh)
    database = home.open(read_only=True)
    yield database
    database.close()
