"""Prism, as a proxy: it judges a recorded call and the recorded answer to it in one pass."""

import asyncio
import contextlib
import json
import os
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.connectors.twins import serving
from tests.processes import free_port
from tests.sync.contracts.catalogue import METHODS, Contract
from tests.sync.contracts.recorder import Call

PRISM = Path(
    os.environ.get("DIBS_PRISM") or Path(__file__).parent / "node_modules" / ".bin" / "prism"
)
_START_S = 60.0
_INDEX = re.compile(r"(?<!\w)\d+(?=\.)|(?<=\.)\d+\b")
_OURS = frozenset(("host", "content-length", "connection", "accept-encoding"))


class Verdict(NamedTuple):
    """What is wrong with a call, and what with its answer; nothing, if both are empty."""

    asked: tuple[str, ...]
    answered: tuple[str, ...]


class Prism:
    """A running Prism of one contract. `judge` takes calls as they were recorded."""

    def __init__(self, contract: Contract, client: httpx.AsyncClient) -> None:
        self._contract, self._client = contract, client
        self._answers: dict[str, Call] = {}

    async def answer(self, request: Request) -> Response:
        """Answer for the channel, with what its twin answered."""
        call = self._answers[request.headers["x-recorded"]]
        return Response(call.answer, call.status, media_type=call.answer_type or None)

    async def judge(self, call: Call) -> Verdict:
        """Say what the contract has against a call below its prefix, and against its answer."""
        name = str(len(self._answers))
        self._answers[name] = call
        headers = {n: value for n, value in call.headers.items() if n not in _OURS}
        headers |= {"x-recorded": name}
        found = await self._client.request(
            call.method,
            self._contract.below(call.target) or "/",
            headers=headers
            | {"x-recorded": name, "user-agent": call.headers.get("user-agent", "")},
            content=call.body,
        )
        rows = violations(found.headers.get("sl-violations", "[]"))
        told = [(row["location"], _text(row)) for row in rows]
        asked = tuple(text for place, text in told if place[:1] == ["request"])
        answered = tuple(text for place, text in told if place[:1] == ["response"])
        return Verdict(asked, answered)


def violations(header: str) -> Iterator[dict]:
    """Give what Prism found. Where that is very much, some words come before the list, and its end
    is cut off."""
    at = header.index("[") + 1
    with contextlib.suppress(json.JSONDecodeError):
        while True:
            row, at = json.JSONDecoder().raw_decode(header, at)
            yield row
            at += 1


def _text(row: dict) -> str:
    """Return a problem in words, the same for every row of a list."""
    place = ".".join("*" if part.isdigit() else part for part in row["location"])
    return f"{place}: {_INDEX.sub('*', row['message'])}"


@contextlib.asynccontextmanager
async def judging(contract: Contract) -> AsyncIterator[Prism]:
    """Run Prism with a contract while the block runs."""
    port = free_port()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30.0) as client:
        prism = Prism(contract, client)
        methods = [method.upper() for method in METHODS]
        channel = Starlette(routes=[Route("/{rest:path}", prism.answer, methods=methods)])
        async with serving(channel) as upstream:
            command = ["proxy", str(contract.place), upstream, "-h", "127.0.0.1", "-p", str(port)]
            process = await asyncio.create_subprocess_exec(
                str(PRISM),
                *command,
                *("-v", "silent"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
            )
            try:
                await _listens(port, process)
                yield prism
            finally:
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
                await process.wait()


async def _listens(port: int, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(_START_S):
        while process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                return
    raise AssertionError(f"Prism ended with {process.returncode}")
