# A batch in one call.

cdef enum:
    ORDER_FIELDS = 7
    RESULT_FIELDS = 5


def solve(batch, *, nodes_max=None):
    """Plan every order of a packed batch; see scorer.pyi. Returns nothing: results are written into
    the batch's own arrays. Raises `ValueError` for tariffs or offsets that cannot be, `MemoryError`
    where memory ends."""
    cdef const int64_t[:, ::1] orders = batch.orders
    cdef const int64_t[::1] quantities = batch.quantities
    cdef const int64_t[::1] grams = batch.grams
    cdef const int64_t[::1] fixed = batch.fixed
    cdef const int64_t[::1] tariffs = batch.tariffs
    cdef const int64_t[::1] stock = batch.stock
    cdef const int64_t[::1] unit = batch.unit
    cdef const int64_t[::1] starts = batch.starts
    cdef const int64_t[:, ::1] bands = batch.bands
    cdef int64_t[:, ::1] results = batch.results
    cdef int64_t[::1] picks = batch.picks
    cdef char[::1] others = batch.others
    cdef int64_t n, count = orders.shape[0], most = -1 if nodes_max is None else nodes_max
    cdef Rates rates
    cdef Search s
    cdef bint ended = False
    batch.check()
    if not count:
        return
    memset(&s, 0, sizeof(Search))
    rates.count = starts.shape[0] - 1
    rates.tariffs = <Tariff*> malloc(<size_t> rates.count * sizeof(Tariff))
    rates.lines = <Line*> calloc(<size_t> rates.count, sizeof(Line))
    try:
        if rates.tariffs == NULL or rates.lines == NULL:
            raise MemoryError
        if not measure(&rates, &starts[0], <const Band*> &bands[0, 0]):
            raise ValueError("a tariff has no bands, or its bands do not rise")
        s.rates = &rates
        with nogil:
            for n in range(count):
                set_case(&s.one, &orders[n, 0], quantities, grams, fixed, tariffs, stock, unit)
                s.one.nodes_max = most
                results[n, 0] = search(&s)
                if results[n, 0] == EXHAUSTED:
                    ended = True
                    break
                write_out(&s, &orders[n, 0], &results[n, 0], picks, others)
        if ended:
            raise MemoryError
    finally:
        release(&s)
        free(rates.tariffs)
        free(rates.lines)


cdef void set_case(
    Case* one,
    const int64_t* order,
    const int64_t[::1] quantities,
    const int64_t[::1] grams,
    const int64_t[::1] fixed,
    const int64_t[::1] tariffs,
    const int64_t[::1] stock,
    const int64_t[::1] unit,
) noexcept nogil:
    """Point `one` at an order's part of the arrays; empty parts are never read."""
    one.demands, one.places = order[1], order[3]
    one.quantities = &quantities[order[0]] if one.demands else NULL
    one.grams = &grams[order[0]] if one.demands else NULL
    one.fixed = &fixed[order[2]] if one.places else NULL
    one.tariffs = &tariffs[order[2]] if one.places else NULL
    one.stock = &stock[order[4]] if one.demands and one.places else NULL
    one.unit = &unit[order[4]] if one.demands and one.places else NULL
    one.split, one.shipments_max = order[5], order[6]


cdef void write_out(
    Search* s, const int64_t* order, int64_t* result, int64_t[::1] picks, char[::1] others
) noexcept nogil:
    cdef int64_t i, k
    if result[0] != PLANNED:
        return
    result[1], result[2] = s.best.cost, s.bound
    result[3], result[4] = s.runner_up.cost, s.nodes
    for i in range(s.one.demands):
        for k in range(s.set_count):
            picks[order[4] + i * s.one.places + s.set_places[k]] = s.set_picks[i * s.set_count + k]
    for k in range(s.runner_up.count):
        others[order[2] + s.runner_up.places[k]] = 1
