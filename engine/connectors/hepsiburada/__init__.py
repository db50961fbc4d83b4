"""Hepsiburada, OMS and listing API.

Options: `delivery` (`own`, the default: the seller's carrier, whose tracking is told;
`hepsiburada`: a carrier of theirs, which tells by itself), `listing_url` (where listings are, if it
cannot be told from the account's address), `tracking_url` with `{tracking}` in it, `when_short`.
Secrets: `merchant` (the merchant's id), `secret`, `user_agent` (the integrator's user name),
`hook_key` (the password that they send us), `hook_path`.
"""

from engine.connectors.hepsiburada.connector import Hepsiburada as CONNECTOR

__all__ = ["CONNECTOR"]
