"""The writer's loop over a log that is told what to say."""

import asyncio

import pytest

from engine.core import limits
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


@pytest.mark.parametrize("waiting", [limits.AWAKE_COMMANDS_MIN - 1, limits.AWAKE_COMMANDS_MIN])
async def test_the_loop_turns_while_many_wait_and_for_a_moment_only(waiting: int) -> None:
    loop = Loop(Ledger(), writer := Writer(2), Clock(), awake=True)
    running = asyncio.create_task(loop.run(1, "test", "1"))
    await asyncio.sleep(0)
    writer.told.pop()(None)
    for number in range(waiting):
        loop.submit(put(f"place-{number}"))
    while not writer.told:
        await asyncio.sleep(0)
    assert loop.turning is (waiting >= limits.AWAKE_COMMANDS_MIN)
    async with asyncio.timeout(5):
        while loop.turning:  # though the log says nothing
            await asyncio.sleep(0)
    running.cancel()
