"""Records every call that a connector makes, with its answer."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
import msgspec


class Call(msgspec.Struct, frozen=True):
    """A call and its answer. `target` is path and query, as sent; header names are lower case;
    `test` is the test that had it made."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    status: int
    answer: bytes
    answer_type: str
    test: str = ""

    @property
    def path(self) -> str:
        """The path without its query."""
        return self.target.partition("?")[0]


class Recorder:
    """Records the calls of one connector. With DIBS_RECORD set to a folder, also to a file there,
    for `python -m tests.sync.contracts`."""

    def __init__(self, connector: str) -> None:
        self.calls: list[Call] = []
        folder = os.environ.get("DIBS_RECORD")
        self._file = Path(folder) / f"{connector}.jsonl" if folder else None

    def client(self, **options: Any) -> httpx.AsyncClient:
        """Return a client whose calls are recorded."""
        hooks = {"request": [self._hold], "response": [self._note]}
        return httpx.AsyncClient(event_hooks=hooks, **options)

    async def _hold(self, asked: httpx.Request) -> None:
        """Have a body that is made as it is sent, of an uploaded file, say, in one piece."""
        await asked.aread()

    async def _note(self, answer: httpx.Response) -> None:
        asked = answer.request
        await answer.aread()
        call = Call(
            asked.method,
            asked.url.raw_path.decode(),
            {name.lower(): value for name, value in asked.headers.items()},
            asked.content,
            answer.status_code,
            answer.content,
            answer.headers.get("content-type", ""),
            os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0],
        )
        self.calls.append(call)
        if self._file is not None:
            with self._file.open("ab") as file:
                file.write(msgspec.json.encode(call) + b"\n")


def recorded(file: Path) -> Iterable[Call]:
    """Read the calls of a file."""
    decode = msgspec.json.Decoder(Call).decode
    with file.open("rb") as lines:
        yield from map(decode, lines)
