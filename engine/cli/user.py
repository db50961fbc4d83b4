"""`dibs user …`: users of the console, from the command line of the machine that holds the data.

It changes what the server reads, so it needs no key; a running server knows within a second.
"""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from engine.cli.options import DATA, Data, Redis
from engine.config import Settings
from engine.core import limits
from engine.core.errors import ConfigError

user_app = typer.Typer(no_args_is_help=True, help="Add, list and remove users; set their roles.")
User = Annotated[str, typer.Argument(help="The name to sign in with: small letters and digits.")]
_ROLES = "viewer, operator, planner or admin."


@user_app.command("add")
def add(
    user: User,
    role: Annotated[str, typer.Option(help=_ROLES)] = "viewer",
    data: Data = DATA,
    redis: Redis = None,
) -> None:
    """Add a user and print a temporary password, which has to be replaced at the first sign-in."""
    from engine.service.people.records import Refusal

    def adding(people: Any) -> Any:
        if not isinstance(people.find(user), Refusal):
            raise ConfigError(f"there is a user {user!r}; see `dibs user role` and `reset`")
        return people.put(_name(user), _role(role), "dibs")

    _say(user, _people(data, redis, adding)[1])


@user_app.command("list")
def show(data: Data = DATA, redis: Redis = None) -> None:
    """List users: name, role, since when, state of the password."""
    from rich.console import Console
    from rich.table import Table

    from engine.core.answers import moment

    table = Table("user", "role", "since", "password")
    for one in _people(data, redis, lambda people: people.users()):
        state = "temporary" if one.temporary_until_us else "own"
        table.add_row(one.user, one.role, f"{moment(one.created_us):%Y-%m-%d}", state)
    Console().print(table)


@user_app.command("role")
def role(
    user: User,
    role: Annotated[str, typer.Argument(help=_ROLES)],
    data: Data = DATA,
    redis: Redis = None,
) -> None:
    """Give a user another role; it counts at once, in open sessions too."""

    def setting(people: Any) -> Any:
        found = people.find(user)
        return people.put(user, _role(role), "dibs") if hasattr(found, "role") else found

    _people(data, redis, setting)
    print(f"{user} is {role} now")


@user_app.command("remove")
def remove(user: User, data: Data = DATA, redis: Redis = None) -> None:
    """Remove a user; all its sessions end."""
    _people(data, redis, lambda people: people.remove(user, "dibs"))
    print(f"{user} is removed")


@user_app.command("reset")
def reset(user: User, data: Data = DATA, redis: Redis = None) -> None:
    """Print a new temporary password for a user; all its sessions end."""
    _say(user, _people(data, redis, lambda people: people.reset(user, "dibs"))[1])


def _people(data: Any, redis: str | None, ask: Callable[[Any], Any]) -> Any:
    """Return what `ask` says of the users of a data folder; a refusal is a `ConfigError`."""
    from engine.service.people.records import Refusal
    from engine.service.wiring import Wiring

    wiring = Wiring(Settings(data.absolute(), redis))
    try:
        people = wiring.people()
        people.refresh()
        found = ask(people)
        people.stop()
    finally:
        wiring.close()
    if isinstance(found, Refusal):
        raise ConfigError(found.detail)
    return found


def _name(text: str) -> str:
    import msgspec

    from engine.service.people.records import UserName

    try:
        return msgspec.convert(text, UserName)
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"{text!r} is no user's name: use up to {limits.USER_CHARS_MAX} small letters, digits "
            "and . _ @ + -"
        ) from error


def _role(text: str) -> str:
    from engine.service.people.records import ROLES

    if text not in ROLES:
        raise ConfigError(f"role {text!r} is not one of {', '.join(ROLES)}")
    return text


def _say(user: str, password: str) -> None:
    from rich.console import Console

    Console(stderr=True).print(
        f"{user} signs in with this password, within {limits.TEMPORARY_PASSWORD_S // 3600} hours, "
        "and then chooses another:"
    )
    print(password)
