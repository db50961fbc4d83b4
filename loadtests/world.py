"""A catalogue with stock, made over HTTP before the load: fresh names, so that books are exact."""

import argparse
import asyncio
import json
import time
from pathlib import Path

from rich.console import Console

from engine.core.limits import DOCUMENT_LINES_MAX
from engine.core.paths import path_of
from engine.replay.sender import Exchange, Sender
from loadtests.expectation import Expectation
from loadtests.openloop.mix import CHANNEL

CONNECTIONS = 32
UNITS = 1_000_000_000
LOCATIONS = 2


class WorldError(Exception):
    """The server did not take what the world is made of. The text says what it said."""


def fresh_name(prefix: str = "w") -> str:
    """Return a name that no earlier call on this machine returned."""
    return f"{prefix}{time.time_ns() // 1_000_000:x}"


def prepare(
    url: str,
    key: str,
    *,
    skus: int,
    units: int = UNITS,
    locations: int = LOCATIONS,
    console: Console | None = None,
) -> Expectation:
    """Make `skus` SKUs with `units` of each, over `locations`; return what the books have to say.

    Raises `WorldError` when the server refuses something.
    """
    world = fresh_name()
    expected = Expectation.opening(world, CHANNEL, skus, units)
    if console:
        console.print(f"world {world}: {skus:,} SKUs, {units:,} units of each", highlight=False)
    asyncio.run(_prepare(Sender(url, key, CONNECTIONS), expected, locations))
    return expected


async def _prepare(sender: Sender, expected: Expectation, locations: int) -> None:
    await sender.open()
    try:
        names = [f"{expected.world}-place-{n}" for n in range(locations)]
        await send(sender, [("PUT", f"/v1/locations/{n}", _location(n)) for n in names])
        numbers = range(len(expected.received))
        await send(
            sender, [("PUT", path_of("skus", expected.sku(n)), {"title": f"{n}"}) for n in numbers]
        )
        receipts = [_receipt(expected, names, *cut) for cut in _cuts(len(numbers), names)]
        # A world with fewer units than places leaves places empty; a receipt needs a line.
        await send(sender, [receipt for receipt in receipts if receipt[2]["lines"]])
    finally:
        sender.close()


async def send(sender: Sender, calls: list[tuple[str, str, dict]]) -> list[bytes]:
    """Make calls (method, path, body) in parallel; return the answers or raise `WorldError`."""
    exchanges = [
        Exchange(sender.encode(method, path, json.dumps(body).encode()))
        for method, path, body in calls
    ]
    await sender.run(exchanges)
    for (method, path, _), exchange in zip(calls, exchanges, strict=True):
        if not exchange.accepted:
            raise WorldError(f"{method} {path}: {exchange.status} {exchange.body[:300]!r}")
    return [exchange.body for exchange in exchanges]


def _location(name: str) -> dict:
    return {"name": name, "kind": "warehouse", "country": "DE"}


def _cuts(skus: int, places: list[str]) -> list[tuple[int, int]]:
    return [(p, at) for p in range(len(places)) for at in range(0, skus, DOCUMENT_LINES_MAX)]


def _receipt(expected: Expectation, places: list[str], place: int, at: int) -> tuple:
    """One receipt of what a place gets of a thousand SKUs."""
    lines = []
    for number in range(at, min(at + DOCUMENT_LINES_MAX, len(expected.received))):
        units = expected.received[number]
        mine = units // len(places) + (place < units % len(places))
        if mine:
            lines.append({"sku": expected.sku(number), "quantity": mine})
    body = {
        "receipt_id": f"{expected.world}-{place}-{at}",
        "location": places[place],
        "lines": lines,
    }
    return "POST", "/v1/stock/receipts", body


def main() -> None:
    """Make a world and write what its books have to say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://127.0.0.1:8787")
    parser.add_argument("--key-file", type=Path, default=Path("data/admin.key"))
    parser.add_argument("--skus", type=int, default=1_000)
    parser.add_argument("--units", type=int, default=UNITS, help="of each SKU")
    parser.add_argument("--expect", type=Path, required=True, help="where to write it")
    options = parser.parse_args()
    key = options.key_file.read_text().strip()
    console = Console(stderr=True)
    expected = prepare(options.url, key, skus=options.skus, units=options.units, console=console)
    expected.save(options.expect)


if __name__ == "__main__":
    main()
