"""What a table of the views is: its columns, key and indexes, as data."""

from typing import NamedTuple


class Column(NamedTuple):
    """One column; `meaning` gives units."""

    name: str
    type: str
    meaning: str

    @property
    def optional(self) -> bool:
        """Whether it may be null."""
        return self.type.endswith("?")

    @property
    def base(self) -> str:
        """`int`, `text` or `blob`."""
        return self.type.removesuffix("?")


class Table(NamedTuple):
    """A table; `key` are the columns of its primary key, `indexes` those of further indexes,
    `fixed` those that a row keeps as they were first: writing them again would cost an index."""

    name: str
    key: tuple[str, ...]
    meaning: str
    columns: tuple[Column, ...]
    indexes: tuple[tuple[str, ...], ...] = ()
    fixed: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def changing(self) -> tuple[str, ...]:
        """Names of the columns that a row may change."""
        return tuple(n for n in self.names if n not in self.key and n not in self.fixed)


def table(name: str, key: str, meaning: str, columns: str, *indexes: str, fixed: str = "") -> Table:
    """Return a table of which `columns` has a line each: name, type, meaning."""
    rows = (line.split(None, 2) for line in columns.strip().splitlines())
    return Table(
        name,
        tuple(key.split()),
        meaning,
        tuple(Column(*row) for row in rows),
        tuple(tuple(index.split()) for index in indexes),
        tuple(fixed.split()),
    )
