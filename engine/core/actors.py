"""Who is behind an event: the word in its cause.

A request's actor is the id of its API key (12 hex digits) or, of a person who signed in, what
`of_user` returns. What nobody asked for just then names itself. Logs from before these words have
an empty actor there, which `word_of` reads as `system`.
"""

TIMER = "timer"  # a time that was set is over: of a hold, or to accept a fulfillment
SYSTEM = "system"  # dibs by itself, because of another event: stock came, a location closed
_USER = "user:"


def of_user(name: str) -> str:
    """Return the actor of a person's requests; keys' ids have no colon, so the two never meet."""
    return _USER + name


def user_of(actor: str) -> str | None:
    """Return the name of the person behind an actor, None if it is none."""
    return actor.removeprefix(_USER) if actor.startswith(_USER) else None


def word_of(actor: str) -> str:
    """Return what is shown for the actor of an event."""
    return actor or SYSTEM
