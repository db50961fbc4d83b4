# Fills of plain orders (core/decide/fills.py) without an object for anything but the note: orders
# whose status follows from their units, of stocked SKUs, that no policy routes and whose lines are
# not bound to a place. The others are left to the shared rule, which would decide the same.

cdef bytes _SYSTEM = actors.SYSTEM.encode()

cdef enum:
    LEAVE = 0                  # to the shared rule
    FILLED = 1
    NOTHING = 2                # is there for it
    FILL_TAKES_MAX = 64        # of one line, for the short way


cdef bint is_plain(Core* c, Order* o) noexcept nogil:
    """Whether an order, whose lines are indexed, is filled here; its document is not looked at."""
    cdef Line* line
    cdef Cursor at
    cdef Head head
    cdef uint64_t i
    cdef uint32_t j
    read_head(&at, o.record, &head)
    if head.policy != POLICY or o.status > PARTIALLY_SHIPPED:
        return False
    if routed_of(c, head.first) != NONE:
        return False
    for i in range(c.plan.lines.count):
        line = &(<Line*> c.plan.lines.data)[i]
        if line.count > FILL_TAKES_MAX:
            return False
        if not waiting_of(c, o, i):
            continue
        if sku_at(c, line.sku).component_count:
            return False
        for j in range(line.count):  # parts of what was a bundle when they were taken
            if left_of(c, o, i, j) and position_at(c, take_of(line, j).position).sku != line.sku:
                return False
    return True


cdef int ask_waiting(Core* c, Order* o) noexcept nogil:
    """Want what waits of an order whose lines are indexed."""
    cdef Asked* asked
    cdef uint64_t i
    if room_for(&c.plan.asked, c.plan.lines.count, sizeof(Asked)) != DONE:
        return MEMORY
    c.plan.asked.count = 0
    for i in range(c.plan.lines.count):
        if waiting_of(c, o, i):
            asked = &(<Asked*> c.plan.asked.data)[c.plan.asked.count]
            asked.quantity, asked.sku = waiting_of(c, o, i), (<Line*> c.plan.lines.data)[i].sku
            asked.place, asked.bound, asked.price = NONE, 0, NO_PRICE
            asked.name.data, asked.name.size = NULL, 0
            c.plan.asked.count += 1
    return DONE


cdef uint32_t merge_takes(Core* c, Order* o, uint64_t index, uint64_t want, Take* into) noexcept nogil:
    """Write what a line holds, and what it now gets as number `want` of the plan's (NONE: nothing),
    one take for each position; return how many."""
    cdef Line* line = &(<Line*> c.plan.lines.data)[index]
    cdef Granted* granted = <Granted*> c.plan.granted.data
    cdef uint32_t i, count = 0
    for i in range(line.count):
        count = merge_take(into, count, take_of(line, i).position, left_of(c, o, index, i))
    if want != NONE:
        for i in range(granted[want].takes, granted[want + 1].takes):
            count = merge_take(
                into,
                count,
                (<Take*> c.plan.takes.data)[i].position,
                (<Take*> c.plan.takes.data)[i].quantity,
            )
    return count


cdef inline uint32_t merge_take(
    Take* into, uint32_t count, uint32_t position, int64_t units
) noexcept nogil:
    cdef uint32_t i
    if units == 0:
        return count
    for i in range(count):
        if into[i].position == position:
            into[i].quantity += <uint32_t> units
            return count
    into[count].position, into[count].quantity = position, <uint32_t> units
    return count + 1


cdef uint8_t* put_fill(Core* c, Order* o, uint8_t* p, int64_t* figures) noexcept nogil:
    """Write the lines as they stand after the fill; `figures`: units wanted still, waiting, and
    shipped."""
    cdef Take takes[2 * 64]
    cdef Line line
    cdef uint64_t i, want = 0
    cdef int64_t waiting
    figures[0] = figures[1] = figures[2] = 0
    p = put16(p, <uint16_t> c.plan.lines.count)
    for i in range(c.plan.lines.count):
        line = (<Line*> c.plan.lines.data)[i]
        waiting = waiting_of(c, o, i)
        if waiting:
            line.count = merge_takes(c, o, i, want, takes)
            waiting -= (<Granted*> c.plan.granted.data)[want].units
            want += 1
        else:
            line.count = merge_takes(c, o, i, NONE, takes)
        line.backordered = <uint32_t> waiting
        figures[0] += held_of(c, o, i)
        figures[1] += waiting
        figures[2] += shipped_of(c, o, i)
        p = put_line(p, &line, takes)
    for i in range(c.plan.lines.count):
        p = put32(p, <uint32_t> (line_quantity(c, i) - held_of(c, o, i) - shipped_of(c, o, i)))
        p = put32(p, <uint32_t> shipped_of(c, o, i))
    return p


