"""Reservations: stock promised to a checkout until a stamp. The stamp alone decides expiry."""

from engine.core import limits, told
from engine.core.commands import Extend, Release, Request, Reserve
from engine.core.decide import Decision, Replay, cause_of, conflict, refusals
from engine.core.decide.allotment import Source, allot
from engine.core.events import Line, ReservationExtended, ReservationReleased, Reserved
from engine.core.outcomes import Refused
from engine.core.state import COMMITTED, EXPIRED, LIVE, RELEASED, Reservation, State


def reserve(state: State, request: Request) -> Decision:
    """Promise all lines or none."""
    command: Reserve = request.command
    cause = cause_of(request)
    known = state.reservation(command.reservation_id)
    if known:
        if known.event.cause.fingerprint != cause.fingerprint:
            return conflict(state, "reservation_id", command.reservation_id)
        return Replay(told.reservation_first(state, known), known.seq)
    if len(state.reservations) >= limits.RESERVATIONS_MAX:
        return refusals.full(state, "reservations")
    source = Source(state, channel=command.channel)
    plan = allot(state, command.lines, None, partial=False, source=source)
    if isinstance(plan, Refused):
        return plan
    if plan.short:
        return refusals.short(state, "reserved", plan.short)
    lines = tuple(
        Line(state.sku_numbers[line.sku], line.quantity, tuple(takes))
        for line, takes in zip(command.lines, plan.takes, strict=True)
    )
    expires_us = state.now_us + command.ttl_s * 1_000_000
    return [
        *plan.opened,
        Reserved(cause, command.reservation_id, command.channel, expires_us, lines),
    ]


def find_live(state: State, reservation_id: str) -> Reservation | Refused:
    """Return a reservation that holds units now, or say why there is none."""
    found = state.reservation(reservation_id)
    if found is None:
        return refusals.unknown_reservation(state, reservation_id)
    if found.status == EXPIRED or (found.status == LIVE and found.expires_us <= state.now_us):
        return refusals.reservation_expired(state, reservation_id)
    if found.status != LIVE:
        word = "committed" if found.status == COMMITTED else "released"
        return refusals.reservation_closed(state, reservation_id, word)
    return found


def extend(state: State, request: Request) -> Decision:
    """Let a live reservation end `ttl_s` seconds from now."""
    command: Extend = request.command
    found = find_live(state, command.reservation_id)
    if isinstance(found, Refused):
        return found
    expires_us = state.now_us + command.ttl_s * 1_000_000
    return [ReservationExtended(cause_of(request), found.seq, expires_us)]


def release(state: State, request: Request) -> Decision:
    """Give the units back. Releasing what is released or expired is a replay."""
    command: Release = request.command
    known = state.reservation(command.reservation_id)
    if known and known.status in (RELEASED, EXPIRED):
        return Replay(told.reservation_now(state, known, known.seq), known.seq)
    if known and known.status == LIVE:
        return [ReservationReleased(cause_of(request), known.seq)]
    return find_live(state, command.reservation_id)
