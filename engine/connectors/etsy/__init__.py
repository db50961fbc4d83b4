"""Etsy: Open API v3, and the webhook that tells of paid orders.

Options: `shop_id`. Secrets: `keystring`, `shared_secret`, `refresh_token`, and for webhooks
`hook_secret`, `hook_path`.
"""

from engine.connectors.etsy.connector import Etsy as CONNECTOR

__all__ = ["CONNECTOR"]
