# The only code that changes stock, reservations and orders: one function per event, used live
# and in replay. A record is checked whole before anything is changed, save bucket bounds.

cdef int move_takes(
    Core* c, const uint8_t* record, bint reserve, int sign, uint8_t kind
) noexcept nogil:
    """Add (or take away) what the lines of a checked record take to `reserved` or `allocated`."""
    cdef Cursor at
    cdef Head head
    cdef Line line
    cdef Take take
    cdef Position* p
    cdef int64_t units, moved = 0
    cdef uint32_t i, j
    cdef bint placed = kind == ORDER_PLACED and not reserve
    read_head(&at, record, &head)
    for i in range(head.lines):
        read_line(&at, &line)
        if placed:
            learn(sku_at(c, line.sku), line.quantity)
        for j in range(line.count):
            take = take_of(&line, j)
            p = position_at(c, take.position)
            moved += take.quantity
            units = (p.reserved if reserve else p.allocated) + sign * <int64_t> take.quantity
            if units < 0 or units > c.limit.bucket_units:
                return misfit(c, "a bucket would hold what it cannot")
            if reserve:
                p.reserved = units
            else:
                p.allocated = units
            if touch(c, take.position, kind) != DONE:
                return MEMORY
            if sign < 0 and kind != ORDER_PLACED and rise(c, take.position, kind) != DONE:
                return MEMORY
    if kind == ORDER_PLACED and sign > 0:
        c.placed_units += moved
    return DONE


cdef int open_position(Core* c, const uint8_t* record) noexcept nogil:
    cdef Cursor at
    cdef uint32_t number, sku, place
    open_record(&at, record)
    number, sku, place = get32(&at), get32(&at), get32(&at)
    if at.bad or at.at != at.end:
        return misfit(c, "a position's record is damaged")
    if number != c.positions.count or number >= c.limit.positions:
        return misfit(c, "a position is not new")
    if sku >= c.skus.count or place >= c.places.count:
        return misfit(c, "a position's SKU or location does not exist")
    if sku_at(c, sku).component_count:
        return misfit(c, "a bundle has no position")
    if find_cell(c, sku, place) != NONE:
        return misfit(c, "a position is not new")
    return add_position(c, sku, place)


cdef int add_position(Core* c, uint32_t sku, uint32_t place) noexcept nogil:
    """Open the next position. The cell must be new."""
    cdef Position* p
    cdef Sku* s = sku_at(c, sku)
    cdef uint32_t number = <uint32_t> c.positions.count
    cdef uint64_t mapped = c.positions.mapped
    cdef Key key = cell_key(sku, place)
    cdef uint32_t hash = hash_key(c, CELLS, &key)
    if table_room(c, CELLS, hash) != DONE:
        return MEMORY
    if room_for(&c.positions, c.positions.count + 1, sizeof(Position)) != DONE:
        return MEMORY
    if c.positions.mapped != mapped:
        dibs_large_pages(c.positions.data, c.positions.mapped)
    p = position_at(c, number)
    memset(p, 0, sizeof(Position))
    p.sku, p.place, p.next = sku, place, NONE
    c.positions.count += 1
    table_add(c, CELLS, hash, number)
    if s.last == NONE:
        s.first = number
    else:
        position_at(c, s.last).next = number
    s.last = number
    return DONE


cdef inline int64_t* bucket_of(Position* p, uint8_t bucket) noexcept nogil:
    if bucket == 0:
        return &p.on_hand
    if bucket == 1:
        return &p.damaged
    return &p.quality_control if bucket == 2 else &p.safety_stock


