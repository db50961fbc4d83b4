"""Locust: many users who think, look, decide and wait, and a live page to watch them.

    locust -f loadtests/locustfile.py --host http://127.0.0.1:8787 --shape flash_sale
    locust -f loadtests/locustfile.py --headless --only-summary --shape calm --peak 100

Makes a world of its own when a test starts and judges the books when it stops; exit code 1 when
they are wrong. Locust tells how users fare; it cannot fill one core of dibs, and it waits for
answers before it goes on. For rates and tails use `python -m loadtests.openloop`.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from locust import events
from rich.console import Console

from loadtests.expectation import Expectation
from loadtests.shapes import SALES, SHAPES, Day
from loadtests.users.books import Books
from loadtests.users.feed import ChannelFeed
from loadtests.users.operator import Operator
from loadtests.users.shopper import Shopper
from loadtests.users.subscriber import Subscriber

__all__ = ["ChannelFeed", "Day", "Operator", "Shopper", "Subscriber"]

SKUS = 500
STOP_TIMEOUT_S = 15.0
_ROOT = Path(__file__).parents[1]


@events.init_command_line_parser.add_listener
def _options(parser) -> None:
    parser.add_argument("--shape", choices=SHAPES, default="calm", help="how users come and go")
    parser.add_argument("--peak", type=int, default=100, help="most users at a time")
    parser.add_argument("--stretch", type=float, default=1.0, help="2: all takes twice as long")
    parser.add_argument("--key-file", default="data/admin.key")


@events.init.add_listener
def _prepare_to_stop(environment, **_) -> None:
    # Users finish what they are at, so that few requests are left without an answer.
    environment.stop_timeout = STOP_TIMEOUT_S


@events.test_start.add_listener
def _begin(environment, **_) -> None:
    options = environment.parsed_options
    environment.host = environment.host or "http://127.0.0.1:8787"
    environment.key = Path(options.key_file).read_text().strip()
    hot, units = SALES[options.shape]
    arguments = ["--skus", str(SKUS)] + (["--units", str(units)] if units else [])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "expect.json")
        _other("loadtests.world", environment, path, *arguments)
        environment.books = Books(Expectation.load(path), hot)


@events.test_stop.add_listener
def _end(environment, **_) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "expect.json")
        environment.books.close().save(path)
        try:
            _other("loadtests.verify", environment, path)
        except subprocess.CalledProcessError:
            environment.books_wrong = True


@events.quitting.add_listener
def _judge(environment, **_) -> None:
    failed = environment.stats.total.num_failures
    wrong = getattr(environment, "books_wrong", False)
    Console().print_json(json.dumps({"books": "wrong" if wrong else "right", "failures": failed}))
    environment.process_exit_code = 1 if wrong or failed else 0


def _other(module: str, environment, path: Path, *arguments: str) -> None:
    """Run a module in a process of its own: it uses asyncio, which gevent has patched away here."""
    command = [sys.executable, "-m", module, "--url", environment.host, "--expect", str(path)]
    command += ["--key-file", str(Path(environment.parsed_options.key_file).absolute())]
    subprocess.run([*command, *arguments], check=True, cwd=_ROOT)
