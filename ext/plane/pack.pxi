# Writes what a scan has read: the command's MessagePack, whose digest is its fingerprint, the JSON
# of its details, and the packed request of engine/core/packed.py.

cdef struct Name:             # what the door knows beside the body
    Text actor
    Text key
    Text path                 # the id in the path
    uint64_t tag


cdef uint8_t* mp_text(uint8_t* p, Text text) noexcept nogil:
    if text.size < 32:
        p = put8(p, <uint8_t> (0xA0 | text.size))
    elif text.size < 256:
        p = put8(put8(p, 0xD9), <uint8_t> text.size)
    else:
        p = put8(put8(put8(p, 0xDA), <uint8_t> (text.size >> 8)), <uint8_t> (text.size & 0xFF))
    return put_bytes(p, text.data, text.size)


cdef inline uint8_t* mp_word(uint8_t* p, const char* word) noexcept nogil:
    cdef Text text
    text.data, text.size = <const uint8_t*> word, <uint32_t> strlen(word)
    return mp_text(p, text)


cdef uint8_t* mp_big(uint8_t* p, uint64_t value, int bytes) noexcept nogil:
    """Write the last `bytes` bytes of a number, the highest first."""
    while bytes:
        bytes -= 1
        p = put8(p, <uint8_t> (value >> (8 * bytes) & 0xFF))
    return p


cdef uint8_t* mp_number(uint8_t* p, uint64_t value) noexcept nogil:
    if value < 128:
        return put8(p, <uint8_t> value)
    if value < 256:
        return mp_big(put8(p, 0xCC), value, 1)
    if value < 65_536:
        return mp_big(put8(p, 0xCD), value, 2)
    if value < <uint64_t> 1 << 32:
        return mp_big(put8(p, 0xCE), value, 4)
    return mp_big(put8(p, 0xCF), value, 8)


cdef inline uint8_t* mp_map(uint8_t* p, int fields) noexcept nogil:
    return put8(p, <uint8_t> (0x80 | fields))


cdef uint8_t* mp_field(uint8_t* p, const char* name, Text text) noexcept nogil:
    if text.data is NULL:
        return p
    return mp_text(mp_word(p, name), text)


cdef inline int bits(uint32_t of) noexcept nogil:
    cdef int count = 0
    while of:
        of &= of - 1
        count += 1
    return count


cdef uint8_t* mp_address(uint8_t* p, Body* body) noexcept nogil:
    cdef int i
    p = mp_map(mp_word(p, "ship_to"), bits(body.address_seen))
    for i in range(A_FIELDS):
        p = mp_field(p, ADDRESS[i], body.address[i])
    return p


cdef uint8_t* mp_lines(uint8_t* p, Body* body) noexcept nogil:
    cdef Wanted* line
    cdef uint64_t i, count = body.lines.count
    p = mp_word(p, "lines")
    p = put8(p, <uint8_t> (0x90 | count)) if count < 16 else mp_big(put8(p, 0xDC), count, 2)
    for i in range(count):
        line = &(<Wanted*> body.lines.data)[i]
        p = mp_map(
            p,
            2 + (line.name.data is not NULL) + (line.price >= 0) + (line.place.data is not NULL),
        )
        p = mp_number(mp_word(mp_field(p, "sku", line.sku), "quantity"), line.quantity)
        p = mp_field(p, "line_id", line.name)
        if line.price >= 0:
            p = mp_number(mp_word(p, "unit_price"), <uint64_t> line.price)
        p = mp_field(p, "location", line.place)
    return p


cdef const char* SHORT_WORDS[4]
SHORT_WORDS[:] = ["refuse", "backorder", "split", "complete"]


cdef uint64_t body_bytes(Body* body, Name* name) noexcept nogil:
    """Return at least the bytes of any form of what was read."""
    cdef Wanted* line
    cdef uint64_t total = 1_024 + name.path.size + name.actor.size + name.key.size
    cdef uint64_t i
    cdef uint64_t fields = A_FIELDS
    for i in range(7):
        total += body.texts[i].size
    for i in range(fields):
        total += body.address[i].size
    for i in range(body.lines.count):
        line = &(<Wanted*> body.lines.data)[i]
        total += 96 + line.sku.size + line.name.size + line.place.size
    return total


cdef uint8_t* mp_details(uint8_t* p, Body* body) noexcept nogil:
    if body.seen >> SHIP_TO & 1:
        p = mp_address(p, body)
    p = mp_field(p, "payment", body.texts[PAYMENT])
    p = mp_field(p, "currency", body.texts[CURRENCY])
    p = mp_field(p, "customer", body.texts[CUSTOMER])
    return mp_field(p, "note", body.texts[NOTE])


