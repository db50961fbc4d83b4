# The timing wheel: a slot holds the live reservations that end in its tick, as armed.
#
# A slot is a list through the rows: the first row's `previous` is the last row, the last row's
# `next` is NONE. The wheel turns over more than a reservation's longest life; a tick that is
# whole turns behind another shares its slot, stands before it and is told apart by its end.

cdef int wheel_new(Core* c) noexcept nogil:
    cdef uint64_t size = <uint64_t> c.limit.slots
    cdef int level
    c.wheel = <uint32_t*> calloc(size, sizeof(uint32_t))
    if c.wheel is NULL:
        return MEMORY
    for level in range(4):
        size = (size + 63) // 64
        c.words[level] = size
        c.bits[level] = <uint64_t*> calloc(size, sizeof(uint64_t))
        if c.bits[level] is NULL:
            return MEMORY
    return DONE


cdef void mark(Core* c, uint64_t slot) noexcept nogil:
    cdef int level
    for level in range(4):
        c.bits[level][slot >> 6] |= <uint64_t> 1 << (slot & 63)
        slot >>= 6


cdef void unmark(Core* c, uint64_t slot) noexcept nogil:
    cdef int level
    for level in range(4):
        c.bits[level][slot >> 6] &= ~(<uint64_t> 1 << (slot & 63))
        if c.bits[level][slot >> 6]:
            return
        slot >>= 6


cdef int64_t next_slot(Core* c, uint64_t slot) noexcept nogil:
    """Return the first slot at or behind `slot` that holds something, or -1."""
    cdef int level = 0
    cdef uint64_t word
    while level < 4:
        if slot >> 6 >= c.words[level]:
            return -1
        word = c.bits[level][slot >> 6] >> (slot & 63)
        if word:
            slot += <uint64_t> ctz(word)
            while level:
                level -= 1
                slot = (slot << 6) + <uint64_t> ctz(c.bits[level][slot])
            return <int64_t> slot
        slot = (slot >> 6) + 1
        level += 1
    return -1


cdef inline int64_t tick_of(Core* c, Reservation* r) noexcept nogil:
    return <int64_t> (r.expires_us // <uint64_t> c.limit.tick_us)


cdef void arm(Core* c, uint32_t row) noexcept nogil:
    """Put a live reservation into the slot of its end, behind those already there."""
    cdef Reservation* r = reservation_at(c, row)
    cdef int64_t tick = tick_of(c, r)
    cdef uint64_t slot = <uint64_t> (tick % c.limit.slots)
    cdef Reservation* first
    if c.live == 0 or tick < c.wheel_tick:
        c.wheel_tick = tick
    c.live += 1
    r.next = NONE
    if c.wheel[slot] == 0:
        c.wheel[slot] = row + 1
        r.previous = row
        mark(c, slot)
        return
    first = reservation_at(c, c.wheel[slot] - 1)
    reservation_at(c, first.previous).next = row
    r.previous = first.previous
    first.previous = row


cdef void disarm(Core* c, uint32_t row) noexcept nogil:
    """Take a live reservation out of its slot."""
    cdef Reservation* r = reservation_at(c, row)
    cdef uint64_t slot = <uint64_t> (tick_of(c, r) % c.limit.slots)
    cdef uint32_t first = c.wheel[slot] - 1
    c.live -= 1
    if first == row:
        if r.next == NONE:
            c.wheel[slot] = 0
            unmark(c, slot)
            return
        c.wheel[slot] = r.next + 1
        reservation_at(c, r.next).previous = r.previous
        return
    reservation_at(c, r.previous).next = r.next
    if r.next == NONE:
        reservation_at(c, first).previous = r.previous
    else:
        reservation_at(c, r.next).previous = r.previous


cdef uint32_t earliest(Core* c) noexcept nogil:
    """Return the first reservation of the earliest slot in use, or NONE."""
    cdef int64_t slots = c.limit.slots
    cdef int64_t start, slot, distance, tick, best
    cdef uint32_t row, found = NONE
    if c.live == 0:
        return NONE
    start = c.wheel_tick % slots
    slot = next_slot(c, <uint64_t> start)
    while slot >= 0:
        row = c.wheel[slot] - 1
        if tick_of(c, reservation_at(c, row)) <= c.wheel_tick + slot - start:
            c.wheel_tick += slot - start
            return row
        slot = next_slot(c, <uint64_t> slot + 1)
    best = -1
    slot = next_slot(c, 0)
    while slot >= 0:
        row = c.wheel[slot] - 1
        tick = tick_of(c, reservation_at(c, row))
        if best < 0 or tick < best:
            best, found = tick, row
        slot = next_slot(c, <uint64_t> slot + 1)
    c.wheel_tick = best
    return found
