# What was cancelled of an order, and what has left, one row after the other (core/trail.py): seq u64,
# stamp u64, the event's record, and u32 the position of each take that it frees. The takes that a
# record names by number may be others later. `Order.trail` starts with its size.

cdef struct Leaving:          # what the records of both kinds have in common
    uint64_t order
    uint8_t status
    uint32_t count            # rows of lines: cuts, or what left
    const uint8_t* rows
    uint32_t freed
    const uint8_t* freed_rows


cdef bint read_leaving(const uint8_t* record, Leaving* l) noexcept nogil:
    """Read the record of a cancellation or a shipment; false if it is damaged."""
    cdef Cursor at
    cdef bint ships = record[4] == ORDER_SHIPPED
    open_record(&at, record)
    checked_cause(&at)
    l.order, l.status = get64(&at), get8(&at)
    checked_text(&at)
    if ships:
        checked_text(&at)
        checked_text(&at)
    l.count = get16(&at)
    l.rows = skip(&at, (6 if ships else 10) * <uint64_t> l.count)
    l.freed = get32(&at)
    l.freed_rows = skip(&at, 8 * <uint64_t> l.freed)
    return not at.bad and at.at == at.end and ALLOCATED <= l.status <= EXCEPTION


cdef int trail_add(Core* c, Order* o, const uint8_t* record, Leaving* l) noexcept nogil:
    """Add what a checked record says of an order whose lines are indexed. A trail that has no room
    for it has come to its end."""
    cdef uint64_t held = load32(o.trail) if o.trail is not NULL else 0
    cdef uint64_t size = held + 16 + load32(record) + 4 * <uint64_t> l.freed
    cdef uint16_t line, number
    cdef uint32_t i
    cdef uint8_t* p
    if o.trail_over or <int64_t> size > c.limit.trail_bytes:
        o.trail_over = 1
        return DONE
    p = <uint8_t*> realloc(o.trail, 4 + size)
    if p is NULL:
        return MEMORY
    o.trail = p
    p = put64(put64(put32(p, <uint32_t> size) + held, c.seq), <uint64_t> c.now_us)
    p = put_bytes(p, record, load32(record))
    for i in range(l.freed):
        memcpy(&line, l.freed_rows + 8 * i, 2)
        memcpy(&number, l.freed_rows + 8 * i + 2, 2)
        p = put32(p, take_of(&(<Line*> c.plan.lines.data)[line], number).position)
    return DONE


cdef int load_trail(Core* c, Cursor* at, Order* o) noexcept nogil:
    """Read the trail of an order of a dump, and check it."""
    cdef Text text = get_blob(at)
    cdef uint64_t last = o.seq, seq, stamp_us
    cdef uint32_t i
    cdef Cursor rows
    cdef Leaving l
    cdef const uint8_t* record
    if at.bad or <int64_t> text.size > c.limit.trail_bytes:
        return damaged(c, "an order's trail")
    rows.at, rows.end, rows.bad = text.data, text.data + text.size, False
    while rows.at != rows.end:
        seq, stamp_us = get64(&rows), get64(&rows)
        record = rows.at
        i = get32(&rows)
        if rows.bad or i < 8 or not last < seq <= o.changed_seq:
            return damaged(c, "an order's trail")
        if skip(&rows, i - 4) is NULL or stamp_us > <uint64_t> c.stamp_us:
            return damaged(c, "an order's trail")
        if record[4] != ORDER_CANCELLED and record[4] != ORDER_SHIPPED:
            return damaged(c, "an order's trail")
        if load32(record + 4) >> 8 != 1 or not read_leaving(record, &l) or l.order != o.seq:
            return damaged(c, "an order's trail")
        for i in range(l.freed):
            if get32(&rows) >= c.positions.count or rows.bad:
                return damaged(c, "an order's trail")
        last = seq
    if text.size:
        o.trail = <uint8_t*> malloc(4 + <uint64_t> text.size)
        if o.trail is NULL:
            return MEMORY
        put_bytes(put32(o.trail, text.size), text.data, text.size)
    return DONE
