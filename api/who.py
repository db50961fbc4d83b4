"""Names for those who are behind events, as far as they are known now."""

from api.endpoint import Front
from engine.core import actors


def name_of(front: Front, actor: str) -> str | None:
    """Return the label of a key, or a user's name; None of what has neither."""
    return actors.user_of(actor) or front.keys.label(actor)


def actors_named(front: Front, name: str) -> list[str]:
    """Return the actors that a name may stand for: itself, a person, and keys of this label."""
    return [name, actors.of_user(name), *front.keys.labelled(name)]
