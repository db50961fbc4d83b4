"""A new connector: the rooms that each has, with a channel that is made up, and a twin of it.

What comes in works from the start and passes the tests of every connector; what goes out says that
it is to be done. So there is always something that runs, and its makeshifts are changed for the
real channel one at a time.
"""

import re
from importlib.resources import files
from pathlib import Path
from string import Template

from engine.connectors import registry
from engine.core.errors import ConfigError

_NAME = re.compile(r"[a-z][a-z0-9]{1,39}")
_OURS = frozenset(("new", "base", "calls", "money", "quotas", "registry", "scaffold", "twins"))


def write(name: str, into: Path) -> Path:
    """Write the folder of a connector into another folder; return it. Raises `ConfigError` for a
    name that will not do, and where there is something already."""
    if not _NAME.fullmatch(name) or name in _OURS:
        raise ConfigError(f"connector {name!r}: begin with a letter, then a-z and 0-9, 2 to 40")
    if name in registry.names():
        raise ConfigError(f"there is a connector {name!r} already")
    folder = into / name
    if folder.exists():
        raise ConfigError(f"{folder} is there already; nothing was written")
    words = {"name": name, "Class": name.capitalize()}
    pages = {
        place.name.removesuffix(".tmpl"): Template(place.read_text()).substitute(words)
        for place in (files("engine.connectors") / "new").iterdir()
        if place.name.endswith(".tmpl")
    }
    folder.mkdir(parents=True)
    for page, text in pages.items():
        (folder / page).write_text(text)
    return folder
