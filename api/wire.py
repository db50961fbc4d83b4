"""Bodies in and answers out: one codec per type, made once.

`Reader` turns the bytes of a body, and what the path names, into the command's struct, or raises
the problem that says which field is wrong and how to mend it. JSON is read strictly: no unknown,
duplicate or escaped keys, no NaN, no `1.0` for an integer, no more than `limits.JSON_DEPTH_MAX`
levels, UTF-8 only. One fault is reported at a time.
"""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from api import jsonkeys as _slow
from api.problems import ProblemError, fail, field
from engine.core import limits

try:
    from ext import jsonkeys as _keys
except ImportError:
    _keys = _slow

encode = msgspec.json.Encoder().encode
find_fault: Callable[..., tuple[str, str] | None] = _keys.find
_path_at = _keys.path_at

_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>.*)`)?$", re.DOTALL)
_BYTE = re.compile(r"\(byte (\d+)\)$")
_NAME = re.compile(r"`(.*)`$", re.DOTALL)
_NAME_CHARS_MAX = 128

# What msgspec says → (code, what to do). The first pattern that fits counts.
_MEANINGS: tuple[tuple[re.Pattern, str], ...] = tuple(
    (re.compile(pattern), code)
    for pattern, code in (
        (r"^Expected `(?:str|array|object|bytes)` of (?:at )?.*length", "invalid_length"),
        (r"^Expected `(?:int|float)` [<>]", "out_of_range"),
        (r"out of range", "out_of_range"),
        (r"^Expected `str` matching regex", "invalid_value"),
        (r"^Invalid enum value", "invalid_value"),
        (r"^Invalid ", "invalid_value"),
        (r"with a timezone component", "invalid_value"),
        (r"^Expected ", "invalid_type"),
    )
)
_FAULTS = {
    "duplicate_field": "stands twice in one object; send it once",
    "escaped_field": "write the field's name without backslashes",
    "too_many_fields": f"an object has at most {limits.JSON_FIELDS_MAX} fields here",
    "too_deep": f"nest at most {limits.JSON_DEPTH_MAX} levels",
}


def body_type(command: type, *path_fields: str, name: str) -> type:
    """Return the struct of a command's body: its fields without those that the path names."""
    wanted = [f for f in msgspec.structs.fields(command) if f.name not in path_fields]
    fields = []
    for f in wanted:
        if f.default_factory is not msgspec.NODEFAULT:
            fields.append((f.name, f.type, msgspec.field(default_factory=f.default_factory)))
        elif f.default is not msgspec.NODEFAULT:
            fields.append((f.name, f.type, f.default))
        else:
            fields.append((f.name, f.type))
    return msgspec.defstruct(
        name,
        fields,
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
        omit_defaults=True,
        namespace={"__doc__": command.__doc__},
        module=__name__,
    )


class Reader:
    """Reads one body type, and makes `command` of it where the path names some of its fields."""

    def __init__(self, body: type, command: type | None = None, *, optional: bool = False) -> None:
        self.body, self.optional = body, optional
        self._decode = msgspec.json.Decoder(body).decode
        self._command = command
        self._fields = [f.name for f in msgspec.structs.fields(body)]

    def read(self, data: bytes, named: dict[str, str]) -> Any:
        """Return the struct in `data`, joined with what the path `named`."""
        if not data and self.optional:
            data = b"{}"
        check(data)
        try:
            value = self._decode(data)
        except (ValueError, RecursionError, OverflowError) as error:
            raise invalid(error, data, self.body) from None
        if self._command is None:
            return value
        return self._command(**named, **{f: getattr(value, f) for f in self._fields})


def check(data: bytes, levels: int = limits.JSON_DEPTH_MAX) -> None:
    """Raise the problem of a duplicate or escaped key (down to `levels`) or of too much depth."""
    fault = find_fault(data, levels)
    if fault is not None:
        raise field(fault[0], fault[1], _FAULTS[fault[0]])


def invalid(error: Exception, data: bytes, wanted: Any) -> ProblemError:
    """Return the problem for what a decoder of type `wanted` said about a body."""
    if isinstance(error, msgspec.ValidationError):
        return of_validation(str(error), wanted)
    # Since 0.23 msgspec says so in words, before in a class of its own.
    if isinstance(error, UnicodeDecodeError) or "UTF-8" in str(error):
        return _not_utf8(data)
    if isinstance(error, RecursionError):
        return field("too_deep", "", _FAULTS["too_deep"])
    if not data.strip():
        return fail("malformed_json", "the body is empty: send a JSON object")
    found = _BYTE.search(str(error))
    offset = int(found.group(1)) if found else len(data)
    detail = str(error).removeprefix("JSON is malformed: ")
    return field("malformed_json", _path_at(data, offset), detail)


def _not_utf8(data: bytes) -> ProblemError:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        path = _path_at(data, error.start)
        return field("invalid_utf8", path, f"byte {error.start} is not UTF-8: encode text as UTF-8")
    return field("invalid_utf8", "", "encode text as UTF-8")


def of_validation(message: str, wanted: Any, prefix: str = "") -> ProblemError:
    """Return the problem for a message of msgspec, with a stable code and the field's path.

    `prefix` is the name of a path or query parameter that was converted.
    """
    found = _AT.match(message)
    what, path = found["what"], (found["path"] or "$").removeprefix("$").removeprefix(".")
    path = prefix + path
    for start, code, detail in (
        ("Object missing required field", "missing_field", "is required"),
        ("Object contains unknown field", "unknown_field", "is not a field here; remove it"),
    ):
        if what.startswith(start):
            name = _NAME.search(what)[1][:_NAME_CHARS_MAX]
            return field(code, f"{path}.{name}" if path else name, detail)
    code = next((code for pattern, code in _MEANINGS if pattern.search(what)), "invalid_value")
    if what.startswith("Invalid enum value"):
        return field(code, path, "use one of " + ", ".join(choices(wanted, found["path"] or "$")))
    return field(code, path, _advice(what))


def choices(wanted: Any, path: str) -> list[str]:
    """Return the texts allowed at a path like `$.lines[...].bucket` of a type."""
    at = msgspec.inspect.type_info(wanted)
    for step in re.findall(r"\.(\w+)|(\[)", path):
        at = next(t for t in _options(at) if hasattr(t, "fields" if step[0] else "item_type"))
        if step[0]:
            at = next(f.type for f in at.fields if f.encode_name == step[0])
        else:
            at = at.item_type
    literal = next(t for t in _options(at) if isinstance(t, msgspec.inspect.LiteralType))
    return [str(value) for value in literal.values]


def _options(at: Any) -> tuple:
    return at.types if isinstance(at, msgspec.inspect.UnionType) else (at,)


def _advice(what: str) -> str:
    """Return msgspec's words as an instruction."""
    if "matching regex" in what:
        pattern = what.partition("regex ")[2].strip("'")
        if pattern.startswith("^[A-Z]"):
            return f"use {pattern[len('^[A-Z]{')]} capital letters"
        if pattern.startswith("^[a-z0-9]"):
            return "use small letters, digits and . _ @ + -, and begin with a letter or digit"
        return "control characters are not allowed, nor an empty text"
    if "RFC3339" in what or "timezone component" in what:
        return "use RFC 3339 with a zone, like 2026-11-23T20:15:00Z"
    return what[0].lower() + what[1:].replace("`", "")


class Param:
    """One path or query parameter: its type, what it means, its default if it may be left out."""

    __slots__ = ("default", "example", "name", "note", "separated", "strict", "type")

    def __init__(
        self,
        name: str,
        type: Any,
        note: str,
        *,
        default: Any = msgspec.NODEFAULT,
        separated: bool = False,
        example: Any = None,
    ) -> None:
        self.name, self.type, self.note = name, type, note
        self.default, self.separated, self.example = default, separated, example
        # Text is what it says: 0.5 would be read as half a second after 1970 else. Numbers are text
        # here, and have to be read from it.
        self.strict = msgspec.json.schema(type).get("type") == "string"

    def read(self, text: str) -> Any:
        """Return the value in `text`, or raise the problem."""
        try:
            return msgspec.convert(text, self.type, strict=self.strict)
        except msgspec.ValidationError as error:
            raise of_validation(str(error), self.type, self.name) from None
