"""`dibs explain`: ask a running dibs why an order's units come from where they come."""

from pathlib import Path

from engine.cli.asking import ask
from engine.core.paths import order_path

_FEWEST = "No routing policy applies to it: it took the fewest locations that have everything."


def explain(url: str, key: str, data: Path, channel: str, order_id: str) -> list[str]:
    """Return a sentence for each decision; raises `ConfigError` where dibs cannot be asked."""
    found = ask(url, key, data, order_path(channel, order_id, "decisions"))
    return [decision["sentence"] for decision in found["decisions"]] or [_FEWEST]
