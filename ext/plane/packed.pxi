# Packed requests (core/packed.py) decided in one pass, without an object for anything in them.
# What is unusual (keys, repetitions, most refusals, bundles read) is left to `packed.answer_one`,
# which decides it by the same rules; nothing has been changed by then.

cdef enum:
    ASK_PLACE = 1
    ASK_RESERVE = 2
    ASK_COMMIT = 3
    ASK_EXTEND = 4
    ASK_RELEASE = 5
    ASK_STOCK = 6
    ASK_BRIEF = 1
    ASK_LOCATED = 2
    ASK_ROUTED = 4
    ASK_UNSURE = 128
    LINE_PRICED = 2
    LINE_NAMED = 4
    LINE_BOUND = 16
    SAY_CREATED = 2
    HEAD_BYTES = 24
    CUT = 31                   # beside the values of Result, and UNUSUAL
    STIRS = 32                 # decided, and waiting orders are to be looked at

cdef const char* STATUS_WORDS[5]
cdef const char* RESERVATION_WORDS[4]
STATUS_WORDS[:] = ["", "allocated", "partially_allocated", "backordered", "cancelled"]
RESERVATION_WORDS[:] = ["reserved", "committed", "released", "expired"]
cdef uint8_t SHORT_CODE = Code.INSUFFICIENT_STOCK


cdef int ask_lines(Core* c, Cursor* at, bint priced) noexcept nogil:
    """Turn packed lines into `plan.asked`. Texts stay those of the request."""
    cdef uint16_t count = get16(at)
    cdef Asked* asked
    cdef uint8_t flags
    cdef uint32_t i
    if room_for(&c.plan.asked, count, sizeof(Asked)) != DONE:
        return MEMORY
    c.plan.asked.count = count
    for i in range(count):
        asked = &(<Asked*> c.plan.asked.data)[i]
        flags = get8(at)
        asked.quantity = get32(at)
        asked.sku = find_text(c, SKU_NAMES, get_text(at))
        asked.price = <int64_t> get64(at) if flags & LINE_PRICED else NO_PRICE
        asked.name.data, asked.name.size = NULL, 0
        if flags & LINE_NAMED:
            asked.name = get_text(at)
        asked.place, asked.bound = NONE, 0
        if flags & LINE_BOUND:
            asked.place, asked.bound = find_text(c, PLACE_NAMES, get_text(at)), 1
        if at.bad or asked.quantity < 1 or asked.quantity > c.limit.quantity:
            return UNUSUAL
    return DONE if count else UNUSUAL


cdef int ask_place(Core* c, Cursor* at, uint8_t flags, Cause* cause, Say* s) noexcept nogil:
    cdef Head head
    cdef Text document
    cdef uint8_t when_short
    cdef int64_t asked, granted
    cdef double latitude = 0, longitude = 0
    cdef int result
    head.cause = cause[0]
    head.first, head.second = get_text(at), get_text(at)
    when_short = get8(at)
    c.plan.located = 0
    if flags & ASK_LOCATED:
        latitude, longitude = get_double(at), get_double(at)
        direction(latitude, longitude, &c.plan.x, &c.plan.y, &c.plan.z)
        c.plan.located = 1
    result = ask_lines(c, at, True)
    document = get_blob(at)
    if result != DONE or at.bad or at.at != at.end:
        return result if result < 0 else UNUSUAL
    if (
        is_checked(c, head.first) or is_told(c, head.first, head.second)
        or order_of(c, head.first, head.second) != NONE
        or flags & ASK_ROUTED
    ):
        return UNUSUAL
    if <int64_t> c.order_count >= c.limit.orders:
        return UNUSUAL
    result = allot_order(c, &head, document, when_short != 0)
    if result == SHORT:
        say_short(c, s, "taken")
        return SHORT
    if result != DONE:
        return result if result < 0 else UNUSUAL
    total_plan(c, &asked, &granted)
    if granted == 0 and when_short == 2:
        return UNUSUAL
    head.status, head.reservation = status_of(asked, asked - granted), 0
    result = emit_order(c, &head, document)
    if result == DONE and not flags & ASK_BRIEF:
        say_order(c, s, c.out.data + c.last, document, c.seq)
    return result


