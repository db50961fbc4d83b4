"""What may be asked of the plain ledger. Nothing here changes anything; `seq` says as of when an
answer is true."""

from collections.abc import Sequence

from engine.core import (
    answers,
    capacities,
    commands,
    decisions,
    limits,
    promises,
    reading,
    sellable,
    timeline,
    told,
    worklists,
)
from engine.core.state import State


class Reads:
    """The questions to a ledger's state."""

    _state: State

    def stock(self, sku: str) -> answers.StockAnswer | None:
        """Stock of one SKU; of a bundle, what its components allow."""
        return reading.stock(self._state, sku)

    def stocked(self, skus: Sequence[str]) -> tuple[int, list[list[answers.QuantitiesAnswer]]]:
        """The positions of several SKUs at one moment, and its `seq`; see `reading.stocked`."""
        return reading.stocked(self._state, skus)

    def order(self, channel: str, order_id: str) -> answers.OrderAnswer | None:
        """One order as it stands."""
        found = self._state.orders.get(self._state.order_seqs.get((channel, order_id), 0))
        answer = told.order_now(self._state, found) if found else None
        if found and found.seq in self._state.waiting.entries:
            promises.date(self._state, found, answer)
        return answer

    def orders(
        self,
        *,
        status: str = "",
        channel: str = "",
        q: str = "",
        before: int = 0,
        limit: int = limits.PAGE_ROWS_DEFAULT,
        scan: int = 4_096,
    ):
        """A page of orders, newest first; see `reading.orders`."""
        return reading.orders(self._state, status, channel, q, before, limit, scan)

    def fulfillment(self, name: str) -> answers.FulfillmentAnswer | None:
        """One fulfillment as it stands."""
        return worklists.fulfillment(self._state, name)

    def fulfillments(
        self, *, location: str = "", status: str = "", after: int = -1, limit: int, scan: int = 512
    ):
        """A page of open fulfillments, the oldest first; see `worklists.fulfillments`."""
        return worklists.fulfillments(self._state, location, status, after, limit, scan)

    def reservation(self, reservation_id: str) -> answers.ReservationAnswer | None:
        """One reservation as it stands."""
        state = self._state
        found = state.reservations.get(state.reservation_seqs.get(reservation_id, 0))
        return told.reservation_now(state, found, found.seq) if found else None

    def location(self, name: str) -> answers.LocationAnswer | None:
        """One location."""
        return reading.location(self._state, name)

    def sku(self, name: str) -> answers.SkuAnswer | None:
        """One SKU."""
        return reading.sku(self._state, name)

    def channel(self, name: str) -> answers.ChannelAnswer | None:
        """One channel."""
        return reading.entry(self._state.registers.channels, name)

    def channels(self, *, after: int = -1, limit: int = limits.PAGE_ROWS_DEFAULT):
        """A page of channels in order of creation: (answers, number to go on after or None)."""
        return reading.entries(self._state.registers.channels, after, limit)

    def purchase_order(self, name: str):
        """One purchase order."""
        return reading.entry(self._state.registers.purchase_orders, name)

    def purchase_orders(self, *, after: int = -1, limit: int = limits.PAGE_ROWS_DEFAULT):
        """A page of purchase orders in order of creation, as `channels`."""
        return reading.entries(self._state.registers.purchase_orders, after, limit)

    def validation(self, name: str):
        """What the orders of one channel are checked for."""
        return reading.entry(self._state.registers.validations, name)

    def validations(self, *, after: int = -1, limit: int = limits.PAGE_ROWS_DEFAULT):
        """A page of what channels' orders are checked for, as `channels`."""
        return reading.entries(self._state.registers.validations, after, limit)

    def fences(
        self,
        *,
        channel: str = "",
        sku: str = "",
        after: int = -1,
        limit: int = limits.PAGE_ROWS_DEFAULT,
        scan: int = 4_096,
    ):
        """A page of fences in order of creation; see `reading.fences`."""
        return reading.fences(self._state, channel, sku, after, limit, scan)

    def return_(self, channel: str, order_id: str, return_id: str):
        """One return of an order as it stands."""
        return reading.return_(self._state, channel, order_id, return_id)

    def returns(
        self,
        *,
        status: str = "",
        channel: str = "",
        order_id: str = "",
        before: int = 0,
        limit: int = limits.PAGE_ROWS_DEFAULT,
        scan: int = 4_096,
    ):
        """A page of returns, newest first; see `reading.returns`."""
        return reading.returns(self._state, status, channel, order_id, before, limit, scan)

    def routing_policy(self, name: str):
        """One routing policy."""
        return reading.entry(self._state.registers.policies, name)

    def scarcity(self, name: str):
        """The scarcity prices of one SKU."""
        return reading.entry(self._state.registers.scarcity, name)

    def day(self, location: str):
        """What one location has to send on a day, and can; see `capacities.day_of`."""
        return capacities.day_of(self._state, location)

    def decisions(self, channel: str, order_id: str):
        """How the units of an order were routed; see `decisions.of_order`."""
        return decisions.of_order(self._state, channel, order_id)

    def timeline(
        self, channel: str, order_id: str, after: int = 0, limit: int = limits.PAGE_ROWS_DEFAULT
    ):
        """A page of what happened to an order; see `timeline.of_order`."""
        return timeline.of_order(self._state, channel, order_id, after, limit)

    def preview(self, command: commands.PlaceOrder, now_us: int):
        """How an order would be routed at a time; see `decisions.preview`."""
        return decisions.preview(self._state, command, now_us)

    def availability(
        self, channel: str, skus: list[str], now_us: int, by=None, reservation: str | None = None
    ):
        """What a channel may show of these SKUs at a time; see `sellable.availability`."""
        return sellable.availability(self._state, channel, skus, now_us, by, reservation)

    def promises(self, channel: str, order_id: str) -> promises.PromisesAnswer | None:
        """By when an order that waits can have what it waits for."""
        return promises.promises(self._state, channel, order_id)

    def backorders(self, *, after: int = -1, limit: int = limits.PAGE_ROWS_DEFAULT):
        """A page of SKUs that somebody waits for; see `promises.backorders`."""
        return promises.backorders(self._state, after, limit)

    def turns(self, sku: str, limit: int = limits.PAGE_ROWS_DEFAULT):
        """The first of those that wait for a SKU; see `promises.turns`."""
        return promises.turns(self._state, sku, limit)

    def locations(self, *, after: int = -1, limit: int = limits.PAGE_ROWS_DEFAULT):
        """A page of locations in order of creation: (answers, number to go on after or None)."""
        return reading.catalogue(self._state.locations, answers.location, after, limit)

    def skus(self, *, after: int = -1, limit: int = limits.PAGE_ROWS_DEFAULT):
        """A page of SKUs in order of creation: (answers, number to go on after or None)."""
        return reading.catalogue(self._state.skus, answers.sku, after, limit)

    def positions(self, numbers: list[int]) -> list[tuple[str, answers.QuantitiesAnswer]]:
        """SKU and quantities of positions by number, for streams."""
        return reading.positions(self._state, numbers)

    def sizes(self) -> dict[str, int]:
        """Rows of each table, for metrics."""
        return reading.sizes(self._state)

    def standing(self) -> dict[str, int]:
        """Orders by status, of those statuses that some have."""
        return reading.standing(self._state)

    def placed(self) -> tuple[int, int]:
        """Orders placed since this ledger was made, and units that they got at once."""
        return self._state.placed_orders, self._state.placed_units
