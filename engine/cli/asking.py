"""Questions of the command line to a running dibs."""

import json
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from engine.cli.replay import key_in
from engine.core.errors import ConfigError

_TIMEOUT_S = 30.0


def ask(url: str, key: str, data: Path, path: str) -> Any:
    """Return the answer to GET `path`; raises `ConfigError` where there is none."""
    headers = {"Authorization": f"Bearer {key or key_in(data)}"}
    try:
        with urlopen(Request(url + path, headers=headers), timeout=_TIMEOUT_S) as answer:
            return json.load(answer)
    except HTTPError as error:
        raise ConfigError(json.load(error)["detail"]) from error
    except (URLError, OSError) as error:
        raise ConfigError(f"{url} does not answer ({error}); is `dibs up` running?") from error
