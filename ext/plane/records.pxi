# The packed records of core/records.py, read and written in place. Little-endian.

cdef inline void open_record(Cursor* c, const uint8_t* record) noexcept nogil:
    """Start behind the header of a whole record."""
    c.at = record + 8
    c.end = record + load32(record)
    c.bad = False


cdef inline Cause checked_cause(Cursor* c) noexcept nogil:
    cdef Cause cause
    cause.fingerprint = get64(c)
    cause.actor = checked_text(c)
    cause.key = checked_text(c)
    return cause


cdef inline uint64_t fingerprint_of(const uint8_t* record) noexcept nogil:
    return load64(record + 8)


cdef void read_names(const uint8_t* record, Head* head) noexcept nogil:
    """Read the two names of a reservation or order that was checked when it came."""
    cdef Cursor c
    open_record(&c, record)
    head.cause.fingerprint = get64(&c)
    get_text(&c)
    get_text(&c)
    head.first = get_text(&c)
    head.second = get_text(&c)


cdef void read_head(Cursor* c, const uint8_t* record, Head* head) noexcept nogil:
    """Read what stands before the lines; the cursor then stands at the first line."""
    open_record(c, record)
    head.cause = checked_cause(c)
    head.first = checked_text(c)
    head.second = checked_text(c)
    head.status = 0
    head.policy = 0
    head.reservation = head.expires_us = 0
    if record[4] == RESERVED:
        head.expires_us = get64(c)
    else:
        head.status = get8(c)
        head.reservation = get64(c)
        head.policy = get16(c)
    head.lines = get16(c)


cdef void read_line(Cursor* c, Line* line) noexcept nogil:
    """Read one line. What could be written shorter is bad: one event has one record."""
    cdef uint8_t flags = get8(c)
    line.sku = get32(c)
    line.quantity = get32(c)
    line.backordered = get32(c) if flags & 1 else 0
    line.price = <int64_t> get64(c) if flags & 2 else NO_PRICE
    line.name.size = 0
    line.name.data = NULL
    if flags & 4:
        line.name = checked_text(c)
    line.simple = 0 if flags & 8 else 1
    line.count = get16(c) if flags & 8 else 1
    line.takes = skip(c, 8 * <uint64_t> line.count if flags & 8 else 4)
    if (
        flags > 15
        or (flags & 1 and line.backordered == 0)
        or (flags & 2 and line.price == NO_PRICE)
        or (flags & 4 and line.name.size == 0)
        or line.takes is NULL
        or (flags & 8 and line.count == 1 and load32(line.takes + 4) == line.quantity)
    ):
        c.bad = True
        line.count = 0


cdef inline Take take_of(Line* line, uint32_t index) noexcept nogil:
    cdef Take take
    if line.simple:
        take.position = load32(line.takes)
        take.quantity = line.quantity
    else:
        take.position = load32(line.takes + 8 * <uint64_t> index)
        take.quantity = load32(line.takes + 8 * <uint64_t> index + 4)
    return take


cdef int check_lines(Core* c, Cursor* at, uint32_t count) noexcept nogil:
    """MISFIT unless every number names something and every quantity can be."""
    cdef uint32_t i, j
    cdef Line line
    cdef Take take
    for i in range(count):
        read_line(at, &line)
        if at.bad:
            return misfit(c, "an event's lines are damaged")
        if line.sku >= c.skus.count:
            return misfit(c, "a line's SKU does not exist")
        if line.quantity < 1 or line.quantity > c.limit.quantity:
            return misfit(c, "a line's quantity cannot be")
        if line.backordered > line.quantity:
            return misfit(c, "more waits than was asked for")
        for j in range(line.count):
            take = take_of(&line, j)
            if take.position >= c.positions.count:
                return misfit(c, "a take's position does not exist")
            if take.quantity < 1 or take.quantity > c.limit.quantity:
                return misfit(c, "a take's quantity cannot be")
    return DONE


cdef inline uint8_t* put_header(uint8_t* p, uint8_t kind, uint32_t size) noexcept nogil:
    return put16(put8(put8(put32(p, size), kind), 1), 0)


cdef inline uint8_t* put_cause(uint8_t* p, Cause* cause) noexcept nogil:
    return put_text(put_text(put64(p, cause.fingerprint), cause.actor), cause.key)


cdef uint8_t* put_line(uint8_t* p, Line* line, Take* takes) noexcept nogil:
    """Write a line; `takes` are its `count` takes."""
    cdef bint simple = line.count == 1 and takes[0].quantity == line.quantity
    cdef uint32_t i
    p = put8(
        p,
        (1 if line.backordered else 0)
        | (2 if line.price != NO_PRICE else 0)
        | (4 if line.name.size else 0)
        | (0 if simple else 8),
    )
    p = put32(put32(p, line.sku), line.quantity)
    if line.backordered:
        p = put32(p, line.backordered)
    if line.price != NO_PRICE:
        p = put64(p, <uint64_t> line.price)
    if line.name.size:
        p = put_text(p, line.name)
    if simple:
        return put32(p, takes[0].position)
    p = put16(p, <uint16_t> line.count)
    for i in range(line.count):
        p = put32(put32(p, takes[i].position), takes[i].quantity)
    return p


cdef uint64_t lines_bytes(Core* c, bint named) noexcept nogil:
    """Return at least the bytes that the plan's lines take in a record."""
    cdef Plan* plan = &c.plan
    cdef Asked* asked = <Asked*> plan.asked.data
    cdef uint64_t total = 2 + plan.asked.count * 32 + plan.takes.count * 8
    cdef uint64_t i
    if named:
        for i in range(plan.asked.count):
            total += asked[i].name.size
    return total


cdef uint8_t* put_lines(Core* c, uint8_t* p) noexcept nogil:
    """Write the plan's lines."""
    cdef Plan* plan = &c.plan
    cdef Asked* asked = <Asked*> plan.asked.data
    cdef Granted* granted = <Granted*> plan.granted.data
    cdef Take* takes = <Take*> plan.takes.data
    cdef Line line
    cdef uint64_t i
    p = put16(p, <uint16_t> plan.asked.count)
    for i in range(plan.asked.count):
        line.sku = asked[i].sku
        line.quantity = <uint32_t> asked[i].quantity
        line.backordered = <uint32_t> (asked[i].quantity - granted[i].units)
        line.price = asked[i].price
        line.name = asked[i].name
        line.count = granted[i + 1].takes - granted[i].takes
        p = put_line(p, &line, takes + granted[i].takes)
    return p
