"""Which connectors there are: each folder that has a `quotas.json`, beside this file or in one of
the folders that the environment names in DIBS_CONNECTORS."""

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TypeVar

import msgspec

from engine import connectors
from engine.core.errors import ConfigError

Kind = TypeVar("Kind")


@cache
def folders() -> dict[str, Path]:
    """Return the folder of each connector, by name."""
    return {
        place.parent.name: place.parent
        for home in reversed(connectors.__path__)
        for place in Path(home).glob("*/quotas.json")
    }


def names() -> tuple[str, ...]:
    """Return the names of all connectors."""
    return tuple(sorted(folders()))


def folder(name: str) -> Path:
    """Return the folder of a connector; `ConfigError` says which there are."""
    if name not in folders():
        raise ConfigError(f"no connector {name!r}; there are: {', '.join(names())}")
    return folders()[name]


def data(name: str, file: str, kind: type[Kind], otherwise: Kind | None = None) -> Kind:
    """Return what a JSON file in a connector's folder holds; `otherwise`, if given, where there is
    no such file. Raises `ConfigError`."""
    try:
        return msgspec.json.decode((folder(name) / file).read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError) as error:
        if otherwise is not None and isinstance(error, FileNotFoundError):
            return otherwise
        raise ConfigError(f"{file} of {name} cannot be read: {error}") from error


def connector_class(name: str) -> type:
    """Return the class of a connector, a `base.Connector`."""
    folder(name)
    return import_module(f"engine.connectors.{name}").CONNECTOR


def provider_class(name: str) -> type:
    """Return the class of a connector's `providers.Provider`, for those that are one, too."""
    found = getattr(import_module(f"engine.connectors.{name}"), "PROVIDER", None)
    if name not in names() or found is None:
        raise ConfigError(f"{name!r} ships for no location; leave out the option `locations`")
    return found


def twin_class(name: str) -> type:
    """Return the class of a connector's twin, a `twins.Twin`."""
    folder(name)
    return import_module(f"engine.connectors.{name}.twin").TWIN