cdef int move_stock(Core* c, const uint8_t* record) noexcept nogil:
    cdef Cursor at, rows
    cdef uint8_t document, bucket
    cdef uint32_t place, target, number, i
    cdef uint16_t count
    cdef int64_t delta, quantity
    cdef int64_t* units
    open_record(&at, record)
    checked_cause(&at)
    document = get8(&at)
    place, target = get32(&at), get32(&at)
    checked_text(&at)
    count = get16(&at)
    rows = at
    for i in range(count):
        number, bucket = get32(&at), get8(&at)
        get64(&at)
        get64(&at)
        checked_text(&at)
        if at.bad or number >= c.positions.count or bucket > 3:
            return misfit(c, "a movement is damaged or its position does not exist")
    if at.bad or at.at != at.end or document < 1 or document > 6:
        return misfit(c, "a paper's record is damaged")
    if place >= c.places.count:
        return misfit(c, "a paper's location does not exist")
    if target >= c.places.count if document == 4 else target != NONE:
        return misfit(c, "a paper's target is wrong")
    for i in range(count):
        number, bucket = get32(&rows), get8(&rows)
        delta, quantity = <int64_t> get64(&rows), <int64_t> get64(&rows)
        get_text(&rows)
        units = bucket_of(position_at(c, number), bucket)
        if quantity < 0 or quantity > c.limit.bucket_units or quantity - units[0] != delta:
            return misfit(c, "a bucket would hold what it cannot")
        units[0] = quantity
        if touch(c, number, STOCK_MOVED) != DONE:
            return MEMORY
        if (delta > 0 if bucket == 0 else delta < 0) and rise(c, number, STOCK_MOVED) != DONE:
            return MEMORY
    return DONE


cdef int reserve_event(Core* c, const uint8_t* record) noexcept nogil:
    cdef Cursor at
    cdef Head head
    cdef Key key
    cdef uint32_t row, hash
    cdef Reservation* r
    cdef int result
    read_head(&at, record, &head)
    result = check_lines(c, &at, head.lines)
    if result != DONE:
        return result
    if at.bad or at.at != at.end or head.expires_us > <uint64_t> c.limit.expires_us:
        return misfit(c, "a reservation's record is damaged")
    key.first = head.first
    hash = hash_key(c, RESERVATION_IDS, &key)
    row = find_hashed(c, RESERVATION_IDS, &key, hash)
    if row != NONE:
        if reservation_at(c, row).status == LIVE:
            return misfit(c, "a reservation's id is in use")
        reservation_drop(c, row)
    if <int64_t> c.reservation_count >= c.limit.reservations:
        return misfit(c, "too many reservations")
    result = reservation_new(c, record, hash, c.seq, &row)
    if result != DONE:
        return result
    r = reservation_at(c, row)
    r.expires_us = head.expires_us
    arm(c, row)
    if draw_lines(c, r.record, c.seq, 1) != DONE:
        return MEMORY
    return move_takes(c, r.record, True, 1, RESERVED)


cdef int close_reservation(Core* c, uint64_t seq, uint8_t status, uint8_t kind) noexcept nogil:
    """End the live reservation made at `seq`: its units are no longer reserved."""
    cdef uint32_t row = find_seq(c, RESERVATION_SEQS, seq)
    cdef Reservation* r
    cdef int result
    if row == NONE:
        return misfit(c, "a reservation does not exist")
    r = reservation_at(c, row)
    if r.status != LIVE:
        return misfit(c, "a reservation is closed already")
    result = move_takes(c, r.record, True, -1, kind)
    if result != DONE:
        return result
    if kind != ORDER_PLACED and draw_lines(c, r.record, seq, -1) != DONE:
        return MEMORY
    disarm(c, row)
    r.status, r.closed_us, r.armed_seq = status, <uint64_t> c.now_us, c.seq
    if kind == ORDER_PLACED:
        r.order = c.seq
    reservation_queue(c, row)
    return DONE


cdef int extend_event(Core* c, const uint8_t* record) noexcept nogil:
    cdef Cursor at
    cdef uint64_t seq, expires_us
    cdef uint32_t row
    cdef Reservation* r
    open_record(&at, record)
    checked_cause(&at)
    seq, expires_us = get64(&at), get64(&at)
    if at.bad or at.at != at.end or expires_us > <uint64_t> c.limit.expires_us:
        return misfit(c, "an extension's record is damaged")
    row = find_seq(c, RESERVATION_SEQS, seq)
    if row == NONE or reservation_at(c, row).status != LIVE:
        return misfit(c, "a reservation does not exist or is closed already")
    disarm(c, row)
    r = reservation_at(c, row)
    r.expires_us, r.armed_seq = expires_us, c.seq
    arm(c, row)
    return DONE


cdef int end_event(Core* c, const uint8_t* record) noexcept nogil:
    """A release, or an expiry."""
    cdef Cursor at
    cdef uint64_t seq
    open_record(&at, record)
    if record[4] == RESERVATION_RELEASED:
        checked_cause(&at)
    seq = get64(&at)
    if at.bad or at.at != at.end:
        return misfit(c, "a reservation's end is damaged")
    return close_reservation(
        c, seq, RELEASED if record[4] == RESERVATION_RELEASED else EXPIRED, record[4]
    )


