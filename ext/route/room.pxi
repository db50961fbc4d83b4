# The search's memory: grown for the largest order so far, used again for the next.


cdef int64_t* more(int64_t* kept, int64_t count, bint* failed) noexcept nogil:
    cdef int64_t* grown = <int64_t*> realloc(kept, <size_t> count * sizeof(int64_t))
    if grown == NULL:
        failed[0] = True
        return kept
    return grown


cdef int reserve(Search* s) noexcept nogil:
    """Make room for the case at hand; return 0 where memory ends."""
    cdef bint failed = False
    cdef int64_t demands = s.one.demands
    cdef int64_t places = s.one.places
    cdef int64_t cells = demands * places
    if demands > s.room_demands:
        s.demands = more(s.demands, demands, &failed)
        s.cover = more(s.cover, demands, &failed)
        s.potential = more(s.potential, demands, &failed)
        s.suppliers = more(s.suppliers, demands, &failed)
        s.dearth = more(s.dearth, demands, &failed)
        s.room_demands = 0 if failed else demands
    if places > s.room_places and not failed:
        failed = not reserve_places(s, places)
        s.room_places = 0 if failed else places
    if cells > s.room_cells and not failed:
        s.caps = more(s.caps, cells, &failed)
        s.low = more(s.low, cells, &failed)
        s.high = more(s.high, cells, &failed)
        s.tight_low = more(s.tight_low, cells, &failed)
        s.tight_high = more(s.tight_high, cells, &failed)
        s.picks = more(s.picks, cells, &failed)
        s.set_picks = more(s.set_picks, cells, &failed)
        s.room_cells = 0 if failed else cells
    return not failed


cdef int reserve_places(Search* s, int64_t places) noexcept nogil:
    cdef bint failed = False
    s.best.places = more(s.best.places, places, &failed)
    s.runner_up.places = more(s.runner_up.places, places, &failed)
    s.set_places = more(s.set_places, places, &failed)
    s.order = <Ranked*> more(<int64_t*> s.order, 2 * places, &failed)
    s.queue = <Ranked*> more(<int64_t*> s.queue, 2 * places, &failed)
    s.lines = <Line*> more(<int64_t*> s.lines, 4 * places, &failed)
    s.base = more(s.base, places, &failed)
    s.slope = more(s.slope, places, &failed)
    s.least = more(s.least, places, &failed)
    s.shares = more(s.shares, places, &failed)
    s.helps = more(s.helps, places, &failed)
    s.suits = more(s.suits, places, &failed)
    s.chosen = more(s.chosen, places, &failed)
    s.excluded = more(s.excluded, places, &failed)
    s.places = more(s.places, places, &failed)
    s.used = more(s.used, places, &failed)
    s.free = <char*> more(<int64_t*> s.free, places, &failed)
    return not failed


cdef void release(Search* s) noexcept nogil:
    """Give all memory back."""
    free(s.demands)
    free(s.cover)
    free(s.potential)
    free(s.suppliers)
    free(s.dearth)
    free(s.caps)
    free(s.low)
    free(s.high)
    free(s.tight_low)
    free(s.tight_high)
    free(s.picks)
    free(s.set_picks)
    free(s.best.places)
    free(s.runner_up.places)
    free(s.set_places)
    free(s.order)
    free(s.queue)
    free(s.lines)
    free(s.base)
    free(s.slope)
    free(s.least)
    free(s.shares)
    free(s.helps)
    free(s.suits)
    free(s.chosen)
    free(s.excluded)
    free(s.places)
    free(s.used)
    free(s.free)
    free(s.terms)
    memset(s, 0, sizeof(Search))


cdef int by_base(const void* a, const void* b) noexcept nogil:
    cdef Ranked* p = <Ranked*> a
    cdef Ranked* q = <Ranked*> b
    if p.base != q.base:
        return -1 if p.base < q.base else 1
    return -1 if p.place < q.place else 1


cdef void sort_ranked(Ranked* rows, int64_t count) noexcept nogil:
    """Sort by base, then place. Short lists, which are the most, by insertion."""
    cdef Ranked row
    cdef int64_t n, at
    if count > SORTED_BY_HAND_MAX:
        qsort(rows, <size_t> count, sizeof(Ranked), by_base)
        return
    for n in range(1, count):
        row = rows[n]
        at = n
        while at and by_base(&row, &rows[at - 1]) < 0:
            rows[at] = rows[at - 1]
            at -= 1
        rows[at] = row
