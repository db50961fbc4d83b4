"""eBay: Sell Fulfillment v1, Sell Inventory v1, Commerce Notification v1, Post-Order v2.

Options: `when_short`, `endpoint` (where eBay pushes to, if a proxy is between), `skus_per_call`,
`stores` (which location of dibs is which of eBay's, `KEY=location,…`).
Secrets: `client_id`, `client_secret`, `refresh_token`, `verification_token`, `hook_path`; and
`check_user`, `check_password`, by which eBay proves itself when it asks what is there.
"""

from engine.connectors.ebay.connector import Ebay as CONNECTOR

__all__ = ["CONNECTOR"]
