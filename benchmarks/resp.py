"""A blocking client of a Redis-like server that costs as little as Python allows.

Commands are packed to bytes beforehand, by `pack`; replies are parsed by hiredis. Nothing here
retries, and a reply that is an error raises.
"""

import socket
from pathlib import Path

import hiredis

RECEIVE_BYTES = 1 << 18


def pack(*words: bytes | str | int) -> bytes:
    """Return one command as it goes over the wire."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        data = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)


class Connection:
    """One connection over a Unix socket. `RuntimeError` on an error reply."""

    def __init__(self, path: Path | str, user: str = "") -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(60)
        self._socket.connect(str(path))
        self._reader = hiredis.Reader()
        if user:
            self.ask("AUTH", user, "")

    def send(self, data: bytes) -> None:
        """Send packed commands."""
        self._socket.sendall(data)

    def replies(self, count: int) -> list:
        """Return the next `count` replies."""
        found: list = []
        while len(found) < count:
            reply = self._reader.gets()
            if reply is False:
                data = self._socket.recv(RECEIVE_BYTES)
                if not data:
                    raise RuntimeError("the server has closed the connection")
                self._reader.feed(data)
                continue
            if isinstance(reply, hiredis.ReplyError):
                raise RuntimeError(f"the server refuses: {reply}")
            found.append(reply)
        return found

    def ask(self, *words: bytes | str | int):
        """Send one command and return its reply."""
        self.send(pack(*words))
        return self.replies(1)[0]

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()
