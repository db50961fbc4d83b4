"""Walmart Marketplace, United States.

Secrets: `client_id`, `client_secret` (API keys of the seller account), `hook_secret`, `hook_path`.
Options: `when_short`; `tracking_url`, an address with `{tracking}` in it, for parcels of carriers
that Walmart does not know by name; `ship_node`, where the seller has several; `hook_header`, the
header that pushes carry their HMAC in (`x-walmart-signature` if not said).
"""

from engine.connectors.walmart.connector import Walmart as CONNECTOR

__all__ = ["CONNECTOR"]
