"""Every problem that the front can report: one table, code → status and title (RFC 9457).

A problem document is `{type, title, status, code, detail}`, with `errors: [{path, detail, …}]`
where fields are to blame and `seq` where the ledger refused. `code` is stable: programs branch on
it, people read `detail`, which names the fix. Adding a code is a compatible change, changing one
is not.
"""

from math import ceil

import msgspec

from engine.core.errors import (
    OUTCOME_UNKNOWN,
    GapError,
    OutcomeUnknownError,
    OverloadedError,
    ServiceError,
    UnavailableError,
)
from engine.core.outcomes import Code, Fault, Refused
from engine.core.packed import Trouble

_TYPE = "urn:dibs:problem:"

TABLE: dict[str, tuple[int, str]] = {
    # The request as HTTP.
    "malformed_http": (400, "The request is not valid HTTP"),
    "unauthorized": (401, "No valid API key, and nobody is signed in"),
    "session_ended": (401, "The session has ended"),
    "sign_in_failed": (401, "Name and password do not belong together"),
    "forbidden": (403, "The caller may not do this"),
    "cross_site": (403, "The call comes from another site's page"),
    "wrong_code": (403, "This is not the one-time code"),
    "not_found": (404, "There is nothing at this path"),
    "method_not_allowed": (405, "The path has no such method"),
    "request_timeout": (408, "The request did not arrive in time"),
    "body_too_large": (413, "The body is too large"),
    "unsupported_media_type": (415, "The body is of another media type"),
    "headers_too_large": (431, "The headers are too large"),
    "too_many_connections": (503, "Too many connections"),
    # The request as JSON.
    "malformed_json": (400, "The body is not valid JSON"),
    "invalid_utf8": (400, "The text is not valid UTF-8"),
    "too_deep": (400, "The JSON nests too deeply"),
    "unknown_field": (422, "A field is unknown"),
    "missing_field": (422, "A field is missing"),
    "duplicate_field": (422, "A field stands twice"),
    "escaped_field": (422, "A field's name is written with escapes"),
    "too_many_fields": (422, "An object has too many fields"),
    "invalid_type": (422, "A value has the wrong type"),
    "out_of_range": (422, "A number is out of range"),
    "invalid_length": (422, "A value is too short or too long"),
    "invalid_value": (422, "A value is not allowed"),
    "unknown_parameter": (422, "A query parameter is unknown"),
    "duplicate_parameter": (422, "A query parameter stands twice"),
    # What the ledger refused; `outcomes.Code` says in which order.
    "idempotency_conflict": (409, "The id was used with another body"),
    "unknown_reservation": (404, "The reservation does not exist"),
    "unknown_order": (404, "The order does not exist"),
    "unknown_position": (404, "The SKU has never been at this location"),
    "unknown_hold": (404, "The hold does not exist"),
    "unknown_return": (404, "The return does not exist"),
    "unknown_fulfillment": (404, "The fulfillment does not exist"),
    "fulfillment_status": (409, "The fulfillment is at another step"),
    "unknown_channel": (404, "The channel does not exist"),
    "unknown_account": (404, "The account is not connected"),
    "unknown_letter": (404, "The dead letter does not exist"),
    "unknown_validation": (404, "The channel has no rules"),
    "fenced_sku": (409, "The SKU cannot be set aside, or is"),
    "fences_mixed": (409, "Fences over all locations and fences of one"),
    "unknown_location": (422, "A location does not exist"),
    "unknown_sku": (422, "A SKU does not exist"),
    "unknown_purchase_order": (422, "The purchase order does not exist"),
    "unknown_policy": (422, "The routing policy does not exist"),
    "unknown_strategy": (422, "The routing policy has no such strategy"),
    "not_routable": (409, "No plan is allowed"),
    "invalid_policy": (422, "The routing policy contradicts itself"),
    "location_inactive": (409, "The location is not active"),
    "reservation_expired": (409, "The reservation has expired"),
    "reservation_closed": (409, "The reservation is closed"),
    "order_closed": (409, "The order is closed"),
    "backorder_limit": (409, "Too many units are waited for already"),
    "order_status": (409, "The order is at another step"),
    "order_incomplete": (409, "The order ships complete, and units of it wait"),
    "incomplete_rule": (422, "A rule does not say what its check needs"),
    "return_status": (409, "The return is at another step"),
    "not_returnable": (409, "More than has left and is not returned"),
    "bundle_parted": (409, "A part of the bundle has left"),
    "bundle_remade": (409, "The bundle is made of other parts now"),
    "nothing_told": (422, "The fact says nothing"),
    "unknown_line": (422, "The order has no such line"),
    "stale_order": (409, "The order has changed since it was read"),
    "orders_differ": (409, "The orders cannot be one"),
    "order_exists": (409, "The order exists already"),
    "bundle_cycle": (422, "A bundle contains itself"),
    "bundle_too_deep": (422, "Bundles nest too deeply"),
    "bundle_too_wide": (422, "A bundle has too many parts"),
    "bundle_has_stock": (409, "The SKU has stock of its own"),
    "bundle_not_stocked": (422, "A bundle has no stock of its own"),
    "duplicate_line": (422, "A SKU stands in two lines"),
    "same_location": (422, "The locations are the same"),
    "quantity_overflow": (422, "Too many units in total"),
    "stale_count": (409, "The stock has changed since it was read"),
    "promised_stock": (409, "Units are promised to somebody"),
    "quantity_not_held": (409, "More than the order holds"),
    "insufficient_stock": (409, "Not enough available"),
    "table_full": (507, "A table of the ledger is full"),
    # What is refused about people and keys.
    "unknown_user": (404, "The user does not exist"),
    "unknown_session": (404, "The session does not exist"),
    "unknown_key": (404, "The API key does not exist"),
    "unknown_webhook": (404, "The webhook does not exist"),
    "unknown_delivery": (404, "The message neither waits nor was given up"),
    "webhook_idle": (409, "Nothing is sent to the webhook"),
    "first_admin_closed": (409, "There is no first admin to be made"),
    "last_admin": (409, "This is the last admin"),
    "no_password": (409, "An API key has no password"),
    "weak_password": (422, "The password is too easy to guess"),
    "too_many_attempts": (429, "Too many attempts"),
    # The engine's state.
    "stream_gap": (410, "The stream is no longer kept from there"),
    "overloaded": (429, "Too much is asked at once"),
    "unavailable": (503, "No writer leads now"),
    "outcome_unknown": (503, "It is not known whether the request took effect"),
    "internal": (500, "A bug in dibs"),
}

