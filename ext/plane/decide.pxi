# Decisions on reservations and orders, behind a plan: they write records and apply them.

cdef int emit(Core* c, uint8_t* start, uint8_t* end) noexcept nogil:
    """Apply the record between `start` and `end`, which lies behind `c.out`, and keep it.

    What cannot be applied is not kept; the ledger is then of no more use, see `Ledger._trust`."""
    cdef int result
    put32(start, <uint32_t> (end - start))
    result = apply_event(c, start)
    if result < 0:
        return result
    c.last = c.out.size
    c.out.size += <uint64_t> (end - start)
    c.out_count += 1
    return DONE


cdef int emit_opened(Core* c) noexcept nogil:
    """Open the positions that the plan needs."""
    cdef Plan* plan = &c.plan
    cdef Opened* opened
    cdef uint8_t* start
    cdef uint64_t i
    cdef int result
    for i in range(plan.opened.count):
        opened = &(<Opened*> plan.opened.data)[i]
        if out_room(&c.out, 20) != DONE:
            return MEMORY
        start = c.out.data + c.out.size
        put32(
            put32(
                put32(put_header(start, POSITION_OPENED, 20), <uint32_t> c.positions.count),
                opened.sku,
            ),
            opened.place,
        )
        result = emit(c, start, start + 20)
        if result != DONE:
            return result
    return DONE


cdef inline uint64_t head_bytes(Head* head) noexcept nogil:
    return (
        64 + head.cause.actor.size + head.cause.key.size + head.first.size + head.second.size
    )


cdef int emit_reserved(Core* c, Head* head) noexcept nogil:
    """Write and apply the reservation of the plan."""
    cdef uint8_t* start
    cdef uint8_t* p
    cdef int result = emit_opened(c)
    if result != DONE:
        return result
    if out_room(&c.out, head_bytes(head) + lines_bytes(c, True)) != DONE:
        return MEMORY
    start = c.out.data + c.out.size
    p = put_cause(put_header(start, RESERVED, 0), &head.cause)
    p = put64(put_text(put_text(p, head.first), head.second), head.expires_us)
    return emit(c, start, put_lines(c, p))


cdef int emit_order(Core* c, Head* head, Text document) noexcept nogil:
    """Write and apply the order of the plan, with the receipt in `case` if a policy made it."""
    cdef uint8_t* start
    cdef uint8_t* p
    cdef int result = emit_opened(c)
    if result == DONE and any_bound(c):
        result = say_bound(c, &document)
    if result != DONE:
        return result
    if out_room(
        &c.out, head_bytes(head) + lines_bytes(c, True) + document.size + c.case.slip.size
    ) != DONE:
        return MEMORY
    start = c.out.data + c.out.size
    p = put_lines(c, put_order_head(start, head))
    p = put_bytes(put32(p, document.size), document.data, document.size)
    if head.policy == POLICY_COSTS:
        p = put_bytes(put32(p, <uint32_t> c.case.slip.size), c.case.slip.data, c.case.slip.size)
    return emit(c, start, p)


cdef bint any_bound(Core* c) noexcept nogil:
    """Whether a line may come from one place only, which the order's document then says."""
    cdef uint64_t i
    for i in range(c.plan.asked.count):
        if (<Asked*> c.plan.asked.data)[i].bound:
            return True
    return False


cdef int allot_order(Core* c, Head* head, Text document, bint partial) noexcept nogil:
    """Allot stock to an order by its channel's policy, if it has one, else by the fewest places."""
    cdef uint32_t routed = routed_of(c, head.first)
    cdef int result
    if routed == NONE:
        head.policy = POLICY
        return allot(c, partial)
    head.policy = POLICY_COSTS
    result = allot_by(c, routed, document)
    return UNUSUAL if result == SHORT and partial else result


cdef uint8_t* put_order_head(uint8_t* start, Head* head) noexcept nogil:
    cdef uint8_t* p = put_cause(put_header(start, ORDER_PLACED, 0), &head.cause)
    p = put8(put_text(put_text(p, head.first), head.second), head.status)
    return put16(put64(p, head.reservation), head.policy)


cdef int emit_commit(Core* c, Head* head, uint32_t row, Text document) noexcept nogil:
    """Write and apply the order that a reservation turns into: it has the reservation's lines."""
    cdef Reservation* r = reservation_at(c, row)
    cdef Cursor at
    cdef Head made
    cdef const uint8_t* lines
    cdef uint64_t size
    cdef uint8_t* start
    cdef uint8_t* p
    read_head(&at, r.record, &made)
    lines = at.at - 2
    size = <uint64_t> (at.end - lines)
    head.first, head.reservation, head.policy = made.second, r.seq, POLICY
    if out_room(&c.out, head_bytes(head) + size + document.size) != DONE:
        return MEMORY
    start = c.out.data + c.out.size
    p = put_bytes(put_order_head(start, head), lines, size)
    p = put_bytes(put32(p, document.size), document.data, document.size)
    return emit(c, start, p)


