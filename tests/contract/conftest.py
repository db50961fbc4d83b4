"""The front is tested on the event loop that it runs on."""

from collections.abc import AsyncIterator

import pytest
import uvloop

from tests.contract.world import World, furnished


def pytest_asyncio_loop_factories(config, item) -> dict:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with furnished() as found:
        yield found


@pytest.fixture(params=["fast", "slow"])
def lane(request) -> str:
    """Each lane of the server, where it is built."""
    if request.param == "fast":
        pytest.importorskip("ext.fastlane")
    return request.param