cdef uint64_t mark_of(int kind, Body* body, Name* name, uint8_t* start) noexcept nogil:
    """Return the command's fingerprint, its MessagePack written from `start` on."""
    cdef uint8_t* p = put8(start, 0x92)
    cdef int fields = bits(body.seen)
    if kind == PLACE_ORDER:
        if body.seen >> WHEN_SHORT & 1 and body.when_short == 0:
            fields -= 1
        p = mp_details(mp_map(mp_word(p, "PlaceOrder"), fields), body)
        p = mp_field(p, "order_id", body.texts[ORDER_ID])
        p = mp_lines(mp_field(p, "channel", body.texts[CHANNEL]), body)
        if body.when_short:
            p = mp_word(mp_word(p, "when_short"), SHORT_WORDS[body.when_short])
    elif kind == RESERVE:
        p = mp_field(
            mp_map(mp_word(p, "Reserve"), 4), "reservation_id", body.texts[RESERVATION_ID]
        )
        p = mp_number(mp_word(mp_field(p, "channel", body.texts[CHANNEL]), "ttl_s"), body.ttl_s)
        p = mp_lines(p, body)
    elif kind == COMMIT:
        p = mp_details(mp_map(mp_word(p, "Commit"), fields + 1), body)
        p = mp_field(p, "reservation_id", name.path)
        p = mp_field(p, "order_id", body.texts[ORDER_ID])
    elif kind == EXTEND:
        p = mp_field(mp_map(mp_word(p, "Extend"), 2), "reservation_id", name.path)
        p = mp_number(mp_word(p, "ttl_s"), body.ttl_s)
    else:
        p = mp_field(mp_map(mp_word(p, "Release"), 1), "reservation_id", name.path)
    return blake8(start, <uint64_t> (p - start))


cdef uint8_t* json_field(uint8_t* p, const char* name, Text text, uint8_t* first) noexcept nogil:
    """Write a field of an object that is open since before `first`."""
    if text.data is NULL:
        return p
    if p != first:
        p = put8(p, c',')
    p = put8(put_bytes(put8(p, c'"'), <const uint8_t*> name, strlen(name)), c'"')
    return put8(put_bytes(put8(put8(p, c':'), c'"'), text.data, text.size), c'"')


cdef uint8_t* put_details(uint8_t* p, Body* body) noexcept nogil:
    """Write the blob of the details' JSON."""
    cdef uint8_t* start = p
    cdef uint8_t* first
    cdef uint8_t* inner
    cdef int i
    first = p = put8(p + 4, c'{')
    if body.seen >> SHIP_TO & 1:
        inner = p = put_bytes(p, <const uint8_t*> <const char*> b'"ship_to":{', 11)
        for i in range(A_FIELDS):
            p = json_field(p, ADDRESS[i], body.address[i], inner)
        p = put8(p, c'}')
    p = json_field(p, "payment", body.texts[PAYMENT], first)
    p = json_field(p, "currency", body.texts[CURRENCY], first)
    p = json_field(p, "customer", body.texts[CUSTOMER], first)
    p = json_field(p, "note", body.texts[NOTE], first)
    if body.when_short == 3:
        p = p if p == first else put8(p, c',')
        p = put_bytes(p, <const uint8_t*> <const char*> b'"ships_complete":true', 21)
    p = put8(p, c'}')
    put32(start, <uint32_t> (p - start - 4))
    return p


cdef uint8_t* put_wanted(uint8_t* p, Body* body) noexcept nogil:
    """Write the lines."""
    cdef Wanted* line
    cdef uint64_t i
    p = put16(p, <uint16_t> body.lines.count)
    for i in range(body.lines.count):
        line = &(<Wanted*> body.lines.data)[i]
        p = put8(
            p,
            (PRICED if line.price >= 0 else 0)
            | (NAMED if line.name.data is not NULL else 0)
            | (BOUND if line.place.data is not NULL else 0),
        )
        p = put_text(put32(p, line.quantity), line.sku)
        if line.price >= 0:
            p = put64(p, <uint64_t> line.price)
        if line.name.data is not NULL:
            p = put_text(p, line.name)
        if line.place.data is not NULL:
            p = put_text(p, line.place)
    return p


cdef int put_request(Buffer* out, int kind, int flags, Body* body, Name* name) noexcept nogil:
    """Write the packed request behind what `out` holds. MEMORY leaves `out` as it was."""
    cdef uint64_t most = body_bytes(body, name)
    cdef uint64_t mark = 0
    cdef uint8_t* start
    cdef uint8_t* p
    # The MessagePack goes behind the request for a moment.
    if out_room(out, 2 * most) != DONE:
        return MEMORY
    start = out.data + out.size
    if kind != READ_STOCK:
        mark = mark_of(kind, body, name, start + most)
    p = put16(put8(put8(start + 4, <uint8_t> kind), <uint8_t> flags), 0)
    p = put_text(put_text(put64(put64(p, name.tag), mark), name.actor), name.key)
    if kind == PLACE_ORDER:
        p = put_text(put_text(p, body.texts[CHANNEL]), body.texts[ORDER_ID])
        p = put_details(put_wanted(put8(p, body.when_short), body), body)
    elif kind == RESERVE:
        p = put_text(put_text(p, body.texts[RESERVATION_ID]), body.texts[CHANNEL])
        p = put_wanted(put32(p, body.ttl_s), body)
    elif kind == COMMIT:
        p = put_details(put_text(put_text(p, name.path), body.texts[ORDER_ID]), body)
    elif kind == EXTEND:
        p = put32(put_text(p, name.path), body.ttl_s)
    else:
        p = put_text(p, name.path)
    put32(start, <uint32_t> (p - start))
    out.size += <uint64_t> (p - start)
    return DONE
