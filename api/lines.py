"""Cuts a body that comes in parts into its lines.

Only one line that is not whole yet is kept, and no more of it than a line may have.
"""

NDJSON = "application/x-ndjson"
_BLANKS = b" \t\r"


class Lines:
    """`line_bytes_max` bounds one line, from its first byte that is not blank to its end."""

    def __init__(self, line_bytes_max: int) -> None:
        self._most = line_bytes_max
        self._kept = bytearray()
        self._passing = False  # over the rest of a line that is too long

    def feed(self, data: bytes, *, last: bool) -> list[bytes | None]:
        """Return the lines that end in `data`, or with it if it is the `last` part.

        Blank lines are left out. None stands for a line that is too long, as soon as it is.
        """
        *whole, rest = data.split(b"\n")
        if last:
            whole.append(rest)
            rest = b""
        if whole:
            whole[0] = self._finish(whole[0])
        most = self._most
        found = [
            line if len(line) <= most else None for one in whole if (line := one.lstrip(_BLANKS))
        ]
        if not self._passing:
            self._kept += rest if self._kept else rest.lstrip(_BLANKS)
            if len(self._kept) > most:
                self._kept.clear()
                self._passing = True
                found.append(None)
        return found

    def _finish(self, end: bytes) -> bytes:
        """Return the line that ends with `end`; nothing if it was told already."""
        if self._passing:
            self._passing = False
            return b""
        if self._kept:
            end = bytes(self._kept) + end
            self._kept.clear()
        return end
