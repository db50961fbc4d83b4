"""L6: how long a message to another process and its answer take over a Unix socket."""

import multiprocessing
import os
import socket
import time

import numpy

MESSAGE_BYTES = 64


def _answer(side: socket.socket, core: int | None) -> None:
    if core is not None:
        os.sched_setaffinity(0, {core})
    with side:
        while message := side.recv(MESSAGE_BYTES):
            side.sendall(message)


def ping_pong(count: int, core: int | None = None) -> dict[str, float]:
    """Return figures by unit of `count` round trips of 64 bytes, both ends in Python.

    The other end runs on `core`, or where the system puts it.
    """
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_answer, args=(theirs, core), daemon=True)
    process.start()
    theirs.close()
    message, taken = os.urandom(MESSAGE_BYTES), numpy.zeros(count)
    with mine:
        mine.settimeout(60)
        for n in range(-min(count, 1_000), count):
            started = time.perf_counter()
            mine.sendall(message)
            back = mine.recv(MESSAGE_BYTES)
            seconds = time.perf_counter() - started
            if back != message:
                raise SystemExit("another message came back")
            if n >= 0:
                taken[n] = seconds
    process.join(30)
    p50, p99 = numpy.quantile(taken, (0.5, 0.99)) * 1e6
    return {"µs p50": float(p50), "µs p99": float(p99)}
