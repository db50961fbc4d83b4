# From canonical bytes back to a state. Every number is checked as in replay.

cdef int damaged(Core* c, const char* what) noexcept nogil:
    c.why = what
    return MISFIT


cdef uint64_t get_count(Cursor* at, int64_t most) noexcept nogil:
    cdef uint64_t count = get64(at)
    if count > <uint64_t> most:
        at.bad = True
    return 0 if at.bad else count


cdef int load_positions(Core* c, Cursor* at) noexcept nogil:
    cdef uint64_t i, j, count = get_count(at, c.limit.positions)
    cdef uint32_t sku, place
    cdef const uint8_t* units
    cdef int64_t* buckets
    for i in range(count):
        sku, place, units = get32(at), get32(at), skip(at, 48)
        if at.bad or sku >= c.skus.count or place >= c.places.count:
            return damaged(c, "a position's SKU or location")
        if sku_at(c, sku).component_count or find_cell(c, sku, place) != NONE:
            return damaged(c, "a position of a bundle, or one that stands twice")
        if add_position(c, sku, place) != DONE:
            return MEMORY
        buckets = <int64_t*> position_at(c, i)
        memcpy(buckets, units, 48)
        for j in range(6):
            if buckets[j] < 0 or buckets[j] > c.limit.bucket_units:
                return damaged(c, "a bucket's units")
    return damaged(c, "positions") if at.bad else DONE


cdef int load_record(Core* c, Cursor* at, uint8_t kind, const uint8_t** record) noexcept nogil:
    """Read a record that made a row, and check it as far as its lines."""
    cdef Text text = get_blob(at)
    cdef Cursor inner
    cdef Head head
    cdef Chosen chosen
    cdef int result
    if at.bad or text.size < 8 or load32(text.data) != text.size:
        return damaged(c, "a record's size")
    if text.data[4] != kind or load32(text.data + 4) >> 8 != 1:
        return damaged(c, "a record's kind")
    read_head(&inner, text.data, &head)
    result = check_lines(c, &inner, head.lines)
    if result != DONE:
        return result
    if kind == ORDER_PLACED and not check_rest(c, &inner, &head, <uint64_t> 1 << 63, &chosen):
        return damaged(c, "an order's status or receipt")
    if inner.bad or inner.at != inner.end or head.expires_us > <uint64_t> c.limit.expires_us:
        return damaged(c, "a record")
    record[0] = text.data
    return DONE


cdef int load_reservation(Core* c, Cursor* at, uint64_t* last) noexcept nogil:
    cdef uint64_t seq = get64(at), expires_us = get64(at), armed_seq = get64(at)
    cdef uint8_t status = get8(at)
    cdef uint64_t closed_us = get64(at), order = get64(at)
    cdef const uint8_t* record = NULL
    cdef Head head
    cdef Key key
    cdef Reservation* r
    cdef uint32_t row, hash
    cdef int result = load_record(c, at, RESERVED, &record)
    if result != DONE:
        return result
    if not (last[0] < seq <= armed_seq <= c.seq) or order > c.seq:
        return damaged(c, "a reservation's seq")
    if status > EXPIRED or (status == LIVE) != (closed_us == 0):
        return damaged(c, "a reservation's status")
    if expires_us > <uint64_t> c.limit.expires_us or closed_us > <uint64_t> c.stamp_us:
        return damaged(c, "a reservation's end")
    read_names(record, &head)
    key.first = head.first
    hash = hash_key(c, RESERVATION_IDS, &key)
    if find_hashed(c, RESERVATION_IDS, &key, hash) != NONE:
        return damaged(c, "a reservation stands twice")
    result = reservation_new(c, record, hash, seq, &row)
    if result != DONE:
        return result
    r = reservation_at(c, row)
    r.armed_seq, r.expires_us, r.status = armed_seq, expires_us, status
    r.closed_us, r.order = closed_us, order
    last[0] = seq
    return DONE


