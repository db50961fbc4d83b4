# Packed requests from another process: whole ones are found, and those that are not surely right
# are marked, so that the ledger has them read by `packed.unpack`, which says what is wrong.

cdef bint is_id(Text text) noexcept nogil:
    """1 to ID_BYTES_MAX bytes of UTF-8 without control characters."""
    cdef uint32_t i
    if text.size == 0 or text.size > ID_BYTES_MAX or not is_utf8(text):
        return False
    for i in range(text.size):
        if text.data[i] < 0x20 or text.data[i] == 0x7F:
            return False
    return True


cdef inline bint is_short(Text text) noexcept nogil:
    return text.size <= ID_BYTES_MAX and is_utf8(text)


cdef bint are_lines(Cursor* at, bint priced) noexcept nogil:
    cdef uint32_t count = get16(at), i, quantity
    cdef uint8_t flags
    cdef bint fine = 0 < count <= LINES_MOST
    for i in range(count):
        flags = get8(at)
        quantity = get32(at)
        fine = fine and 0 < quantity <= QUANTITY_MOST and is_id(get_text(at))
        if flags & ~(BOUND | (PRICED | NAMED if priced else 0)):
            return False
        if flags & PRICED:
            fine = fine and get64(at) <= <uint64_t> PRICE_MOST
        if flags & NAMED:
            fine = fine and is_id(get_text(at))
        if flags & BOUND:
            fine = fine and is_id(get_text(at))
        if at.bad or not fine:
            return False
    return fine


cdef inline bint no_details(Cursor* at) noexcept nogil:
    cdef Text document = get_blob(at)
    return document.size == 2 and memcmp(document.data, <const char*> b"{}", 2) == 0


cdef inline bint is_ttl(uint32_t ttl_s) noexcept nogil:
    return TTL_LEAST <= ttl_s <= TTL_MOST


cdef bint is_sure(const uint8_t* request, uint32_t size) noexcept nogil:
    """Whether a request is right beyond doubt. One with details never is: they are JSON."""
    cdef Cursor at
    cdef uint8_t kind = request[4]
    cdef bint fine
    cdef Text text
    if request[5] & ~BRIEF:
        return False
    at.at, at.end, at.bad = request + HEAD_BYTES, request + size, False
    fine = is_short(get_text(&at)) and is_short(get_text(&at))
    if kind == PLACE_ORDER:
        fine = fine and is_id(get_text(&at)) and is_id(get_text(&at)) and get8(&at) < 3
        fine = fine and are_lines(&at, True) and no_details(&at)
    elif kind == RESERVE:
        fine = fine and is_id(get_text(&at)) and is_id(get_text(&at)) and is_ttl(get32(&at))
        fine = fine and are_lines(&at, False)
    elif kind == COMMIT:
        fine = fine and is_id(get_text(&at))
        text = get_text(&at)
        fine = fine and (text.size == 0 or is_id(text)) and no_details(&at)
    elif kind == EXTEND:
        fine = fine and is_id(get_text(&at)) and is_ttl(get32(&at))
    elif kind == RELEASE or kind == READ_STOCK:
        fine = fine and is_id(get_text(&at))
    else:
        return False
    return fine and not at.bad and at.at == at.end
