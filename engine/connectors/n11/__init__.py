"""n11, REST for orders and stock, SOAP for what REST has no call for.

It pushes nothing: set `sweep_s` to a few seconds. Options: `sweep_s`, `delivery` (`own`, the
default: the seller's carrier, whose tracking is told; `n11`: a carrier of theirs, which tells by
itself), `carrier_id` (n11's number of the seller's carrier), `when_short`. Secrets: `app_key`,
`app_secret`.
"""

from engine.connectors.n11.connector import N11 as CONNECTOR

__all__ = ["CONNECTOR"]
