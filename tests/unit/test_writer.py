"""The writer on the real bundled server: frames under way together, refusals, doubts (P2, P12)."""

import asyncio
import os
import signal

import pytest

from engine.core.errors import AppendError, DoubtError, FencedError, LogError
from engine.core.records import Batch
from engine.log.frame import Link
from engine.log.reader import open_epoch, read_frames, resolve
from engine.log.store import Store
from tests.unit.logkit import batch, grown, running

MIB = 1 << 20


def after(seq: int, size: int = 20) -> Batch:
    """The batch that follows event `seq` of a log whose stamps are its numbers."""
    return batch(Link(stamp_us=seq, seq=seq), size)


async def test_frames_sent_together_are_stored_in_order(server, store) -> None:
    writer = await grown(server.url("writer"), store, 0)
    sent = [writer.append(after(n, 1_000 * n)) for n in range(1, 40)]
    first = asyncio.create_task(writer.append(batch(Link(), 8 * MIB)))
    await asyncio.gather(first, *sent)
    assert [found.first_seq for found in read_frames(store, Link())] == list(range(1, 41))
    assert writer.link.seq == 40 and not writer.doubts


async def test_what_is_sent_behind_a_refused_frame_is_refused_too(tmp_path) -> None:
    """P2, P12: the big one does not fit; the small ones behind it would, and leave no gap."""
    with running(tmp_path / "server", memory_bytes=8 * MIB) as server:
        store = Store(server.url("writer"))
        writer = await grown(server.url("writer"), store, 1)
        sizes = (100, 12 * MIB, 100, 100)
        sent = [
            asyncio.ensure_future(writer.append(after(n, size))) for n, size in enumerate(sizes, 1)
        ]
        answers = await asyncio.gather(*sent, return_exceptions=True)
        assert [type(answer) for answer in answers] == [Link, *[AppendError] * 3]
        assert writer.closed and not writer.doubts
        assert [found.first_seq for found in read_frames(store, Link())] == [1, 2]
        assert "is not there" in str(answers[2])


async def test_frames_behind_a_lost_one_are_in_doubt_in_order(server, store) -> None:
    writer = await grown(server.url("writer"), store, 1)
    os.kill(server.pid, signal.SIGSTOP)
    try:
        sent = [asyncio.ensure_future(writer.append(after(n), timeout_s=0.1)) for n in range(1, 4)]
        answers = await asyncio.gather(*sent, return_exceptions=True)
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert {type(answer) for answer in answers} == {DoubtError}
    open_epoch(store, "resolver")
    fates = [resolve(store, *doubt) for doubt in writer.doubts]
    assert len(fates) == 3 and fates == sorted(fates, reverse=True), "no gap"


async def test_a_question_behind_a_frame_is_answered_after_it(server, store) -> None:
    writer = await grown(server.url("writer"), store, 1)
    told = []
    writer.send(batch(writer.link), lambda error: told.append(("frame", error)))
    writer.ask(lambda error: told.append(("question", error)))
    await writer.append(after(2))
    assert told == [("frame", None), ("question", None)]
    open_epoch(store, "newer")
    with pytest.raises(FencedError):
        await writer.confirm()
    assert writer.closed


async def test_a_batch_that_does_not_follow_closes_the_writer_unsent(server, store) -> None:
    for wrong in (Batch(9, 2, 1, b"x"), Batch(0, 1, 1, b"x"), Batch(9, 1, 0, b"")):
        writer = await grown(server.url("writer"), store, 0)
        with pytest.raises(LogError, match="nothing was sent"):
            await writer.append(wrong)
        with pytest.raises(LogError, match="closed"):
            await writer.append(batch(writer.link))
    assert list(read_frames(store, Link())) == []
