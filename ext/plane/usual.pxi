# What the orders of a SKU usually take, as core/usual.py says it: TCP's estimator of round-trip times.

cdef inline void learn(Sku* s, uint32_t quantity) noexcept nogil:
    """Take in one more line of an order of this SKU."""
    cdef int64_t seen = <int64_t> quantity << 8
    cdef int64_t most, off
    if s.usual_orders == 0:
        s.usual_mean, s.usual_spread, s.usual_orders = seen, seen >> 1, 1
        return
    most = 2 * (s.usual_mean + 4 * s.usual_spread)
    off = (most if most < seen else seen) - s.usual_mean
    s.usual_mean += off >> 3
    s.usual_spread += ((-off if off < 0 else off) - s.usual_spread) >> 2
    if s.usual_orders != <uint32_t> 0xFFFFFFFF:
        s.usual_orders += 1
