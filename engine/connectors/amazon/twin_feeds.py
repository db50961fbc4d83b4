"""The twin's feeds: a document is uploaded, queued, worked through after `work_s`, reported on."""

import gzip
import itertools
import json
import time
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

Handler = Callable[[bytes], bytes]


class Feeds:
    """Feeds by type, each with who works through its document and returns the report."""

    def __init__(self, handlers: dict[str, Handler], work_s: float = 0.1) -> None:
        self._handlers, self.work_s = handlers, work_s
        self.documents: dict[str, bytes] = {}
        self.feeds: dict[str, dict[str, Any]] = {}
        self._ids = itertools.count(50_000)

    async def make_document(self, request: Request) -> Response:
        """Say where a document is to be put."""
        if not (await request.json()).get("contentType"):
            return refused(400, "InvalidInput", "contentType")
        name = f"amzn1.tortuga.4.eu.{next(self._ids)}"
        url = str(request.base_url) + f"upload/{name}"
        return JSONResponse({"feedDocumentId": name, "url": url}, 201)

    async def upload(self, request: Request) -> Response:
        """Take a document; the address is all that it takes."""
        self.documents[request.path_params["name"]] = await request.body()
        return Response()

    async def download(self, request: Request) -> Response:
        """Give a report, packed as Amazon packs it."""
        found = self.documents.get(request.path_params["name"])
        return Response(found) if found is not None else Response(status_code=404)

    async def make(self, request: Request) -> Response:
        """Queue a feed."""
        asked = await request.json()
        kind, document = asked.get("feedType"), asked.get("inputFeedDocumentId")
        if kind not in self._handlers or not asked.get("marketplaceIds"):
            return refused(400, "InvalidInput", "feedType or marketplaceIds")
        if document not in self.documents:
            return refused(400, "InvalidInput", "nothing was uploaded")
        feed = {
            "feedId": str(next(self._ids)),
            "feedType": kind,
            "createdTime": "2026-11-01T00:00:00Z",
            "processingStatus": "IN_QUEUE",
        }
        self.feeds[feed["feedId"]] = feed | {"document": document, "at": time.monotonic()}
        return JSONResponse({"feedId": feed["feedId"]}, 202)

    async def get(self, request: Request) -> Response:
        """Say how far a feed is; it is worked through once its time has come."""
        feed = self.feeds.get(request.path_params["feed"])
        if feed is None:
            return refused(404, "NotFound", "feedId")
        if feed["processingStatus"] == "IN_QUEUE" and time.monotonic() - feed["at"] > self.work_s:
            report = self._handlers[feed["feedType"]](self.documents[feed["document"]])
            name = f"amzn1.tortuga.result.{feed['feedId']}"
            self.documents[name] = gzip.compress(report)
            feed |= {"processingStatus": "DONE", "resultFeedDocumentId": name}
        return JSONResponse({k: v for k, v in feed.items() if k not in ("document", "at")})

    async def get_document(self, request: Request) -> Response:
        """Say where a report is."""
        name = request.path_params["name"]
        if name not in self.documents:
            return refused(404, "NotFound", "feedDocumentId")
        url = str(request.base_url) + f"upload/{name}"
        found = {"feedDocumentId": name, "url": url, "compressionAlgorithm": "GZIP"}
        return JSONResponse(found)


def listings_report(body: bytes, apply: Callable[[str, dict], str]) -> bytes:
    """Work through a feed of listings; `apply` returns what is wrong with a patch, or nothing."""
    asked = json.loads(body)
    issues = []
    for message in asked["messages"]:
        problem = apply(message["sku"], message)
        if problem:
            row = {"messageId": message["messageId"], "sku": message["sku"], "code": "8541"}
            issues.append(row | {"severity": "ERROR", "message": problem})
    count = len(asked["messages"])
    summary = {"errors": len(issues), "warnings": 0, "messagesProcessed": count}
    summary |= {"messagesAccepted": count - len(issues), "messagesInvalid": len(issues)}
    header = asked["header"] | {"feedId": "1"}
    return json.dumps({"header": header, "issues": issues, "summary": summary}).encode()


def cancelled_orders(body: bytes, apply: Callable[[str], str]) -> bytes:
    """Work through a feed of acknowledgements; `apply` cancels an order or says why not."""
    report = ElementTree.Element("ProcessingReport")
    for told in ElementTree.fromstring(body).iter("OrderAcknowledgement"):
        if told.findtext("StatusCode") != "Failure":
            continue
        problem = apply(told.findtext("AmazonOrderID") or "")
        if problem:
            result = ElementTree.SubElement(report, "Result")
            ElementTree.SubElement(result, "ResultCode").text = "Error"
            ElementTree.SubElement(result, "ResultDescription").text = problem
    return ElementTree.tostring(report)


def refused(status: int, code: str, details: str = "") -> Response:
    """Return an error as the API writes it."""
    row = {"code": code, "message": code, "details": details}
    return JSONResponse({"errors": [row]}, status)
