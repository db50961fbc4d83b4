"""Appends whose fate is not known: cuts, hangs, kills. Recovery says stored or not (P3, P10)."""

import asyncio
import contextlib
import os
import random
import signal
import socket

import pytest

from engine.core.errors import ConfigError, CorruptLogError, DoubtError, LogError
from engine.log import frame, marks
from engine.log.embedded import EmbeddedServer
from engine.log.frame import Link
from engine.log.reader import open_epoch, read_frames, resolve
from engine.log.store import Keys, Store
from tests.unit.logkit import batch, grown, running


class Cutter:
    """A proxy in front of the server that passes `ahead` bytes on and `back` bytes back."""

    def __init__(self, path: str, target: str) -> None:
        self.path, self.target = path, target
        self.ahead = self.back = 1 << 40
        self.ends, self.pumps = [], []

    async def __aenter__(self) -> "Cutter":
        self.server = await asyncio.start_unix_server(self._serve, self.path)
        return self

    async def __aexit__(self, *_) -> None:
        self.server.close()
        for end in self.ends:
            end.close()
        await asyncio.gather(*self.pumps, return_exceptions=True)

    async def _serve(self, reader, writer) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(self.target)
        self.ends += (writer, inner_writer)
        self.pumps.append(asyncio.current_task())

        async def pump(source, sink, side: str) -> None:
            while data := await source.read(65_536):
                part = data[: getattr(self, side)]
                setattr(self, side, getattr(self, side) - len(part))
                sink.write(part)
                await sink.drain()
                if len(part) < len(data) or not getattr(self, side):
                    break
            for end in (writer, inner_writer):
                end.close()

        with contextlib.suppress(OSError):
            await asyncio.gather(
                pump(reader, inner_writer, "ahead"), pump(inner_reader, writer, "back")
            )


async def test_cuts_at_every_place_leave_doubt_that_is_resolved(server, store, tmp_path) -> None:
    """F3: the connection is cut after n bytes, each way; recovery says truly what is stored."""
    async with Cutter(f"{tmp_path}/cut.sock", str(server.socket_path)) as cutter:
        url = f"unix://writer@{tmp_path}/cut.sock"
        cuts = [("ahead", n) for n in range(1, 220, 23)] + [("back", n) for n in range(1, 7)]
        fates = []
        for side, count in cuts:
            writer = await grown(url, store, 0)
            setattr(cutter, side, count)
            with pytest.raises(DoubtError):
                await writer.append(batch(writer.link, 100))
            cutter.ahead = cutter.back = 1 << 40
            ((entry_id, data),) = writer.doubts
            with pytest.raises(LogError):
                await writer.append(batch(writer.link))
            with pytest.raises(LogError, match="fence before"):
                resolve(store, entry_id, data)
            open_epoch(store, "resolver")
            fates.append(resolve(store, entry_id, data))
            assert fates[-1] == (store.entry(entry_id) == data)
    frames = list(read_frames(store, Link()))
    assert len(frames) == fates.count(True) >= 6, "a cut on the way back was always stored"
    assert fates.count(False) >= 5


async def test_a_late_arrival_is_impossible_after_the_fence(server, store) -> None:
    """The server hangs, the wait times out, the server wakes up and finds the command."""
    fates = []
    for _ in range(3):
        writer = await grown(server.url("writer"), store, 0)
        os.kill(server.pid, signal.SIGSTOP)
        try:
            with pytest.raises(DoubtError, match="no answer within"):
                await writer.append(batch(writer.link), timeout_s=0.1)
        finally:
            os.kill(server.pid, signal.SIGCONT)
        open_epoch(store, "resolver")
        fates.append(resolve(store, *writer.doubts[0]))
        await asyncio.sleep(0.05)
        assert fates[-1] == (store.entry(writer.doubts[0][0]) is not None)
    assert len(list(read_frames(store, Link()))) == fates.count(True)


async def test_a_cancelled_append_is_in_doubt(server, store) -> None:
    writer = await grown(server.url("writer"), store, 0)
    os.kill(server.pid, signal.SIGSTOP)
    try:
        task = asyncio.create_task(writer.append(batch(writer.link)))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(writer.doubts) == 1
        await writer._appender.close()
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert writer.doubts
    with pytest.raises(LogError):
        await writer.append(batch(writer.link))


