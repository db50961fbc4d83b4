"""`dibs replay`: what the options mean, then `engine.replay` does the rest over HTTP."""

from pathlib import Path

from rich.console import Console

from engine.core.errors import ConfigError
from engine.replay.run import Options
from engine.replay.run import replay as run


def replay(options: Options, data: Path) -> int:
    """Replay files and return the exit code; the key is the admin's if none is given."""
    options.key = options.key or key_in(data)
    return run(options, Console())


def key_in(data: Path) -> str:
    """Return the admin's key in a data folder; `ConfigError` if it cannot be read."""
    key_file = data / "admin.key"
    try:
        return key_file.read_text().strip()
    except OSError as error:
        raise ConfigError(
            f"no --key, and {key_file} cannot be read ({error.strerror}); give one of them"
        ) from error


def speed_of(text: str) -> float:
    """Return times real time; 0 for `max`."""
    if text == "max":
        return 0.0
    try:
        speed = float(text)
    except ValueError:
        speed = -1.0
    if not 0 < speed < 1e9:
        raise ConfigError(f"--speed {text!r} is neither `max` nor a number above 0")
    return speed