# A GET's path names the thing itself, so its absence is the path's: 404.
NOT_FOUND_IN_PATH = frozenset(
    {"unknown_sku", "unknown_location", "unknown_purchase_order", "unknown_policy"}
)

LEDGER_CODES = frozenset(code.slug for code in Code)
SERVICE_CODES = ("overloaded", "unavailable", "outcome_unknown", "internal")
ANYWHERE_CODES = (  # said by the guard and the router, before a call is known
    "malformed_http",
    "not_found",
    "method_not_allowed",
    "request_timeout",
    "body_too_large",
    "headers_too_large",
    "too_many_connections",
)
AUTH_CODES = ("unauthorized", "session_ended", "forbidden", "cross_site")
BODY_CODES = (
    "malformed_json",
    "invalid_utf8",
    "too_deep",
    "body_too_large",
    "unknown_field",
    "missing_field",
    "duplicate_field",
    "escaped_field",
    "too_many_fields",
    "invalid_type",
    "out_of_range",
    "invalid_length",
    "invalid_value",
)

assert set(TABLE) >= LEDGER_CODES, "every refusal of the ledger has a status"


class Problem(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A problem document. `seq` is the log position whose state refused the request."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: tuple[Fault, ...] = ()
    seq: int | None = None
    retry_after_s: int | None = None
    oldest: str | None = None


Headers = tuple[tuple[bytes, bytes], ...]


class ProblemError(Exception):
    """Ends a request with a problem document; `headers` go with the answer."""

    def __init__(self, problem: Problem, headers: Headers = ()) -> None:
        super().__init__(problem.detail)
        self.problem, self.headers = problem, headers


def problem(code: str, detail: str, *faults: Fault, status: int = 0, **more) -> Problem:
    """Return the document of one code; `status` only where the table's does not fit."""
    usual, title = TABLE[code]
    return Problem(
        type=_TYPE + code,
        title=title,
        status=status or usual,
        code=code,
        detail=detail,
        errors=faults,
        **more,
    )


def fail(code: str, detail: str, *faults: Fault, headers: Headers = ()) -> ProblemError:
    """Return the exception that ends a request with this code."""
    return ProblemError(problem(code, detail, *faults), headers)


def field(code: str, path: str, detail: str) -> ProblemError:
    """Return the exception for one field to blame."""
    return fail(code, f"{path}: {detail}" if path else detail, Fault(path, detail))


def missing(code: str, path: str, detail: str) -> ProblemError:
    """Return the exception for a thing named by the path that does not exist: always 404."""
    return ProblemError(problem(code, detail, Fault(path, "does not exist"), status=404))


def of_refusal(refused: Refused) -> Problem:
    """Return the document of a refusal."""
    return problem(refused.code.slug, refused.detail, *refused.faults, seq=refused.seq)


def of_service(error: ServiceError) -> Problem:
    """Return the document of an engine that cannot take or answer a request now."""
    retry_s = max(1, ceil(error.retry_after_s))
    match error:
        case OutcomeUnknownError():
            return problem("outcome_unknown", OUTCOME_UNKNOWN, retry_after_s=retry_s)
        case OverloadedError():
            return problem("overloaded", str(error), retry_after_s=retry_s)
        case GapError():
            return problem("stream_gap", str(error), oldest=error.oldest)
        case UnavailableError():
            return problem("unavailable", str(error), retry_after_s=retry_s)
    return problem("internal", "an unexpected state of the engine; see the server's log")


def retry_headers(document: Problem) -> Headers:
    """Return `Retry-After` where the document says when to try again."""
    if document.retry_after_s is None:
        return ()
    return ((b"retry-after", b"%d" % document.retry_after_s),)


def start_of(slug: str, status: int = 0) -> bytes:
    """Return a problem document's bytes up to its detail, which the ledger says in a packed
    answer (`core.packed`)."""
    return msgspec.json.encode(problem(slug, "", status=status)).removesuffix(b'"detail":""}')


TROUBLES = {
    Trouble.UNAVAILABLE: "unavailable",
    Trouble.OUTCOME_UNKNOWN: "outcome_unknown",
    Trouble.OVERLOADED: "overloaded",
    Trouble.MALFORMED: "internal",
}
SLUGS = {int(code): code.slug for code in Code} | {int(t): slug for t, slug in TROUBLES.items()}
# By the code of a packed answer.
STARTS = [start_of(SLUGS[code]) if code in SLUGS else None for code in range(256)]
