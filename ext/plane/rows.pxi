# Rows of reservations, orders and papers: made, closed, queued, forgotten.

cdef inline Key reservation_key(Core* c, uint32_t row) noexcept nogil:
    cdef Key key
    cdef Head head
    memset(&key, 0, sizeof(Key))
    read_names(reservation_at(c, row).record, &head)
    key.first = head.first
    return key


cdef inline Key order_key(Core* c, uint32_t row) noexcept nogil:
    cdef Key key
    cdef Head head
    memset(&key, 0, sizeof(Key))
    read_names(order_at(c, row).record, &head)
    key.first, key.second = head.first, head.second
    return key


cdef inline Key seq_key(uint64_t seq) noexcept nogil:
    cdef Key key
    memset(&key, 0, sizeof(Key))
    key.number = seq
    return key


cdef uint8_t* copy_bytes(const uint8_t* data, uint64_t size) noexcept nogil:
    cdef uint8_t* copy = <uint8_t*> malloc(size if size else 1)
    if copy is not NULL and size:
        memcpy(copy, data, size)
    return copy


cdef int reservation_new(
    Core* c, const uint8_t* record, uint32_t hash, uint64_t seq, uint32_t* made
) noexcept nogil:
    """Make a row for the reservation of `record`, whose id has `hash`, or change nothing."""
    cdef Reservation* r
    cdef Key key
    cdef uint32_t number, row = c.free_reservation
    cdef uint8_t* copy
    if room_for(&c.reservations, c.reservations.count + 1, sizeof(Reservation)) != DONE:
        return MEMORY
    key = seq_key(seq)
    number = hash_key(c, RESERVATION_SEQS, &key)
    if table_room(c, RESERVATION_IDS, hash) != DONE:
        return MEMORY
    if table_room(c, RESERVATION_SEQS, number) != DONE:
        return MEMORY
    copy = copy_bytes(record, load32(record))
    if copy is NULL:
        return MEMORY
    if row == NONE:
        row = <uint32_t> c.reservations.count
        c.reservations.count += 1
    else:
        c.free_reservation = reservation_at(c, row).next
    r = reservation_at(c, row)
    memset(r, 0, sizeof(Reservation))
    r.record = copy
    r.seq = r.armed_seq = seq
    r.previous = r.next = NONE
    table_add(c, RESERVATION_IDS, hash, row)
    table_add(c, RESERVATION_SEQS, number, row)
    c.reservation_count += 1
    made[0] = row
    return DONE


cdef void reservation_queue(Core* c, uint32_t row) noexcept nogil:
    """Put a closed reservation behind those closed before."""
    cdef Reservation* r = reservation_at(c, row)
    r.next = NONE
    r.previous = c.closed_reservation_last
    if r.previous == NONE:
        c.closed_reservation = row
    else:
        reservation_at(c, r.previous).next = row
    c.closed_reservation_last = row


cdef void reservation_drop(Core* c, uint32_t row) noexcept nogil:
    """Forget a closed reservation."""
    cdef Reservation* r = reservation_at(c, row)
    cdef Key key = reservation_key(c, row)
    table_remove(c, RESERVATION_IDS, &key, row)
    key = seq_key(r.seq)
    table_remove(c, RESERVATION_SEQS, &key, row)
    if r.previous == NONE:
        c.closed_reservation = r.next
    else:
        reservation_at(c, r.previous).next = r.next
    if r.next == NONE:
        c.closed_reservation_last = r.previous
    else:
        reservation_at(c, r.next).previous = r.previous
    free(r.record)
    r.record = NULL
    r.seq = 0
    r.next = c.free_reservation
    c.free_reservation = row
    c.reservation_count -= 1


