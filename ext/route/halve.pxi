# The best plan within one set of locations, as the second half of core/routing/plan.py.


cdef void settle(Search* s) noexcept nogil:
    cdef int64_t n, k, i, j, least, units
    cdef int64_t lower = s.one.split * (s.chosen_count - 1)
    for k in range(s.chosen_count):
        lower += s.base[s.chosen[k]]
    for n in range(s.wanted):
        i, least = s.demands[n], NONE
        for k in range(s.chosen_count):
            j = s.chosen[k]
            if cap(s, i, j):
                units = unit_cost(s, i, j, s.slope[j])
                if least == NONE or units < least:
                    least = units
        lower += s.one.quantities[i] * least
    if s.best.cost != NONE and lower >= s.best.cost:
        return
    sort_places(s)
    for n in range(s.wanted):
        i = s.demands[n]
        for k in range(s.count):
            s.low[i * s.count + k], s.high[i * s.count + k] = 0, cap(s, i, s.places[k])
    halve(s, 0)


cdef void sort_places(Search* s) noexcept nogil:
    cdef int64_t k, at, j
    s.count = s.chosen_count
    for k in range(s.count):
        j, at = s.chosen[k], k
        while at and s.places[at - 1] > j:
            s.places[at] = s.places[at - 1]
            at -= 1
        s.places[at] = j


cdef void halve(Search* s, int64_t depth) noexcept nogil:
    cdef int64_t lower, total, cell, middle, low, high, kept_low, kept_high, count = 0
    s.nodes += 1
    if not tighten(s):
        return
    lower = lines_of(s)
    if lower == NONE:
        return
    lower += fill(s)
    total = price(s, &count)
    consider(s, total, s.used, count, False)
    if lower >= s.best.cost:
        return
    if s.nodes >= s.nodes_max or depth >= DEPTH_MAX:
        abandon(s, lower)
        return
    cell = widest(s)
    if cell == NONE:
        abandon(s, lower)
        return
    low, high = s.tight_low[cell], s.tight_high[cell]
    middle = (low + high) // 2
    kept_low, kept_high = s.low[cell], s.high[cell]
    s.low[cell], s.high[cell] = low, middle
    halve(s, depth + 1)
    s.low[cell], s.high[cell] = middle + 1, high
    halve(s, depth + 1)
    s.low[cell], s.high[cell] = kept_low, kept_high


cdef bint tighten(Search* s) noexcept nogil:
    """Set each quantity's range as far as the others allow; return whether there is one."""
    cdef int64_t n, k, i, quantity, lows, highs, cell
    for n in range(s.wanted):
        i, lows, highs = s.demands[n], 0, 0
        quantity = s.one.quantities[i]
        for k in range(i * s.count, (i + 1) * s.count):
            lows += s.low[k]
            highs += s.high[k]
        if lows > quantity or highs < quantity:
            return False
        for cell in range(i * s.count, (i + 1) * s.count):
            s.tight_low[cell] = max(s.low[cell], quantity - (highs - s.high[cell]))
            s.tight_high[cell] = min(s.high[cell], quantity - (lows - s.low[cell]))
    return True


cdef int64_t lines_of(Search* s) noexcept nogil:
    """Draw each place's line over its range; return what they cost at least without units, or
    NONE where a place would have nothing to give."""
    cdef int64_t n, k, i, j, least, most, lower = s.one.split * (s.count - 1)
    for k in range(s.count):
        j, least, most = s.places[k], 0, 0
        for n in range(s.wanted):
            i = s.demands[n]
            least += s.tight_low[i * s.count + k] * s.one.grams[i]
            most += s.tight_high[i * s.count + k] * s.one.grams[i]
        least = max(least, s.least[j])
        if most < least:
            return NONE
        lower_line(s.rates, s.one.tariffs[j], least, most, &s.lines[k])
        lower += s.one.fixed[j] + s.lines[k].intercept
    return lower


cdef int64_t fill(Search* s) noexcept nogil:
    """Set the picks that cost least along the lines; return what their units cost."""
    cdef int64_t n, m, k, i, cell, left, units, total = 0
    for i in range(s.one.demands):
        if not s.one.quantities[i]:
            memset(&s.picks[i * s.count], 0, <size_t> s.count * sizeof(int64_t))
    for n in range(s.wanted):
        i = s.demands[n]
        left = s.one.quantities[i]
        for k in range(s.count):
            left -= s.tight_low[i * s.count + k]
            s.queue[k].base = unit_cost(s, i, s.places[k], s.lines[k].slope)
            s.queue[k].place = k
        sort_ranked(s.queue, s.count)
        for m in range(s.count):
            k = s.queue[m].place
            cell = i * s.count + k
            units = min(left, s.tight_high[cell] - s.tight_low[cell])
            left -= units
            s.picks[cell] = s.tight_low[cell] + units
            total += s.picks[cell] * s.queue[m].base
    return total


cdef int64_t price(Search* s, int64_t* count) noexcept nogil:
    """Return what the picks cost; list the places that give something in `used`."""
    cdef int64_t n, k, i, j, grams, units, total = 0
    count[0] = 0
    for k in range(s.count):
        j, grams, units = s.places[k], 0, 0
        for n in range(s.wanted):
            i = s.demands[n]
            units += s.picks[i * s.count + k]
            grams += s.picks[i * s.count + k] * s.one.grams[i]
            total += s.picks[i * s.count + k] * s.one.unit[i * s.one.places + j]
        if units:
            total += s.one.fixed[j] + cost(s.rates, s.one.tariffs[j], grams)
            s.used[count[0]] = j
            count[0] += 1
    return total + s.one.split * max(count[0] - 1, 0)


cdef int64_t widest(Search* s) noexcept nogil:
    """Return the cell to halve, or NONE."""
    cdef int64_t n, k, i, cell, grams, gap, room, weight, wide, found = NONE, furthest = NONE
    for k in range(s.count):
        grams, room, wide = 0, 0, NONE
        for n in range(s.wanted):
            i = s.demands[n]
            cell = i * s.count + k
            grams += s.picks[cell] * s.one.grams[i]
            weight = (s.tight_high[cell] - s.tight_low[cell]) * s.one.grams[i]
            if weight > room:
                room, wide = weight, cell
        gap = cost(s.rates, s.one.tariffs[s.places[k]], grams)
        gap -= s.lines[k].intercept + s.lines[k].slope * grams
        if wide != NONE and gap > furthest:
            found, furthest = wide, gap
    return found
