"""`dibs keys …`."""

from rich.console import Console
from rich.table import Table

from engine.config import Settings
from engine.core.answers import moment
from engine.core.errors import ConfigError
from engine.service.wiring import Wiring


def create(settings: Settings, label: str, scopes: list[str]) -> None:
    """Create a key and print its token, the only time it can be seen."""
    wiring = Wiring(settings)
    try:
        key, token = wiring.key_book().create(label, scopes)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    finally:
        wiring.close()
    Console(stderr=True).print(
        f"key [bold]{key.id}[/] for {key.label!r}, scopes: {', '.join(sorted(key.scopes))}. "
        "It is shown once:"
    )
    print(token)


def show(settings: Settings) -> None:
    """Print a table of all keys."""
    wiring = Wiring(settings)
    try:
        keys = wiring.key_book().list()
    finally:
        wiring.close()
    table = Table("id", "label", "scopes", "created", "state")
    for key in keys:
        state = f"revoked {_minute(key.revoked_us)}" if key.revoked_us else "active"
        table.add_row(
            key.id, key.label, ", ".join(sorted(key.scopes)), _minute(key.created_us), state
        )
    Console().print(table)


def revoke(settings: Settings, key_id: str) -> None:
    """Revoke a key."""
    wiring = Wiring(settings)
    try:
        wiring.key_book().revoke(key_id)
    except KeyError as error:
        raise ConfigError(f"there is no key {key_id!r}; see `dibs keys list`") from error
    finally:
        wiring.close()
    Console().print(f"key [bold]{key_id}[/] is revoked")


def _minute(stamp_us: int) -> str:
    return f"{moment(stamp_us):%Y-%m-%d %H:%M} UTC"
