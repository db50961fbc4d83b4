"""Asking a shop: a document, its cost, its token, and the refusals that come inside a 200."""

from collections.abc import Awaitable
from typing import Any

import httpx
import msgspec

from engine.connectors.base import Account, ConnectorError
from engine.connectors.calls import CallError, Calls, Reserved, document
from engine.connectors.shopify import auth
from engine.connectors.shopify.documents import VERSION, Document

OPERATION = "graphql"
_LATER_S = 10.0  # after a mutation with the same key that is still at work


class _Status(msgspec.Struct, frozen=True, rename="camel"):
    currently_available: float = 0.0
    restore_rate: float = 0.0


class _Cost(msgspec.Struct, frozen=True, rename="camel"):
    requested_query_cost: float = 0.0
    actual_query_cost: float | None = None
    throttle_status: _Status = _Status()


class _Extensions(msgspec.Struct, frozen=True):
    cost: _Cost = _Cost()


class _Problem(msgspec.Struct, frozen=True):
    message: str = ""
    extensions: dict[str, Any] = {}


class _Answer(msgspec.Struct, frozen=True):
    data: msgspec.Raw = msgspec.Raw(b"null")
    errors: list[_Problem] | str = []
    extensions: _Extensions = _Extensions()


class UserError(msgspec.Struct, frozen=True):
    """What the shop says of an input: a `code` if there is one, the `field`, and a message."""

    message: str = ""
    field: list[str] | None = None
    code: str | None = None

    def __str__(self) -> str:
        place = ".".join(self.field or ())
        return " ".join(text for text in (self.code, place, self.message) if text)


class Client:
    """The GraphQL endpoint of an account. Raises `CallError`."""

    def __init__(self, account: Account, calls: Calls) -> None:
        self._url = f"{account.url.rstrip('/')}/admin/api/{VERSION}/graphql.json"
        self._calls, self._tokens = calls, auth.tokens(account, calls)

    async def reserve(self, doc: Document) -> Reserved:
        """Wait until a document without ids may be asked; it then goes at once."""
        return await self._calls.reserve(OPERATION, doc.cost)

    async def release(self, reserved: Reserved) -> None:
        """Give back what was reserved and not used."""
        await self._calls.release(reserved)

    async def ask(
        self,
        doc: Document,
        variables: dict[str, Any],
        kind: Any,
        *,
        once: bool = False,
        reserved: Reserved | None = None,
    ) -> Any:
        """Ask a document; return its `data` as `kind`. With `once`, a mutation that may have had an
        effect is not repeated. What the shop did not charge is given back to the quota."""
        units = doc.cost + doc.each * len(variables.get("ids", ()))

        def send(token: str) -> Awaitable[httpx.Response]:
            return self._calls.ask(
                OPERATION,
                "POST",
                self._url,
                units=units,
                once=once,
                reserved=reserved,
                check=_check,
                headers={"x-shopify-access-token": token},
                json={"query": doc.text, "variables": variables},
            )

        answer = await self._tokens.call(send)
        found = document(answer, _Answer)
        actual = found.extensions.cost.actual_query_cost
        if actual is not None:
            await self._calls.settle(OPERATION, units - int(actual))
        try:
            return msgspec.json.decode(found.data, type=kind, strict=False)
        except msgspec.MsgspecError as error:
            raise CallError(f"the shop's answer is not understood: {error}", 422) from error


def _check(answer: httpx.Response) -> None:
    """Raise `CallError` for what the shop refuses with 200."""
    found = document(answer, _Answer)
    if not found.errors:
        return
    errors = [_Problem(found.errors)] if isinstance(found.errors, str) else found.errors
    codes = {str(error.extensions.get("code", "")) for error in errors}
    text = "; ".join(error.message for error in errors)
    if "THROTTLED" in codes:
        cost = found.extensions.cost
        status = cost.throttle_status
        lacking = cost.requested_query_cost - status.currently_available
        wait_s = lacking / status.restore_rate if status.restore_rate else None
        retry_s = None if wait_s is None else max(wait_s, 0.0)
        left = int(status.currently_available)
        raise CallError(f"throttled: {text}", 429, safe=True, retry_s=retry_s, left=left)
    if codes & {"INTERNAL_SERVER_ERROR", "TIMEOUT"}:
        raise CallError(text, 500)
    raise CallError(text, 403 if "ACCESS_DENIED" in codes else 422)


def insist(errors: list[UserError]) -> None:
    """Raise `ConnectorError` where the shop did not take an input."""
    if not errors:
        return
    running = any(error.code == "IDEMPOTENCY_CONCURRENT_REQUEST" for error in errors)
    raise ConnectorError("; ".join(map(str, errors)), _LATER_S if running else None)
