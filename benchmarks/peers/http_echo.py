"""Limits of HTTP in Python: servers that send the body back and do nothing else.

raw      a bare ASGI application on uvicorn with uvloop and httptools (L3)
bare     a protocol with httptools on uvloop (L4)
asyncio  the same on asyncio's own loop

Run by `benchmarks.bench_http`: `python -m benchmarks.peers.http_echo --kind KIND --port N`.
"""

import asyncio

import httptools
import uvloop

from benchmarks.peers.serve import options, serve

_JSON = (b"content-type", b"application/json")
_HEAD = b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


async def echo(scope: dict, receive, send) -> None:
    """Answer 201 with the request's body: an ASGI application."""
    message = await receive()
    body = message["body"]
    while message.get("more_body"):
        message = await receive()
        body += message["body"]
    headers = [_JSON, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Echo(asyncio.Protocol):
    """Answers 201 with the request's body."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin a connection."""
        self.transport, self.body = transport, b""
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        """Keep the body, or a part of it."""
        self.body += body

    def on_message_complete(self) -> None:
        """Answer."""
        self.transport.write(_HEAD % len(self.body) + self.body)
        self.body = b""


async def listen(port: int) -> None:
    """Serve `Echo` on loopback for ever."""
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asked = options(__doc__, "kind")
    if asked.kind == "raw":
        serve(echo, asked.port, lifespan="off")
    elif asked.kind == "bare":
        uvloop.run(listen(asked.port))
    else:
        asyncio.run(listen(asked.port))
