# What a shipment costs, and lines below that, as core/routing/tariff.py says.


cdef int measure(Rates* rates) noexcept nogil:
    """Fill `dearest`, at most `COST_MAX + 1`, and forget all lines. Returns 0 for a tariff without
    bands, with a negative number or with ends that do not rise."""
    cdef int64_t t, b, top
    cdef const Band* band
    for t in range(rates.count):
        rates.dearest[t] = 0
        rates.lines[t].low = NONE
        if rates.starts[t + 1] <= rates.starts[t]:
            return 0
        for b in range(rates.starts[t], rates.starts[t + 1]):
            band = &rates.bands[b]
            if band.base < 0 or band.per_g < 0 or band.up_to_g < 1:
                return 0
            if b > rates.starts[t] and rates.bands[b - 1].up_to_g >= band.up_to_g:
                return 0
            if band.base > COST_MAX or band.per_g > COST_MAX // band.up_to_g:
                top = COST_MAX + 1
            else:
                top = band.base + band.per_g * band.up_to_g
            rates.dearest[t] = max(rates.dearest[t], min(top, COST_MAX + 1))
    return 1


cdef inline int64_t package_cost(Rates* rates, int64_t t, int64_t grams) noexcept nogil:
    cdef const Band* band = &rates.bands[rates.starts[t]]
    while grams > band.up_to_g:
        band += 1
    return band.base + band.per_g * grams


cdef inline int64_t heaviest(Rates* rates, int64_t t) noexcept nogil:
    return rates.bands[rates.starts[t + 1] - 1].up_to_g


cdef inline int64_t packages(Rates* rates, int64_t t, int64_t grams) noexcept nogil:
    cdef int64_t most = heaviest(rates, t)
    return 1 if grams <= most else (grams + most - 1) // most


cdef int64_t cost(Rates* rates, int64_t t, int64_t grams) noexcept nogil:
    cdef int64_t most = heaviest(rates, t)
    cdef int64_t full
    if grams <= most:
        return package_cost(rates, t, grams)
    full = packages(rates, t, grams) - 1
    return full * package_cost(rates, t, most) + package_cost(rates, t, grams - full * most)


cdef int edges(Rates* rates, int64_t t, int64_t low, int64_t high, int64_t* found) noexcept nogil:
    """Write the edges; return how many, 0 where there are too many."""
    cdef int64_t most = heaviest(rates, t)
    cdef int64_t first = low // most
    cdef int64_t last = high // most
    cdef int64_t full, b, end
    cdef int count = 1
    if low == 0 and high == most:
        last = 0
    if last - first + 1 > PIECES_MAX:
        return 0
    if (last - first + 1) * (rates.starts[t + 1] - rates.starts[t]) > PIECES_MAX:
        return 0
    found[0] = low
    for full in range(first, last + 1):
        for b in range(rates.starts[t], rates.starts[t + 1]):
            end = full * most + rates.bands[b].up_to_g
            if low <= end < high:
                found[count] = end
                found[count + 1] = end + 1
                count += 2
    found[count] = high
    return count + 1


cdef void lower_line(Rates* rates, int64_t t, int64_t low, int64_t high, Line* line) noexcept nogil:
    """Set `line` to the lower line between `low` and `high`."""
    cdef int64_t points[POINTS_MAX]
    cdef int64_t costs[POINTS_MAX]
    cdef int count, n
    cdef Line* kept = &rates.lines[t]
    if kept.low == low and kept.high == high:
        line[0] = kept[0]
        return
    line.low, line.high, line.slope = low, high, 0
    if low == high:
        line.intercept = cost(rates, t, low)
        return
    count = edges(rates, t, low, high, points)
    if count:
        for n in range(count):
            costs[n] = cost(rates, t, points[n])
        line.slope = min(max(0, (costs[count - 1] - costs[0]) // (high - low)), SLOPE_MAX)
        line.intercept = least_above(points, costs, count, line.slope)
        if line.intercept >= 0:
            kept[0] = line[0]
            return
    else:
        count = edges(rates, t, 0, heaviest(rates, t), points)
        for n in range(count):
            costs[n] = cost(rates, t, points[n])
    line.slope = SLOPE_MAX
    for n in range(count):
        if points[n]:
            line.slope = min(line.slope, costs[n] // points[n])
    line.intercept = least_above(points, costs, count, line.slope)
    kept[0] = line[0]


cdef inline int64_t least_above(
    int64_t* points, int64_t* costs, int count, int64_t slope
) noexcept nogil:
    cdef int64_t least = costs[0] - slope * points[0]
    cdef int n
    for n in range(1, count):
        least = min(least, costs[n] - slope * points[n])
    return least