cdef int order_event(Core* c, const uint8_t* record) noexcept nogil:
    cdef Cursor at
    cdef Head head
    cdef Chosen chosen
    cdef Key key
    cdef uint32_t row, hash
    cdef int result
    read_head(&at, record, &head)
    result = check_lines(c, &at, head.lines)
    if result != DONE:
        return result
    if not check_rest(c, &at, &head, c.policies.count, &chosen):
        return misfit(c, "an order's record is damaged")
    key.first, key.second = head.first, head.second
    hash = hash_key(c, ORDER_IDS, &key)
    row = find_hashed(c, ORDER_IDS, &key, hash)
    if row != NONE:
        if order_at(c, row).closed_us == 0:
            return misfit(c, "an order's id is in use")
        order_drop(c, row)
    if <int64_t> c.order_count >= c.limit.orders:
        return misfit(c, "too many orders")
    result = order_new(c, record, hash, c.seq, &row)
    if result != DONE:
        return result
    order_at(c, row).status = head.status
    c.standing[head.status] += 1
    c.placed_orders += 1
    if head.status != ALLOCATED and order_moved(c, order_at(c, row), ORDER_PLACED) != DONE:
        return MEMORY
    if head.reservation:
        result = close_reservation(c, head.reservation, COMMITTED, ORDER_PLACED)
        if result != DONE:
            return result
    count_load(c, &chosen, 1)
    # What a reservation has passes to its order, whatever it is.
    if draw_lines(
        c, order_at(c, row).record, head.reservation if head.reservation else c.seq, 1
    ) != DONE:
        return MEMORY
    return move_takes(c, order_at(c, row).record, False, 1, ORDER_PLACED)


cdef bint check_rest(
    Core* c, Cursor* at, Head* head, uint64_t policies, Chosen* chosen
) noexcept nogil:
    """Say whether an order's status, and what follows its lines, can be."""
    cdef Text receipt
    get_blob(at)
    chosen.legs.at = NULL
    if head.policy == POLICY_COSTS:
        receipt = get_blob(at)
        if at.bad or not check_slip(c, receipt, policies, chosen):
            return False
    elif head.policy != POLICY:
        return False
    return not at.bad and at.at == at.end and ALLOCATED <= head.status <= BACKORDERED


cdef int index_lines(Core* c, const uint8_t* record) noexcept nogil:
    """Read the lines of an order into the plan's scratch; `marks` says where each line's part
    of `Order.left` starts, and last where it ends."""
    cdef Plan* plan = &c.plan
    cdef Cursor at
    cdef Head head
    cdef uint32_t i
    cdef uint64_t where = 0
    read_head(&at, record, &head)
    if room_for(&plan.lines, head.lines, sizeof(Line)) != DONE:
        return MEMORY
    if room_for(&plan.marks, head.lines + 1, sizeof(uint64_t)) != DONE:
        return MEMORY
    for i in range(head.lines):
        read_line(&at, &(<Line*> plan.lines.data)[i])
        (<uint64_t*> plan.marks.data)[i] = where
        where += LEFT_HEAD + (<Line*> plan.lines.data)[i].count
    (<uint64_t*> plan.marks.data)[head.lines] = where
    plan.lines.count = head.lines
    return DONE


cdef int own_left(Core* c, Order* o) noexcept nogil:
    """Give an order its own figures of what is left, behind `index_lines`."""
    cdef Plan* plan = &c.plan
    cdef uint64_t* marks = <uint64_t*> plan.marks.data
    cdef Line* line
    cdef uint32_t* left
    cdef uint64_t i
    cdef uint32_t j
    if o.left is not NULL:
        return DONE
    left = <uint32_t*> malloc((marks[plan.lines.count] + 1) * sizeof(uint32_t))
    if left is NULL:
        return MEMORY
    for i in range(plan.lines.count):
        line = &(<Line*> plan.lines.data)[i]
        left[marks[i]] = line.backordered
        left[marks[i] + 1] = left[marks[i] + 2] = 0
        for j in range(line.count):
            left[marks[i] + LEFT_HEAD + j] = take_of(line, j).quantity
    o.left = left
    return DONE


