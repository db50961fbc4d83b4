"""What is known of people: users, sessions, roles; and what they are told when they may not.

A role is a name for scopes, the same that API keys have. Each role may do what the one before it
may, and more.
"""

from typing import Annotated, Literal

import msgspec

from engine.core import actors, limits
from engine.service.keys import SCOPES

Role = Literal["viewer", "operator", "planner", "admin"]
ROLES: tuple[Role, ...] = ("viewer", "operator", "planner", "admin")
GRANTS: dict[str, frozenset[str]] = {
    "viewer": frozenset(("read",)),
    "operator": frozenset(("read", "sell", "stock")),
    "planner": frozenset(("read", "sell", "stock", "plan")),
    "admin": frozenset(SCOPES),
}
# Small letters only, so that two users never differ by how a name is typed.
USER_PATTERN = r"^[a-z0-9][a-z0-9._@+-]*(?!\n)$"
UserName = Annotated[
    str, msgspec.Meta(min_length=1, max_length=limits.USER_CHARS_MAX, pattern=USER_PATTERN)
]


class User(msgspec.Struct, frozen=True, kw_only=True):
    """One user as stored. Stamps are UTC microseconds.

    `id` tells users of the same name apart who came one after the other. A password that others
    know, because they made it, is good until `temporary_until_us`; 0: it is the user's own.
    Sessions that began before `sessions_from_us` are over.
    """

    id: str
    user: str
    role: Role
    created_us: int
    password: str
    password_us: int
    temporary_until_us: int = 0
    sessions_from_us: int = 0

    @property
    def grants(self) -> frozenset[str]:
        """The scopes that are open: none until a temporary password is replaced."""
        return frozenset() if self.temporary_until_us else GRANTS[self.role]


class Session(msgspec.Struct, kw_only=True):
    """One session as stored. `user_id` is the user's; stamps are UTC microseconds. `agent` and
    `address` are what the browser and the connection said of themselves."""

    id: str
    user: str
    user_id: str
    digest: bytes
    began_us: int
    seen_us: int
    agent: str = ""
    address: str = ""


class Signed(msgspec.Struct, frozen=True):
    """Somebody who is signed in."""

    user: User
    session: Session

    @property
    def actor(self) -> str:
        """What the log calls this caller."""
        return actors.of_user(self.user.user)


class Refusal(msgspec.Struct, frozen=True):
    """Why something about people was not done. `code` is a problem's, `path` the field to blame."""

    code: str
    detail: str
    path: str = ""
    retry_after_s: int = 0
