"""Telling TikTok what has left. It thinks in packages, which are of one order, of a part of one, or
of several (combined); dibs thinks in parcels of one order. Units are looked at before anything is
told:

    a unit with the parcel's tracking number        was told
    a unit whose package TikTok has as sent          is part of another parcel
    a unit without package                           becomes one, with the parcel's number
    a unit in a package whose other units of the
    order go elsewhere                               is split off first
    a unit in a package                              has its package shipped, once, also where units
                                                     of other orders are in it

A shop's own carrier is named by number (`shipping_type` SELLER); with TikTok's carriers, TikTok
gives the number, and a package that is being processed was told. Of an order that leaves in
several parcels so, TikTok is told of the first and of the rest, as it cannot tell the others apart.
"""

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from engine.connectors.base import ConnectorError, Parcel
from engine.connectors.calls import CallError
from engine.connectors.tiktok import wire
from engine.connectors.tiktok.orders import HELD, wanted

if TYPE_CHECKING:
    from engine.connectors.tiktok.connector import TikTok

_SENT = frozenset(("PROCESSING", "FULFILLING", "COMPLETED"))
_HELD_S = 600.0  # between two looks at an order whose cool-off has not ended
_SHIPPED = "11006021"  # the package has been shipped


async def ship(shop: "TikTok", parcel: Parcel) -> bool | None:
    """Tell of a parcel what was not told of it yet; return True if its number is TikTok's. Raises
    `ConnectorError` where the order has fewer units to send."""
    order = await shop.order(parcel.order_id)
    if order.status == HELD:
        raise ConnectorError("the buyer may still cancel it", _HELD_S)
    units = _untold(order, parcel)
    own = order.shipping_type != "TIKTOK"
    tracking: dict[str, str] = {}
    if own and units:
        provider = await shop.carrier(str(order.delivery_option_id), parcel.carrier)
        number = parcel.tracking or parcel.shipment_id
        tracking = {"tracking_number": number, "shipping_provider_id": provider}
    packages: dict[str, list[wire.Unit]] = defaultdict(list)
    for unit in units:
        packages[str(unit.package_id or "")].append(unit)
    for package, some in packages.items():
        if not package:
            await _create(shop, parcel.order_id, some, tracking)
            continue
        there = [u for u in wanted(order) if str(u.package_id or "") == package]
        if len(some) < len(there):
            package = await _split(shop, parcel.order_id, some)
        await _send(shop, package, tracking)
    return None if own else True


def _untold(order: wire.Order, parcel: Parcel) -> list[wire.Unit]:
    """Return the units that are to be told of, by name: the same ones each time."""
    own = order.shipping_type != "TIKTOK"
    number = parcel.tracking or parcel.shipment_id
    chosen: list[wire.Unit] = []
    for line, quantity in parcel.lines:
        units = sorted((u for u in wanted(order) if str(u.sku_id) == line), key=lambda u: str(u.id))
        open_ones = [u for u in units if u.package_status not in _SENT and not u.tracking_number]
        told = [u for u in units if u.tracking_number == number]
        if not own:  # the number is TikTok's, and no unit says of which parcel it is
            told = [u for u in units if u not in open_ones]
        need = len(open_ones) if not own and parcel.last else quantity - len(told)
        if need > len(open_ones):
            lacking = need - len(open_ones)
            raise ConnectorError(f"TikTok has nothing to send: {lacking} of SKU {line}")
        chosen += open_ones[: max(need, 0)]
    return chosen


async def _create(shop: "TikTok", order_id: str, units: list[wire.Unit], tracking: dict) -> None:
    if not tracking:
        raise ConnectorError("TikTok has made no package yet", 60.0)
    path = f"/fulfillment/202309/orders/{order_id}/packages"
    body = tracking | {"order_line_item_ids": [str(unit.id) for unit in units]}
    await shop.ask("ship", "POST", path, body=body, once=True)


async def _split(shop: "TikTok", order_id: str, units: list[wire.Unit]) -> str:
    group = {"id": "1", "order_line_item_ids": [str(unit.id) for unit in units]}
    path = f"/fulfillment/202309/orders/{order_id}/split"
    body: dict[str, Any] = {"splittable_groups": [group]}
    made = await shop.ask("split", "POST", path, wire.Split, body=body, once=True)
    for package in made.packages:
        if package.splittable_group_id == "1":
            return str(package.id)
    raise ConnectorError("TikTok did not say which package it split off", 60.0)


async def _send(shop: "TikTok", package: str, tracking: dict[str, str]) -> None:
    body: dict[str, Any] = {"handover_method": "DROP_OFF"}
    if tracking:
        body["self_shipment"] = tracking
    path = f"/fulfillment/202309/packages/{package}/ship"
    try:
        await shop.ask("ship", "POST", path, body=body, once=True)
    except CallError as error:
        if not str(error).startswith(_SHIPPED):  # by a parcel of another order in it
            raise
