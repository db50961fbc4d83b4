# Recognises the JSON bodies of hot calls in their plain form, in one pass and without a copy: known
# fields, each once, strings without escapes, whole numbers. Whatever else stands there makes the
# scan `odd`, which says nothing about it: the body is then read by msgspec, which knows the fault.

cdef enum:                    # a field is a number, and a bit of what was seen
    ORDER_ID
    CHANNEL
    RESERVATION_ID
    CURRENCY
    PAYMENT
    CUSTOMER
    NOTE
    WHEN_SHORT
    TTL_S
    LINES
    SHIP_TO
    FIELDS
    # of an address, in the order of `commands.Address`
    A_NAME = 0
    A_COMPANY
    A_LINE1
    A_LINE2
    A_CITY
    A_REGION
    A_POSTCODE
    A_COUNTRY
    A_PHONE
    A_EMAIL
    A_FIELDS
    # of a line
    L_SKU = 0
    L_QUANTITY
    L_LINE_ID
    L_UNIT_PRICE
    L_LOCATION


cdef struct Scan:
    const uint8_t* at
    const uint8_t* end
    bint odd


cdef struct Wanted:           # one line as asked
    Text sku
    Text name
    Text place                # data NULL: anywhere
    uint32_t quantity
    int64_t price             # -1: none


cdef struct Body:             # what a body says; a text's data is NULL where it says nothing
    Text texts[7]             # ORDER_ID … NOTE
    Text address[10]
    uint32_t seen             # bits by field
    uint32_t address_seen
    uint32_t ttl_s
    uint8_t when_short
    uint8_t priced            # whether a line may have a price and an id
    Rows lines                # of Wanted


cdef inline void blanks(Scan* s) noexcept nogil:
    while s.at < s.end and (
        s.at[0] == c' ' or s.at[0] == c'\n' or s.at[0] == c'\r' or s.at[0] == c'\t'
    ):
        s.at += 1


cdef inline bint follows(Scan* s, uint8_t byte) noexcept nogil:
    """Pass over `byte`, and blanks before it, if it is next."""
    blanks(s)
    if s.at < s.end and s.at[0] == byte:
        s.at += 1
        return True
    return False


cdef inline void need(Scan* s, uint8_t byte) noexcept nogil:
    if not follows(s, byte):
        s.odd = True


cdef Text scan_text(Scan* s, uint32_t least, uint32_t most) noexcept nogil:
    """Read a string of `least` to `most` bytes, so of no more characters."""
    cdef Text text
    cdef uint8_t high = 0, byte
    need(s, c'"')
    text.data, text.size = s.at, 0
    if s.odd:
        return text
    while s.at < s.end:
        byte = s.at[0]
        if byte == c'"':
            break
        if byte < 0x20 or byte == c'\\' or byte == 0x7F:
            s.odd = True
            return text
        high |= byte
        s.at += 1
    if s.at == s.end or s.at - text.data > most or s.at - text.data < least:
        s.odd = True
        return text
    text.size = <uint32_t> (s.at - text.data)
    s.at += 1
    if high & 0x80 and not is_utf8(text):
        s.odd = True
    return text


cdef int64_t scan_number(Scan* s, int64_t least, int64_t most) noexcept nogil:
    cdef int64_t value = 0
    cdef const uint8_t* start
    blanks(s)
    start = s.at
    while s.at < s.end and c'0' <= s.at[0] <= c'9' and s.at - start < 18:
        value = value * 10 + (s.at[0] - c'0')
        s.at += 1
    if s.at == start or (start[0] == c'0' and s.at - start > 1) or not least <= value <= most:
        s.odd = True
    elif s.at < s.end and (s.at[0] == c'.' or s.at[0] == c'e' or s.at[0] == c'E'):
        s.odd = True
    return value


cdef inline bint says(Text text, const char* word, uint32_t size) noexcept nogil:
    return text.size == size and memcmp(text.data, word, size) == 0


cdef bint is_capitals(Text text, uint32_t size) noexcept nogil:
    cdef uint32_t i
    if text.size != size:
        return False
    for i in range(size):
        if not c'A' <= text.data[i] <= c'Z':
            return False
    return True


cdef int field_of(Text key) noexcept nogil:
    if says(key, "order_id", 8):
        return ORDER_ID
    if says(key, "channel", 7):
        return CHANNEL
    if says(key, "lines", 5):
        return LINES
    if says(key, "reservation_id", 14):
        return RESERVATION_ID
    if says(key, "ttl_s", 5):
        return TTL_S
    if says(key, "currency", 8):
        return CURRENCY
    if says(key, "payment", 7):
        return PAYMENT
    if says(key, "customer", 8):
        return CUSTOMER
    if says(key, "note", 4):
        return NOTE
    if says(key, "when_short", 10):
        return WHEN_SHORT
    return SHIP_TO if says(key, "ship_to", 7) else FIELDS


cdef int address_field_of(Text key) noexcept nogil:
    if says(key, "name", 4):
        return A_NAME
    if says(key, "company", 7):
        return A_COMPANY
    if says(key, "line1", 5):
        return A_LINE1
    if says(key, "line2", 5):
        return A_LINE2
    if says(key, "city", 4):
        return A_CITY
    if says(key, "region", 6):
        return A_REGION
    if says(key, "postcode", 8):
        return A_POSTCODE
    if says(key, "country", 7):
        return A_COUNTRY
    if says(key, "phone", 5):
        return A_PHONE
    return A_EMAIL if says(key, "email", 5) else A_FIELDS