def test_other_bytes_under_the_id_in_doubt_are_corruption(store) -> None:
    store.append("1-1", b"x")
    open_epoch(store, "w")
    with pytest.raises(CorruptLogError, match="other bytes"):
        resolve(store, "1-1", b"y")


async def test_a_newer_writer_beyond_the_doubt_is_not_guessed_about(server, store) -> None:
    writer = await grown(server.url("writer"), store, 1)
    await grown(server.url("writer"), store, 1)
    with pytest.raises(LogError, match="newer writer"):
        resolve(store, f"{writer.epoch}-9", b"lost")


@pytest.mark.parametrize("seed", range(3))
def test_kill_9_loses_nothing_acknowledged(seed: int, server, store) -> None:
    """F2, P3: the server is killed under pipelined appends; no acknowledged one is lost."""
    pick, window = random.Random(seed), 16
    open_epoch(store, "w")
    with socket.socket(socket.AF_UNIX) as wire:
        wire.settimeout(5.0)
        wire.connect(str(server.socket_path))
        wire.sendall(b"*3\r\n$4\r\nAUTH\r\n$6\r\nwriter\r\n$0\r\n\r\n")
        assert wire.recv(100) == b"+OK\r\n"
        sent, answered, kill_at = 0, b"", pick.randint(50, 400)
        with contextlib.suppress(OSError):
            while True:
                while sent - answered.count(b"\r\n$") < window:
                    sent += 1
                    words = (b"XADD", Keys().log.encode(), b"1-%d" % sent, b"f", b"d" * 1_024)
                    parts = [b"$%d\r\n%b\r\n" % (len(word), word) for word in words]
                    wire.sendall(b"*5\r\n" + b"".join(parts))
                if sent >= kill_at and server.alive():
                    os.kill(server.pid, signal.SIGKILL)
                got = wire.recv(65_536)
                if not got:
                    break
                answered += got
    acknowledged = [line for line in answered.split(b"\r\n") if line.startswith(b"1-")]
    server.start()
    stored = [name.encode() for name, _ in store.read("1-0", 10_000)]
    assert len(acknowledged) > 10
    assert acknowledged == stored[: len(acknowledged)]
    assert stored == [b"1-%d" % n for n in range(1, len(stored) + 1)], "no gap"


@pytest.mark.parametrize("truncated", ["yes", "no"])
async def test_a_cut_file_is_never_started_on(truncated: str, tmp_path, monkeypatch) -> None:
    """F7: the append-only file is cut anywhere in its last two entries. The server comes up and
    says nothing, or does not come up; either way no acknowledged frame is missed in silence."""
    folder = tmp_path / "server"
    with running(folder) as server:
        store = Store(server.url("writer"))
        writer = await grown(server.url("writer"), store, 6)
        marks.write_mark(tmp_path, writer.link)
    path = next((folder / "appendonlydir").glob("*.incr.aof"))
    whole = path.read_bytes()
    settings = EmbeddedServer._settings
    monkeypatch.setattr(
        EmbeddedServer,
        "_settings",
        lambda self: settings(self).replace("truncated yes", f"truncated {truncated}"),
    )
    last_two = len(whole) - whole.rindex(b"XADD", 0, whole.rindex(b"XADD")) + 20
    silent, refused, stopped = 0, 0, 0
    for cut in (0, *range(1, last_two, 41), last_two):
        path.write_bytes(whole[: len(whole) - cut])
        try:
            with running(folder) as server:
                store, link = Store(server.url("writer")), Link()
                for found in read_frames(store, link):
                    link = frame.follow(link, found)
                try:
                    marks.check_marks(tmp_path, {}, link)
                    silent += link != writer.link
                    assert cut == 0
                except CorruptLogError:
                    refused += 1
        except ConfigError:
            stopped += 1
    assert silent == 0
    assert refused + stopped >= 8
    assert (stopped > 0) == (truncated == "no"), "both settings were at work"
