"""Amazon, Selling Partner API: orders 2026-01-01, listings 2021-08-01, feeds 2021-06-30; and
Multi-Channel Fulfillment 2026-07-04, by which Amazon's warehouses do the work of dibs' locations.

The account's address is the region's: `https://sellingpartnerapi-eu.amazon.com`, say.

Secrets: `client_id`, `client_secret`, `refresh_token` (Login with Amazon); `aws_key`, `aws_secret`
(of the user that may read the queue), where there is a `queue`.

Options: `seller_id`; `marketplaces`, the first of which listings are published to; `queue`, the
address of the SQS queue that ORDER_CHANGE comes to, and `destination`, its id at Amazon, with which
a subscription that is gone is made again; `queue_region`, where the queue's address does not tell;
`pending`: `take` (default) has orders take stock before they are paid, as Amazon has, `wait` does
not; `bulk_beyond`, how many listings may wait before the others go by feed; `feed_poll_s`;
`token_url`; `locations`, those of dibs that Amazon ships for, and `tier`, how fast; `when_short`.
"""

from engine.connectors.amazon.connector import Amazon as CONNECTOR
from engine.connectors.amazon.provider import Mcf as PROVIDER

__all__ = ["CONNECTOR", "PROVIDER"]
