"""Calling a channel: the quota first, then the call, retried where that helps, and a breaker that
stops asking an account whose answers only fail.

    Calls.ask ─▶ breaker open? ─▶ wait for the quota ─▶ httpx ─▶ 429, 5xx, no answer: again

A connector calls through this and nothing else, so no call is ever outside its quota.
"""

import asyncio
import contextlib
import time
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextvars import ContextVar
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Protocol

import httpx
import msgspec
import stamina
import structlog

from engine.core import limits

if TYPE_CHECKING:
    from engine.connectors.tokens import Tokens

log = structlog.get_logger("calls")
_LEAST_S = 0.005  # between two looks at a quota
_PATIENT_S = 0.1  # the same, while others wait for it
_AGAIN = frozenset((408, 425, 429, 500, 502, 503, 504))


_patient: ContextVar[Callable[[], bool]] = ContextVar("patient", default=lambda: False)


@contextlib.contextmanager
def patiently(patient: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """Have calls in the block wait for as long as others want the quota, so that nobody waits for
    them. They are like any call again when `patient`, which is asked anew while they wait, says
    no."""
    before = _patient.set(patient)
    try:
        yield
    finally:
        _patient.reset(before)


class Gate(Protocol):
    """Says when an operation may be called; shared by all workers of an account."""

    async def take(
        self, operation: str, units: int = 1, ticket: str = "", patient: bool = False
    ) -> float:
        """Take `units` of the quota and return 0, or the seconds after which to ask again. With a
        `ticket`, a call is under way until `landed` or `spared`. Fewer than none gives back. A
        `patient` call is allowed only if `limits.CALL_SPARE` of the quota stays for others."""

    async def refused(self, operation: str, wait_s: float, units: int = 1) -> None:
        """Note that the channel refused a call of so many units, for so long."""

    def paced(self, operation: str, per_s: float) -> None:
        """Note how many calls a second the channel says that it allows of an operation."""

    async def failing(self) -> float:
        """Return for how many seconds the account must be left alone; 0: it may be called."""

    async def landed(self, operation: str, calls: Mapping[str, int], well: bool) -> None:
        """Note that calls, units by ticket, were answered, or failed."""

    async def spared(self, operation: str, ticket: str, units: int = 1) -> None:
        """Note that a call which was taken is not made."""


class CallError(Exception):
    """A call that did not succeed. `status` is 0 where nothing came back; `safe` says that it
    surely had no effect. `retry_s` is when the channel wants to be asked again, `left` how many
    units of the quota it says that there are now."""

    def __init__(
        self,
        message: str,
        status: int = 0,
        *,
        safe: bool = False,
        retry_s: float | None = None,
        left: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.safe, self.retry_s, self.left = status, safe, retry_s, left

    @property
    def again(self) -> bool:
        """Whether the same call may succeed later."""
        return self.status == 0 or self.status in _AGAIN


class Reserved(msgspec.Struct):
    """Units of an operation's quota that a call will be made with; no `ticket` when it was."""

    operation: str
    units: int
    ticket: str


class Renewals(Protocol):
    """Secrets that the channel replaces now and then, like a refresh token that works once."""

    def get(self, name: str, given: str) -> str:
        """Return the newest value of a secret: `given`, if it was never replaced."""

    def put(self, name: str, value: str) -> None:
        """Keep a new value."""


class Remembered:
    """`Renewals` of an account that nobody keeps, like that of a test."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}

    def get(self, name: str, given: str) -> str:
        """Return the newest value of a secret."""
        return self._kept.get(name, given)

    def put(self, name: str, value: str) -> None:
        """Keep a new value for as long as this lives."""
        self._kept[name] = value


class Calls:
    """All calls of one account. `once` marks calls that must not be repeated without looking. A
    connector whose channel says in its answers what it allows sets `rate_of`, which returns the
    calls a second of the operation just called, or None. What else calls for the account shares the
    `tokens` that the first one put here. `renewed` keeps what the channel replaces of its
    secrets."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        gate: Gate,
        account: str,
        renewed: Renewals | None = None,
    ) -> None:
        self._client, self._gate, self.account = client, gate, account
        self.renewed: Renewals = renewed or Remembered()
        self._prepaid: defaultdict[str, deque[tuple[float, str]]] = defaultdict(deque)
        self.rate_of: Callable[[Mapping[str, str]], float | None] = lambda _: None
        self.tokens: Tokens | None = None
        self._hurried: Counter[str] = Counter()  # who waits for a quota and is not patient
        self._given = asyncio.Event()  # set when units come back, which may be sooner
        self.counts: Counter[str] = Counter()  # calls; of them refused for their pace, and failed

    async def prepay(self, operation: str) -> None:
        """Wait until the quota allows a call, and take it: the next call of the operation goes at
        once. What it will say can so be decided at the last moment."""
        self._pay(operation, await self._wait(operation, 1))

    async def prepay_now(self, operation: str) -> bool:
        """Take a call as `prepay` does if the quota allows one now; return whether it does."""
        ticket = token_hex(8)
        if await self._gate.take(operation, 1, ticket):
            return False
        self._pay(operation, ticket)
        return True

    def _pay(self, operation: str, ticket: str) -> None:
        self._prepaid[operation].append((time.monotonic(), ticket))

    async def unpay(self, operation: str) -> None:
        """Give back a call that was taken ahead, if there is one: what was to be said needs not be
        said."""
        if self._prepaid[operation]:
            _, ticket = self._prepaid[operation].pop()
            await self._gate.spared(operation, ticket)
            self.wake()

    async def _paid(self, operation: str) -> str | None:
        """Return the ticket of a call that was taken ahead, if there is one that is not too old to
        be under way still. One that is was never made, so it is given back."""
        oldest_s = time.monotonic() - limits.CALL_ARRIVES_S / 2
        while self._prepaid[operation]:
            at_s, ticket = self._prepaid[operation].popleft()
            if at_s > oldest_s:
                return ticket
            await self._gate.spared(operation, ticket)
        return None

    def wake(self) -> None:
        """Have who waits for the quota look at it: there may be more of it than was foreseen, or
        who was patient is no more."""
        self._given.set()
        self._given = asyncio.Event()

    async def settle(self, operation: str, units: int) -> None:
        """Give back `units` that a call took and, as its channel tells afterwards, did not use."""
        if units > 0:
            await self._gate.take(operation, -units)
            self.wake()

    async def _wait(self, operation: str, units: int) -> str:
        """Wait until the quota allows so many units; return the ticket that they are under way
        with."""
        ticket, hurried = token_hex(8), False
        try:
            while True:
                patient = _patient.get()()
                self._hurried[operation] += (not patient) - hurried
                hurried = not patient
                if not (wait_s := await self._take(operation, units, ticket, patient)):
                    return ticket
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(max(wait_s, _LEAST_S)):
                        await self._given.wait()
        finally:
            self._hurried[operation] -= hurried

    async def _take(self, operation: str, units: int, ticket: str, patient: bool) -> float:
        """Take of the quota as the gate does. While somebody waits who needs more than the share
        that is left to him, the patient take nothing: else there would never be so much."""
        if patient and self._hurried[operation]:
            return _PATIENT_S
        return await self._gate.take(operation, units, ticket, patient)

    async def reserve(self, operation: str, units: int) -> Reserved:
        """Wait until the quota allows a call of so many units, and take them for one call of `ask`:
        what is read meanwhile is not old when that call is made."""
        return Reserved(operation, units, await self._wait(operation, units))

    async def release(self, reserved: Reserved) -> None:
        """Give back what no call was made with; nothing where one was."""
        if reserved.ticket:
            await self._gate.spared(reserved.operation, reserved.ticket, reserved.units)
            reserved.ticket = ""
            self.wake()

    async def ask(
        self,
        operation: str,
        method: str,
        url: str,
        *,
        units: int = 1,
        reserved: Reserved | None = None,
        once: bool = False,
        attempts: int = limits.CALL_ATTEMPTS,
        headers: Mapping[str, str] | None = None,
        check: Callable[[httpx.Response], None] | None = None,
        **request: Any,
    ) -> httpx.Response:
        """Call and return a 2xx answer. Raises `CallError`.

        What was refused for its pace, or surely had no effect, is tried again; with `once`, what
        may have had one is not. The first try is made with what was `reserved`. `check` looks at
        each 2xx answer and raises `CallError` for one that says no all the same, with the status
        that its channel should have given it.
        """

        def wait(error: Exception) -> bool | float:
            if not isinstance(error, CallError) or not error.again:
                return False
            if once and not error.safe:
                return False
            return True if error.retry_s is None else min(error.retry_s, limits.CALL_WAIT_S_MAX)

        async for attempt in stamina.retry_context(
            on=wait,
            attempts=attempts,
            timeout=limits.CALL_RETRIES_S,
            wait_max=limits.CALL_BACKOFF_S,
        ):
            with attempt:
                answer = await self._try(operation, method, url, units, reserved, headers, request)
                if check is not None:
                    await self._checked(operation, units, answer, check)
                return answer
        raise AssertionError("unreachable: the last attempt raises")

    async def _try(
        self,
        operation: str,
        method: str,
        url: str,
        units: int,
        reserved: Reserved | None,
        headers: Any,
        request: dict,
    ) -> httpx.Response:
        pause_s = await self._gate.failing()
        if pause_s:
            raise CallError(f"{self.account} is left alone", 503, safe=True, retry_s=pause_s)
        tickets = {}
        if reserved is not None and reserved.ticket:
            tickets[reserved.ticket], units = reserved.units, units - reserved.units
            reserved.ticket = ""
        elif (paid := await self._paid(operation)) is not None:
            tickets[paid], units = 1, units - 1
        if units > 0:
            tickets[await self._wait(operation, units)] = units
        self.counts["calls"] += 1
        try:
            answer = await self._client.request(method, url, headers=headers, **request)
        except httpx.TransportError as error:
            safe = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            self.counts["failed"] += 1
            await self._gate.landed(operation, tickets, well=False)
            raise CallError(f"{operation}: no answer ({error!r})", safe=safe) from error
        await self._gate.landed(operation, tickets, well=answer.status_code < 500)
        if per_s := self.rate_of(answer.headers):
            self._gate.paced(operation, per_s)
        if answer.is_success:
            return answer
        raise await self._failed(operation, answer)

    async def _checked(
        self, operation: str, units: int, answer: httpx.Response, check: Callable
    ) -> None:
        try:
            check(answer)
        except CallError as error:
            self._count(error.status)
            if error.status == 429:
                await self.settle(operation, units)  # what is refused is not charged
                if error.left is not None:
                    await self._gate.refused(operation, 0.0, error.left)
                else:
                    wait_s = limits.CALL_REFUSED_S if error.retry_s is None else error.retry_s
                    await self._gate.refused(operation, wait_s, units)
            raise

    def _count(self, status: int) -> None:
        self.counts["refused" if status == 429 else "failed"] += 1

    async def _failed(self, operation: str, answer: httpx.Response) -> CallError:
        status, retry_s = answer.status_code, retry_after_s(answer.headers)
        self._count(status)
        if status == 429:
            await self._gate.refused(operation, retry_s or limits.CALL_REFUSED_S)
        text = answer.text[: limits.CALL_PROBLEM_CHARS_MAX]
        return CallError(
            f"{operation}: {status} {text}", status, safe=status in (429, 503), retry_s=retry_s
        )


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that `Retry-After` asks for; None where it does not say a number."""
    text = headers.get("retry-after", "")
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 <= seconds < limits.CALL_RETRY_AFTER_S_MAX else None


async def none_if_missing(asked: Awaitable[httpx.Response]) -> httpx.Response | None:
    """Return the answer of a call that is asked, None where its channel knows no such thing."""
    try:
        return await asked
    except CallError as error:
        if error.status == 404:
            return None
        raise


def document(answer: httpx.Response, kind: Any) -> Any:
    """Decode an answer's JSON as `kind`; `CallError` where it is not that."""
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except msgspec.MsgspecError as error:
        raise CallError(f"{answer.url.path}: answer not understood: {error}", 422) from error
