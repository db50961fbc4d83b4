"""Reads server-sent events of the stock stream over a plain connection."""

import http.client
import json
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

TIMEOUT_S = 30.0
_PIECE_BYTES = 65_536


class StreamError(Exception):
    """The stream did not begin, or ended with `gap` or `end`. The text says why."""


class StockStream:
    """One connection to the stream of some SKUs; `last_id` is where to resume after."""

    def __init__(self, url: str, key: str, skus: list[str], last_id: str = "") -> None:
        parts = urlsplit(url)
        self.last_id = last_id
        self._line = http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_S)
        headers = {"Authorization": f"Bearer {key}"}
        if last_id:
            headers["Last-Event-ID"] = last_id
        names = ",".join(quote(sku, safe="") for sku in skus)
        self._line.request("GET", f"/v1/streams/stock?skus={names}", headers=headers)
        self._answer = self._line.getresponse()
        if self._answer.status != 200:
            text = self._answer.read(300)
            self.close()
            raise StreamError(f"{self._answer.status} {text!r}")

    def changes(self) -> Iterator[dict]:
        """Yield changes as they come, an empty one for each heartbeat; `StreamError` at the end."""
        for text in self._events():
            pairs = (line.partition(": ") for line in text.split("\n"))
            event = {name: value for name, _, value in pairs if name}
            if event.get("event") in ("gap", "end"):
                raise StreamError(event.get("data", ""))
            self.last_id = event.get("id", self.last_id)
            yield json.loads(event["data"]) if "data" in event else {}
        raise StreamError("the stream was closed")

    def _events(self) -> Iterator[str]:
        """Yield the text of each event: what stands before an empty line."""
        kept = b""
        while piece := self._answer.read1(_PIECE_BYTES):
            *whole, kept = (kept + piece).split(b"\n\n")
            yield from (event.decode() for event in whole)

    def close(self) -> None:
        """Close the connection."""
        self._line.close()