cdef int order_new(
    Core* c, const uint8_t* record, uint32_t hash, uint64_t seq, uint32_t* made
) noexcept nogil:
    """Make a row for the order of `record`, whose id has `hash`, or change nothing."""
    cdef Order* o
    cdef Key key = seq_key(seq)
    cdef uint32_t number = hash_key(c, ORDER_SEQS, &key)
    cdef uint32_t row = c.free_order
    cdef uint8_t* copy
    if room_for(&c.orders, c.orders.count + 1, sizeof(Order)) != DONE:
        return MEMORY
    if table_room(c, ORDER_IDS, hash) != DONE or table_room(c, ORDER_SEQS, number) != DONE:
        return MEMORY
    copy = copy_bytes(record, load32(record))
    if copy is NULL:
        return MEMORY
    if row == NONE:
        row = <uint32_t> c.orders.count
        c.orders.count += 1
    else:
        c.free_order = order_at(c, row).next
    o = order_at(c, row)
    memset(o, 0, sizeof(Order))
    o.record = copy
    o.seq = o.changed_seq = seq
    o.placed_us = <uint64_t> c.now_us
    o.previous = o.next = o.newer = NONE
    o.older = c.newest_order
    if o.older == NONE:
        c.oldest_order = row
    else:
        order_at(c, o.older).newer = row
    c.newest_order = row
    table_add(c, ORDER_IDS, hash, row)
    table_add(c, ORDER_SEQS, number, row)
    c.order_count += 1
    made[0] = row
    return DONE


cdef void order_queue(Core* c, uint32_t row) noexcept nogil:
    """Put a closed order behind those closed before."""
    cdef Order* o = order_at(c, row)
    o.next = NONE
    o.previous = c.closed_order_last
    if o.previous == NONE:
        c.closed_order = row
    else:
        order_at(c, o.previous).next = row
    c.closed_order_last = row


cdef void order_unqueue(Core* c, Order* o) noexcept nogil:
    """Take an order out of the queue of the closed."""
    if o.previous == NONE:
        c.closed_order = o.next
    else:
        order_at(c, o.previous).next = o.next
    if o.next == NONE:
        c.closed_order_last = o.previous
    else:
        order_at(c, o.next).previous = o.previous


cdef uint32_t oldest_open(Core* c) noexcept nogil:
    """The oldest order that is open, or NONE. Since what is closed stays so, each row is passed
    once."""
    cdef uint32_t row = c.oldest_order if c.first_open == NONE else c.first_open
    while row != NONE and order_at(c, row).closed_us:
        c.first_open = row
        row = order_at(c, row).newer
    if row != NONE:
        c.first_open = row
    return row


cdef void order_drop(Core* c, uint32_t row) noexcept nogil:
    """Forget a closed order."""
    cdef Order* o = order_at(c, row)
    cdef Key key = order_key(c, row)
    table_remove(c, ORDER_IDS, &key, row)
    key = seq_key(o.seq)
    table_remove(c, ORDER_SEQS, &key, row)
    order_unqueue(c, o)
    c.standing[o.status] -= 1
    if o.living:
        (<uint64_t*> c.gone.data)[c.gone.count] = o.seq
        c.gone.count += 1
        c.living -= 1
    if c.first_open == row:
        c.first_open = o.newer
    if o.older == NONE:
        c.oldest_order = o.newer
    else:
        order_at(c, o.older).newer = o.newer
    if o.newer == NONE:
        c.newest_order = o.older
    else:
        order_at(c, o.newer).older = o.older
    free(o.record)
    free(o.left)
    free(o.trail)
    o.record = o.trail = NULL
    o.left = NULL
    o.seq = 0
    o.next = c.free_order
    c.free_order = row
    c.order_count -= 1


cdef void paper_drop(Core* c, uint32_t row) noexcept nogil:
    cdef Paper* p = paper_at(c, row)
    cdef Key key
    key.first.data, key.first.size = p.text, p.key_size
    table_remove(c, PAPER_KEYS, &key, row)
    if p.previous == NONE:
        c.paper = p.next
    else:
        paper_at(c, p.previous).next = p.next
    if p.next == NONE:
        c.paper_last = p.previous
    else:
        paper_at(c, p.next).previous = p.previous
    free(p.text)
    p.text = NULL
    p.seq = 0
    p.next = c.free_paper
    c.free_paper = row
    c.paper_count -= 1


