"""Connectors: the code that talks to a sales channel. One folder a channel, the same rooms in each.

    wire.py       the channel's own documents, as structs that survive what they do not know
    auth.py       how a call proves who it is, and how a push is proved to be the channel's
    orders.py     pulling orders, and what a document means: a `base.ForeignOrder`
    stock.py      publishing quantities
    shipping.py   telling what has left, and what came of it
    provider.py   shipping for us, where the channel has warehouses: a `providers.Provider`
    quotas.json   how often each operation may be called, since when, and where that is written
    twin.py       a local server that speaks the channel's contract, for tests and for trying out

A connector holds no state of its own and decides nothing: cursors, retries, what was sent and what
is to be sent are those of `engine.sync`, which is the same for all channels.

`dibs channels new NAME` begins one. Connectors of your own may be elsewhere: the environment's
DIBS_CONNECTORS names the folders that theirs are in.
"""

import os

__path__ += [home for home in os.environ.get("DIBS_CONNECTORS", "").split(os.pathsep) if home]
