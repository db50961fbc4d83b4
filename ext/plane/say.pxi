# JSON answers written straight from records: the same bytes as msgspec writes of the structs in
# core/answers.py. Ids hold no control characters, so quotes and backslashes are all that is escaped.

cdef struct Say:
    Buffer* out
    bint full                 # there was no memory for all of it

cdef uint8_t[201] PAIRS       # "00" … "99"
for _n in range(100):
    PAIRS[2 * _n] = 48 + _n // 10
    PAIRS[2 * _n + 1] = 48 + _n % 10


cdef void say(Say* s, const uint8_t* data, uint64_t size) noexcept nogil:
    if out_room(s.out, size) != DONE:
        s.full = True
        return
    memcpy(s.out.data + s.out.size, data, size)
    s.out.size += size


cdef inline void say_word(Say* s, const char* word) noexcept nogil:
    say(s, <const uint8_t*> word, strlen(word))


cdef void say_number(Say* s, int64_t value) noexcept nogil:
    cdef uint8_t digits[24]
    cdef int at = 24
    cdef uint64_t left = <uint64_t> -value if value < 0 else <uint64_t> value
    while left >= 100:
        at -= 2
        memcpy(digits + at, PAIRS + 2 * (left % 100), 2)
        left //= 100
    if left >= 10:
        at -= 2
        memcpy(digits + at, PAIRS + 2 * left, 2)
    else:
        at -= 1
        digits[at] = <uint8_t> (48 + left)
    if value < 0:
        at -= 1
        digits[at] = c'-'
    say(s, digits + at, 24 - at)


cdef void say_text(Say* s, Text text) noexcept nogil:
    """A string with its quotes."""
    cdef uint8_t* p
    cdef uint8_t* start
    cdef uint32_t i
    if out_room(s.out, 2 * <uint64_t> text.size + 2) != DONE:
        s.full = True
        return
    start = p = s.out.data + s.out.size
    p = put8(p, c'"')
    for i in range(text.size):
        if text.data[i] == c'"' or text.data[i] == c'\\':
            p = put8(p, c'\\')
        p = put8(p, text.data[i])
    p = put8(p, c'"')
    s.out.size += <uint64_t> (p - start)


cdef const char* SHIPS_COMPLETE = b'"ships_complete":true}'


cdef bint ends_with(Text* text, const char* end) noexcept nogil:
    """Whether a text ends so."""
    cdef uint32_t size = <uint32_t> strlen(end)
    return text.size >= size and memcmp(text.data + text.size - size, end, size) == 0


cdef int say_bound(Core* c, Text* document) noexcept nogil:
    """Let an order's document say which of the lines asked for may come from one place only, as
    `kept.document_of` does."""
    cdef Say s
    cdef Asked* asked
    cdef Place* place
    cdef Text name
    cdef uint64_t i
    cdef uint32_t size = document.size - 1
    cdef bint more = False
    # What an order says of itself ends so only if it ships complete: a text would end in a quote,
    # an object in a brace.
    cdef bint whole = ends_with(document, SHIPS_COMPLETE)
    if whole:
        size -= <uint32_t> strlen(SHIPS_COMPLETE) - 1
    c.kept.size = 0
    memset(&s, 0, sizeof(Say))
    s.out = &c.kept
    say(&s, document.data, size)
    if size > 1 and document.data[size - 1] != c',':
        say_word(&s, b",")
    say_word(&s, b'"bound":[')
    for i in range(c.plan.asked.count):
        asked = &(<Asked*> c.plan.asked.data)[i]
        if not asked.bound:
            continue
        if more:
            say_word(&s, b",")
        more = True
        place = place_at(c, asked.place)
        name.data, name.size = place.text, place.name_size
        say_word(&s, b"[")
        say_number(&s, <int64_t> i)
        say_word(&s, b",")
        say_text(&s, name)
        say_word(&s, b"]")
    say_word(&s, b"]")
    if whole:
        say_word(&s, b",")
        say_word(&s, SHIPS_COMPLETE)
    else:
        say_word(&s, b"}")
    document.data, document.size = c.kept.data, <uint32_t> c.kept.size
    return MEMORY if s.full else DONE


cdef void say_pair(Say* s, uint64_t value) noexcept nogil:
    say(s, PAIRS + 2 * (value % 100), 2)


