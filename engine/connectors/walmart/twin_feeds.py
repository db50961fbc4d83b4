"""The twin's inventory feeds: taken at once, worked off later, answered line by line."""

import email
import email.policy
import json
import time
import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

_BYTES_MAX = 5 * 1024 * 1024
_PAGE_MAX = 50


class Feeds:
    """Feeds of one seller. They change `stock` when they are `work_s` seconds old, whatever was
    shown meanwhile. `kept` is what came: lines by feed."""

    def __init__(self, stock: dict[str, int], work_s: float) -> None:
        self._stock, self.work_s = stock, work_s
        self.kept: dict[str, list[dict[str, Any]]] = {}
        self._due: dict[str, float] = {}
        self._results: dict[str, list[dict[str, Any]]] = {}

    async def take(self, request: Request) -> Response:
        """Take a file."""
        if request.query_params.get("feedType") != "inventory":
            return _error(400, "feedType")
        body = _file(request.headers.get("content-type", ""), await request.body())
        if body is None:
            return _error(400, "file")
        if len(body) > _BYTES_MAX:
            return _error(413, "file")
        document = json.loads(body)
        if document["InventoryHeader"]["version"] != "1.4":
            return _error(400, "version")
        name = f"{uuid.uuid4().hex.upper()}@AUoBAQA"
        self.kept[name], self._due[name] = document["Inventory"], time.monotonic() + self.work_s
        return JSONResponse({"feedId": name})

    def work(self) -> None:
        """Work off the feeds whose time has come."""
        for name in [name for name, at_s in self._due.items() if at_s <= time.monotonic()]:
            del self._due[name]
            self._results[name] = [
                self._line(index, row) for index, row in enumerate(self.kept[name])
            ]

    def _line(self, index: int, row: dict[str, Any]) -> dict[str, Any]:
        done = {"martId": 0, "sku": row["sku"], "index": index, "ingestionStatus": "SUCCESS"}
        if row["sku"] in self._stock:
            self._stock[row["sku"]] = row["quantity"]["amount"]
            return done
        error = {"type": "DATA_ERROR", "code": "ERR_EXT_DATA_0101119", "description": "no such SKU"}
        errors = {"ingestionError": [error]}
        return done | {"ingestionStatus": "DATA_ERROR", "ingestionErrors": errors}

    async def status(self, request: Request) -> Response:
        """Say how far a feed is, with a page of its lines if asked for."""
        self.work()
        name, query = request.path_params["feed"], request.query_params
        if name not in self.kept:
            return _error(404, "feedId")
        if int(query.get("limit", "50")) > _PAGE_MAX:
            return _error(400, "limit")
        rows = self._results.get(name)
        failed = sum(row["ingestionStatus"] != "SUCCESS" for row in rows or ())
        found = {
            "feedId": name,
            "feedStatus": "INPROGRESS" if rows is None else "PROCESSED",
            "itemsReceived": len(self.kept[name]),
            "itemsSucceeded": len(rows or ()) - failed,
            "itemsFailed": failed,
            "itemsProcessing": len(self.kept[name]) if rows is None else 0,
        }
        if query.get("includeDetails") == "true" and rows is not None:
            offset = int(query.get("offset", "0"))
            page = rows[offset : offset + int(query.get("limit", "50"))]
            found["itemDetails"] = {"itemIngestionStatus": page}
        return JSONResponse(found)


def _file(kind: str, body: bytes) -> bytes | None:
    """Return what was uploaded under the name `file`."""
    head = f"content-type: {kind}\r\n\r\n".encode()
    message = email.message_from_bytes(head + body, policy=email.policy.HTTP)
    for part in message.iter_parts() if message.is_multipart() else ():
        if part.get_param("name", header="content-disposition") == "file":
            return part.get_payload(decode=True)
    return None


def _error(status: int, field: str) -> Response:
    return JSONResponse({"errors": {"error": [{"code": "INVALID", "field": field}]}}, status)
