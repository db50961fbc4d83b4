"""Sessions: signing in and out, who one is, and what one may."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from api.access import SELF, bearer, check_origin, header, set_cookie, signed_in
from api.endpoint import Ask, Endpoint, Reply
from api.problems import fail
from api.routes.asking import done, people, who_asks, with_headers
from api.wire import Param
from engine.core import limits
from engine.core.answers import moment
from engine.core.commands import Id
from engine.service.keys import SCOPES
from engine.service.people.first import FirstAdmin
from engine.service.people.records import Session, Signed, UserName

_US = 1_000_000
Typed = Annotated[str, Meta(min_length=1, max_length=limits.USER_CHARS_MAX)]
Password = Annotated[str, Meta(min_length=1, max_length=limits.PASSWORD_CHARS_MAX)]
SESSION = Param("session", Id, "the session's id", example="5f0c62a1b3d4")


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who wants to begin a session. Capital letters in the name do not matter."""

    user: Typed
    password: Password


class FirstAdminBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first admin, and the one-time code that `dibs up` prints."""

    code: Typed
    user: UserName
    password: Password


class ChangePassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One's own password until now, and from now on."""

    password: Password
    new_password: Password


class SessionAnswer(msgspec.Struct, kw_only=True):
    """Who calls: a `user` who is signed in, a `key`, or `nobody`. `may` has the scopes that are
    open.

    `password_due`: the password is a temporary one, and nothing is open until it is replaced.
    `first_admin`: there is no user yet, and this machine may make one. `ends_at`: when the session
    is over at the latest.
    """

    kind: str
    may: list[str] = []
    user: str | None = None
    role: str | None = None
    session: str | None = None
    key: str | None = None
    password_due: bool = False
    first_admin: bool = False
    ends_at: datetime | None = None


class SessionRow(msgspec.Struct, kw_only=True):
    """One session. `agent` is what the browser calls itself; `current`: it is the one that asks."""

    session: str
    user: str
    began_at: datetime
    seen_at: datetime
    ends_at: datetime
    agent: str = ""
    address: str = ""
    current: bool = False


class SessionsPage(msgspec.Struct):
    """Sessions that last, the latest seen first."""

    sessions: list[SessionRow]


def _answer(signed: Signed) -> SessionAnswer:
    user, session = signed.user, signed.session
    return SessionAnswer(
        kind="user",
        may=[scope for scope in SCOPES if scope in user.grants],
        user=user.user,
        role=user.role,
        session=session.id,
        password_due=bool(user.temporary_until_us),
        ends_at=_ends_at(session),
    )


def _ends_at(session: Session) -> datetime:
    return moment(session.began_us + int(limits.SESSION_S_MAX * _US))


def _row(session: Session, ask: Ask) -> SessionRow:
    return SessionRow(
        session=session.id,
        user=session.user,
        began_at=moment(session.began_us),
        seen_at=moment(session.seen_us),
        ends_at=_ends_at(session),
        agent=session.agent,
        address=session.address,
        current=ask.signed is not None and ask.signed.session.id == session.id,
    )


def _ours(ask: Ask) -> None:
    """Signing in and out, too, comes from our own page only."""
    check_origin(ask.scope["method"], ask.headers)


async def _sign_in(ask: Ask) -> Reply:
    _ours(ask)
    wish = ask.value
    signed, token = await done(ask, people(ask).sign_in, wish.user, wish.password, *who_asks(ask))
    return 201, with_headers(_answer(signed), set_cookie(ask.headers, token))


async def _first_admin(ask: Ask) -> Reply:
    _ours(ask)
    wish, first = ask.value, ask.front.first_admin or FirstAdmin(people(ask))
    signed, token = await done(ask, first.make, wish.code, wish.user, wish.password, *who_asks(ask))
    return 201, with_headers(_answer(signed), set_cookie(ask.headers, token))


async def _who(ask: Ask) -> Reply:
    authorization = header(ask.headers, b"authorization")
    token = bearer(authorization) if authorization else None
    known = ask.front.keys.grants(token) if token else None
    if known:
        may = [scope for scope in SCOPES if scope in known[1]]
        return 200, SessionAnswer(kind="key", key=known[0], may=may)
    signed = None if authorization else _signed(ask)
    if signed:
        return 200, _answer(signed)
    first = ask.front.first_admin
    return 200, SessionAnswer(kind="nobody", first_admin=first is not None and first.open)


def _signed(ask: Ask) -> Signed | None:
    return signed_in(ask.front, ask.headers, header(ask.headers, b"cookie") or None)


async def _sign_out(ask: Ask) -> Reply:
    _ours(ask)
    signed = _signed(ask)
    if signed:
        await done(ask, people(ask).end, signed.session.id, signed.actor)
    gone = set_cookie(ask.headers, "")
    return 200, with_headers(SessionAnswer(kind="nobody"), gone)


async def _change_password(ask: Ask) -> Reply:
    if ask.signed is None:
        raise fail("no_password", "sign in: an API key has no password")
    wish = ask.value
    signed, token = await done(
        ask, people(ask).change_password, ask.signed, wish.password, wish.new_password
    )
    return 200, with_headers(_answer(signed), set_cookie(ask.headers, token))