cdef int emit_small(
    Core* c, uint8_t kind, Cause* cause, uint64_t seq, uint64_t expires_us
) noexcept nogil:
    """Write and apply an extension, a release or an expiry of the reservation made at `seq`."""
    cdef uint8_t* start
    cdef uint8_t* p
    if out_room(&c.out, 64 + cause.actor.size + cause.key.size) != DONE:
        return MEMORY
    start = c.out.data + c.out.size
    p = put_header(start, kind, 0)
    if kind != RESERVATION_EXPIRED:
        p = put_cause(p, cause)
    p = put64(p, seq)
    if kind == RESERVATION_EXTENDED:
        p = put64(p, expires_us)
    return emit(c, start, p)


cdef int64_t expire_due(Core* c, int64_t limit) noexcept nogil:
    """End at most `limit` due reservations; a negative `Result` on failure."""
    cdef int64_t now_tick = c.now_us // c.limit.tick_us
    cdef int64_t done = 0
    cdef uint32_t row
    cdef Cause none
    cdef int result
    memset(&none, 0, sizeof(Cause))
    while done < limit:
        row = earliest(c)
        if row == NONE or tick_of(c, reservation_at(c, row)) >= now_tick:
            break
        result = emit_small(c, RESERVATION_EXPIRED, &none, reservation_at(c, row).seq, 0)
        if result != DONE:
            return result
        done += 1
    return done


cdef uint8_t status_of(int64_t quantity, int64_t backordered) noexcept nogil:
    if quantity == 0:
        return CANCELLED
    if backordered == 0:
        return ALLOCATED
    return BACKORDERED if backordered == quantity else PARTIALLY_ALLOCATED


cdef uint8_t status_after(int64_t quantity, int64_t backordered, int64_t shipped) noexcept nogil:
    """As `status_of`, for an order of which units have left."""
    if shipped == 0:
        return status_of(quantity, backordered)
    return PARTIALLY_SHIPPED if quantity else SHIPPED


cdef uint8_t status_kept(
    Order* o, int64_t quantity, int64_t backordered, int64_t shipped
) noexcept nogil:
    """The status of an order of which something is cancelled: what follows from its units, but
    an order on hold stays on hold, one that is picked is picked on, until nothing is left."""
    cdef uint8_t status = status_after(quantity, backordered, shipped)
    if is_closed(status) or o.status <= PARTIALLY_SHIPPED:
        return status
    return o.status


cdef void total_plan(Core* c, int64_t* asked, int64_t* granted) noexcept nogil:
    cdef uint64_t i
    asked[0] = granted[0] = 0
    for i in range(c.plan.asked.count):
        asked[0] += (<Asked*> c.plan.asked.data)[i].quantity
        granted[0] += (<Granted*> c.plan.granted.data)[i].units


cdef inline int64_t held_of(Core* c, Order* o, uint64_t index) noexcept nogil:
    """Units of a line that are not cancelled and have not left, behind `index_lines`."""
    cdef int64_t units = (<Line*> c.plan.lines.data)[index].quantity
    cdef uint32_t* left
    if o.left is not NULL:
        left = o.left + (<uint64_t*> c.plan.marks.data)[index]
        units -= <int64_t> left[1] + left[2]
    return units


cdef inline int64_t shipped_of(Core* c, Order* o, uint64_t index) noexcept nogil:
    return 0 if o.left is NULL else o.left[(<uint64_t*> c.plan.marks.data)[index] + 2]


cdef inline int64_t waiting_of(Core* c, Order* o, uint64_t index) noexcept nogil:
    if o.left is NULL:
        return (<Line*> c.plan.lines.data)[index].backordered
    return o.left[(<uint64_t*> c.plan.marks.data)[index]]


cdef int begin_cancel(Core* c, uint32_t row, bint whole) noexcept nogil:
    """Index the order's lines, and want all of them or nothing yet."""
    cdef Order* o = order_at(c, row)
    cdef int64_t* wanted
    cdef uint64_t i
    if index_lines(c, o.record) != DONE:
        return MEMORY
    for i in range(c.plan.lines.count):
        if room_for(&c.plan.pools, (<Line*> c.plan.lines.data)[i].count, sizeof(Pool)) != DONE:
            return MEMORY
    if room_for(&c.plan.matrix, c.plan.lines.count + 1, sizeof(int64_t)) != DONE:
        return MEMORY
    wanted = <int64_t*> c.plan.matrix.data
    for i in range(c.plan.lines.count):
        wanted[i] = held_of(c, o, i) if whole else 0
    return DONE


cdef int64_t want_cut(Core* c, uint32_t row, uint32_t sku, int64_t units) noexcept nogil:
    """Want `units` of a SKU cut, the last lines first; return what no line holds."""
    cdef int64_t* wanted = <int64_t*> c.plan.matrix.data
    cdef int64_t cut
    cdef uint64_t i = c.plan.lines.count
    while i:
        i -= 1
        if (<Line*> c.plan.lines.data)[i].sku == sku:
            cut = least(units, held_of(c, order_at(c, row), i) - wanted[i])
            wanted[i] += cut
            units -= cut
    return units


