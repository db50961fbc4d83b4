"""One request and its answer on a connection: like uvicorn's own, but head and body of an answer
leave in one write, which saves a system call and a packet for every answer."""

from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

_NO_BODY = frozenset((204, 304))


class Cycle(RequestResponseCycle):
    """`head` is what of the answer waits for its first body message. `endless` says that the body
    is not bounded in bytes and time, `idle` that nothing of it came for as long as that may be."""

    head = b""
    left = 0
    endless = idle = False

    @staticmethod
    def of(receive: Any) -> "Cycle | None":
        """Return the cycle that an ASGI `receive` belongs to, or None under another server."""
        cycle = getattr(receive, "__self__", None)
        return cycle if isinstance(cycle, Cycle) else None

    def open_endless(self) -> None:
        """Take a body without an end from a caller that may send one; ask for it if it waits."""
        self.endless = True
        if self.waiting_for_100_continue and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.waiting_for_100_continue = False

    def call_idle(self) -> None:
        """Let `receive` return without any bytes: too long nothing came."""
        self.idle = True
        self.message_event.set()

    async def send(self, message: dict[str, Any]) -> None:
        """Take one ASGI message; `RuntimeError` where it does not fit what came before."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        kind = message["type"]
        if not self.response_started:
            if kind != "http.response.start":
                raise RuntimeError(f"{kind} came before http.response.start")
            self.response_started, self.waiting_for_100_continue = True, False
            self.head = self._head(message["status"], message.get("headers", ()))
        elif kind != "http.response.body" or self.response_complete:
            raise RuntimeError(f"{kind} came where no answer is open")
        else:
            self._body(message.get("body", b""), message.get("more_body", False))

    def _head(self, status: int, headers: Any) -> bytes:
        parts = [STATUS_LINE[status]]
        self.chunked_encoding = None
        for name, value in (*self.default_headers, *headers):
            if b"\n" in value or b"\r" in value:
                raise RuntimeError(f"header {name!r} has a line break")
            if name == b"content-length":
                self.chunked_encoding, self.left = False, int(value)
            elif name == b"connection":
                if value.lower() == b"close":
                    self.keep_alive = False
                continue
            parts += (name, b": ", value, b"\r\n")
        if not self.keep_alive:
            parts.append(b"connection: close\r\n")
        if self.scope["method"] == "HEAD" or status in _NO_BODY:
            self.chunked_encoding, self.left = None, 0
        elif self.chunked_encoding is None:
            self.chunked_encoding = True
            parts.append(b"transfer-encoding: chunked\r\n")
        parts.append(b"\r\n")
        return b"".join(parts)

    def _body(self, body: bytes, more: bool) -> None:
        if self.chunked_encoding is None:
            body = b""
        elif self.chunked_encoding:
            body = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            if not more:
                body += b"0\r\n\r\n"
        else:
            self.left -= len(body)
            if self.left < 0 or (self.left and not more):
                raise RuntimeError("the body's length is not its content-length")
        if self.head or body:
            self.transport.write(self.head + body)
            self.head = b""
        if not more:
            self.response_complete = True
            self.message_event.set()
            if not self.keep_alive and not (self.endless and self.more_body):
                self.transport.close()
            self.on_response()