def _whose(ask: Ask) -> str | None:
    """Return whose sessions somebody may see and end: None for everybody's."""
    if ask.signed is None or "admin" in ask.signed.user.grants:
        return None
    return ask.signed.user.user


async def _sessions(ask: Ask) -> Reply:
    rows = people(ask).sessions(_whose(ask))
    return 200, SessionsPage([_row(session, ask) for session in rows])


async def _end_session(ask: Ask) -> Reply:
    ended = await done(ask, people(ask).end, ask.params["session"], ask.actor, _whose(ask))
    return 200, _row(ended, ask)


_ASKING = ("overloaded", "unavailable", "outcome_unknown")  # of calls that need no key
_GUESSING = ("cross_site", "too_many_attempts", *_ASKING)
_ADA = {
    "kind": "user",
    "may": list(SCOPES),
    "user": "ada",
    "role": "admin",
    "session": "5f0c62a1b3d4",
    "ends_at": "2026-11-24T20:15:00Z",
}
_ROW = {
    "session": "5f0c62a1b3d4",
    "user": "ada",
    "began_at": "2026-11-23T20:15:00Z",
    "seen_at": "2026-11-23T21:00:00Z",
    "ends_at": "2026-11-24T20:15:00Z",
    "agent": "Mozilla/5.0",
    "address": "127.0.0.1",
    "current": True,
}
EXAMPLE_PASSWORD = "nine green bottles on a wall"
_COOKIE = (
    "The session is in a cookie that scripts cannot read. It ends after "
    f"{limits.SESSION_IDLE_S // 60} minutes in which nothing is asked, and after "
    f"{limits.SESSION_S_MAX // 3600} hours in any case."
)

ENDPOINTS = (
    Endpoint(
        name="get_session",
        method="GET",
        path="/v1/session",
        noun="people",
        summary="Who calls, and what is open to the caller",
        scope=None,
        handler=_who,
        answer=SessionAnswer,
        answer_example=_ADA,
    ),
    Endpoint(
        name="sign_in",
        method="POST",
        path="/v1/session",
        noun="people",
        summary="Sign in: begin a session",
        note=(
            f"{_COOKIE} A name that nobody has and a wrong password are answered alike, and as "
            f"slowly. There are {limits.SIGN_IN_TRIES} tries, then one every "
            f"{limits.SIGN_IN_RETRY_S} seconds."
        ),
        scope=None,
        handler=_sign_in,
        body=SignIn,
        answer=SessionAnswer,
        status=201,
        codes=("sign_in_failed", *_GUESSING),
        example={"user": "ada", "password": EXAMPLE_PASSWORD},
        answer_example=_ADA,
    ),
    Endpoint(
        name="sign_out",
        method="DELETE",
        path="/v1/session",
        noun="people",
        summary="Sign out: end one's own session",
        note="Without a session nothing happens.",
        scope=None,
        handler=_sign_out,
        answer=SessionAnswer,
        codes=("cross_site", *_ASKING),
        answer_example={"kind": "nobody"},
    ),
    Endpoint(
        name="make_first_admin",
        method="POST",
        path="/v1/first-admin",
        noun="people",
        summary="Become the first admin, on the machine itself, with a one-time code",
        note=f"Only while there is no user and dibs listens on loopback. {_COOKIE}",
        scope=None,
        handler=_first_admin,
        body=FirstAdminBody,
        answer=SessionAnswer,
        status=201,
        codes=("wrong_code", "first_admin_closed", "weak_password", *_GUESSING),
        example={
            "code": "k7dqm-2x9fw-hp4tz-c8rvn",
            "user": "ada",
            "password": EXAMPLE_PASSWORD,
        },
        answer_example=_ADA,
    ),
    Endpoint(
        name="change_password",
        method="POST",
        path="/v1/session/password",
        noun="people",
        summary="Replace one's own password",
        note="All sessions of the user end; a new one begins.",
        scope=SELF,
        handler=_change_password,
        body=ChangePassword,
        answer=SessionAnswer,
        codes=("sign_in_failed", "no_password", "weak_password", "too_many_attempts"),
        example={"password": EXAMPLE_PASSWORD, "new_password": "nine green bottles fell down"},
        answer_example=_ADA,
    ),
    Endpoint(
        name="list_sessions",
        method="GET",
        path="/v1/sessions",
        noun="people",
        summary="One's own sessions; for an admin, everybody's",
        scope=SELF,
        handler=_sessions,
        answer=SessionsPage,
        answer_example={"sessions": [_ROW]},
    ),
    Endpoint(
        name="end_session",
        method="DELETE",
        path="/v1/sessions/{session}",
        noun="people",
        summary="End a session of one's own; for an admin, anybody's",
        scope=SELF,
        handler=_end_session,
        params=(SESSION,),
        answer=SessionRow,
        codes=("unknown_session",),
        answer_example=_ROW,
    ),
)
