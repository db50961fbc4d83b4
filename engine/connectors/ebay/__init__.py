"""eBay: Sell Fulfillment v1, Sell Inventory v1, Commerce Notification v1, Post-Order v2.

Options: `when_short`, `endpoint` (where eBay pushes to, if a proxy is between), `skus_per_call`.
Secrets: `client_id`, `client_secret`, `refresh_token`, `verification_token`, `hook_path`.
"""

from engine.connectors.ebay.connector import Ebay as CONNECTOR

__all__ = ["CONNECTOR"]
