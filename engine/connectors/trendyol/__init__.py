"""Trendyol, seller API (v2 orders).

Options: `delivery` (`own`, the default: the seller's carrier, whose tracking is told; `trendyol`: a
carrier of theirs, which tells by itself), `tracking_url` with `{tracking}` in it, `when_short`.
Secrets: `seller` (the seller's number), `key`, `secret`, `hook_key` (what they send us as
X-API-Key), `hook_path`.
"""

from engine.connectors.trendyol.connector import Trendyol as CONNECTOR

__all__ = ["CONNECTOR"]