cdef int paper_new(
    Core* c, Text name, Text answer, uint64_t seq, uint64_t stamp_us, uint64_t fingerprint
) noexcept nogil:
    """Remember an answer behind those before; an older one to the same key is forgotten."""
    cdef Key key
    cdef Paper* p
    cdef uint32_t row, hash
    cdef uint8_t* text
    key.first = name
    if room_for(&c.papers, c.papers.count + 1, sizeof(Paper)) != DONE:
        return MEMORY
    hash = hash_key(c, PAPER_KEYS, &key)
    if table_room(c, PAPER_KEYS, hash) != DONE:
        return MEMORY
    text = <uint8_t*> malloc(<uint64_t> name.size + answer.size + 1)
    if text is NULL:
        return MEMORY
    memcpy(text, name.data, name.size)
    memcpy(text + name.size, answer.data, answer.size)
    row = find_hashed(c, PAPER_KEYS, &key, hash)
    if row != NONE:
        paper_drop(c, row)
    row = c.free_paper
    if row == NONE:
        row = <uint32_t> c.papers.count
        c.papers.count += 1
    else:
        c.free_paper = paper_at(c, row).next
    p = paper_at(c, row)
    p.seq, p.stamp_us, p.fingerprint = seq, stamp_us, fingerprint
    p.text, p.key_size, p.answer_size = text, name.size, answer.size
    p.next = NONE
    p.previous = c.paper_last
    if p.previous == NONE:
        c.paper = row
    else:
        paper_at(c, p.previous).next = row
    c.paper_last = row
    table_add(c, PAPER_KEYS, hash, row)
    c.paper_count += 1
    return DONE


cdef inline bint old(Core* c, uint64_t since_us, int64_t retention_us) noexcept nogil:
    return c.now_us - <int64_t> since_us >= retention_us


cdef void evict(Core* c) noexcept nogil:
    """Forget what retention has outlived by this frame's stamp, a bounded number of each."""
    cdef int64_t i
    for i in range(c.limit.evictions):
        if c.paper == NONE:
            break
        if not old(c, paper_at(c, c.paper).stamp_us, c.limit.retention_us):
            break
        paper_drop(c, c.paper)
    for i in range(c.limit.evictions):
        if c.closed_reservation == NONE:
            break
        if not old(
            c, reservation_at(c, c.closed_reservation).closed_us, c.limit.retention_us
        ):
            break
        reservation_drop(c, c.closed_reservation)
    for i in range(c.limit.evictions):
        if c.closed_order == NONE:
            break
        if not old(c, order_at(c, c.closed_order).closed_us, c.limit.closed_order_us):
            break
        order_drop(c, c.closed_order)


cdef uint32_t reservation_of(Core* c, Text id) noexcept nogil:
    """Return the reservation that bears this id, NONE also when closed longer than retention."""
    cdef uint32_t row = find_text(c, RESERVATION_IDS, id)
    cdef Reservation* r
    if row == NONE:
        return NONE
    r = reservation_at(c, row)
    if r.status != LIVE and old(c, r.closed_us, c.limit.retention_us):
        return NONE
    return row


cdef uint32_t order_of(Core* c, Text channel, Text id) noexcept nogil:
    """Return the order that bears this id, NONE also when closed longer than retention."""
    cdef Key key
    cdef uint32_t row
    cdef Order* o
    key.first, key.second = channel, id
    row = find(c, ORDER_IDS, &key)
    if row == NONE:
        return NONE
    o = order_at(c, row)
    if o.closed_us and old(c, o.closed_us, c.limit.closed_order_us):
        return NONE
    return row


cdef int touch(Core* c, uint32_t number, uint8_t kind) noexcept nogil:
    """Note that the present event changed a position, if anybody watches."""
    cdef Touch* touches
    cdef Position* p = position_at(c, number)
    cdef uint64_t i, kept = 0
    if not c.watching:
        return DONE
    if c.touched.count > 2 * c.touched_live + 1024:
        touches = <Touch*> c.touched.data
        for i in range(c.touched.count):
            if touches[i].position != NONE:
                touches[kept] = touches[i]
                kept += 1
                position_at(c, touches[i].position).touch = <uint32_t> kept
        c.touched.count = kept
    if room_for(&c.touched, c.touched.count + 1, sizeof(Touch)) != DONE:
        return MEMORY
    touches = <Touch*> c.touched.data
    if p.touch:
        touches[p.touch - 1].position = NONE
    else:
        c.touched_live += 1
    touches[c.touched.count].position = number
    touches[c.touched.count].seq = c.seq
    touches[c.touched.count].kind = kind
    c.touched.count += 1
    p.touch = <uint32_t> c.touched.count
    return DONE
