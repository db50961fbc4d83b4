"""The console's sources: its built files belong to them, its texts are whole, and it reads only
what the API's document says."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from api import openapi
from api.table import ENDPOINTS
from engine import __version__
from engine.core.events import OrderStatus
from engine.core.notes.returns import STATUSES as RETURN_STATUSES
from engine.core.terms import Disposition, HoldReason, HoldThen, Payment, WhenShort
from engine.sync.webhooks.book import TYPES

CONSOLE = Path(__file__).parents[2] / "api" / "console"
SOURCES = sorted(p for p in (CONSOLE / "src").rglob("*") if p.is_file())
LANGUAGES = ("en", "tr")
LINES_MAX, LINE_CHARS_MAX = 400, 100
SCHEMAS = openapi.document(ENDPOINTS, __version__)["components"]["schemas"]
_INTERFACE = re.compile(
    r"/\*\* @schema (\w+) \*/\nexport interface \w+(?: extends \w+)? \{\n(.*?)\n\}", re.S
)


def texts(language: str) -> dict[str, str]:
    return json.loads((CONSOLE / "src" / "locales" / f"{language}.json").read_text())


def test_the_built_files_are_made_of_these_sources() -> None:
    made_of = ("index.html", "package-lock.json", "package.json", "tsconfig.json", "vite.config.ts")
    digest = hashlib.sha256()
    names = [*made_of, *(p.relative_to(CONSOLE).as_posix() for p in SOURCES)]
    for name in sorted(names):
        digest.update(name.encode() + b"\0" + (CONSOLE / name).read_bytes() + b"\0")
    found = (CONSOLE / "dist" / "made-of.sha256").read_text().strip()
    assert found == digest.hexdigest(), "run `npm ci && npm run build` in api/console"


def test_the_page_loads_only_files_that_are_there() -> None:
    built = CONSOLE / "dist"
    page = (built / "index.html").read_text()
    asked = re.findall(r'(?:src|href)="\./([^"]+)"', page)
    assert len(asked) >= 2 and all((built / name).is_file() for name in asked)
    outside = re.findall(r'(?:src|href)="(?!\./|data:,")[^"]*"', page)
    assert not outside, "everything comes from the server itself"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(CONSOLE).as_posix())
def test_sources_are_small(path: Path) -> None:
    lines = path.read_text().splitlines()
    if path.suffix in (".ts", ".tsx"):
        assert len(lines) <= LINES_MAX
        assert not [n for n, line in enumerate(lines, 1) if len(line) > LINE_CHARS_MAX]


def test_every_language_has_every_text() -> None:
    english = texts("en")
    for language in LANGUAGES:
        other = texts(language)
        assert list(other) == list(english), language
        for key, text in english.items():
            places = [set(re.findall(r"\{\w+\}", t)) for t in (text, other[key])]
            assert places[0] == places[1], (language, key)
            assert text.count("|") == other[key].count("|"), (language, key)


def test_every_text_is_used() -> None:
    """By its whole key, or by a group of words that the API's values choose from."""
    code = "".join(p.read_text() for p in SOURCES if p.suffix in (".ts", ".tsx"))
    chosen = set(re.findall(r'(?:word|named)\(\s*"(\w+)"', code))
    chosen |= set(re.findall(r"t\(\s*`([\w.]+?)[._]?\$\{", code))
    unused = [
        key
        for key in texts("en")
        if f'"{key}"' not in code and not any(key.startswith(group) for group in chosen)
    ]
    assert not unused


def test_every_value_of_the_api_has_a_word() -> None:
    groups = {
        "status": [*(status.name.lower() for status in OrderStatus), *RETURN_STATUSES],
        "reason": HoldReason.__args__,
        "then": HoldThen.__args__,
        "payment": Payment.__args__,
        "short": WhenShort.__args__,
        "disposition": Disposition.__args__,
    }
    missing = [
        f"{group}.{value}"
        for group, values in groups.items()
        for value in values
        if f"{group}.{value}" not in texts("en")
    ]
    assert not missing


def test_a_webhook_may_be_told_what_the_api_tells() -> None:
    text = (CONSOLE / "src" / "lib" / "webhooks.ts").read_text()
    listed = re.search(r"export const TYPES = \[(.*?)\];", text, re.S)
    assert tuple(re.findall(r'"(.+?)"', listed[1])) == TYPES


def test_what_is_read_is_what_the_api_says() -> None:
    """More in an answer does no harm; a field that is read and is no more would."""
    found = _INTERFACE.findall("".join(p.read_text() for p in SOURCES if p.suffix == ".ts"))
    assert len(found) >= 10
    for schema, body in found:
        fields = re.findall(r"^  (\w+)\??:", body, re.M)
        unknown = set(fields) - set(SCHEMAS[schema]["properties"])
        assert fields and not unknown, schema
