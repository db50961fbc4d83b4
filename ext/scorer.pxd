"""The planner of engine/core/routing/plan.py over plain arrays, for a batch or for the ledger."""

from libc.stdint cimport int64_t


cdef enum Verdict:
    UNMET = 0
    PLANNED = 1
    BOUNDLESS = 2
    EXHAUSTED = 3


cdef struct Band:
    int64_t up_to_g
    int64_t base
    int64_t per_g


cdef struct Line:
    int64_t low
    int64_t high
    int64_t intercept
    int64_t slope


cdef struct Tariff:
    # What one package costs at most, and a shipment at least.
    const Band* bands
    int64_t count
    int64_t heaviest
    int64_t dearest
    int64_t least


cdef struct Rates:
    # `lines` keeps the lower line that was found last for each tariff.
    int64_t count
    Tariff* tariffs
    Line* lines


cdef struct Case:
    # As Instance; rows of `stock` and `unit` are demands, `places` long.
    int64_t demands
    int64_t places
    const int64_t* quantities
    const int64_t* grams
    const int64_t* fixed
    const int64_t* tariffs
    const int64_t* stock
    const int64_t* unit
    int64_t split
    int64_t shipments_max
    int64_t nodes_max


cdef struct Ranked:
    int64_t base
    int64_t place


cdef struct Option:
    int64_t cost
    int64_t count
    int64_t* places


cdef struct Term:
    int64_t value
    int64_t place


cdef struct Search:
    Case one
    Rates* rates
    int64_t bound
    int64_t nodes
    Option best
    Option runner_up
    # The best's picks: of demand i from the n-th of `set_places`, at i * set_count + n.
    int64_t set_count
    int64_t* set_places
    int64_t* set_picks
    # What follows is the search's own.
    int64_t nodes_max
    int64_t floor
    int64_t wanted
    int64_t* demands
    int64_t* suits
    int64_t units
    int64_t grams
    int64_t* caps
    int64_t* cover
    int64_t* potential
    int64_t* suppliers
    int64_t* dearth
    int64_t rest
    int64_t ranked
    Ranked* order
    int64_t* base
    int64_t* slope
    int64_t* least
    int64_t* shares
    int64_t* helps
    char* free
    int64_t chosen_count
    int64_t* chosen
    int64_t excluded_count
    int64_t* excluded
    int64_t count
    int64_t* places
    int64_t* low
    int64_t* high
    int64_t* tight_low
    int64_t* tight_high
    int64_t* picks
    int64_t* used
    Line* lines
    Ranked* queue
    int64_t term_count
    int64_t term_room
    Term* terms
    int64_t room_demands
    int64_t room_places
    int64_t room_cells
    bint failed


cdef int search(Search* s) noexcept nogil
cdef void release(Search* s) noexcept nogil
cdef int measure(Rates* rates, const int64_t* starts, const Band* bands) noexcept nogil


cdef inline int64_t heaviest(Rates* rates, int64_t t) noexcept nogil:
    return rates.tariffs[t].heaviest


cdef inline int64_t packages(Rates* rates, int64_t t, int64_t grams) noexcept nogil:
    cdef int64_t most = heaviest(rates, t)
    return 1 if grams <= most else (grams + most - 1) // most


cdef inline int64_t package_cost(Rates* rates, int64_t t, int64_t grams) noexcept nogil:
    """What one package costs. Halves the bands without a branch that depends on the grams."""
    cdef const Band* band = rates.tariffs[t].bands
    cdef int64_t half, left = rates.tariffs[t].count
    while left > 1:
        half = left >> 1
        band += half * (band[half - 1].up_to_g < grams)
        left -= half
    return band.base + band.per_g * grams


cdef inline int64_t cost(Rates* rates, int64_t t, int64_t grams) noexcept nogil:
    """What a shipment costs."""
    cdef int64_t most = heaviest(rates, t)
    cdef int64_t full
    if grams <= most:
        return package_cost(rates, t, grams)
    full = packages(rates, t, grams) - 1
    return full * package_cost(rates, t, most) + package_cost(rates, t, grams - full * most)
