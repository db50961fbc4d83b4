# An order that stands otherwise (core/restating.py): its record becomes one that was placed so, and
# the one that made it follows in the same memory, for the answer to its repetition.

cdef inline const uint8_t* first_record(Order* o) noexcept nogil:
    """The record that made an order, however it stands now."""
    return o.record + load32(o.record) if o.restated else o.record


cdef inline uint64_t before_lines(const uint8_t* record) noexcept nogil:
    """Bytes of an order's record before the count of its lines."""
    cdef Cursor at
    cdef Head head
    read_head(&at, record, &head)
    return <uint64_t> (at.at - record) - 2


cdef Text lines_of(const uint8_t* record, Text* document, Text* rest) noexcept nogil:
    """The bytes of an order's lines with their count, its document, and what follows it: its
    receipt with its size, if it has one."""
    cdef Cursor at
    cdef Head head
    cdef Line line
    cdef Text lines
    cdef uint32_t i
    read_head(&at, record, &head)
    lines.data = at.at - 2
    for i in range(head.lines):
        read_line(&at, &line)
    lines.size = <uint32_t> (at.at - lines.data)
    document[0] = get_blob(&at)
    rest.data, rest.size = at.at, <uint32_t> (at.end - at.at)
    return lines


cdef uint8_t* with_first(const uint8_t* record, const uint8_t* first) noexcept nogil:
    """A copy of `record` with `first` behind it. NULL: no memory."""
    cdef uint64_t size = load32(record)
    cdef uint8_t* copy = <uint8_t*> malloc(size + load32(first))
    if copy is not NULL:
        memcpy(copy, record, load32(record))
        memcpy(copy + size, first, load32(first))
    return copy


cdef uint8_t* restated_record(Order* o, Text lines, Text document, Text receipt) noexcept nogil:
    """The order's record with other lines, another document, or another receipt with its size,
    where they have data."""
    cdef Text old_document, rest
    cdef Text old_lines = lines_of(o.record, &old_document, &rest)
    cdef const uint8_t* first = first_record(o)
    cdef uint64_t head = before_lines(o.record)
    cdef uint64_t size
    cdef uint8_t* made
    cdef uint8_t* p
    if lines.data is NULL:
        lines = old_lines
    if document.size == 0:
        document = old_document
    if receipt.size:
        rest = receipt
    size = head + lines.size + 4 + document.size + rest.size
    made = <uint8_t*> malloc(size + load32(first))
    if made is NULL:
        return NULL
    memcpy(made, o.record, head)
    if receipt.size:
        put16(made + head - 2, POLICY_COSTS)
    put32(made, <uint32_t> size)
    p = put_bytes(made + head, lines.data, lines.size)
    p = put_bytes(put32(p, document.size), document.data, document.size)
    p = put_bytes(p, rest.data, rest.size)
    memcpy(p, first, load32(first))
    return made


cdef int give_back(Core* c, Order* o) noexcept nogil:
    """All that an order holds is available again; `given` says what was allocated before."""
    cdef Given* given
    cdef Cursor at
    cdef Head head
    cdef Line line
    cdef Take take
    cdef const uint32_t* left = o.left
    cdef uint32_t i, j, units
    c.given.count = 0
    read_head(&at, o.record, &head)
    for i in range(head.lines):
        read_line(&at, &line)
        for j in range(line.count):
            take = take_of(&line, j)
            units = take.quantity if left is NULL else left[LEFT_HEAD + j]
            if units == 0:
                continue
            if position_at(c, take.position).allocated < units:
                return misfit(c, "a bucket would hold what it cannot")
            if room_for(&c.given, c.given.count + 1, sizeof(Given)) != DONE:
                return MEMORY
            given = &(<Given*> c.given.data)[c.given.count]
            given.position, given.allocated = take.position, position_at(c, take.position).allocated
            c.given.count += 1
            position_at(c, take.position).allocated -= units
            if draw(c, o.seq, take.position, -<int64_t> units) != DONE:
                return MEMORY
            if touch(c, take.position, ORDER_CHANGED) != DONE:
                return MEMORY
        if left is not NULL:
            left += LEFT_HEAD + line.count
    return DONE


cdef int rise_given(Core* c) noexcept nogil:
    """Positions of which less is allocated than before have given units back."""
    cdef Given* given
    cdef uint64_t i
    for i in range(c.given.count):
        given = &(<Given*> c.given.data)[i]
        if position_at(c, given.position).allocated < given.allocated:
            if rise(c, given.position, ORDER_CHANGED) != DONE:
                return MEMORY
    return DONE


cdef bint holds_same(Order* o, const uint8_t* made) noexcept nogil:
    """Whether the lines of the record `made` take just what the order's lines hold."""
    cdef Cursor at, other
    cdef Head head, made_head
    cdef Line line, made_line
    cdef Take take, made_take
    cdef const uint32_t* left = o.left
    cdef uint32_t i, j, k, units
    read_head(&at, o.record, &head)
    read_head(&other, made, &made_head)
    if head.lines != made_head.lines:
        return False
    for i in range(head.lines):
        read_line(&at, &line)
        read_line(&other, &made_line)
        k = 0
        for j in range(line.count):
            take = take_of(&line, j)
            units = take.quantity if left is NULL else left[LEFT_HEAD + j]
            if units == 0:
                continue
            if k == made_line.count:
                return False
            made_take = take_of(&made_line, k)
            if made_take.position != take.position or made_take.quantity != units:
                return False
            k += 1
        if k != made_line.count:
            return False
        if left is not NULL:
            left += LEFT_HEAD + line.count
    return True


