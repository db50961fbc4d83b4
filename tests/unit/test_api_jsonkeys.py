"""The scanner for what JSON decoders keep quiet about: its rules, and that both twins agree."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from api import jsonkeys as slow
from engine.core import limits
from ext import jsonkeys as fast

TWINS = pytest.mark.parametrize("twin", [slow, fast], ids=["slow", "fast"])
DEEP = b"[" * limits.JSON_DEPTH_MAX


@TWINS
def test_clean_bodies(twin) -> None:
    for body in (
        b"",
        b"{}",
        b"5",
        b'{"a":1,"b":{"a":1},"c":[{"a":1},{"a":1}]}',
        b'{"a":"{\\"b\\":1,\\"b\\":2}","b":"\\\\"}',
        b'{"a":"a","b":["a","a","b"]}',
        DEEP + b"]" * limits.JSON_DEPTH_MAX,
        b"[" + b",".join([b"{}"] * 1000) + b"]",
        b"{" + b",".join(b'"k%d":1' % i for i in range(limits.JSON_FIELDS_MAX)) + b"}",
    ):
        assert twin.find(body) is None, body


@TWINS
def test_faults_and_their_paths(twin) -> None:
    many = b"{" + b",".join(b'"k%d":1' % i for i in range(limits.JSON_FIELDS_MAX + 1)) + b"}"
    for body, fault in (
        (b'{"a":1,"a":2}', ("duplicate_field", "a")),
        (b'{"a" : 1 , "b":2, "a" :2}', ("duplicate_field", "a")),
        (b'{"":1,"":2}', ("duplicate_field", "")),
        (b'[0,{"x":[{},{"a":1,"b":2,"a":3}]}]', ("duplicate_field", "[1].x[1].a")),
        (b'{"a":{"b":1},"c":2,"a":{}}', ("duplicate_field", "a")),
        (b'{"\\u0061":1}', ("escaped_field", "\\u0061")),
        (DEEP + b"[", ("too_deep", "[0]" * limits.JSON_DEPTH_MAX)),
        (many, ("too_many_fields", f"k{limits.JSON_FIELDS_MAX}")),
    ):
        assert twin.find(body) == fault


@TWINS
def test_levels_bound_where_keys_are_looked_at(twin) -> None:
    inner, outer = b'[{"a":1,"a":2}]', b'{"a":1,"a":2}'
    assert twin.find(inner, 1) is None and twin.find(outer, 1) == ("duplicate_field", "a")
    assert twin.find(DEEP + b"{", 1)[0] == "too_deep"


@TWINS
def test_path_at(twin) -> None:
    body = b'{"order":"x","lines":[{"sku":"a"},{"sku":"b","quantity":#}]}'
    assert twin.path_at(body, body.index(b"#")) == "lines[1].quantity"
    assert twin.path_at(body, body.index(b"x")) == "order"
    assert twin.path_at(body, 0) == ""


PIECES = st.lists(
    st.sampled_from(
        [
            b"{",
            b"}",
            b"[",
            b"]",
            b",",
            b":",
            b'"',
            b"\\",
            b'"a"',
            b'"b":',
            b'"a":',
            b"1",
            b" ",
            b"\xff",
        ]
    ),
    max_size=60,
).map(b"".join)
VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from('ab\\"é'), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=1500, derandomize=True)
@given(PIECES | VALUES.map(lambda v: json.dumps(v, ensure_ascii=False).encode()), st.integers(0, 4))
@example(b'{"a', 4)
@example(b'{"a\\', 4)
@example(b'{"a":1,"a', 4)
def test_twins_agree(body: bytes, levels: int) -> None:
    assert fast.find(body, levels) == slow.find(body, levels)
    for offset in range(len(body) + 1):
        assert fast.path_at(body, offset) == slow.path_at(body, offset)


@settings(max_examples=500, derandomize=True)
@given(VALUES)
def test_valid_documents_without_escapes_are_clean(value) -> None:
    """The reference is Python's own parser, which is told of every key."""
    body = json.dumps(value, ensure_ascii=False).encode()
    keys: list[str] = []
    json.loads(body, object_pairs_hook=lambda pairs: keys.extend(k for k, _ in pairs))
    escaped = any("\\" in k or '"' in k for k in keys)
    fault = fast.find(body)
    assert (fault is not None and fault[0] == "escaped_field") if escaped else fault is None
