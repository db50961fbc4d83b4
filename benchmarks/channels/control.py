"""An office as others have it, for proofs to compare with: everything is ours but the one thing.

    python -m benchmarks.channels.control first-in|batches [--every 15] --data … --url … --port …

`first-in` publishes what changed first, whatever it costs to wait; quotas and the merging of
changes are ours. `batches` looks at what changed only every so many seconds.
"""

import argparse
from pathlib import Path

from engine.cli import channels
from engine.config import Settings
from engine.core import limits
from engine.sync import publisher
from engine.sync.queue import RISING, Due, Queue


class FirstIn(Queue):
    """A queue in which who came first goes first."""

    def worth(self, due: Due) -> tuple[int, float, float]:
        """Sort by the time of the change alone."""
        return 0, due.since_s, 0.0

    def _ready(self, due: Due) -> None:
        self._still[RISING].add((due.since_s,), due)


def main() -> None:
    """Run the office with one thing changed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("publish", choices=("first-in", "batches"))
    parser.add_argument("--every", type=float, default=15.0, help="seconds between batches")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--url")
    parser.add_argument("--port", type=int)
    options = parser.parse_args()
    if options.publish == "first-in":
        publisher.Queue = FirstIn
    else:
        limits.PUBLISH_COALESCE_S = options.every
    channels.run(Settings(options.data), options.url, "127.0.0.1", options.port)


if __name__ == "__main__":
    main()
