"""TikTok Shop, Open API 202309 (orders 202507).

Options: `auth_url` (where tokens are made, if not at TikTok), `cool_off` (`keep` has an order take
stock in the hour in which its buyer may still cancel it, held by the channel's payment rule;
without it, such an order waits outside), `cancel_reason`, `when_short`. Secrets: `app_key`,
`app_secret`, `refresh_token`, `shop_cipher`, `hook_path`.
"""

from engine.connectors.tiktok.connector import TikTok as CONNECTOR

__all__ = ["CONNECTOR"]
