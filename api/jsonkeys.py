"""What a JSON decoder does not tell: duplicate keys, escaped keys, too many keys, too much depth.

The slow twin of `ext.jsonkeys`, used where that is not built; both give the same answers. The body
need not be valid JSON: where it is not, whatever is found is true as far as it was read, and the
decoder says the rest.
"""

import re

from engine.core import limits

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\],]|"', re.DOTALL)
_UNCLOSED = b'"'
_PATH_KEY_BYTES_MAX = 128

DUPLICATE, ESCAPED, TOO_MANY, TOO_DEEP = (
    "duplicate_field",
    "escaped_field",
    "too_many_fields",
    "too_deep",
)


class _Level:
    """One open object (`keys` is a set) or array (`keys` is None)."""

    __slots__ = ("awaits_key", "index", "key", "keys")

    def __init__(self, is_object: bool) -> None:
        self.keys: set[bytes] | None = set() if is_object else None
        self.awaits_key = is_object
        self.key: bytes | None = None
        self.index = 0


def find(body: bytes, levels: int = limits.JSON_DEPTH_MAX) -> tuple[str, str] | None:
    """Return (code, path) of the first fault, or None.

    Keys are looked at down to `levels` levels; depth is bounded by `limits.JSON_DEPTH_MAX`.
    """
    stack: list[_Level] = []
    for match in _TOKEN.finditer(body):
        token = match.group()
        mark = token[:1]
        if token == _UNCLOSED:
            break
        if mark == b'"':
            code = _key(stack, token[1:-1], levels)
            if code:
                return code, _path(stack)
        elif len(stack) == limits.JSON_DEPTH_MAX and mark in b"{[":
            return TOO_DEEP, _path(stack)
        else:
            _step(stack, mark)
    return None


def path_at(body: bytes, offset: int) -> str:
    """Return the path of the value at a byte offset, like `lines[2].quantity`."""
    stack: list[_Level] = []
    for match in _TOKEN.finditer(body):
        if match.start() >= offset or len(stack) > limits.JSON_DEPTH_MAX:
            break
        token = match.group()
        if token == _UNCLOSED:
            break
        if token[:1] == b'"':
            if match.end() <= offset:
                _key(stack, token[1:-1], 0)
        else:
            _step(stack, token[:1])
    return _path(stack[: limits.JSON_DEPTH_MAX])


def _key(stack: list[_Level], text: bytes, levels: int) -> str:
    """Take a string; if it is a key, remember it and return the code of its fault or ''."""
    level = stack[-1] if stack else None
    if level is None or not level.awaits_key:
        return ""
    level.awaits_key, level.key = False, text
    if len(stack) > levels:
        return ""
    if b"\\" in text:
        return ESCAPED
    if text in level.keys:
        return DUPLICATE
    if len(level.keys) == limits.JSON_FIELDS_MAX:
        return TOO_MANY
    level.keys.add(text)
    return ""


def _step(stack: list[_Level], mark: bytes) -> None:
    if mark in b"{[":
        stack.append(_Level(mark == b"{"))
    elif mark in b"}]":
        if stack:
            stack.pop()
    elif mark == b"," and stack:
        level = stack[-1]
        level.awaits_key = level.keys is not None
        level.index += 1


def _path(stack: list[_Level]) -> str:
    parts = []
    for level in stack:
        if level.keys is None:
            parts.append(f"[{level.index}]")
        elif level.key is not None:
            parts.append("." + level.key[:_PATH_KEY_BYTES_MAX].decode("utf-8", "replace"))
    return "".join(parts).removeprefix(".")
