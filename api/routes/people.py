"""Users and API keys, for admins; and the record of what was done to them."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from api.endpoint import Ask, Endpoint, Reply
from api.problems import field, missing
from api.routes import params
from api.routes.asking import done, people, shown_once
from api.wire import Param
from engine.core import limits
from engine.core.answers import moment
from engine.core.commands import Id
from engine.service.keys import Done, Key
from engine.service.people.records import Role, User, UserName

USER = Param("user", UserName, "the user's name", example="bob")
KEY = Param("key", Id, "the key's id", example="0f6d2c9b41aa")
Scope = Literal["read", "sell", "stock", "plan", "admin"]
Label = Annotated[str, Meta(min_length=1, max_length=limits.REASON_CHARS_MAX)]


class UserBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a user may do: a viewer looks; an operator works on orders and stock; a planner also
    says what is sold where and how it is routed; an admin also cares for users and keys."""

    role: Role


class UserAnswer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A user. `password` is there once, when it was made for the user, who has to replace it before
    `password_until`."""

    user: str
    role: str
    created_at: datetime
    password_at: datetime
    password_until: datetime | None = None
    password: str | None = None
    sessions: int = 0


class UsersPage(msgspec.Struct):
    """All users by name."""

    users: list[UserAnswer]


class KeyBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new key: who will use it, and what for."""

    label: Label
    scopes: Annotated[list[Scope], Meta(min_length=1, max_length=5)]