cdef int load_reservations(Core* c, Cursor* at) noexcept nogil:
    cdef uint64_t i, last = 0, count = get_count(at, c.limit.reservations)
    cdef Ranked* rows
    cdef Reservation* r
    cdef int result
    for i in range(count):
        result = load_reservation(c, at, &last)
        if result != DONE:
            return result
    if at.bad:
        return damaged(c, "reservations")
    rows = <Ranked*> malloc((count + 1) * sizeof(Ranked))
    if rows is NULL:
        return MEMORY
    for i in range(count):
        r = reservation_at(c, i)
        rows[i].rank, rows[i].seq, rows[i].row = r.armed_seq, r.seq, <uint32_t> i
    if count:
        qsort(rows, count, sizeof(Ranked), by_rank_and_seq)
    for i in range(count):
        if reservation_at(c, rows[i].row).status == LIVE:
            arm(c, rows[i].row)
        else:
            reservation_queue(c, rows[i].row)
    free(rows)
    return DONE


cdef int load_left(Core* c, Cursor* at, Order* o) noexcept nogil:
    """Read what is left of an order's lines; kept only where it is not as recorded."""
    cdef Line* line
    cdef uint32_t* left
    cdef uint64_t i
    cdef uint32_t j
    cdef bint differs = False
    if index_lines(c, o.record) != DONE or own_left(c, o) != DONE:
        return MEMORY
    for i in range(c.plan.lines.count):
        line = &(<Line*> c.plan.lines.data)[i]
        left = o.left + (<uint64_t*> c.plan.marks.data)[i]
        left[0], left[1], left[2] = get32(at), get32(at), get32(at)
        if get16(at) != line.count or at.bad:
            return damaged(c, "an order's takes")
        if left[0] > line.backordered or left[1] > line.quantity:
            return damaged(c, "what waits, or is cancelled")
        if line.backordered - left[0] > left[1]:
            return damaged(c, "what is cancelled")
        if <uint64_t> left[0] + left[1] + left[2] > <uint64_t> line.quantity:
            return damaged(c, "what is shipped")
        differs = differs or left[0] != line.backordered or left[1] != 0 or left[2] != 0
        for j in range(line.count):
            left[LEFT_HEAD + j] = get32(at)
            if left[LEFT_HEAD + j] > take_of(line, j).quantity:
                return damaged(c, "what is left of a take")
            differs = differs or left[LEFT_HEAD + j] != take_of(line, j).quantity
    if not differs:
        free(o.left)
        o.left = NULL
    return DONE


cdef int load_first(
    Core* c, Cursor* at, const uint8_t* record, const uint8_t** first
) noexcept nogil:
    """Read the record that made an order, if it was restated: it differs in lines, document, policy
    and receipt only."""
    cdef Cursor start = at[0]
    cdef uint64_t size = before_lines(record)
    cdef uint16_t count
    cdef int result
    if get32(at) == 0:
        return damaged(c, "an order's records") if at.bad else DONE
    at[0] = start
    result = load_record(c, at, ORDER_PLACED, first)
    if result != DONE:
        return result
    memcpy(&count, record + size, 2)
    if count == 0 or before_lines(first[0]) != size:
        return damaged(c, "an order's first record")
    # The policy is two bytes before the lines.
    if memcmp(record + 4, first[0] + 4, size - 6):
        return damaged(c, "an order's first record")
    return DONE


