"""Every field of every body, found in the types: no field can be forgotten by a table.

`fields_of` walks a body's type; `bad_values` says for a field's type what must be refused, as raw
JSON, and with which codes.
"""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect

from api.endpoint import Endpoint

MARK = "@@MARK@@"
Step = str | int
_POWERS = sorted({2**n + d for n in (31, 53, 63) for d in (-1, 0, 1)})


class Field(msgspec.Struct):
    """One field: where it stands, its type, whether it must be there, the object it is in."""

    path: tuple[Step, ...]
    type: Any
    required: bool = False

    @property
    def text(self) -> str:
        """The path as a problem document writes it."""
        return text_of(self.path)

    @property
    def nullable(self) -> bool:
        """Whether null is a good value."""
        return any(isinstance(t, inspect.NoneType) for t in _options(self.type))

    @property
    def kind(self) -> Any:
        """The type, without null and notes."""
        return next(t for t in _options(self.type) if not isinstance(t, inspect.NoneType))


def text_of(path: tuple[Step, ...]) -> str:
    """A path in the words of a problem document."""
    parts = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in path]
    return "".join(parts).removeprefix(".")


def _options(kind: Any) -> tuple:
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    return kind.types if isinstance(kind, inspect.UnionType) else (kind,)


def fields_of(endpoint: Endpoint) -> list[Field]:
    """All fields of an endpoint's body, outer ones first."""
    return list(_walk(inspect.type_info(endpoint.body), ()))


def objects_of(endpoint: Endpoint) -> list[tuple[Step, ...]]:
    """The paths of all objects in an endpoint's body."""
    found = [f.path for f in fields_of(endpoint) if isinstance(f.kind, inspect.StructType)]
    items = [(*f.path, 0) for f in fields_of(endpoint) if _holds_objects(f.kind)]
    return [(), *found, *items]


def _is_array(kind: Any) -> bool:
    return hasattr(kind, "item_type")


def _holds_objects(kind: Any) -> bool:
    return _is_array(kind) and isinstance(kind.item_type, inspect.StructType)


def _walk(kind: Any, path: tuple[Step, ...]) -> Iterator[Field]:
    for field in kind.fields:
        found = Field((*path, field.encode_name), field.type, field.required)
        yield found
        if isinstance(found.kind, inspect.StructType):
            yield from _walk(found.kind, found.path)
        elif _holds_objects(found.kind):
            yield from _walk(found.kind.item_type, (*found.path, 0))


def full_body(endpoint: Endpoint) -> dict:
    """A good body with every field set; the example's values where it has them."""
    body = _sample(inspect.type_info(endpoint.body))
    return _overlay(body, endpoint.example)


def _overlay(under: Any, over: Any) -> Any:
    if isinstance(under, dict) and isinstance(over, dict):
        return under | {k: _overlay(under.get(k), v) for k, v in over.items()}
    if isinstance(under, list) and isinstance(over, list):
        return [_overlay(under[0], item) for item in over]
    return over


_BY_PATTERN = {"^[A-Z]{2}": "DE", "^[A-Z]{3}": "EUR", "^(0[1-9]|": "10-01"}


def _sample(kind: Any) -> Any:
    kind = next(t for t in _options(kind) if not isinstance(t, inspect.NoneType))
    match kind:
        case inspect.StructType():
            return {f.encode_name: _sample(f.type) for f in kind.fields}
        case inspect.LiteralType():
            return kind.values[0]
        case inspect.BoolType():
            return False
        case inspect.IntType() | inspect.FloatType():
            return max(kind.ge or 0, 0)
        case inspect.DateTimeType():
            return "2026-11-23T20:15:00Z"
        case inspect.DateType():
            return "2026-11-23"
        case inspect.StrType():
            return _BY_PATTERN.get((kind.pattern or "")[:9], "x")
    return [_sample(kind.item_type)]


def render(body: Any, path: tuple[Step, ...], raw: bytes) -> bytes:
    """The JSON of `body` with `raw` in the place of the value at `path`."""
    copy = json.loads(json.dumps(body))
    at = copy
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = MARK
    return json.dumps(copy, ensure_ascii=False).encode().replace(f'"{MARK}"'.encode(), raw)


