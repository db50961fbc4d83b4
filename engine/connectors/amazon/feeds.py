"""Feeds: a document that is uploaded, queued, worked through and reported on, within minutes."""

import asyncio
import time
import zlib
from xml.etree import ElementTree

import msgspec

from engine.connectors.amazon import wire
from engine.connectors.amazon.auth import Api
from engine.connectors.base import ConnectorError
from engine.connectors.calls import document

_PATH = "/feeds/2021-06-30"
_WAIT_S = 3_600.0  # for one feed
_AGAIN_S = 60.0
_REPORT_BYTES_MAX = 64 << 20
_GIVEN_UP = ("FATAL", "CANCELLED")
LISTINGS, CANCELLATIONS = "JSON_LISTINGS_FEED", "POST_ORDER_ACKNOWLEDGEMENT_DATA"


async def hand_in(api: Api, kind: str, content_type: str, body: bytes) -> str:
    """Hand in a feed; return its id. Raises `CallError`."""
    asked = {"contentType": content_type}
    answer = await api.ask("feed_document", "POST", f"{_PATH}/documents", json=asked)
    place = document(answer, wire.FeedDocument)
    headers = {"content-type": content_type}
    await api.plain("feed_upload", "PUT", place.url, content=body, headers=headers)
    asked = {
        "feedType": kind,
        "marketplaceIds": api.marketplaces,
        "inputFeedDocumentId": place.feed_document_id,
    }
    answer = await api.ask("feed", "POST", f"{_PATH}/feeds", json=asked, once=True)
    return document(answer, wire.Handed).feed_id


async def report(api: Api, feed_id: str) -> bytes | None:
    """Return the report of a feed, empty where there is none; None while Amazon works.

    Raises `ConnectorError` for a feed that Amazon gave up, `CallError` where a call fails.
    """
    feed = document(await api.ask("feed_status", "GET", f"{_PATH}/feeds/{feed_id}"), wire.Feed)
    if feed.processing_status in _GIVEN_UP:
        raise ConnectorError(f"feed {feed_id}: {feed.processing_status}")
    if feed.processing_status != "DONE":
        return None
    if feed.result_feed_document_id is None:
        return b""
    path = f"{_PATH}/documents/{feed.result_feed_document_id}"
    place = document(await api.ask("feed_report", "GET", path), wire.FeedDocument)
    found = (await api.plain("feed_download", "GET", place.url)).content
    return _unpacked(found) if place.compression_algorithm == "GZIP" else found


async def worked_through(api: Api, feed_id: str, poll_s: float) -> bytes:
    """Wait for a feed; return its report. Raises what `report` does, and `ConnectorError` for one
    that takes too long."""
    give_up_s = time.monotonic() + _WAIT_S
    while time.monotonic() < give_up_s:
        found = await report(api, feed_id)
        if found is not None:
            return found
        await asyncio.sleep(poll_s)
    raise ConnectorError(f"feed {feed_id} is not done after {_WAIT_S:.0f} s", _AGAIN_S)


def _unpacked(packed: bytes) -> bytes:
    """Return a report unpacked, up to what a report may be: it comes from outside."""
    unpack = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        found = unpack.decompress(packed, _REPORT_BYTES_MAX)
    except zlib.error as error:
        raise ConnectorError(f"a feed's report cannot be unpacked: {error}", _AGAIN_S) from error
    if unpack.unconsumed_tail:
        raise ConnectorError("a feed's report is too large")
    return found


def report_of(body: bytes) -> wire.Report:
    """Decode the report of a feed of listings. Raises `ConnectorError`."""
    try:
        return msgspec.json.decode(body, type=wire.Report, strict=False)
    except msgspec.MsgspecError as error:
        raise ConnectorError(f"a feed's report cannot be understood: {error}", _AGAIN_S) from error


def cancellation(seller: str, order_id: str, lines: list[str]) -> bytes:
    """Return the document by which a seller says that an order will not be delivered."""
    envelope = ElementTree.Element("AmazonEnvelope")
    header = ElementTree.SubElement(envelope, "Header")
    ElementTree.SubElement(header, "DocumentVersion").text = "1.01"
    ElementTree.SubElement(header, "MerchantIdentifier").text = seller
    ElementTree.SubElement(envelope, "MessageType").text = "OrderAcknowledgement"
    message = ElementTree.SubElement(envelope, "Message")
    ElementTree.SubElement(message, "MessageID").text = "1"
    told = ElementTree.SubElement(message, "OrderAcknowledgement")
    ElementTree.SubElement(told, "AmazonOrderID").text = order_id
    ElementTree.SubElement(told, "StatusCode").text = "Failure"
    for line in lines:
        item = ElementTree.SubElement(told, "Item")
        ElementTree.SubElement(item, "AmazonOrderItemCode").text = line
        ElementTree.SubElement(item, "CancelReason").text = "NoInventory"
    return ElementTree.tostring(envelope, encoding="utf-8", xml_declaration=True)


def refused(told: bytes) -> str:
    """Return what a report of an XML feed has against it, empty if nothing."""
    if not told:
        return ""
    try:
        tree = ElementTree.fromstring(told)
    except ElementTree.ParseError as error:
        return f"the report cannot be understood: {error}"
    found = [
        result.findtext("ResultDescription") or "refused"
        for result in tree.iter("Result")
        if result.findtext("ResultCode") == "Error"
    ]
    return "; ".join(found)
