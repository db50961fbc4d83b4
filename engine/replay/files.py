"""Find the files, tell their formats by their headers, and read all before anything is sent."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from engine.replay import olist, online_retail
from engine.replay.documents import Document, Extract, Findings, ReplayError
from engine.replay.tables import Table

ADAPTERS = (online_retail, olist)
_SUFFIXES = (".csv", ".csv.gz")


class Loaded(msgspec.Struct):
    """Everything the files say: `documents` of all formats in time order, and each `extract`."""

    documents: list[Document]
    extracts: dict[str, Extract]
    findings: Findings
    files: list[str]


def load(paths: Sequence[Path | str], *, strict: bool = False) -> Loaded:
    """Read order files of any known format, in any order; a folder stands for its CSV files.

    Raises `ReplayError` when nothing can be replayed, and with `strict` when anything is dirty.
    """
    findings = Findings()
    given = _sort(_find(paths), findings)
    extracts: dict[str, Extract] = {}
    for adapter in ADAPTERS:
        tables = given.get(adapter.NAME)
        if tables:
            lacking = [role for role in adapter.NEEDED if role not in tables]
            if lacking:
                raise ReplayError(
                    f"{adapter.NAME}: the file with {', '.join(adapter.COLUMNS[lacking[0]])} is "
                    "not among the files; name it too, or the folder that holds it"
                )
            extracts[adapter.NAME] = adapter.read(tables, findings)
    if strict and findings.fault_count:
        raise ReplayError(
            f"{findings.fault_count} dirty rows and --strict; nothing was sent. The first: "
            f"{findings.faults[0]}"
        )
    documents = [document for extract in extracts.values() for document in extract.documents]
    documents.sort(key=lambda found: found.at_us)
    if not documents:
        raise ReplayError("no orders in these files; see the formats in `dibs replay --help`")
    names = [table.name for roles in given.values() for found in roles.values() for table in found]
    return Loaded(documents, extracts, findings, names)


def _find(paths: Sequence[Path | str]) -> list[Path]:
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.name.endswith(_SUFFIXES))
            if not inside:
                raise ReplayError(f"{path}: the folder holds no .csv or .csv.gz file")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise ReplayError(f"{path}: no such file or folder")
    return list(dict.fromkeys(found))


def _sort(paths: list[Path], findings: Findings) -> dict[str, dict[str, list[Table]]]:
    """Tables by adapter name and role. A header that nobody knows is a fault."""
    given: dict[str, dict[str, list[Table]]] = {}
    for path in paths:
        table = Table(path, findings)
        for adapter in ADAPTERS:
            role = _role(adapter, table.header)
            if role:
                given.setdefault(adapter.NAME, {}).setdefault(role, []).append(table)
                break
        else:
            if table.header:
                shown = ", ".join(table.header[:6])
                findings.fault(table.name, 1, "", f"no known format has the columns {shown}, …")
            elif not any(fault.file == table.name for fault in findings.faults):
                findings.fault(table.name, 1, "", "the file is empty")
    return given


def _role(adapter, header: list[str]) -> str:
    """The role whose columns all stand in the header; of several the one with the most."""
    fits = [role for role, columns in adapter.COLUMNS.items() if set(columns) <= set(header)]
    return max(fits, key=lambda role: len(adapter.COLUMNS[role]), default="")