cdef int ask_reserve(Core* c, Cursor* at, uint8_t flags, Cause* cause, Say* s) noexcept nogil:
    cdef Head head
    cdef uint32_t ttl_s
    cdef int result
    head.cause = cause[0]
    head.first, head.second = get_text(at), get_text(at)
    ttl_s = get32(at)
    result = ask_lines(c, at, False)
    if result != DONE or at.bad or at.at != at.end:
        return result if result < 0 else UNUSUAL
    if reservation_of(c, head.first) != NONE:
        return UNUSUAL
    if <int64_t> c.reservation_count >= c.limit.reservations:
        return UNUSUAL
    head.expires_us = <uint64_t> (c.now_us + <int64_t> ttl_s * 1_000_000)
    c.plan.located = 0
    result = allot(c, False)
    if result == SHORT:
        say_short(c, s, "reserved")
        return SHORT
    if result != DONE:
        return result if result < 0 else UNUSUAL
    result = emit_reserved(c, &head)
    if result == DONE and not flags & ASK_BRIEF:
        say_reservation(
            c, s, reservation_at(c, find_seq(c, RESERVATION_SEQS, c.seq)), False, c.seq
        )
    return result


cdef inline uint32_t live_of(Core* c, Text text) noexcept nogil:
    """The row of a reservation that holds units now, or NONE."""
    cdef uint32_t row = reservation_of(c, text)
    if row != NONE and (
        reservation_at(c, row).status != LIVE
        or <int64_t> reservation_at(c, row).expires_us <= c.now_us
    ):
        return NONE
    return row


cdef int ask_commit(Core* c, Cursor* at, uint8_t flags, Cause* cause, Say* s) noexcept nogil:
    cdef Head head, made
    cdef Text text, document
    cdef uint32_t row
    cdef int result
    head.cause = cause[0]
    text, head.second = get_text(at), get_text(at)
    document = get_blob(at)
    if at.bad or at.at != at.end:
        return UNUSUAL
    row = live_of(c, text)
    if row == NONE:
        return UNUSUAL
    if head.second.size == 0:
        head.second = text
    read_names(reservation_at(c, row).record, &made)
    if is_checked(c, made.second) or is_told(c, made.second, head.second):
        return UNUSUAL
    if order_of(c, made.second, head.second) != NONE:
        return UNUSUAL
    if <int64_t> c.order_count >= c.limit.orders:
        return UNUSUAL
    head.status = ALLOCATED
    result = emit_commit(c, &head, row, document)
    if result == DONE and not flags & ASK_BRIEF:
        say_order(c, s, c.out.data + c.last, document, c.seq)
    return result


cdef int ask_change(
    Core* c, Cursor* at, uint8_t kind, uint8_t flags, Cause* cause, Say* s
) noexcept nogil:
    """Extend or release a live reservation."""
    cdef Text text = get_text(at)
    cdef int64_t ttl_s = get32(at) if kind == ASK_EXTEND else 0
    cdef uint32_t row
    cdef int result
    if at.bad or at.at != at.end:
        return UNUSUAL
    row = live_of(c, text)
    if row == NONE:
        return UNUSUAL
    if kind == ASK_EXTEND:
        result = emit_small(
            c, RESERVATION_EXTENDED, cause, reservation_at(c, row).seq,
            <uint64_t> (c.now_us + ttl_s * 1_000_000),
        )
    else:
        result = emit_small(c, RESERVATION_RELEASED, cause, reservation_at(c, row).seq, 0)
    if result == DONE and not flags & ASK_BRIEF:
        say_reservation(c, s, reservation_at(c, row), True, c.seq)
    return result


cdef int ask_stock(Core* c, Cursor* at, Say* s) noexcept nogil:
    cdef Text text = get_text(at)
    cdef uint32_t sku
    if at.bad or at.at != at.end:
        return UNUSUAL
    sku = find_text(c, SKU_NAMES, text)
    if sku == NONE or sku_at(c, sku).component_count:
        return UNUSUAL
    say_stock(c, s, sku)
    return DONE