cdef int emit_cancel(Core* c, Cause* cause, uint32_t row, Text reason) noexcept nogil:
    """Write and apply the cancellation of what is wanted."""
    cdef Order* o = order_at(c, row)
    cdef int64_t* wanted = <int64_t*> c.plan.matrix.data
    cdef int64_t held = 0, cut = 0, waits = 0, shipped = 0, waiting
    cdef uint64_t i, lines = c.plan.lines.count
    cdef uint64_t takes = (<uint64_t*> c.plan.marks.data)[lines]
    cdef uint32_t cuts = 0, freed = 0
    cdef uint8_t* start
    cdef uint8_t* p
    cdef uint8_t* mark
    cdef uint64_t most = 64 + reason.size + 10 * lines + 8 * takes
    if out_room(&c.out, most + cause.actor.size + cause.key.size) != DONE:
        return MEMORY
    for i in range(lines):
        held += held_of(c, o, i)
        cut += wanted[i]
        cuts += 1 if wanted[i] else 0
        waiting = waiting_of(c, o, i)
        waits += waiting - least(wanted[i], waiting)
        shipped += shipped_of(c, o, i)
    start = c.out.data + c.out.size
    p = put_cause(put_header(start, ORDER_CANCELLED, 0), cause)
    p = put_text(put8(put64(p, o.seq), status_kept(o, held - cut, waits, shipped)), reason)
    p = put16(p, <uint16_t> cuts)
    for i in range(lines):
        if wanted[i]:
            waiting = least(wanted[i], waiting_of(c, o, i))
            p = put32(put32(put16(p, <uint16_t> i), <uint32_t> wanted[i]), <uint32_t> waiting)
    mark = p
    p = put32(p, 0)
    for i in range(lines):
        if wanted[i]:
            p = put_freed(c, o, i, p, &freed)
    put32(mark, freed)
    return emit(c, start, p)


cdef uint8_t* put_freed(
    Core* c, Order* o, uint64_t index, uint8_t* p, uint32_t* freed
) noexcept nogil:
    """Write the units of a line to give back, from its last takes first; each component of a
    bundle in the proportion in which it was taken, which is whole."""
    cdef Line* line = &(<Line*> c.plan.lines.data)[index]
    cdef int64_t units = (<int64_t*> c.plan.matrix.data)[index]
    cdef int64_t served = held_of(c, o, index) - waiting_of(c, o, index)
    cdef int64_t back, left
    cdef uint32_t i = line.count
    cdef Take take
    cdef Sku* sku
    units -= least(units, waiting_of(c, o, index))
    if served == 0:
        return p
    sum_taken(c, o, index, served, units)
    while i:
        i -= 1
        take = take_of(line, i)
        sku = sku_at(c, position_at(c, take.position).sku)
        left = left_of(c, o, index, i)
        back = least((<Pool*> c.plan.pools.data)[sku.pool - 1].anywhere, left)
        if back:
            p = put32(put16(put16(p, <uint16_t> index), <uint16_t> i), <uint32_t> back)
            (<Pool*> c.plan.pools.data)[sku.pool - 1].anywhere -= back
            freed[0] += 1
    forget_pools(c)
    return p


cdef inline int64_t left_of(Core* c, Order* o, uint64_t index, uint32_t take) noexcept nogil:
    """Units that a take of a line still holds, behind `index_lines`."""
    if o.left is not NULL:
        return o.left[(<uint64_t*> c.plan.marks.data)[index] + LEFT_HEAD + take]
    return take_of(&(<Line*> c.plan.lines.data)[index], take).quantity


cdef void sum_taken(
    Core* c, Order* o, uint64_t index, int64_t served, int64_t units
) noexcept nogil:
    """Set a pool's `anywhere` to the units of each SKU that the line gives back, of the `served`
    units that it holds something for. There is room for as many pools as the line has takes, see
    `begin_cancel`."""
    cdef Line* line = &(<Line*> c.plan.lines.data)[index]
    cdef Pool* pools = <Pool*> c.plan.pools.data
    cdef Sku* sku
    cdef Take take
    cdef uint64_t i
    c.plan.pools.count = 0
    for i in range(line.count):
        take = take_of(line, <uint32_t> i)
        sku = sku_at(c, position_at(c, take.position).sku)
        if sku.pool == 0:
            pools[c.plan.pools.count].sku = position_at(c, take.position).sku
            pools[c.plan.pools.count].anywhere = 0
            c.plan.pools.count += 1
            sku.pool = <uint32_t> c.plan.pools.count
        pools[sku.pool - 1].anywhere += left_of(c, o, index, <uint32_t> i)
    for i in range(c.plan.pools.count):
        pools[i].anywhere = pools[i].anywhere // served * units