cdef int load_order(Core* c, Cursor* at, uint64_t* last) noexcept nogil:
    cdef uint64_t seq = get64(at), changed_seq = get64(at)
    cdef uint8_t status = get8(at)
    cdef uint64_t closed_us = get64(at), placed_us = get64(at)
    cdef uint8_t trail_over = get8(at)
    cdef const uint8_t* record = NULL
    cdef Head head
    cdef Key key
    cdef Order* o
    cdef uint32_t row, hash
    cdef const uint8_t* first = NULL
    cdef int result = load_record(c, at, ORDER_PLACED, &record)
    if result == DONE:
        result = load_first(c, at, record, &first)
    if result != DONE:
        return result
    if not (last[0] < seq <= changed_seq <= c.seq) or closed_us > <uint64_t> c.stamp_us:
        return damaged(c, "an order's seq or close")
    if placed_us > <uint64_t> c.stamp_us or trail_over > 1:
        return damaged(c, "when an order was placed, or its trail")
    if status < ALLOCATED or status > EXCEPTION:
        return damaged(c, "an order's status")
    if is_closed(status) != (closed_us != 0):
        return damaged(c, "an order's status")
    read_names(record, &head)
    key.first, key.second = head.first, head.second
    hash = hash_key(c, ORDER_IDS, &key)
    if find_hashed(c, ORDER_IDS, &key, hash) != NONE:
        return damaged(c, "an order stands twice")
    result = order_new(c, record, hash, seq, &row)
    if result != DONE:
        return result
    o = order_at(c, row)
    if first is not NULL:
        free(o.record)
        o.record, o.restated = with_first(record, first), 1
        if o.record is NULL:
            return MEMORY
    o.changed_seq, o.status, o.closed_us = changed_seq, status, closed_us
    o.placed_us, o.trail_over = placed_us, trail_over
    c.standing[status] += 1
    last[0] = seq
    result = load_trail(c, at, o)
    return load_left(c, at, o) if result == DONE else result


cdef int load_orders(Core* c, Cursor* at) noexcept nogil:
    cdef uint64_t i, last = 0, closed = 0, count = get_count(at, c.limit.orders)
    cdef Ranked* rows
    cdef Order* o
    cdef int result
    for i in range(count):
        result = load_order(c, at, &last)
        if result != DONE:
            return result
    if at.bad:
        return damaged(c, "orders")
    rows = <Ranked*> malloc((count + 1) * sizeof(Ranked))
    if rows is NULL:
        return MEMORY
    for i in range(count):
        o = order_at(c, i)
        if o.closed_us:
            rows[closed].rank, rows[closed].seq = o.changed_seq, o.seq
            rows[closed].row = <uint32_t> i
            closed += 1
    if closed:
        qsort(rows, closed, sizeof(Ranked), by_rank_and_seq)
    for i in range(closed):
        order_queue(c, rows[i].row)
    free(rows)
    return DONE


cdef int load_papers(Core* c, Cursor* at, int64_t most) noexcept nogil:
    cdef uint64_t i, seq, stamp_us, fingerprint, count = get_count(at, most)
    cdef Text name, answer
    for i in range(count):
        seq, stamp_us, fingerprint = get64(at), get64(at), get64(at)
        name, answer = get_blob(at), get_blob(at)
        if at.bad or seq > c.seq or stamp_us > <uint64_t> c.stamp_us or not is_utf8(name):
            return damaged(c, "a remembered answer")
        if find_text(c, PAPER_KEYS, name) != NONE:
            return damaged(c, "a key stands twice")
        if paper_new(c, name, answer, seq, stamp_us, fingerprint) != DONE:
            return MEMORY
    return damaged(c, "remembered answers") if at.bad else DONE


