"""The layout keeps its promises: directions of imports, sizes, words. Read as text and syntax
trees; nothing of the project is run."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = sorted(
    p
    for room in ("engine", "ext", "api", "loadtests", "benchmarks", "tests", "scripts")
    for p in (ROOT / room).rglob("*.py")
)
SOURCES = PYTHON + sorted((ROOT / "ext").glob("*.p*x*"))
LINES_MAX = {".py": 400, ".pyx": 600, ".pxd": 400, ".pxi": 600, ".pyi": 400}
FUNCTION_LINES_MAX = 70
LINE_CHARS_MAX = 100

# Room → what it must not import. The first matching room counts.
FORBIDDEN = {
    "engine/core": {
        "asyncio",
        "redis",
        "time",
        "os",
        "random",
        "logging",
        "api",
        "engine.log",
        "engine.service",
        "engine.cli",
        "ext",
    },
    "ext": {
        "asyncio",
        "redis",
        "time",
        "os",
        "random",
        "logging",
        "api",
        "engine.log",
        "engine.service",
        "engine.cli",
    },
    "engine/log/store.py": {"engine.service", "api", "engine.cli"},
    "engine/log": {"redis", "engine.service", "api", "engine.cli"},
    "engine/service": {"redis", "api", "engine.cli", "fastapi"},
    "engine/views": {
        "redis",
        "api",
        "engine.service",
        "engine.cli",
        "engine.core.ledger",
        "engine.core.state",
        "engine.core.effects",
        "engine.core.decide",
        "ext",
    },
    "engine/insight": {
        "redis",
        "api",
        "engine.log",
        "engine.service",
        "engine.cli",
        "engine.core.ledger",
        "engine.core.state",
        "engine.core.effects",
        "engine.core.decide",
    },
    "engine/connectors": {
        "redis",
        "api",
        "engine.log",
        "engine.service",
        "engine.sync",
        "engine.cli",
        "engine.core.ledger",
    },
    "engine/sync/store.py": {"api", "engine.service", "engine.cli", "engine.core.ledger"},
    "engine/sync": {"redis", "api", "engine.service", "engine.cli", "engine.core.ledger"},
    "engine/replay": {"redis", "api", "engine.log", "engine.service", "engine.cli"},
    "engine/demo.py": {"redis", "api", "engine.log", "engine.service", "engine.cli"},
    "api": {
        "redis",
        "engine.log",
        "engine.core.ledger",
        "engine.core.state",
        "engine.core.effects",
        "engine.core.decide",
        "engine.service.loop",
        "engine.service.engine",
        "engine.cli",
    },
    "loadtests": {"engine.log", "engine.service", "api"},
}


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _room(path: Path) -> set[str]:
    name = path.relative_to(ROOT).as_posix()
    for room, forbidden in FORBIDDEN.items():
        if name == room or name.startswith(room + "/"):
            return forbidden
    return set()


@pytest.mark.parametrize("path", PYTHON, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_imports_point_down(path: Path) -> None:
    wrong = {
        name
        for name in _imports(path)
        for bad in _room(path)
        if name == bad or name.startswith(bad + ".")
    }
    assert not wrong, f"{path.name} must not import {sorted(wrong)}"


def test_compiled_modules_import_nothing_of_the_world() -> None:
    pattern = re.compile(r"^\s*(?:from|c?import)\s+([\w.]+)", re.M)
    for path in (ROOT / "ext").glob("*.py[x]"):
        names = set(pattern.findall(path.read_text()))
        assert not names & FORBIDDEN["ext"], path.name


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_files_are_small(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= LINES_MAX[path.suffix], f"{path} has {len(lines)} lines"
    long = [n for n, line in enumerate(lines, 1) if len(line) > LINE_CHARS_MAX]
    assert not long, f"{path}: lines {long[:5]} are longer than {LINE_CHARS_MAX}"


@pytest.mark.parametrize("path", PYTHON, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_functions_are_short(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = node.end_lineno - node.lineno + 1
            assert size <= FUNCTION_LINES_MAX, f"{path}:{node.lineno} {node.name}: {size} lines"


@pytest.mark.parametrize(
    "path",
    [p for p in PYTHON if "tests" not in p.parts],
    ids=lambda p: p.relative_to(ROOT).as_posix(),
)
def test_public_things_have_docstrings(path: Path) -> None:
    tree = ast.parse(path.read_text())
    nodes = [tree] if path.read_text().strip() else []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            nodes.append(node)
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                nodes += [n for n in node.body if isinstance(n, ast.FunctionDef)]
    bare = [
        getattr(node, "name", "module")
        for node in nodes
        if not getattr(node, "name", "module").startswith("_") and not ast.get_docstring(node)
    ]
    assert not bare, f"{path}: no docstring on {bare}"


def test_top_level_is_the_agreed_one() -> None:
    names = {p.name for p in ROOT.iterdir() if p.is_dir() and not p.name.startswith(".")}
    agreed = {"engine", "ext", "api", "loadtests", "benchmarks", "tests", "docs", "scripts"}
    left_by_running = {"data", "run", "build", "dist", "dibs.egg-info"}
    assert names <= agreed | left_by_running, names - agreed - left_by_running


def test_no_leftover_markers() -> None:
    # Spelt apart, so that this file does not find itself.
    pattern = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK")))
    found = [str(p) for p in SOURCES if pattern.search(p.read_text())]
    assert not found