cdef int open_order(Core* c, uint64_t seq, uint32_t* row) noexcept nogil:
    """Find an order that an event changes, index its lines, and give it figures of its own."""
    cdef Order* o
    row[0] = find_seq(c, ORDER_SEQS, seq)
    if row[0] == NONE or order_at(c, row[0]).closed_us:
        return misfit(c, "an order does not exist or is closed already")
    o = order_at(c, row[0])
    if index_lines(c, o.record) != DONE or own_left(c, o) != DONE:
        return MEMORY
    return DONE


cdef int leaving_event(Core* c, const uint8_t* record) noexcept nogil:
    """A cancellation, or a shipment."""
    cdef uint8_t kind = record[4]
    cdef uint32_t row
    cdef Leaving l
    cdef Order* o
    cdef int result
    if not read_leaving(record, &l):
        return misfit(c, "the record of a cancellation or shipment is damaged")
    result = open_order(c, l.order, &row)
    if result != DONE:
        return result
    o = order_at(c, row)
    if kind == ORDER_SHIPPED:
        result = ship_lines(c, o, l.rows, l.count)
    else:
        result = cut_lines(c, o, l.rows, l.count)
    if result == DONE:
        result = free_takes(c, o, l.freed_rows, l.freed, kind)
    if result == DONE:
        result = trail_add(c, o, record, &l)
    return change_order(c, row, l.status, kind) if result == DONE else result


cdef inline bint is_closed(uint8_t status) noexcept nogil:
    return status == CANCELLED or status == SHIPPED or status == DELIVERED


cdef inline bint may_wait(uint8_t status) noexcept nogil:
    return status == PARTIALLY_ALLOCATED or status == BACKORDERED or status == PARTIALLY_SHIPPED


cdef int change_order(Core* c, uint32_t row, uint8_t status, uint8_t kind) noexcept nogil:
    """Note what an order's event has made of it; see `State.settle`."""
    cdef Order* o = order_at(c, row)
    cdef Chosen chosen
    c.standing[o.status] -= 1
    c.standing[status] += 1
    o.status, o.changed_seq = status, c.seq
    if kind == ORDER_CHANGED or o.waits or may_wait(status):
        if order_moved(c, o, kind) != DONE:
            return MEMORY
    if o.closed_us:
        order_unqueue(c, o)
    elif status == CANCELLED:
        chosen = chosen_of(o.record)
        count_load(c, &chosen, -1)
    if is_closed(status):
        o.closed_us = <uint64_t> c.now_us
        order_queue(c, row)
    return DONE


cdef int ship_lines(Core* c, Order* o, const uint8_t* rows, uint32_t count) noexcept nogil:
    cdef Plan* plan = &c.plan
    cdef uint16_t index
    cdef uint32_t quantity, i
    cdef uint32_t* left
    for i in range(count):
        memcpy(&index, rows, 2)
        quantity = load32(rows + 2)
        rows += 6
        if index >= plan.lines.count:
            return misfit(c, "a line that leaves does not exist")
        left = o.left + (<uint64_t*> plan.marks.data)[index]
        if <uint64_t> quantity + left[0] + left[1] + left[2] > (
            <uint64_t> (<Line*> plan.lines.data)[index].quantity
        ):
            return misfit(c, "more leaves than is allocated")
        left[2] += quantity
    return DONE


cdef int cut_lines(Core* c, Order* o, const uint8_t* rows, uint32_t count) noexcept nogil:
    cdef Plan* plan = &c.plan
    cdef uint16_t index
    cdef uint32_t quantity, waiting, i
    cdef uint32_t* left
    cdef Line* line
    for i in range(count):
        memcpy(&index, rows, 2)
        quantity, waiting = load32(rows + 2), load32(rows + 6)
        rows += 10
        if index >= plan.lines.count:
            return misfit(c, "a line that is cut does not exist")
        line = &(<Line*> plan.lines.data)[index]
        left = o.left + (<uint64_t*> plan.marks.data)[index]
        if waiting > left[0] or waiting > quantity or (
            <uint64_t> quantity + left[1] + left[2] > <uint64_t> line.quantity
        ):
            return misfit(c, "more is cut than was asked for, or than waits")
        left[0] -= waiting
        left[1] += quantity
    return DONE


