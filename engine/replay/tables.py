"""CSV files, plain or gzipped, row by row, with every damage put down to a line.

A row is one line: none of the formats has line breaks inside quotes, so a quote that is never
closed spoils its own line and no other.
"""

import csv
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from engine.core import limits
from engine.replay.documents import Findings

_DAMAGE = (EOFError, OSError, zlib.error)


class Table:
    """One CSV file. `header` is its first row, empty if that could not be read."""

    def __init__(self, path: Path, findings: Findings) -> None:
        self.path = path
        self.name = str(path)
        self.header: list[str] = []
        for _, cells, good in self._lines(findings):
            if good:
                self.header = [cell.strip().removeprefix("\ufeff") for cell in cells]
            break

    def rows(self, columns: tuple[str, ...], findings: Findings) -> Iterator[tuple]:
        """Yield (line number, cells of `columns` in that order, good).

        A row that cannot be read is noted as a fault and comes with `good` false and, as its
        only cell, whatever stands before the first comma, so that its document can be left out.
        """
        places = [self.header.index(column) for column in columns]
        width = len(self.header)
        for number, cells, good in self._lines(findings):
            if number == 1:
                continue
            if good and len(cells) == width:
                yield number, [cells[place] for place in places], True
                continue
            if good:
                column = self.header[len(cells)] if len(cells) < width else ""
                detail = f"the row has {len(cells)} cells, the header {width}"
                findings.fault(self.name, number, column, detail)
            yield number, cells[:1], False

    def _lines(self, findings: Findings) -> Iterator[tuple[int, list[str], bool]]:
        number = 0
        opener = gzip.open if self.name.endswith(".gz") else open
        try:
            with opener(self.path, "rb") as file:
                while raw := file.readline(limits.REPLAY_ROW_BYTES_MAX + 1):
                    number += 1
                    if len(raw) > limits.REPLAY_ROW_BYTES_MAX:
                        detail = f"longer than {limits.REPLAY_ROW_BYTES_MAX} bytes; file left here"
                        findings.fault(self.name, number, "", detail)
                        return
                    line = raw.rstrip(b"\r\n")
                    if line:
                        yield number, *self._cells(number, line, findings)
        except _DAMAGE as error:
            findings.fault(self.name, number + 1, "", f"the file ends in damage: {error}")

    def _cells(self, number: int, raw: bytes, findings: Findings) -> tuple[list[str], bool]:
        try:
            text = raw.decode()
            if '"' not in text:
                return text.split(","), True
            return next(csv.reader([text], strict=True)), True
        except UnicodeDecodeError as error:
            column = self._column(raw[: error.start].count(b","))
            detail = f"byte {error.start + 1} of the line, {raw[error.start]:#04x}, is not UTF-8"
        except csv.Error as error:
            column, detail = "", f"bad quotes: {error}"
        findings.fault(self.name, number, column, detail)
        return [raw.split(b",", 1)[0].decode(errors="replace").strip('"')], False

    def _column(self, index: int) -> str:
        return self.header[index] if index < len(self.header) else ""
