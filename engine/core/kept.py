"""What an order's record keeps beside its lines, as JSON: what its caller said, and what dibs has
to know of lines that wait."""

import msgspec

from engine.core.commands import Details


class Kept(Details):
    """`bound` are (number of a line, id of a location) of lines that waited when the order was
    placed and may come from there only; `since` is the seq of the order that this one was split
    off from, whose place among those that wait it keeps (0: of none). One that `ships_complete`
    leaves when nothing of it waits any more, not before."""

    bound: tuple[tuple[int, str], ...] = ()
    since: int = 0
    ships_complete: bool = False


read = msgspec.json.Decoder(Kept).decode
_json = msgspec.json.Encoder().encode


def document_of(details: Details, bound: tuple[tuple[int, str], ...] = (), since: int = 0) -> bytes:
    """Return the JSON of an order's details, and of what is known of its lines. It ships complete
    if the details are kept ones that do, or a command that asks for it."""
    fields = {f: getattr(details, f) for f in Details.__struct_fields__}
    whole = getattr(details, "ships_complete", getattr(details, "when_short", "") == "complete")
    return _json(Kept(**fields, bound=bound, since=since, ships_complete=whole))