cdef inline int64_t line_quantity(Core* c, uint64_t index) noexcept nogil:
    return (<Line*> c.plan.lines.data)[index].quantity


cdef uint64_t fill_bytes(Core* c) noexcept nogil:
    """At least the bytes of the lines of a fill."""
    cdef uint64_t i, total = 96 + c.plan.takes.count * 8
    for i in range(c.plan.lines.count):
        total += 48 + (<Line*> c.plan.lines.data)[i].name.size
        total += 8 * <uint64_t> (<Line*> c.plan.lines.data)[i].count
    return total


cdef bint takes_fit(Core* c) noexcept nogil:
    cdef Granted* granted = <Granted*> c.plan.granted.data
    cdef uint64_t i
    for i in range(c.plan.asked.count):
        if granted[i + 1].takes - granted[i].takes > FILL_TAKES_MAX:
            return False
    return True


cdef int emit_fill(Core* c, Order* o, bytes note, uint32_t row) except -1:
    """Write and apply the fill of the plan."""
    cdef uint64_t size = fill_bytes(c) + <uint64_t> PyBytes_GET_SIZE(note)
    cdef int64_t figures[3]
    cdef uint64_t start_at
    cdef uint8_t* start
    cdef uint8_t* mark
    cdef uint8_t* p
    cdef Text text
    cdef Cause system
    cdef int result
    memset(&system, 0, sizeof(Cause))
    bytes_in(_SYSTEM, &system.actor)
    ensure(c, emit_opened(c))
    ensure(c, out_room(&c.out, size))
    o = order_at(c, row)
    start = c.out.data + c.out.size
    mark = put64(put_cause(put_header(start, ORDER_CHANGED, 0), &system), o.seq)
    p = put_fill(c, o, put8(mark + 1, 1), figures)
    put8(mark, status_after(figures[0], figures[1], figures[2]))
    bytes_in(note, &text)
    p = put_bytes(put32(put32(p, 0), text.size), text.data, text.size)
    put32(start, <uint32_t> (p - start))
    result = apply_event(c, start)
    ensure(c, result if result < 0 else DONE)
    c.last = c.out.size
    c.out.size += <uint64_t> (p - start)
    c.out_count += 1
    return 0


cdef int fill_plain(Ledger self, pick) except -1:
    """Fill the picked order here if it is plain: FILLED, NOTHING, or LEAVE."""
    cdef Core* c = &self.core
    cdef uint32_t row = find_seq(c, ORDER_SEQS, pick.order)
    cdef Order* o = order_at(c, row)
    cdef Granted* granted
    cdef Text document, rest
    cdef uint64_t i, want = 0
    cdef int result
    ensure(c, index_lines(c, o.record))
    if not is_plain(c, o):
        return LEAVE
    lines_of(o.record, &document, &rest)
    c.plan.located = 0
    if document.size != 2:
        known = read_kept(bytes_of(document))
        if known.bound:
            return LEAVE
        set_destination(c, known.ship_to)
    ensure(c, ask_waiting(c, o))
    c.plan.first = 1
    with nogil:
        result = allot(c, True)
    c.plan.first = 0
    if result < 0:
        ensure(c, result)
    if result != DONE or not takes_fit(c):
        return LEAVE
    ensure(c, index_lines(c, o.record))  # routing uses the same scratch
    granted = <Granted*> c.plan.granted.data
    rows = []
    for i in range(c.plan.lines.count):
        if waiting_of(c, o, i):
            if granted[want].units:
                rows.append((i, granted[want].units))
            want += 1
    if not rows:
        return NOTHING
    filled, note = Filled(pick.due.kind, pick.due.seq, tuple(rows)), b""
    room = not o.living or self._lives.of(o.seq).room > 0
    if room:
        note = note_bytes(filled)
    try:
        emit_fill(c, o, note, row)
        if room:
            order_lives(c, pick.order)
            self._lives.add(pick.order, Happened(c.seq, c.now_us, actors.SYSTEM, 0, filled))
        sync_waiting(self)
    except BaseException:
        self._broken = True
        raise
    return FILLED