cdef int load_catalogue(Ledger self, Cursor* at) except -1:
    cdef Core* c = &self.core
    cdef uint64_t i, seq, mean, spread
    cdef uint64_t usual_most = <uint64_t> c.limit.quantity << 8
    cdef uint32_t j, orders
    cdef Text document, pairs
    cdef Sku* s
    bundled = []
    for i in range(get_count(at, c.limit.places)):
        seq, document = get64(at), get_blob(at)
        require(not at.bad and seq <= c.seq and i == c.places.count, "a location is damaged")
        set_place(self, i, seq, bytes_of(document))
    for i in range(get_count(at, c.limit.skus)):
        seq, document, pairs = get64(at), get_blob(at), get_blob(at)
        mean, spread, orders = get64(at), get64(at), get32(at)
        require(not at.bad and seq <= c.seq and i == c.skus.count, "a SKU is damaged")
        require(mean <= usual_most and spread <= usual_most, "what a SKU's orders take")
        command = set_sku(self, i, seq, bytes_of(document))
        s = sku_at(c, i)
        s.usual_mean, s.usual_spread, s.usual_orders = <int64_t> mean, <int64_t> spread, orders
        require(pairs.size == 8 * len(command.components), "a SKU's components")
        if command.components:
            given = [
                (load32(pairs.data + 8 * j), load32(pairs.data + 8 * j + 4))
                for j in range(pairs.size // 8)
            ]
            bundled.append((i, given, command))
    require(not at.bad, "the catalogue is damaged")
    for number, given, command in bundled:
        require(given == named_components(self, command), "a bundle's components differ")
        require(len({child for child, _ in given}) == len(given), "a component stands twice")
        set_components(self, number, given)
    skus = new_view(self).skus
    for number, _, _ in bundled:
        depth = bundles.below(skus, number)
        require(depth <= limits.BUNDLE_DEPTH_MAX, "a bundle is too deep")
    return 0


cdef int load_bytes(Ledger self, const uint8_t[::1] data) except -1:
    """Fill an empty ledger."""
    cdef Core* c = &self.core
    cdef Cursor at
    cdef const uint8_t* magic
    cdef uint64_t stamp_us
    cdef int result
    at.at = at.end = NULL
    at.bad = False
    if data.shape[0]:
        at.at = &data[0]
        at.end = at.at + data.shape[0]
    magic = skip(&at, 8)
    good = magic is not NULL and memcmp(magic, <const char*> b"DIBSSTAT", 8) == 0
    require(good and get16(&at) == 6, "not a dibs state of version 6")
    c.seq, stamp_us = get64(&at), get64(&at)
    require(not at.bad and stamp_us <= <uint64_t> c.limit.stamp_us, "the stamp is damaged")
    c.stamp_us = c.now_us = <int64_t> stamp_us
    load_catalogue(self, &at)
    with nogil:
        result = load_positions(c, &at)
        if result == DONE:
            result = load_reservations(c, &at)
        if result == DONE:
            result = load_orders(c, &at)
        if result == DONE:
            result = load_papers(c, &at, c.limit.papers + FRAME_EVENTS_MAX)
    ensure(c, result)
    living = dump.load_objects(
        PyBytes_FromStringAndSize(<char*> at.at, at.end - at.at), new_view(self)
    )
    for seq in living:
        order_lives(c, seq)
    for seq in self._registers.fences.holders:
        if find_seq(c, ORDER_SEQS, seq) != NONE:
            order_lives(c, seq)
    for sku in self._registers.fences.open:
        require(sku < c.skus.count, "a fence's SKU does not exist")
        know_fences(self, sku)
    for number in range(len(self._registers.validations.rows)):
        note_rules(self, number)
    know_routing(self, range(len(self._registers.policies.tables)))
    for number in range(len(self._registers.scarcity.rows)):
        know_scarcity(self, number)
    for number in range(len(self._registers.capacities.rows)):
        know_capacity(self, number)
    for seq in waiting_orders(c):
        entry = waiting_entry(self, seq)
        if entry is not None:
            self._waiting.set(seq, entry)
    mark_waited(self)
    for name in self._registers.early_facts.orders():
        mark_told(self, name)
    c.first_seq = c.seq + 1
    return 0


cdef list waiting_orders(Core* c):
    """The orders that are open and of which a line waits."""
    cdef uint64_t i, j
    cdef Order* o
    found = []
    for i in range(c.orders.count):
        o = order_at(c, i)
        if o.seq == 0 or o.closed_us:
            continue
        ensure(c, index_lines(c, o.record))
        for j in range(c.plan.lines.count):
            if waiting_of(c, o, j):
                found.append(o.seq)
                break
    return found
