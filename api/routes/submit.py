"""What all commands have in common: hand the command to the engine, answer what it says."""

from api import problems
from api.endpoint import Ask, Reply
from engine.core.commands import Request
from engine.core.outcomes import Accepted, Outcome


async def submit(ask: Ask) -> Outcome:
    """Return the durable outcome of the request's command."""
    return await ask.front.client.submit(Request(ask.value, ask.actor, ask.key))


def _refused(outcome: Outcome) -> Reply:
    document = problems.of_refusal(outcome)
    return document.status, document


async def create(ask: Ask) -> Reply:
    """Answer 201; a repetition too, with `replayed: true`."""
    outcome = await submit(ask)
    return (201, outcome.answer) if type(outcome) is Accepted else _refused(outcome)


async def change(ask: Ask) -> Reply:
    """Answer 200."""
    outcome = await submit(ask)
    return (200, outcome.answer) if type(outcome) is Accepted else _refused(outcome)


async def put(ask: Ask) -> Reply:
    """Answer 201 for a new thing and 200 for one that existed."""
    outcome = await submit(ask)
    if type(outcome) is Accepted:
        return (201 if outcome.created else 200), outcome.answer
    return _refused(outcome)
