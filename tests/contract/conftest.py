from collections.abc import AsyncIterator

import pytest

from tests.contract.world import World, furnished


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with furnished() as found:
        yield found
