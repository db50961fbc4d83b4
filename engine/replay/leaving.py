"""Orders that leave some time after they came, and what that makes of their cancellations.

Order files say when something was sold and when it was given back, not when it left. With
`leave`, each order leaves as one shipment `after_s` seconds after it came, unless all of it has
been cancelled by then; a cancellation that comes later is a return: announced, received and put
back on sale at each SKU's home location.
"""

from collections import Counter

from engine.core.return_commands import OpenReturn, ReturnLine
from engine.replay.documents import Cancellation, Document, GivenBack, Leaving, Order


def leave(documents: list[Document], after_s: float) -> list[Document]:
    """Return the documents with the orders' shipments among them, in time order, and with the
    cancellations of what has left as returns."""
    gone_us: dict[tuple[str, str], int] = {}
    left: dict[tuple[str, str], Counter[str]] = {}
    kept: list[Document] = []
    shipments: list[Leaving] = []
    for document in documents:
        if isinstance(document, Order):
            command = document.command
            name = (command.channel, command.order_id)
            gone_us[name] = document.at_us + round(after_s * 1e6)
            left[name] = Counter()
            for line in command.lines:
                left[name][line.sku] += line.quantity
            shipments.append(Leaving(gone_us[name], command.channel, command.order_id))
        elif isinstance(document, Cancellation):
            name = (document.command.channel, document.command.order_id)
            units = _units(document, left[name])
            left[name] -= units
            if document.at_us >= gone_us[name]:
                document = _given_back(document, units)
            elif not left[name]:
                gone_us[name] = -1
        kept.append(document)
    shipments = [one for one in shipments if gone_us[one.channel, one.order_id] >= 0]
    return sorted([*kept, *shipments], key=lambda found: (found.at_us, _rank(found)))


def _rank(document: Document) -> int:
    """At one time, orders come, then they leave, then they are cancelled."""
    return 0 if isinstance(document, Order) else 1 if isinstance(document, Leaving) else 2


def _units(document: Cancellation, left: Counter[str]) -> Counter[str]:
    lines = document.command.lines
    if lines is None:
        return Counter(left)
    units: Counter[str] = Counter()
    for line in lines:
        units[line.sku] += line.quantity
    return units


def _given_back(document: Cancellation, units: Counter[str]) -> GivenBack:
    command = document.command
    return GivenBack(
        document.at_us,
        OpenReturn(
            command.channel,
            command.order_id,
            document.cancellation_id,
            command.reason or document.rule,
            tuple(ReturnLine(sku, count) for sku, count in units.items()),
            approved=True,
        ),
        document.rule,
    )
