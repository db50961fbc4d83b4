"""Names for those who are behind events, as far as they are known now."""

from api.endpoint import Front
from engine.core import actors


def name_of(front: Front, actor: str) -> str | None:
    """Return the label of a key, or a user's name; None of what has neither."""
    return actors.user_of(actor) or front.keys.label(actor)
