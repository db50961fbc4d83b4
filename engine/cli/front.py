"""`dibs front`: one HTTP process of `dibs serve --fronts`, started by it and by nobody else."""

import asyncio
import contextlib
import os
import signal
from typing import Any

import msgspec

from engine.config import Settings
from engine.core import limits
from engine.service.cycles import Collector, settle
from engine.service.wiring import Wiring, front_paths

_encode = msgspec.json.encode


def front(settings: Settings) -> None:
    """Serve until a signal. Reports (`api.metrics.Report`) go to standard output, one a line."""
    import uvloop

    uvloop.run(_front(settings))


async def _front(settings: Settings) -> None:
    from api.metrics import Report, take_report
    from api.relay import Relay
    from api.server import serve as serve_http
    from engine.service.front_link import FrontClient

    packed_path, http_path = front_paths(settings)
    keys = Wiring(settings).key_book()
    keys.start()
    client = FrontClient(packed_path)
    relay = Relay(client, keys, http_path)
    stopping = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    tasks = [
        asyncio.create_task(client.run(), name="link"),
        asyncio.create_task(Collector(lambda: client.resting).run(), name="cycles"),
        asyncio.create_task(_report(lambda: take_report(relay.front)), name="report"),
    ]
    settle()
    try:
        await serve_http(
            relay,
            settings.host,
            settings.port,
            lambda _: _say(Report(listens=True)),
            stop=stopping,
            shared=True,
            lane=settings.lane,
        )
        _say(take_report(relay.front))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        keys.stop()


async def _report(take: Any) -> None:
    """Report what was answered, now and then, if anything was."""
    while True:
        await asyncio.sleep(limits.FRONT_REPORT_S)
        report = take()
        if report.answers or report.refusals:
            _say(report)


def _say(report: Any) -> None:
    with contextlib.suppress(BrokenPipeError):  # the writer's process is dead; this one ends soon
        os.write(1, _encode(report) + b"\n")
