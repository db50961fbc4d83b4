"""The twin's queue: SQS's JSON protocol, as far as one who reads a queue uses it.

Signatures are worked out here from the protocol's description, not with the library that the
connector signs with; so each is a check of the other.
"""

import asyncio
import hashlib
import hmac
import itertools
import time
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from engine.connectors.twins import Pushes

_SCHEME = "AWS4-HMAC-SHA256"


class Queue:
    """Messages that wait. One that was given out and not deleted is given out again after
    `hidden_s` seconds."""

    def __init__(self, key: str, secret: str, region: str, hidden_s: float = 30.0) -> None:
        self.key, self.secret, self.region, self.hidden_s = key, secret, region, hidden_s
        self.rows: dict[str, dict[str, Any]] = {}
        self._ids = itertools.count(1)

    def put(self, body: str) -> None:
        """Add a message."""
        name = f"m-{next(self._ids)}"
        self.rows[name] = {"body": body, "from_s": 0.0}

    async def serve(self, request: Request) -> Response:
        """Answer a call."""
        content = await request.body()
        if not self._signed(request, content):
            return _refused(403, "SignatureDoesNotMatch")
        asked = await request.json()
        action = request.headers.get("x-amz-target", "").partition(".")[2]
        if action == "ReceiveMessage":
            return JSONResponse(await self._receive(request, asked))
        if action == "DeleteMessageBatch":
            return JSONResponse(self._delete(asked))
        return _refused(400, "InvalidAction")

    async def _receive(self, request: Request, asked: Mapping[str, Any]) -> dict[str, Any]:
        until_s = time.monotonic() + min(asked.get("WaitTimeSeconds", 0), 20)
        while True:
            now_s = time.monotonic()
            ready = [name for name, row in self.rows.items() if row["from_s"] <= now_s]
            chosen = ready[: min(asked.get("MaxNumberOfMessages", 1), 10)]
            if chosen or now_s >= until_s or await request.is_disconnected():
                break
            await asyncio.sleep(0.02)
        found = []
        for name in chosen:
            row = self.rows[name]
            row["from_s"] = now_s + self.hidden_s
            row["receipt"] = f"{name}-{now_s}"
            digest = hashlib.md5(row["body"].encode(), usedforsecurity=False).hexdigest()
            found.append(
                {
                    "MessageId": name,
                    "ReceiptHandle": row["receipt"],
                    "MD5OfBody": digest,
                    "Body": row["body"],
                }
            )
        return {"Messages": found} if found else {}

    def _delete(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        done = []
        for entry in asked.get("Entries", ())[:10]:
            name = entry["ReceiptHandle"].rpartition("-")[0]
            self.rows.pop(name, None)
            done.append({"Id": entry["Id"]})
        return {"Successful": done, "Failed": []}

    def _signed(self, request: Request, content: bytes) -> bool:
        head = request.headers.get("authorization", "")
        scheme, _, rest = head.partition(" ")
        parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
        scope = parts.get("Credential", "").split("/")
        if scheme != _SCHEME or len(scope) != 5 or scope[0] != self.key:
            return False
        _, day, region, service, end = scope
        if (region, service, end) != (self.region, "sqs", "aws4_request"):
            return False
        names = parts.get("SignedHeaders", "").split(";")
        lines = [f"{name}:{request.headers.get(name, '').strip()}" for name in names]
        canonical = "\n".join(
            [
                request.method,
                request.url.path,
                request.url.query,
                *lines,
                "",
                ";".join(names),
                hashlib.sha256(content).hexdigest(),
            ]
        )
        at, where = request.headers.get("x-amz-date", ""), "/".join(scope[1:])
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        key = f"AWS4{self.secret}".encode()
        for word in (day, region, service, end):
            key = hmac.digest(key, word.encode(), "sha256")
        text = "\n".join([_SCHEME, at, where, digest])
        right = hmac.new(key, text.encode(), "sha256").hexdigest()
        return at.startswith(day) and hmac.compare_digest(right, parts.get("Signature", ""))


class QueuePushes(Pushes):
    """Pushes that go into a queue, well or badly."""

    def __init__(self, queue: Queue, faults: Any, seed: int) -> None:
        super().__init__(faults, seed)
        self._queue = queue

    async def _push(self, key: Any, url: str, headers: Any, body: bytes, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        self._queue.put(body.decode())
        self.counts["queued"] += 1


def _refused(status: int, kind: str) -> Response:
    return JSONResponse({"__type": f"com.amazonaws.sqs#{kind}", "message": kind}, status)
