"""Shopify, GraphQL Admin API 2026-07.

Options: `location` (the id of the shop's location whose stock is published; without it, the shop's
primary one), `pending` (`take` has an order take stock before it is paid, for cash on delivery),
`address` (where the shop can reach `dibs channels run`, like https://hooks.example.org: webhooks
are then made by themselves, and made again when the shop removed them), `when_short`, `pace` (10
for Plus). Secrets: `client_id`, `client_secret` of the app, `hook_path`.
"""

from engine.connectors.shopify.connector import Shopify as CONNECTOR

__all__ = ["CONNECTOR"]
