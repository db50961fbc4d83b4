"""Reads that look alike for every kind of thing: one by its id, and all of them page by page."""

from collections.abc import Awaitable, Callable

import msgspec

from api.endpoint import Ask, Reply
from api.problems import missing
from api.routes import params

Handler = Callable[[Ask], Awaitable[Reply]]


def unknown(kind: str, name: str, noun: str = "") -> Exception:
    """Return the refusal of an id that nothing of this kind bears."""
    detail = f"{noun or kind} {name!r} does not exist"
    return missing(f"unknown_{kind}", kind, detail)


def one(kind: str, noun: str = "") -> Handler:
    """Return the handler that reads one `kind`, the client's call and the path's parameter of that
    name; `noun` is how people call it."""

    async def read(ask: Ask) -> Reply:
        name = ask.params[kind]
        answer = await getattr(ask.front.client, kind)(name)
        if answer is None:
            raise unknown(kind, name, noun)
        return 200, answer

    return read


def page(kinds: str, answer: type[msgspec.Struct]) -> Handler:
    """Return the handler that reads a page of `kinds`, the client's call of that name."""

    async def read(ask: Ask) -> Reply:
        after = params.place_of(ask.query["cursor"], -1)
        rows, place = await getattr(ask.front.client, kinds)(after=after, limit=ask.query["limit"])
        return 200, answer(rows, params.cursor_of(place))

    return read
