"""Which connectors there are: each folder beside this file that has a `quotas.json`."""

from functools import cache
from importlib import import_module
from importlib.resources import files

from engine.core.errors import ConfigError


@cache
def names() -> tuple[str, ...]:
    """Return the names of all connectors."""
    here = files("engine.connectors")
    return tuple(
        sorted(
            place.name
            for place in here.iterdir()
            if place.is_dir() and (place / "quotas.json").is_file()
        )
    )


def connector_class(name: str) -> type:
    """Return the class of a connector, a `base.Connector`."""
    if name not in names():
        raise ConfigError(f"no connector {name!r}; there are: {', '.join(names())}")
    return import_module(f"engine.connectors.{name}").CONNECTOR


def twin_class(name: str) -> type:
    """Return the class of a connector's twin, a `twins.Twin`."""
    connector_class(name)
    return import_module(f"engine.connectors.{name}.twin").TWIN