cdef void say_moment(Say* s, uint64_t stamp_us) noexcept nogil:
    """RFC 3339 in UTC, the days to a date by Hinnant's `civil_from_days`."""
    cdef uint64_t second = stamp_us // 1_000_000, micro = stamp_us % 1_000_000
    cdef uint64_t day = second // 86_400 + 719_468
    cdef uint64_t era = day // 146_097
    cdef uint64_t doe = day % 146_097
    cdef uint64_t yoe = (doe - doe // 1_460 + doe // 36_524 - doe // 146_096) // 365
    cdef uint64_t doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
    cdef uint64_t mp = (5 * doy + 2) // 153
    cdef uint64_t month = mp + 3 if mp < 10 else mp - 9
    cdef uint64_t year = yoe + era * 400 + (1 if month <= 2 else 0)
    say_word(s, '"')
    say_pair(s, year // 100)
    say_pair(s, year)
    say_word(s, "-")
    say_pair(s, month)
    say_word(s, "-")
    say_pair(s, doy - (153 * mp + 2) // 5 + 1)
    say_word(s, "T")
    say_pair(s, second // 3_600 % 24)
    say_word(s, ":")
    say_pair(s, second // 60 % 60)
    say_word(s, ":")
    say_pair(s, second % 60)
    if micro:
        say_word(s, ".")
        say_pair(s, micro // 10_000)
        say_pair(s, micro // 100)
        say_pair(s, micro)
    say_word(s, 'Z"')


cdef inline Text sku_text(Core* c, uint32_t sku) noexcept nogil:
    cdef Text text
    text.data, text.size = sku_at(c, sku).text, sku_at(c, sku).name_size
    return text


cdef inline Text place_text(Core* c, uint32_t place) noexcept nogil:
    cdef Text text
    text.data, text.size = place_at(c, place).text, place_at(c, place).name_size
    return text


cdef void say_seq(Say* s, uint64_t seq) noexcept nogil:
    """The last field of an answer."""
    say_word(s, ',"seq":')
    say_number(s, <int64_t> seq)
    say_word(s, "}")


cdef void say_order_line(Core* c, Say* s, Line* line) noexcept nogil:
    cdef Position* p
    cdef Take take
    cdef uint32_t j
    say_word(s, '{"sku":')
    say_text(s, sku_text(c, line.sku))
    say_word(s, ',"quantity":')
    say_number(s, line.quantity)
    say_word(s, ',"allocations":[')
    for j in range(line.count):
        take = take_of(line, j)
        p = position_at(c, take.position)
        say_word(s, ',{"location":' if j else '{"location":')
        say_text(s, place_text(c, p.place))
        say_word(s, ',"quantity":')
        say_number(s, take.quantity)
        if p.sku != line.sku:
            say_word(s, ',"sku":')
            say_text(s, sku_text(c, p.sku))
        say_word(s, "}")
    say_word(s, "]")
    if line.name.size:
        say_word(s, ',"line_id":')
        say_text(s, line.name)
    if line.price != NO_PRICE:
        say_word(s, ',"unit_price":')
        say_number(s, line.price)
    if line.backordered:
        say_word(s, ',"backordered":')
        say_number(s, line.backordered)
    say_word(s, "}")


cdef void say_order(
    Core* c, Say* s, const uint8_t* record, Text document, uint64_t seq
) noexcept nogil:
    """The first answer to an order, from its record and the document that was asked for: the
    record's may say more."""
    cdef Cursor at
    cdef Head head
    cdef Line line
    cdef uint32_t i
    read_head(&at, record, &head)
    say_word(s, '{"order_id":')
    say_text(s, head.second)
    say_word(s, ',"channel":')
    say_text(s, head.first)
    say_word(s, ',"status":"')
    say_word(s, STATUS_WORDS[head.status])
    say_word(s, '","lines":[')
    for i in range(head.lines):
        read_line(&at, &line)
        if i:
            say_word(s, ",")
        say_order_line(c, s, &line)
    say_word(s, "]")
    if document.size > 2:
        say_word(s, ",")
        say(s, document.data + 1, document.size - 2)
    say_seq(s, seq)


cdef void say_reservation(
    Core* c, Say* s, Reservation* r, bint now, uint64_t seq
) noexcept nogil:
    """A reservation, as it was made or as it stands `now`."""
    cdef Cursor at
    cdef Head head
    cdef Line line
    cdef Take take
    cdef Position* p
    cdef uint32_t i, j
    cdef bint more = False
    read_head(&at, r.record, &head)
    say_word(s, '{"reservation_id":')
    say_text(s, head.first)
    say_word(s, ',"channel":')
    say_text(s, head.second)
    say_word(s, ',"status":"')
    say_word(s, RESERVATION_WORDS[r.status if now else 0])
    say_word(s, '","expires_at":')
    say_moment(s, r.expires_us if now and r.expires_us else head.expires_us)
    say_word(s, ',"lines":[')
    for i in range(head.lines):
        read_line(&at, &line)
        for j in range(line.count):
            take = take_of(&line, j)
            p = position_at(c, take.position)
            say_word(s, ',{"sku":' if more else '{"sku":')
            more = True
            say_text(s, sku_text(c, p.sku))
            say_word(s, ',"quantity":')
            say_number(s, take.quantity)
            say_word(s, ',"location":')
            say_text(s, place_text(c, p.place))
            if p.sku != line.sku:
                say_word(s, ',"bundle":')
                say_text(s, sku_text(c, line.sku))
            say_word(s, "}")
    say_word(s, "]")
    say_seq(s, seq)


cdef void say_short(Core* c, Say* s, const char* verb) noexcept nogil:
    """What a problem document says of a plan that is short, after its code."""
    cdef Granted* granted = <Granted*> c.plan.granted.data
    cdef Part* part
    cdef uint64_t i
    cdef bint more = False
    say_word(s, '"detail":"not enough available; nothing is ')
    say_word(s, verb)
    say_word(s, '","errors":[')
    for i in range(c.plan.asked.count):
        if granted[i].short_part == NONE:
            continue
        part = &(<Part*> c.plan.parts.data)[granted[i].short_part]
        say_word(s, ',{"path":"lines[' if more else '{"path":"lines[')
        more = True
        say_number(s, <int64_t> i)
        say_word(s, ']","detail":"not enough available","sku":')
        say_text(s, sku_text(c, (<Pool*> c.plan.pools.data)[part.pool].sku))
        say_word(s, ',"requested":')
        say_number(s, (<Asked*> c.plan.asked.data)[i].quantity * part.per_unit)
        say_word(s, ',"available":')
        say_number(s, granted[i].available)
        say_word(s, "}")
    say_word(s, "]")
    say_seq(s, c.seq)


cdef void say_quantities(
    Say* s, int64_t on_hand, int64_t reserved, int64_t allocated, int64_t out, int64_t available
) noexcept nogil:
    say_word(s, ',"on_hand":')
    say_number(s, on_hand)
    say_word(s, ',"reserved":')
    say_number(s, reserved)
    say_word(s, ',"allocated":')
    say_number(s, allocated)
    say_word(s, ',"unavailable":')
    say_number(s, out)
    say_word(s, ',"available":')
    say_number(s, available)


cdef void say_stock(Core* c, Say* s, uint32_t sku) noexcept nogil:
    """The stock of a SKU that is no bundle, positions in order of opening."""
    cdef Position* p
    cdef Position total
    cdef int64_t available = 0
    cdef uint32_t at = sku_at(c, sku).first
    cdef bint more = False
    memset(&total, 0, sizeof(Position))
    while at != NONE:
        p = position_at(c, at)
        total.on_hand += p.on_hand
        total.reserved += p.reserved
        total.allocated += p.allocated
        total.damaged += p.damaged + p.quality_control + p.safety_stock
        available += available_of(p)
        at = p.next
    say_word(s, '{"sku":')
    say_text(s, sku_text(c, sku))
    say_word(s, ',"seq":')
    say_number(s, <int64_t> c.seq)
    say_quantities(
        s, total.on_hand, total.reserved, total.allocated, total.damaged, available
    )
    say_word(s, ',"locations":[')
    at = sku_at(c, sku).first
    while at != NONE:
        p = position_at(c, at)
        say_word(s, ',{"location":' if more else '{"location":')
        more = True
        say_text(s, place_text(c, p.place))
        say_quantities(
            s, p.on_hand, p.reserved, p.allocated,
            p.damaged + p.quality_control + p.safety_stock, available_of(p),
        )
        say_word(s, "}")
        at = p.next
    say_word(s, "]}")