cdef void scan_address(Scan* s, Body* body) noexcept nogil:
    cdef int field
    need(s, c'{')
    while not s.odd:
        field = address_field_of(scan_text(s, 1, KEY_BYTES_MAX))
        need(s, c':')
        if s.odd or field == A_FIELDS or body.address_seen >> field & 1:
            s.odd = True
            return
        body.address_seen |= 1 << field
        body.address[field] = scan_text(s, 0, TEXT_BYTES_MAX)
        if field == A_COUNTRY and not is_capitals(body.address[field], 2):
            s.odd = True
        if not follows(s, c','):
            break
    need(s, c'}')


cdef void scan_line(Scan* s, Wanted* line) noexcept nogil:
    cdef int field
    cdef uint32_t seen = 0
    cdef Text key
    memset(line, 0, sizeof(Wanted))
    line.price = -1
    need(s, c'{')
    while not s.odd:
        key = scan_text(s, 1, KEY_BYTES_MAX)
        need(s, c':')
        if s.odd:
            return
        if says(key, "sku", 3):
            field = L_SKU
            line.sku = scan_text(s, 1, ID_BYTES_MAX)
        elif says(key, "quantity", 8):
            field = L_QUANTITY
            line.quantity = <uint32_t> scan_number(s, 1, QUANTITY_MOST)
        elif says(key, "unit_price", 10):
            field = L_UNIT_PRICE
            line.price = scan_number(s, 0, PRICE_MOST)
        elif says(key, "line_id", 7):
            field = L_LINE_ID
            line.name = scan_text(s, 1, ID_BYTES_MAX)
        elif says(key, "location", 8):
            field = L_LOCATION
            line.place = scan_text(s, 1, ID_BYTES_MAX)
        else:
            s.odd = True
            return
        if seen >> field & 1:
            s.odd = True
        seen |= 1 << field
        if not follows(s, c','):
            break
    need(s, c'}')
    if seen & 3 != 3:
        s.odd = True


cdef int scan_lines(Scan* s, Body* body) noexcept nogil:
    """Read the lines; MEMORY if there is no room for them."""
    cdef Wanted* line
    body.lines.count = 0
    need(s, c'[')
    while not s.odd:
        if body.lines.count == LINES_MOST:
            s.odd = True
            return DONE
        if room_for(&body.lines, body.lines.count + 1, sizeof(Wanted)) != DONE:
            return MEMORY
        line = &(<Wanted*> body.lines.data)[body.lines.count]
        body.lines.count += 1
        scan_line(s, line)
        if not body.priced and (line.price >= 0 or line.name.data is not NULL):
            s.odd = True
        if not follows(s, c','):
            break
    need(s, c']')
    return DONE


cdef void scan_short(Scan* s, Body* body) noexcept nogil:
    cdef Text text = scan_text(s, 1, KEY_BYTES_MAX)
    if says(text, "refuse", 6):
        body.when_short = 0
    elif says(text, "backorder", 9):
        body.when_short = 1
    elif says(text, "split", 5):
        body.when_short = 2
    elif says(text, "complete", 8):
        body.when_short = 3
    else:
        s.odd = True


cdef int scan_field(Scan* s, Body* body, int field) noexcept nogil:
    cdef Text* text = &body.texts[field if field < 7 else 0]
    if field == LINES:
        return scan_lines(s, body)
    if field == SHIP_TO:
        scan_address(s, body)
    elif field == WHEN_SHORT:
        scan_short(s, body)
    elif field == TTL_S:
        body.ttl_s = <uint32_t> scan_number(s, TTL_LEAST, TTL_MOST)
    elif field == CUSTOMER or field == NOTE:
        text[0] = scan_text(s, 0, TEXT_BYTES_MAX)
    else:
        text[0] = scan_text(s, 1, ID_BYTES_MAX)
        if field == CURRENCY and not is_capitals(text[0], 3):
            s.odd = True
        if field == PAYMENT and not (
            says(text[0], "paid", 4) or says(text[0], "pending", 7)
            or says(text[0], "authorized", 10)
        ):
            s.odd = True
    return DONE


cdef int scan_body(Scan* s, Body* body, uint32_t allowed, uint32_t needed) noexcept nogil:
    """Read one object with only `allowed` fields and all `needed` ones (bits by field).

    DONE, also where the scan is odd; MEMORY if there is no room for its lines.
    """
    cdef int field
    memset(body.texts, 0, sizeof(body.texts))
    memset(body.address, 0, sizeof(body.address))
    body.seen = body.address_seen = body.ttl_s = body.when_short = 0
    body.lines.count = 0
    need(s, c'{')
    if not needed and follows(s, c'}'):
        return DONE
    while not s.odd:
        field = field_of(scan_text(s, 1, KEY_BYTES_MAX))
        need(s, c':')
        if s.odd or not allowed >> field & 1 or body.seen >> field & 1:
            s.odd = True
            return DONE
        body.seen |= 1 << field
        if scan_field(s, body, field) != DONE:
            return MEMORY
        if not follows(s, c','):
            break
    need(s, c'}')
    if body.seen & needed != needed:
        s.odd = True
    return DONE
