# Receipts of routing decisions, packed as core/routing/slip.py says: read, and counted.

cdef enum:
    VARINT_BYTES_MAX = 9
    PARTS = 8                  # of a leg's cost

cdef uint64_t SLIP_REASONS = len(slip.REASONS)
cdef uint64_t SLIP_DAYS_MAX = costs.DAYS_MAX
cdef uint64_t SLIP_TRANSIT_DAYS_MAX = costs.TRANSIT_DAYS_MAX


cdef inline uint64_t get_varint(Cursor* c) noexcept nogil:
    """Read a number; most of them are one byte."""
    if c.at < c.end and c.at[0] < 0x80:
        c.at += 1
        return (c.at - 1)[0]
    return get_long(c)


cdef uint64_t get_long(Cursor* c) noexcept nogil:
    cdef uint64_t value = 0
    cdef uint8_t byte
    cdef int i
    for i in range(VARINT_BYTES_MAX):
        byte = get8(c)
        value |= <uint64_t> (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            return value
    c.bad = True
    return 0


cdef uint64_t get_many(Cursor* c, uint64_t each) noexcept nogil:
    """Read a count of rows of `each` varints; more than can follow are bad."""
    cdef uint64_t count = get_varint(c)
    if count > <uint64_t> (c.end - c.at) // each:
        c.bad = True
    return 0 if c.bad else count


cdef struct Chosen:           # where a receipt says what was chosen; NULL if there is none
    Cursor legs
    uint64_t demands


cdef bint check_slip(Core* c, Text receipt, uint64_t policies, Chosen* chosen) noexcept nogil:
    """Say whether a receipt is whole, and all that it names is there."""
    cdef Cursor at
    cdef Text name
    cdef uint64_t i, demands
    at.at, at.end, at.bad = receipt.data, receipt.data + receipt.size, False
    if receipt.size == 0 or get_varint(&at) >= policies:
        return False
    get_varint(&at)
    get_varint(&at)
    i = get_many(&at, 1)
    name.size = <uint32_t> i
    name.data = skip(&at, i)
    if name.data is NULL or not is_utf8(name):
        return False
    demands = get_many(&at, 2)
    for i in range(demands):
        if get_varint(&at) >= c.skus.count:
            return False
        get_varint(&at)
    get_varint(&at)
    for i in range(get_many(&at, 2)):
        if get_varint(&at) >= SLIP_REASONS:
            return False
        get_varint(&at)
    for i in range(get_many(&at, 2)):
        if get_varint(&at) >= c.places.count or get_varint(&at) >= SLIP_REASONS:
            return False
    for i in range(3):
        get_varint(&at)
    chosen.legs, chosen.demands = at, demands
    if not check_legs(c, &at, demands):
        return False
    get_varint(&at)
    return check_legs(c, &at, demands) and at.at == at.end and not at.bad


cdef bint check_legs(Core* c, Cursor* at, uint64_t demands) noexcept nogil:
    cdef uint64_t i, j
    for i in range(get_many(at, 6 + demands + PARTS)):
        if get_varint(at) >= c.places.count:
            return False
        get_varint(at)
        if get_varint(at) > SLIP_DAYS_MAX or get_varint(at) > SLIP_TRANSIT_DAYS_MAX:
            return False
        for j in range(demands + 2 + PARTS):
            get_varint(at)
    return not at.bad


cdef Chosen chosen_of(const uint8_t* record) noexcept nogil:
    """What was chosen by the receipt of an order's record that was checked."""
    cdef Cursor at
    cdef Chosen chosen
    cdef Text receipt = receipt_of(record)
    cdef uint64_t i, j
    chosen.legs.at = NULL
    if receipt.size == 0:
        return chosen
    at.at, at.end, at.bad = receipt.data, receipt.data + receipt.size, False
    for i in range(3):
        get_varint(&at)
    skip(&at, get_varint(&at))
    chosen.demands = get_varint(&at)
    for i in range(2 * chosen.demands + 1):
        get_varint(&at)
    for j in range(2):
        for i in range(2 * get_varint(&at)):
            get_varint(&at)
    for i in range(3):
        get_varint(&at)
    chosen.legs = at
    return chosen


cdef void count_load(Core* c, Chosen* chosen, int sign) noexcept nogil:
    """Count an order at the locations that its receipt chose, or no more; see `sends.count`."""
    cdef Cursor at = chosen.legs
    cdef uint64_t i, j, day
    cdef Place* place
    if at.at is NULL:
        return
    for i in range(get_varint(&at)):
        place = place_at(c, get_varint(&at))
        get_varint(&at)
        day = get_varint(&at)
        if day > place.load_day and sign > 0:
            place.load_day, place.load_used = <uint32_t> day, 1
        elif day == place.load_day and <int64_t> place.load_used + sign >= 0:
            if day:
                place.load_used += sign
        for j in range(1 + chosen.demands + 2 + PARTS):
            get_varint(&at)


cdef bint counts_at(const uint8_t* record, uint64_t place, uint64_t day) noexcept nogil:
    """Whether an order counts at a location on a day."""
    cdef Chosen chosen = chosen_of(record)
    cdef Cursor at = chosen.legs
    cdef uint64_t i, j, where, when
    if at.at is NULL:
        return False
    for i in range(get_varint(&at)):
        where = get_varint(&at)
        get_varint(&at)
        when = get_varint(&at)
        if where == place and when == day:
            return True
        for j in range(1 + chosen.demands + 2 + PARTS):
            get_varint(&at)
    return False


cdef Text receipt_of(const uint8_t* record) noexcept nogil:
    """The packed receipt in an order's record that was checked, empty if it has none."""
    cdef Text document, receipt
    receipt.data, receipt.size = NULL, 0
    if policy_of(record) == POLICY_COSTS:
        lines_of(record, &document, &receipt)
        receipt.data += 4
        receipt.size -= 4
    return receipt


cdef inline uint16_t policy_of(const uint8_t* record) noexcept nogil:
    """Who chose an order's locations."""
    cdef Cursor at
    cdef Head head
    read_head(&at, record, &head)
    return head.policy
