"""The writer's loop over a log that is told what to say."""

import asyncio

import pytest

from engine.core.commands import PutLocation, Request
from engine.core.errors import LogError
from engine.core.ledger import Ledger
from engine.core.outcomes import Accepted
from engine.service.clock import Clock
from engine.service.loop import Loop


class Writer:
    """Sends as many frames as `most`; `told` are those that wait for the log's word."""

    def __init__(self, most: int) -> None:
        self.most, self.told, self.doubts = most, [], []

    def send(self, batch, told) -> None:
        if self.most == 0:
            raise LogError("this batch cannot be the next frame")
        self.most -= 1
        self.told.append(told)


def put(name: str) -> Request:
    return Request(PutLocation(name, name, "warehouse", "DE"))


async def test_what_is_durable_is_told_though_the_next_frame_cannot_be_sent() -> None:
    """P3, P12: the loop ends with the second frame; the first one's answer must not go with it."""
    loop = Loop(Ledger(), writer := Writer(2), Clock())
    running = asyncio.create_task(loop.run(1, "test", "1"))
    await asyncio.sleep(0)
    writer.told.pop()(None)
    first = loop.submit(put("a"))
    while not writer.told:
        await asyncio.sleep(0)
    writer.told.pop()(None)  # and before the loop looks, another command waits
    second = loop.submit(put("b"))
    async with asyncio.timeout(5):
        assert isinstance(await running, LogError)
        assert isinstance(await first, Accepted)
        with pytest.raises(Exception, match="nothing was changed"):
            await second
