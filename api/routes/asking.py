"""What the calls about people, keys and webhooks share: those about people wait in a thread, their
refusals are values, and secrets are shown once."""

from collections.abc import Callable
from typing import Any

from api.access import address, header
from api.endpoint import Ask, Content
from api.problems import Headers, ProblemError, missing, problem
from api.wire import encode
from engine.core.errors import DoubtError, LogError, OutcomeUnknownError, UnavailableError
from engine.core.outcomes import Fault
from engine.service.people.book import People
from engine.service.people.records import Refusal

_CHALLENGE = ((b"www-authenticate", b'Bearer realm="dibs"'),)
_KEPT_NOWHERE = ((b"cache-control", b"no-store"),)


def people(ask: Ask) -> People:
    """Return who knows users and sessions."""
    if ask.front.people is None:
        raise UnavailableError("this process knows no users")
    return ask.front.people


async def done(ask: Ask, what: Callable[..., Any], *values: Any) -> Any:
    """Do something that waits, and return what came of it; a refusal ends the request."""
    try:
        found = await people(ask).run(what, *values)
    except DoubtError as error:
        raise OutcomeUnknownError("the log's server gave no answer; look first") from error
    except LogError as error:
        raise UnavailableError("the log's server does not answer; try again") from error
    if isinstance(found, Refusal):
        raise refused(found)
    return found


def refused(refusal: Refusal) -> ProblemError:
    """Return what ends a request that was refused so."""
    faults = (Fault(refusal.path, refusal.detail),) if refusal.path else ()
    document = problem(
        refusal.code, refusal.detail, *faults, retry_after_s=refusal.retry_after_s or None
    )
    if refusal.code.startswith("unknown_"):
        return missing(refusal.code, refusal.path, refusal.detail)
    return ProblemError(document, _CHALLENGE if document.status == 401 else ())


def who_asks(ask: Ask) -> tuple[str, str]:
    """Return the caller's address and what the browser calls itself."""
    return address(ask.scope), header(ask.scope["headers"], b"user-agent").decode("latin-1")


def with_headers(answer: Any, headers: Headers) -> Content:
    """Return an answer in JSON that has more headers."""
    return Content(encode(answer), "application/json", headers)


def shown_once(answer: Any) -> Content:
    """Return an answer that has a secret, which no cache may keep."""
    return with_headers(answer, _KEPT_NOWHERE)
