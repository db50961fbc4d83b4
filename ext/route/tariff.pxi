# What a shipment costs, and lines below that, as core/routing/tariff.py says.


cdef int measure(Rates* rates, const int64_t* starts, const Band* bands) noexcept nogil:
    """Take up the tariffs, `bands[starts[t]:starts[t + 1]]` each, and forget all lines. Returns 0
    for one without bands, with a negative number or with ends that do not rise."""
    cdef int64_t t
    for t in range(rates.count):
        rates.lines[t].low = NONE
        rates.tariffs[t].bands = &bands[starts[t]]
        rates.tariffs[t].count = starts[t + 1] - starts[t]
        if not measure_one(&rates.tariffs[t]):
            return 0
    return 1


cdef int measure_one(Tariff* tariff) noexcept nogil:
    """Set what a tariff's bands say, costs at most `COST_MAX + 1`."""
    cdef int64_t b, low = 0
    cdef const Band* band
    tariff.dearest, tariff.least = 0, COST_MAX + 1
    for b in range(tariff.count):
        band = &tariff.bands[b]
        if band.base < 0 or band.per_g < 0 or band.up_to_g < 1 or band.up_to_g < low:
            return 0
        tariff.dearest = max(tariff.dearest, band_cost(band, band.up_to_g))
        tariff.least = min(tariff.least, band_cost(band, low))
        low = band.up_to_g + 1
    tariff.heaviest = low - 1
    return tariff.count > 0


cdef inline int64_t band_cost(const Band* band, int64_t grams) noexcept nogil:
    """What `grams` cost in a band of a tariff that nobody has checked yet."""
    if band.base > COST_MAX or (grams and band.per_g > (COST_MAX - band.base) // grams):
        return COST_MAX + 1
    return band.base + band.per_g * grams


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
    if (last - first + 1) * rates.tariffs[t].count > PIECES_MAX:
        return 0
    found[0] = low
    for full in range(first, last + 1):
        for b in range(rates.tariffs[t].count):
            end = full * most + rates.tariffs[t].bands[b].up_to_g
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