class KeyAnswer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An API key. `token` is there once, when it is made: it is what goes into the header."""

    key: str
    label: str
    scopes: list[str]
    created_at: datetime
    revoked_at: datetime | None = None
    token: str | None = None


class KeysPage(msgspec.Struct):
    """All keys, the oldest first, revoked ones too."""

    keys: list[KeyAnswer]


class AccessRow(msgspec.Struct, kw_only=True):
    """One thing that was done to a user, a session or a key: `by` whom, `what`, and `of` which.

    `by` is a key's id, `user:NAME`, or `dibs` for the command line and the server itself.
    """

    at: datetime
    by: str
    what: str
    of: str
    before: dict[str, str]
    after: dict[str, str]


class AccessPage(msgspec.Struct):
    """The latest first. `next_cursor` is null on the last page."""

    entries: list[AccessRow]
    next_cursor: str | None


def _user(ask: Ask, user: User, password: str = "") -> UserAnswer:
    until_us = user.temporary_until_us
    return UserAnswer(
        user=user.user,
        role=user.role,
        created_at=moment(user.created_us),
        password_at=moment(user.password_us),
        password_until=moment(until_us) if until_us else None,
        password=password or None,
        sessions=len(people(ask).sessions(user.user)),
    )


async def _users(ask: Ask) -> Reply:
    return 200, UsersPage([_user(ask, user) for user in people(ask).users()])


async def _one_user(ask: Ask) -> Reply:
    return 200, _user(ask, await done(ask, people(ask).find, ask.params["user"]))


async def _put_user(ask: Ask) -> Reply:
    found = await done(ask, people(ask).put, ask.params["user"], ask.value.role, ask.actor)
    user, password = found
    return (201 if password else 200), shown_once(_user(ask, user, password))


async def _remove_user(ask: Ask) -> Reply:
    return 200, _user(ask, await done(ask, people(ask).remove, ask.params["user"], ask.actor))


async def _reset_user(ask: Ask) -> Reply:
    user, password = await done(ask, people(ask).reset, ask.params["user"], ask.actor)
    return 200, shown_once(_user(ask, user, password))


def _key(key: Key, token: str = "") -> KeyAnswer:
    return KeyAnswer(
        key=key.id,
        label=key.label,
        scopes=list(key.scopes),
        created_at=moment(key.created_us),
        revoked_at=moment(key.revoked_us) if key.revoked_us else None,
        token=token or None,
    )


async def _keys(ask: Ask) -> Reply:
    return 200, KeysPage(list(map(_key, await done(ask, ask.front.keys.list))))


async def _create_key(ask: Ask) -> Reply:
    wish = ask.value
    try:
        key, token = await done(ask, ask.front.keys.create, wish.label, wish.scopes, ask.actor)
    except ValueError as error:
        raise field("table_full", "label", str(error)) from None
    return 201, shown_once(_key(key, token))


async def _revoke_key(ask: Ask) -> Reply:
    name = ask.params["key"]
    try:
        return 200, _key(await done(ask, ask.front.keys.revoke, name, ask.actor))
    except KeyError:
        raise missing("unknown_key", "key", "there is no such key; see /v1/keys") from None


async def _access(ask: Ask) -> Reply:
    limit, before = ask.query["limit"], params.entry_of(ask.query["cursor"])
    rows = await done(ask, people(ask).history, before, limit + 1)
    entries, more = params.page_of(rows, limit)
    return 200, AccessPage(list(map(_entry, entries)), more)


def _entry(done_: Done) -> AccessRow:
    return AccessRow(
        at=moment(done_.at_us),
        by=done_.by,
        what=done_.what,
        of=done_.of,
        before=done_.before,
        after=done_.after,
    )


_BOB = {
    "user": "bob",
    "role": "operator",
    "created_at": "2026-11-23T20:15:00Z",
    "password_at": "2026-11-23T20:15:00Z",
}
_NEW = {
    **_BOB,
    "password_until": "2026-11-26T20:15:00Z",
    "password": "k7dqm-2x9fw-hp4tz-c8rvn",
}
_TILL = {
    "key": "0f6d2c9b41aa",
    "label": "till 4",
    "scopes": ["read", "sell"],
    "created_at": "2026-11-23T20:15:00Z",
}
_ONCE = "The password is shown once. Nothing is open to the user before it is replaced."

ENDPOINTS = (
    Endpoint(
        name="list_users",
        method="GET",
        path="/v1/users",
        noun="people",
        summary="All users",
        scope="admin",
        handler=_users,
        answer=UsersPage,
        answer_example={"users": [_BOB]},
    ),
    Endpoint(
        name="get_user",
        method="GET",
        path="/v1/users/{user}",
        noun="people",
        summary="One user",
        scope="admin",
        handler=_one_user,
        params=(USER,),
        answer=UserAnswer,
        codes=("unknown_user",),
        answer_example=_BOB,
    ),
    Endpoint(
        name="put_user",
        method="PUT",
        path="/v1/users/{user}",
        noun="people",
        summary="Make a user, or give one another role",
        note=f"A new user gets a temporary password. {_ONCE} If the answer is lost, reset it.",
        scope="admin",
        handler=_put_user,
        params=(USER,),
        body=UserBody,
        answer=UserAnswer,
        status=201,
        also=200,
        codes=("last_admin", "table_full"),
        example={"role": "operator"},
        answer_example=_NEW,
    ),
    Endpoint(
        name="remove_user",
        method="DELETE",
        path="/v1/users/{user}",
        noun="people",
        summary="Remove a user, whose sessions end",
        scope="admin",
        handler=_remove_user,
        params=(USER,),
        answer=UserAnswer,
        codes=("unknown_user", "last_admin"),
        answer_example=_BOB,
    ),
    Endpoint(
        name="reset_user",
        method="POST",
        path="/v1/users/{user}/reset",
        noun="people",
        summary="Give a user a new temporary password and end its sessions",
        note=_ONCE,
        scope="admin",
        handler=_reset_user,
        params=(USER,),
        answer=UserAnswer,
        codes=("unknown_user",),
        answer_example=_NEW,
    ),
    Endpoint(
        name="list_keys",
        method="GET",
        path="/v1/keys",
        noun="people",
        summary="All API keys",
        scope="admin",
        handler=_keys,
        answer=KeysPage,
        answer_example={"keys": [_TILL]},
    ),
    Endpoint(
        name="create_key",
        method="POST",
        path="/v1/keys",
        noun="people",
        summary="Make an API key",
        note=(
            "The token is shown once and cannot be shown again, so a repeated call makes another "
            "key: revoke the one whose answer was lost."
        ),
        scope="admin",
        handler=_create_key,
        body=KeyBody,
        answer=KeyAnswer,
        status=201,
        codes=("table_full",),
        example={"label": "till 4", "scopes": ["read", "sell"]},
        answer_example={**_TILL, "token": f"dibs_0f6d2c9b41aa_{'5' * 64}"},
    ),
    Endpoint(
        name="revoke_key",
        method="DELETE",
        path="/v1/keys/{key}",
        noun="people",
        summary="End an API key for good",
        scope="admin",
        handler=_revoke_key,
        params=(KEY,),
        answer=KeyAnswer,
        codes=("unknown_key",),
        answer_example={**_TILL, "revoked_at": "2026-11-24T20:15:00Z"},
    ),
    Endpoint(
        name="list_access",
        method="GET",
        path="/v1/access",
        noun="people",
        summary="What was done to users, sessions and keys: by whom, before and after",
        note=f"The last {limits.ACCESS_ENTRIES_MAX} things are kept.",
        scope="admin",
        handler=_access,
        query=(params.CURSOR, params.LIMIT),
        answer=AccessPage,
        answer_example={
            "entries": [
                {
                    "at": "2026-11-23T20:15:00Z",
                    "by": "user:ada",
                    "what": "user.role",
                    "of": "bob",
                    "before": {"role": "viewer"},
                    "after": {"role": "operator"},
                }
            ],
            "next_cursor": None,
        },
    ),
)
