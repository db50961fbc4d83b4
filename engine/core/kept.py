"""What an order's record keeps beside its lines, as JSON: what its caller said, and what dibs has
to know of lines that wait."""

import msgspec

from engine.core.commands import Details


class Kept(Details):
    """`bound` are (number of a line, id of a location) of lines that waited when the order was
    placed and may come from there only; `since` is the seq of the order that this one was split
    off from, whose place among those that wait it keeps (0: of none)."""

    bound: tuple[tuple[int, str], ...] = ()
    since: int = 0


read = msgspec.json.Decoder(Kept).decode
_json = msgspec.json.Encoder().encode


def document_of(details: Details, bound: tuple[tuple[int, str], ...] = (), since: int = 0) -> bytes:
    """Return the JSON of an order's details, and of what is known of its lines."""
    fields = {f: getattr(details, f) for f in Details.__struct_fields__}
    return _json(Kept(**fields, bound=bound, since=since))
