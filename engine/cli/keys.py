"""`dibs keys …`."""

from rich.console import Console
from rich.table import Table

from engine.config import Settings
from engine.service.wiring import Wiring


def create(settings: Settings, label: str, scopes: list[str]) -> None:
    """Create a key and print its token, the only time it can be seen."""
    wiring = Wiring(settings)
    try:
        token, key = wiring.key_book().create(label, scopes)
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
        state = f"revoked {key.revoked_at:%Y-%m-%d %H:%M} UTC" if key.revoked_at else "active"
        created = f"{key.created_at:%Y-%m-%d %H:%M} UTC"
        table.add_row(key.id, key.label, ", ".join(sorted(key.scopes)), created, state)
    Console().print(table)


def revoke(settings: Settings, key_id: str) -> None:
    """Revoke a key."""
    wiring = Wiring(settings)
    try:
        wiring.key_book().revoke(key_id)
    finally:
        wiring.close()
    Console().print(f"key [bold]{key_id}[/] is revoked")
