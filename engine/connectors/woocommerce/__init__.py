"""WooCommerce, REST API wc/v3.

Options: `when_short`. Secrets: `key`, `secret` (REST API keys), `hook_secret`, `hook_path`.
"""

from engine.connectors.woocommerce.connector import WooCommerce as CONNECTOR

__all__ = ["CONNECTOR"]