cdef int ask(Core* c, const uint8_t* request, Buffer* out) noexcept nogil:
    """Decide one request and write its answer behind `out`. UNUSUAL: nothing was done."""
    cdef uint8_t kind = request[4], flags = request[5]
    cdef uint64_t start = out.size, seq
    cdef Cursor at
    cdef Cause cause
    cdef Say s
    cdef int result
    s.out, s.full = out, False
    if out_room(out, HEAD_BYTES) != DONE:
        return MEMORY
    out.size += HEAD_BYTES
    at.at, at.end, at.bad = request + HEAD_BYTES, request + load32(request), False
    cause.fingerprint = load64(request + 16)
    cause.actor, cause.key = get_text(&at), get_text(&at)
    if at.bad or cause.key.size or flags & ASK_UNSURE:
        result = UNUSUAL
    elif kind == ASK_PLACE:
        result = ask_place(c, &at, flags, &cause, &s)
    elif kind == ASK_RESERVE:
        result = ask_reserve(c, &at, flags, &cause, &s)
    elif kind == ASK_COMMIT:
        result = ask_commit(c, &at, flags, &cause, &s)
    elif kind == ASK_EXTEND or kind == ASK_RELEASE:
        result = ask_change(c, &at, kind, flags, &cause, &s)
    else:
        result = ask_stock(c, &at, &s) if kind == ASK_STOCK else UNUSUAL
    if result != DONE and result != SHORT:
        out.size = start
        return result
    if s.full:
        return MEMORY
    if result == SHORT and flags & ASK_BRIEF:
        out.size = start + HEAD_BYTES
    seq = 0 if kind == ASK_STOCK else c.seq
    put_answer(
        out.data + start, <uint32_t> (out.size - start), SHORT_CODE if result == SHORT else 0,
        SAY_CREATED if result == DONE and kind <= ASK_COMMIT else 0, request, seq,
    )
    if (c.risen.count or c.moved.count or c.filling or c.drawn.count) and result == DONE and kind != ASK_STOCK:
        return STIRS
    return DONE


cdef inline void put_answer(
    uint8_t* p, uint32_t size, uint8_t code, uint8_t flags, const uint8_t* request, uint64_t seq
) noexcept nogil:
    """Write an answer's head; its tag is the request's."""
    p = put16(put8(put8(put32(p, size), code), flags), 0)
    put64(put64(p, load64(request + 8)), seq)


cdef void ask_ahead(Core* c, const uint8_t* request, uint64_t left) noexcept nogil:
    """Look ahead for the id of the request that comes next: it is hardly ever in the cache."""
    cdef uint32_t length = load32(request)
    cdef uint8_t kind = request[4]
    cdef Cursor at
    cdef Key key
    if length < HEAD_BYTES or length > left:
        return
    at.at, at.end, at.bad = request + HEAD_BYTES, request + length, False
    get_text(&at)
    get_text(&at)
    memset(&key, 0, sizeof(Key))
    key.first = get_text(&at)
    if kind == ASK_PLACE:
        key.second = get_text(&at)
    if not at.bad and kind <= ASK_RELEASE:
        look_ahead(c, ORDER_IDS if kind == ASK_PLACE else RESERVATION_IDS, &key)


cdef int ask_all(
    Core* c, const uint8_t* data, uint64_t size, uint64_t* at, int64_t target
) noexcept nogil:
    """Decide requests from `at` on until the frame is full (DONE), or one is UNUSUAL."""
    cdef uint64_t length
    cdef int result = DONE
    while at[0] < size and <int64_t> c.out.size <= target:
        length = load32(data + at[0]) if at[0] + HEAD_BYTES <= size else 0
        if length < HEAD_BYTES or at[0] + length > size:
            return CUT
        if at[0] + length + HEAD_BYTES <= size:
            ask_ahead(c, data + at[0] + length, size - at[0] - length)
        result = ask(c, data + at[0], &c.said)
        if result != DONE and result != STIRS:
            return result
        at[0] += length
        if result == STIRS:
            return STIRS
    return DONE


cdef object decide_all(Ledger self, bytes data, uint64_t start):
    """See `packed.decide_packed`."""
    cdef Core* c = &self.core
    cdef const uint8_t* bytes_at = <const uint8_t*> PyBytes_AS_STRING(data)
    cdef uint64_t size = <uint64_t> PyBytes_GET_SIZE(data), at = start
    cdef int64_t target = limits.FRAME_BODY_BYTES_TARGET
    cdef uint64_t length
    cdef int result
    c.said.size = 0
    while True:
        with nogil:
            result = ask_all(c, bytes_at, size, &at, target)
        if result == DONE:
            break
        if result == STIRS:
            fill_waiting(self)
            continue
        if result == CUT:
            raise ValueError(f"packed data is cut or damaged at byte {at}")
        if result != UNUSUAL:
            broken(self, result)
        length = load32(bytes_at + at)
        answer = answer_one(self, data[at : at + length])
        say_bytes(c, answer)
        at += length
    return PyBytes_FromStringAndSize(<char*> c.said.data, c.said.size), at


cdef int say_bytes(Core* c, bytes answer) except -1:
    if out_room(&c.said, PyBytes_GET_SIZE(answer)) != DONE:
        raise MemoryError("no memory for an answer")
    memcpy(c.said.data + c.said.size, PyBytes_AS_STRING(answer), PyBytes_GET_SIZE(answer))
    c.said.size += <uint64_t> PyBytes_GET_SIZE(answer)
    return 0