cdef int check_promised(Core* c, const uint8_t* record) noexcept nogil:
    """MISFIT if a position of the record's takes has promised more than it may (P1)."""
    cdef Cursor at
    cdef Head head
    cdef Line line
    cdef Position* p
    cdef uint32_t i, j
    read_head(&at, record, &head)
    for i in range(head.lines):
        read_line(&at, &line)
        for j in range(line.count):
            p = position_at(c, take_of(&line, j).position)
            if available_of(p) < 0 and not sku_at(c, p.sku).backorderable:
                return misfit(c, "a position would be oversold")
    return DONE


cdef int check_standing(Core* c, Cursor* at, const uint8_t* gone, uint32_t count) noexcept nogil:
    """MISFIT unless the lines add up with what was cancelled and has left of them, in `gone`."""
    cdef Line line
    cdef uint64_t done
    cdef uint32_t i
    if count == 0:
        return misfit(c, "an order would have no lines")
    for i in range(count):
        read_line(at, &line)
        done = line.backordered + <uint64_t> load32(gone + 8 * i) + load32(gone + 8 * i + 4)
        if done > line.quantity:
            return misfit(c, "more is done with a line than was asked for")
        if (done < line.quantity) != (line.count > 0):
            return misfit(c, "a line holds units that nobody wants, or none")
    return DONE


cdef bint holds_units(Core* c, Order* o) noexcept nogil:
    """Whether an order holds units. There is room for its lines, see `index_lines`."""
    cdef uint64_t* marks = <uint64_t*> c.plan.marks.data
    cdef uint64_t i
    cdef uint32_t j
    for i in range(c.plan.lines.count):
        for j in range((<Line*> c.plan.lines.data)[i].count):
            if o.left is NULL or o.left[marks[i] + LEFT_HEAD + j]:
                return True
    return False


cdef int set_standing(Core* c, Order* o, const uint8_t* gone) noexcept nogil:
    """Give an order whose lines are indexed the figures of its new lines."""
    cdef uint64_t* marks = <uint64_t*> c.plan.marks.data
    cdef uint64_t i
    cdef bint differs = False
    free(o.left)
    o.left = NULL
    for i in range(c.plan.lines.count):
        differs = differs or load32(gone + 8 * i) or load32(gone + 8 * i + 4)
    if not differs:
        return DONE
    if own_left(c, o) != DONE:
        return MEMORY
    for i in range(c.plan.lines.count):
        o.left[marks[i] + 1] = load32(gone + 8 * i)
        o.left[marks[i] + 2] = load32(gone + 8 * i + 4)
    return DONE


cdef int restate(
    Core* c, Order* o, Text lines, Text document, const uint8_t* gone
) noexcept nogil:
    """Let an order stand with other lines, or another document."""
    cdef Text none
    cdef uint8_t* made
    cdef int result = DONE
    none.data, none.size = NULL, 0
    made = restated_record(o, lines, document, none)
    if made is NULL:
        return MEMORY
    if lines.data is not NULL:
        if not holds_same(o, made):
            result = give_back(c, o)
            if result == DONE:
                result = move_takes(c, made, False, 1, ORDER_CHANGED)
            if result == DONE:
                result = draw_lines(c, made, o.seq, 1)
            if result == DONE:
                result = check_promised(c, made)
            if result == DONE:
                result = rise_given(c)
        if result == DONE:
            result = index_lines(c, made)
    if result != DONE:
        free(made)
        return result
    free(o.record)
    o.record, o.restated = made, 1
    return DONE if lines.data is NULL else set_standing(c, o, gone)


cdef int set_receipt(Order* o, bytes receipt) except -1:
    """Let an order stand as one that a policy has routed, by this receipt."""
    cdef bytes sized = len(receipt).to_bytes(4, "little") + receipt
    cdef Text none, text
    cdef uint8_t* made
    none.data, none.size = NULL, 0
    bytes_in(sized, &text)
    made = restated_record(o, none, none, text)
    if made is NULL:
        raise MemoryError("no memory for an order's record")
    free(o.record)
    o.record, o.restated = made, 1
    return 0


cdef int change_event(Core* c, const uint8_t* record) noexcept nogil:
    """An order stands otherwise. Its note is left to the Python side."""
    cdef Cursor at, start
    cdef Text lines, document
    cdef uint64_t seq
    cdef uint8_t status, flags
    cdef uint32_t count = 0, row
    cdef const uint8_t* gone = NULL
    cdef Order* o
    cdef int result = DONE
    open_record(&at, record)
    checked_cause(&at)
    seq, status, flags = get64(&at), get8(&at), get8(&at)
    lines.data, lines.size = NULL, 0
    if flags == 1:
        lines.data, count, start = at.at, get16(&at), at
        result = check_lines(c, &at, count)
        if result != DONE:
            return result
        lines.size = <uint32_t> (at.at - lines.data)
        gone = skip(&at, 8 * <uint64_t> count)
    document = get_blob(&at)
    get_blob(&at)
    if at.bad or at.at != at.end or flags > 1 or status < ALLOCATED or status > EXCEPTION:
        return misfit(c, "a change of an order is damaged")
    row = find_seq(c, ORDER_SEQS, seq)
    if row == NONE:
        return misfit(c, "an order does not exist")
    o = order_at(c, row)
    if o.closed_us and (flags or document.size or not is_closed(status)):
        return misfit(c, "a closed order is opened or restated")
    if flags:
        result = check_standing(c, &start, gone, count)
    if result == DONE and (flags or document.size):
        result = restate(c, o, lines, document, gone)
    if result == DONE and is_closed(status):
        result = index_lines(c, o.record)
        if result == DONE and holds_units(c, o):
            return misfit(c, "a closed order holds units")
    return change_order(c, row, status, ORDER_CHANGED) if result == DONE else result