def without(body: Any, path: tuple[Step, ...]) -> bytes:
    """The JSON of `body` without the field at `path`."""
    copy = json.loads(json.dumps(body))
    at = copy
    for step in path[:-1]:
        at = at[step]
    del at[path[-1]]
    return json.dumps(copy).encode()


_TYPE, _RANGE, _LENGTH = {"invalid_type"}, {"out_of_range"}, {"invalid_length"}
_VALUE = {"invalid_value"}


def bad_values(field: Field) -> Iterator[tuple[bytes, set[str]]]:
    """Raw JSON values that must be refused there, with the codes that may say so."""
    kind = field.kind
    if not field.nullable:
        yield b"null", _TYPE
    for raw, families in _STRANGERS:
        if not isinstance(kind, families):
            yield raw, _TYPE | (_RANGE if raw == b"1e400" else set())
    parsed = isinstance(kind, (*_MOMENTS, inspect.LiteralType))
    yield b'"\xff"', {"invalid_utf8"} | _TYPE | (_VALUE if parsed else set())
    yield b'"\\ud800"', {"malformed_json"} | _TYPE | (_VALUE if parsed else set())
    for raw in (b"NaN", b"Infinity", b"-Infinity", b"01", b"'x'", b"tru", b"1_000", b""):
        yield raw, {"malformed_json"} | _TYPE
    yield b"[" * 33 + b"]" * 33, {"too_deep"}
    yield b'{"a":' * 40_000 + b"1" + b"}" * 40_000, {"too_deep"}
    yield from _bad_for(kind)


_MOMENTS = (inspect.DateTimeType, inspect.DateType)
_STRANGERS = (
    (b'"5"', (inspect.StrType, *_MOMENTS, inspect.LiteralType)),
    (b"1", (inspect.IntType, inspect.FloatType)),
    (b"true", (inspect.BoolType,)),
    (b"1.5", (inspect.FloatType,)),
    (b"1.0", (inspect.FloatType,)),
    (b"1e3", (inspect.FloatType,)),
    (b"1e400", ()),
    (b"[]", (inspect.ListType, inspect.VarTupleType)),
    (b"{}", (inspect.StructType,)),
)


def _bad_for(kind: Any) -> Iterator[tuple[bytes, set[str]]]:
    match kind:
        case inspect.IntType():
            for number in (-1, 0, *_POWERS, -(2**63) - 1, 10**400):
                if not (kind.ge <= number <= kind.le):
                    yield b"%d" % number, _RANGE
            yield b"%d" % (kind.ge - 1), _RANGE
            yield b"%d" % (kind.le + 1), _RANGE
            yield b"9" * 5000, _RANGE
        case inspect.FloatType():
            yield b"%d" % (kind.ge - 1), _RANGE
            yield b"%d" % (kind.le + 1), _RANGE
            yield b"1e308", _RANGE
        case inspect.LiteralType():
            yield from ((raw, _VALUE) for raw in (b'""', b'"nope"', b'"\\u0000"'))
        case inspect.DateTimeType():
            for text in (b'""', b'"x"', b'"2026-11-23"', b'"2026-11-23T20:15:00"'):
                yield text, _VALUE
            yield b'"2026-02-30T00:00:00Z"', _VALUE
        case inspect.DateType():
            for text in (b'""', b'"x"', b'"2026-11"', b'"2026-02-30"', b'"2026-11-23T20:15:00Z"'):
                yield text, _VALUE
        case inspect.StrType():
            yield from _bad_text(kind)
        case inspect.ListType() | inspect.VarTupleType():
            if kind.min_length:
                yield b"[]", _LENGTH
            yield b"[5]", _TYPE
            yield b"[null]", _TYPE


def _bad_text(kind: Any) -> Iterator[tuple[bytes, set[str]]]:
    if kind.min_length:
        yield b'""', _LENGTH | _VALUE
    if kind.max_length:
        yield b'"' + b"x" * (kind.max_length + 1) + b'"', _LENGTH
        yield b'"' + b"x" * 1_000_000 + b'"', _LENGTH
    if kind.pattern:
        for text in (b'"a\\u0000"', b'"a\\n"', b'"\\u007f"', b'"DE\\n"', b'"EUR\\n"'):
            yield text, _VALUE
