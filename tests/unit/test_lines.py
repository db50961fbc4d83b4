"""Lines of a body are the same wherever the body is cut, and what is kept of one is bounded."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from api.lines import Lines

MOST = 6
BODIES = st.lists(
    st.sampled_from([b"a", b"bc", b" ", b"\t\r", b"\n", b"\n\n", b"defg"]), max_size=40
)


def whole(body: bytes) -> list[bytes | None]:
    """The lines of a body, seen at once."""
    lines = [one.lstrip() for one in body.split(b"\n")]
    return [one if len(one) <= MOST else None for one in lines if one]


@given(BODIES, st.lists(st.integers(0, 60)))
def test_any_cut_gives_the_same_lines(parts: list[bytes], cuts: list[int]) -> None:
    body = b"".join(parts)
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    lines, found = Lines(MOST), []
    for start, end in pairwise(edges):
        found += lines.feed(body[start:end], last=False)
        assert len(lines._kept) <= MOST
    found += lines.feed(b"", last=True)
    assert found == whole(body)
