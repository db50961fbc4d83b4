"""The generator itself: one thread, epoll, N kept-alive connections. See `core.pyx`."""

import numpy

LINES_MAX: int
SAMPLES_MAX: int
LATE_US: int
FINE_BITS: int
COARSE_BITS: int
NUMBER: int
SKU: int
TTL: int
NOTHING: int
ALLOCATES: int
RESERVES: int
COMMITS: int
RELEASES: int

def buckets(bits: int) -> int: ...
def bucket_of(value: int, bits: int) -> int: ...

class Generator:
    latency: numpy.ndarray  # int64 (templates, buckets(FINE_BITS))
    lateness: numpy.ndarray  # int64 (buckets(FINE_BITS),)
    by_second: numpy.ndarray  # int64 (seconds, 7): due, sent, 2xx, 4xx, 5xx, failed, longest µs
    second_latency: numpy.ndarray  # uint32 (seconds, buckets(COARSE_BITS))
    statuses: numpy.ndarray  # int64 (templates, 600)
    units: numpy.ndarray  # int64 (3, skus): allocated, reserved, in doubt
    samples: numpy.ndarray  # int64 (SAMPLES_MAX,): numbers of acknowledged orders
    acknowledged: int
    started: int
    sent: int
    answered: int
    lost: int
    timed_out: int
    unsent: int
    unanswered: int
    malformed: int
    late: int
    now_us: int
    cpu_ns: int
    wall_ns: int
    turns: int
    connected: int
    reconnected: int
    connect_failures: int

    def __init__(
        self,
        host: str,
        port: int,
        connections: int,
        templates: list[tuple],
        due: numpy.ndarray | None,
        *,
        count: int,
        seconds: float,
        skus: int,
        hot: int = 1,
        hot_share: float = 0.0,
        seed: int = 1,
        ttl_end_us: int = 0,
        timeout_s: float = 10.0,
        grace_s: float = 5.0,
    ) -> None: ...
    def run(self) -> None: ...
    def stop(self) -> None: ...