cdef int free_takes(
    Core* c, Order* o, const uint8_t* rows, uint32_t count, uint8_t kind
) noexcept nogil:
    """Units of takes are available again or, where they are shipped, gone."""
    cdef Plan* plan = &c.plan
    cdef uint16_t index, number
    cdef uint32_t quantity, position, i
    cdef uint32_t* left
    cdef Line* line
    for i in range(count):
        memcpy(&index, rows, 2)
        memcpy(&number, rows + 2, 2)
        quantity = load32(rows + 4)
        rows += 8
        if index >= plan.lines.count:
            return misfit(c, "a line that is freed does not exist")
        line = &(<Line*> plan.lines.data)[index]
        left = o.left + (<uint64_t*> plan.marks.data)[index] + LEFT_HEAD + number
        if number >= line.count or quantity > left[0]:
            return misfit(c, "more is freed than was taken")
        position = take_of(line, number).position
        if position_at(c, position).allocated < quantity or (
            kind == ORDER_SHIPPED and position_at(c, position).on_hand < quantity
        ):
            return misfit(c, "a bucket would hold what it cannot")
        left[0] -= quantity
        position_at(c, position).allocated -= quantity
        if kind == ORDER_SHIPPED:
            position_at(c, position).on_hand -= quantity
        if touch(c, position, kind) != DONE:
            return MEMORY
        if kind == ORDER_CANCELLED and (
            rise(c, position, kind) != DONE or draw(c, o.seq, position, -<int64_t> quantity) != DONE
        ):
            return MEMORY
    return DONE


cdef int epoch_event(Core* c, const uint8_t* record) noexcept nogil:
    cdef Cursor at
    open_record(&at, record)
    get64(&at)
    checked_text(&at)
    checked_text(&at)
    if at.bad or at.at != at.end:
        return misfit(c, "an epoch's record is damaged")
    return DONE


cdef int apply_event(Core* c, const uint8_t* record) noexcept nogil:
    """Apply one whole record as number `c.seq + 1`. REMEMBER: its caller waits to be answered by
    key, or it is a paper, or has a note. PUT: a location or SKU, for the Python side to apply."""
    cdef uint8_t kind = record[4]
    cdef int result
    if kind == LOCATION_PUT or kind == SKU_PUT or kind == ENTRY_PUT:
        return PUT
    c.seq += 1
    if kind == RESERVED:
        result = reserve_event(c, record)
    elif kind == ORDER_PLACED:
        result = order_event(c, record)
    elif kind == ORDER_CANCELLED:
        result = leaving_event(c, record)
    elif kind == RESERVATION_EXTENDED:
        result = extend_event(c, record)
    elif kind == RESERVATION_RELEASED or kind == RESERVATION_EXPIRED:
        result = end_event(c, record)
    elif kind == POSITION_OPENED:
        return open_position(c, record)
    elif kind == STOCK_MOVED:
        result = move_stock(c, record)
        return REMEMBER if result == DONE else result
    elif kind == ORDER_SHIPPED:
        result = leaving_event(c, record)
        return REMEMBER if result == DONE else result
    elif kind == ORDER_CHANGED:
        result = change_event(c, record)
        return REMEMBER if result == DONE else result
    else:
        return epoch_event(c, record)
    if result == DONE and kind != RESERVATION_EXPIRED and has_key(record):
        return REMEMBER
    return result


cdef inline bint has_key(const uint8_t* record) noexcept nogil:
    cdef Cursor at
    open_record(&at, record)
    get64(&at)
    get_text(&at)
    return get_text(&at).size > 0


cdef int run(Core* c, const uint8_t* body, uint64_t size, uint64_t* done) noexcept nogil:
    """Apply the records of a frame from `done[0]` on, until one needs the Python side: that one
    is then still at `done[0]`. DONE at the end."""
    cdef uint32_t length
    cdef int result
    cdef bint placed
    while done[0] < size:
        if size - done[0] < 8:
            return misfit(c, "a frame ends inside a record's header")
        length = load32(body + done[0])
        if length < 8 or length > size - done[0]:
            return misfit(c, "a frame ends inside a record")
        if not 1 <= body[done[0] + 4] <= 14 or load32(body + done[0] + 4) >> 8 != 1:
            return misfit(c, "an event's kind or version is not known to this version of dibs")
        placed = body[done[0] + 4] == ORDER_PLACED
        result = apply_event(c, body + done[0])
        if result != DONE:
            return result
        done[0] += length
        if placed and c.moved.count:
            return WAITS_NOW
        if c.drawn.count:
            return DRAWN
    return DONE
