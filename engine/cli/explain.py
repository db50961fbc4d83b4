"""`dibs explain`: ask a running dibs why an order's units come from where they come."""

import json
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from engine.cli.replay import key_in
from engine.core.errors import ConfigError

_TIMEOUT_S = 30.0
_FEWEST = "No routing policy applies to it: it took the fewest locations that have everything."


def explain(url: str, key: str, data: Path, channel: str, order_id: str) -> list[str]:
    """Return a sentence for each decision; raises `ConfigError` where dibs cannot be asked."""
    path = f"/v1/orders/{quote(channel, safe='')}/{quote(order_id, safe='')}/decisions"
    headers = {"Authorization": f"Bearer {key or key_in(data)}"}
    try:
        with urlopen(Request(url + path, headers=headers), timeout=_TIMEOUT_S) as answer:
            found = json.load(answer)
    except HTTPError as error:
        raise ConfigError(json.load(error)["detail"]) from error
    except (URLError, OSError) as error:
        raise ConfigError(f"{url} does not answer ({error}); is `dibs up` running?") from error
    return [decision["sentence"] for decision in found["decisions"]] or [_FEWEST]
