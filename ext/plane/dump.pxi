# The canonical bytes of the state, as core/dump.py says: written in two passes over the same
# code, the first of which only measures.

cdef struct Sink:
    uint8_t* data             # NULL: measure
    uint64_t size


cdef struct Ranked:
    uint64_t rank
    uint64_t seq
    uint32_t row


cdef inline void sink(Sink* s, const void* data, uint64_t size) noexcept nogil:
    if s.data is not NULL and size:
        memcpy(s.data + s.size, data, size)
    s.size += size


cdef inline void sink16(Sink* s, uint16_t value) noexcept nogil:
    sink(s, &value, 2)


cdef inline void sink32(Sink* s, uint32_t value) noexcept nogil:
    sink(s, &value, 4)


cdef inline void sink64(Sink* s, uint64_t value) noexcept nogil:
    sink(s, &value, 8)


cdef inline void sink_blob(Sink* s, const uint8_t* data, uint32_t size) noexcept nogil:
    sink32(s, size)
    sink(s, data, size)


cdef int by_rank_and_seq(const void* a, const void* b) noexcept nogil:
    cdef Ranked* p = <Ranked*> a
    cdef Ranked* q = <Ranked*> b
    if p.rank != q.rank:
        return -1 if p.rank < q.rank else 1
    return -1 if p.seq < q.seq else 1


cdef void dump_catalogue(Core* c, Sink* s) noexcept nogil:
    cdef Place* place
    cdef Sku* sku
    cdef uint64_t i
    cdef uint32_t j
    sink64(s, c.places.count)
    for i in range(c.places.count):
        place = place_at(c, i)
        sink64(s, place.seq)
        sink_blob(s, place.text + place.name_size, place.put_size)
    sink64(s, c.skus.count)
    for i in range(c.skus.count):
        sku = sku_at(c, i)
        sink64(s, sku.seq)
        sink_blob(s, sku.text + sku.name_size, sku.put_size)
        sink32(s, 8 * sku.component_count)
        for j in range(sku.component_count):
            sink32(s, sku.components[j].sku)
            sink32(s, sku.components[j].quantity)
        sink64(s, <uint64_t> sku.usual_mean)
        sink64(s, <uint64_t> sku.usual_spread)
        sink32(s, sku.usual_orders)
    sink64(s, c.positions.count)
    for i in range(c.positions.count):
        sink32(s, position_at(c, i).sku)
        sink32(s, position_at(c, i).place)
        sink(s, position_at(c, i), 48)


cdef void dump_reservations(Core* c, Sink* s, Ranked* rows) noexcept nogil:
    cdef Reservation* r
    cdef uint64_t i
    sink64(s, c.reservation_count)
    for i in range(c.reservation_count):
        r = reservation_at(c, rows[i].row)
        sink64(s, r.seq)
        sink64(s, r.expires_us)
        sink64(s, r.armed_seq)
        sink(s, &r.status, 1)
        sink64(s, r.closed_us)
        sink64(s, r.order)
        sink_blob(s, r.record, load32(r.record))


cdef void dump_order(Order* o, Sink* s) noexcept nogil:
    cdef Cursor at
    cdef Head head
    cdef Line line
    cdef uint32_t i, j
    cdef uint32_t* left = o.left
    sink64(s, o.seq)
    sink64(s, o.changed_seq)
    sink(s, &o.status, 1)
    sink64(s, o.closed_us)
    sink64(s, o.placed_us)
    sink(s, &o.trail_over, 1)
    sink_blob(s, o.record, load32(o.record))
    sink_blob(s, first_record(o), load32(first_record(o)) if o.restated else 0)
    sink_blob(s, o.trail + 4, 0 if o.trail is NULL else load32(o.trail))
    read_head(&at, o.record, &head)
    for i in range(head.lines):
        read_line(&at, &line)
        sink32(s, line.backordered if left is NULL else left[0])
        sink32(s, 0 if left is NULL else left[1])
        sink32(s, 0 if left is NULL else left[2])
        sink16(s, <uint16_t> line.count)
        for j in range(line.count):
            sink32(s, take_of(&line, j).quantity if left is NULL else left[LEFT_HEAD + j])
        if left is not NULL:
            left += LEFT_HEAD + line.count


cdef void dump_all(Core* c, Sink* s, Ranked* rows) noexcept nogil:
    cdef uint32_t row = c.oldest_order
    cdef Paper* p
    sink(s, <const char*> b"DIBSSTAT", 8)
    sink16(s, 6)
    sink64(s, c.seq)
    sink64(s, <uint64_t> c.stamp_us)
    dump_catalogue(c, s)
    dump_reservations(c, s, rows)
    sink64(s, c.order_count)
    while row != NONE:
        dump_order(order_at(c, row), s)
        row = order_at(c, row).newer
    sink64(s, c.paper_count)
    row = c.paper
    while row != NONE:
        p = paper_at(c, row)
        sink64(s, p.seq)
        sink64(s, p.stamp_us)
        sink64(s, p.fingerprint)
        sink_blob(s, p.text, p.key_size)
        sink_blob(s, p.text + p.key_size, p.answer_size)
        row = p.next


cdef bytes dump_bytes(Ledger self):
    cdef Core* c = &self.core
    cdef Ranked* rows = <Ranked*> malloc((c.reservation_count + 1) * sizeof(Ranked))
    cdef uint64_t i, count = 0
    cdef Sink s
    if rows is NULL:
        raise MemoryError("no memory to dump the reservations")
    for i in range(c.reservations.count):
        if reservation_at(c, i).seq:
            rows[count].rank = rows[count].seq = reservation_at(c, i).seq
            rows[count].row = <uint32_t> i
            count += 1
    try:
        if count:
            qsort(rows, count, sizeof(Ranked), by_rank_and_seq)
        s.data, s.size = NULL, 0
        dump_all(c, &s, rows)
        data = PyBytes_FromStringAndSize(NULL, s.size)
        s.data, s.size = <uint8_t*> PyBytes_AS_STRING(data), 0
        dump_all(c, &s, rows)
    finally:
        free(rows)
    forget_lives(self)
    return data + dump.dump_objects(new_view(self))
