"""Adobe Commerce and Magento Open Source 2.4, with its multi-source inventory.

Secrets: `token` (access token of an integration). Options: `when_short`; `store`, the store view
whose address is called (`default`); `source`, the inventory source whose quantities are dibs'
(`default`); `stocks`, the ids of all stocks that sell from that source, each on some website, with
commas between (`1`); `refunds`: `online` has the payment gateway pay back, otherwise the shop only
books it.
"""

from engine.connectors.magento.connector import Magento as CONNECTOR

__all__ = ["CONNECTOR"]
