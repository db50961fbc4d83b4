# Orders as the shared rules read them (`state.Order`), made when they are asked for: most rules look
# at little of an order, and one may have thousands of lines.

cdef enum:
    GONE_BYTES = 8                 # behind each line of a change: cancelled, shipped
    LINES_SEARCHED_MAX = 32        # then a dict is made of all lines

cdef tuple _NOTHING = (0, ())
cdef object _Row = rows.Row
cdef object _Line = events.Line
cdef object _Take = events.Take
cdef object _Cause = events.Cause
cdef object _Placed = events.OrderPlaced
cdef object _Changed = events.OrderChanged


cdef object line_struct(Line* line):
    cdef Take take
    cdef uint32_t i
    cdef list takes = []
    for i in range(line.count):
        take = take_of(line, i)
        takes.append(_Take(take.position, take.quantity))
    name = string_of(line.name) if line.name.size else ""
    return _Line(line.sku, line.quantity, tuple(takes), line.backordered, line.price, name)


cdef object cause_struct(Cause* cause):
    return _Cause(cause.fingerprint, string_of(cause.actor), string_of(cause.key))


cdef object placed_struct(const uint8_t* record):
    """The event in an order's record, which was checked when it came."""
    cdef Cursor at
    cdef Head head
    cdef Line line
    cdef uint32_t i
    cdef list lines = []
    read_head(&at, record, &head)
    for i in range(head.lines):
        read_line(&at, &line)
        lines.append(line_struct(&line))
    document = bytes_of(get_blob(&at))
    receipt = bytes_of(get_blob(&at)) if head.policy == POLICY_COSTS else b""
    return _Placed(
        cause_struct(&head.cause), string_of(head.first), string_of(head.second),
        OrderStatus(head.status), head.reservation, head.policy, tuple(lines), document, receipt,
    )


@cython.final
cdef class _EventView:
    """The event of an order as if it had been placed so; what it says beside its lines is read
    without them."""
    cdef _OrderView order

    @property
    def document(self):
        cdef Text document, rest
        if self.order.document is None:
            lines_of(self.order.there().record, &document, &rest)
            self.order.document = bytes_of(document)
        return self.order.document

    @property
    def cause(self):
        cdef Cursor at
        cdef Head head
        read_head(&at, self.order.there().record, &head)
        return cause_struct(&head.cause)

    @property
    def channel(self):
        cdef Head head
        read_names(self.order.there().record, &head)
        return string_of(head.first)

    @property
    def order_id(self):
        cdef Head head
        read_names(self.order.there().record, &head)
        return string_of(head.second)

    @property
    def receipt(self):
        return bytes_of(receipt_of(self.order.there().record))

    def __getattr__(self, name):
        if self.order.whole is None:
            self.order.whole = placed_struct(self.order.there().record)
        return getattr(self.order.whole, name)


@cython.final
cdef class _OrderView:
    """As `state.Order`: how the order stands now, its lines when they are asked for."""
    cdef Ledger ledger
    cdef uint32_t row
    cdef uint64_t number
    cdef list figures
    cdef object whole, document
    cdef readonly object changed_seq, status, closed_us, placed_us, trail_over

    cdef Order* there(self) except NULL:
        cdef Order* o = order_at(&self.ledger.core, self.row)
        require(o.seq == self.number, "an order is read that was forgotten")
        return o

    cdef list left(self):
        """Takes, backordered, cancelled and shipped, by line."""
        cdef Order* o
        cdef Cursor at
        cdef Head head
        cdef Line line
        cdef const uint32_t* left
        cdef uint32_t i, j
        if self.figures is not None:
            return self.figures
        o = self.there()
        left = o.left
        takes, late, cut, gone = [], [], [], []
        read_head(&at, o.record, &head)
        for i in range(head.lines):
            read_line(&at, &line)
            takes.append([
                take_of(&line, j).quantity if left is NULL else left[LEFT_HEAD + j]
                for j in range(line.count)
            ])
            late.append(line.backordered if left is NULL else left[0])
            cut.append(0 if left is NULL else left[1])
            gone.append(0 if left is NULL else left[2])
            if left is not NULL:
                left += LEFT_HEAD + line.count
        self.figures = [takes, late, cut, gone]
        return self.figures

    @property
    def event(self):
        cdef _EventView event
        if self.whole is not None:
            return self.whole
        event = _EventView.__new__(_EventView)
        event.order = self
        return event

    @property
    def seq(self):
        return self.number

    @property
    def takes(self):
        return self.left()[0]

    @property
    def backordered(self):
        return self.left()[1]

    @property
    def cancelled(self):
        return self.left()[2]

    @property
    def shipped(self):
        return self.left()[3]

    @property
    def trail(self):
        cdef Order* o = self.there()
        if o.trail is NULL:
            return b""
        return PyBytes_FromStringAndSize(<char*> o.trail + 4, load32(o.trail))

    @property
    def placed(self):
        cdef Order* o = self.there()
        return placed_struct(first_record(o)) if o.restated else None

    def rows(self):
        """See `decide.rows.rewritten`."""
        return new_rows(self)

    def held_units(self):
        """See `decide.reallotment`."""
        cdef _LazyRows rows = new_rows(self)
        cdef const uint32_t* left
        cdef Take take
        cdef uint64_t i
        cdef uint32_t j, units
        cdef dict held = {}
        for i in range(rows.count):
            left = rows.left(i)
            for j in range(rows.lines[i].count):
                take = take_of(&rows.lines[i], j)
                units = take.quantity if left is NULL else left[LEFT_HEAD + j]
                if units:
                    held[take.position] = held.get(take.position, 0) + units
        return held

    def open_units(self):
        """See `decide.reallotment`."""
        cdef _LazyRows rows = new_rows(self)
        cdef uint64_t i
        return [rows.wanted(i) for i in range(rows.count)]

    def standing(self, dict granted):
        """See `decide.reallotment`."""
        cdef _LazyRows rows = new_rows(self)
        cdef Buffer lines, gone
        memset(&lines, 0, sizeof(Buffer))
        memset(&gone, 0, sizeof(Buffer))
        try:
            return rows.write_granted(&lines, &gone, granted)
        finally:
            free(lines.data)
            free(gone.data)


cdef _OrderView order_struct(Ledger self, uint32_t row):
    """An order as the shared rules read it."""
    cdef Order* o = order_at(&self.core, row)
    cdef _OrderView found = _OrderView.__new__(_OrderView)
    found.ledger, found.row, found.number = self, row, o.seq
    found.changed_seq, found.status = o.changed_seq, OrderStatus(o.status)
    found.closed_us, found.placed_us, found.trail_over = o.closed_us, o.placed_us, bool(o.trail_over)
    return found


@cython.final
cdef class _Standing:
    """All lines of an order as `OrderChanged` has them, packed, and what they add up to: see
    `decide.rows.Rows.totals`."""
    cdef readonly bytes packed
    cdef readonly tuple totals

    def __eq__(self, other):
        return isinstance(other, _Standing) and self.packed == (<_Standing> other).packed


cdef bytes pack_event(event):
    """An event's record. A change's lines may be packed already."""
    if type(event) is _Changed and type(event.lines) is _Standing:
        return pack_change(event)
    return encode_event(event)


cdef bytes pack_change(event):
    cdef bytes plain = encode_event(msgspec.structs.replace(event, lines=None))
    cdef bytes packed = (<_Standing> event.lines).packed
    cdef Cursor at
    cdef uint64_t where
    open_record(&at, <const uint8_t*> PyBytes_AS_STRING(plain))
    checked_cause(&at)
    skip(&at, 10)  # order, status, flags
    where = <uint64_t> (at.at - <const uint8_t*> PyBytes_AS_STRING(plain))
    size = (len(plain) + len(packed)).to_bytes(4, "little")
    return b"".join((size, plain[4:where - 1], b"\1", packed, plain[where:]))


@cython.final
cdef class _LazyRows:
    """As `decide.rows.Rows`: a row is made when it is looked at, the others stay as they are. It is
    of no more use once an event was applied."""
    cdef Ledger ledger
    cdef uint64_t at_seq, count
    cdef uint32_t row
    cdef Line* lines
    cdef uint64_t* marks
    cdef uint8_t* seen             # whether a row was made
    cdef dict made
    cdef list added

    def __dealloc__(self):
        free(self.lines)
        free(self.seen)
        free(self.marks)

    cdef const uint32_t* left(self, uint64_t i) except? NULL:
        cdef Order* o = order_at(&self.ledger.core, self.row)
        require(self.at_seq == self.ledger.core.seq, "lines are read behind an event")
        return NULL if o.left is NULL else o.left + self.marks[i]

    def __len__(self):
        return self.count + len(self.added)

    def __getitem__(self, uint64_t number):
        cdef const uint32_t* left
        cdef Line* line
        cdef Take take
        cdef uint32_t j, units
        if number >= self.count:
            return self.added[<int64_t> (number - self.count)]
        if self.seen[number]:
            return self.made[number]
        left, line = self.left(number), &self.lines[number]
        takes = {}
        for j in range(line.count):
            take = take_of(line, j)
            units = take.quantity if left is NULL else left[LEFT_HEAD + j]
            if units:
                takes[take.position] = takes.get(take.position, 0) + units
        found = self.made[number] = _Row(
            line.sku, line.quantity, takes, line.backordered if left is NULL else left[0],
            line.price, string_of(line.name) if line.name.size else "",
            0 if left is NULL else left[1], 0 if left is NULL else left[2],
        )
        self.seen[number] = 1
        return found

    @property
    def ids(self):
        return numbers_by(self, True)

    @property
    def skus(self):
        return numbers_by(self, False)

    def __iter__(self):
        return iter([self[i] for i in range(len(self))])

    def append(self, row):
        self.added.append(row)

    def looked_at(self):
        """See `decide.rows.Rows`."""
        first = self.count
        return sorted(self.made.items()) + [(first + i, row) for i, row in enumerate(self.added)]

    def waiting(self):
        """See `decide.rows.Rows`."""
        cdef const uint32_t* left
        cdef uint64_t i
        cdef uint32_t late
        found = [(row.sku, row.backordered) for _, row in self.looked_at()]
        for i in range(self.count):
            left = self.left(i)
            late = self.lines[i].backordered if left is NULL else left[0]
            if late and not self.seen[i]:
                found.append((self.lines[i].sku, late))
        return found

    def totals(self):
        """See `decide.rows.Rows`."""
        cdef const uint32_t* left
        cdef uint64_t i
        cdef int64_t wanted = 0, late = 0, gone = 0
        for i in range(self.count):
            left = self.left(i)
            wanted += self.lines[i].quantity
            late += self.lines[i].backordered if left is NULL else left[0]
            if left is not NULL:
                wanted -= <int64_t> left[1] + left[2]
                gone += left[2]
        for number, row in self.looked_at():
            wanted += row.quantity - row.cancelled - row.shipped
            late += row.backordered
            gone += row.shipped
            if number < self.count:
                left, i = self.left(number), number
                wanted -= self.lines[i].quantity
                late -= self.lines[i].backordered if left is NULL else left[0]
                if left is not NULL:
                    wanted += <int64_t> left[1] + left[2]
                    gone -= left[2]
        return wanted, late, gone

    def standing(self):
        """See `decide.rows.Rows`."""
        cdef Buffer lines, gone
        memset(&lines, 0, sizeof(Buffer))
        memset(&gone, 0, sizeof(Buffer))
        try:
            self.write(&lines, &gone)
            return packed_lines(&lines, &gone, self.totals())
        finally:
            free(lines.data)
            free(gone.data)

    cdef int write(self, Buffer* lines, Buffer* gone) except -1:
        cdef uint64_t i
        room_in(lines, 2)
        put16(lines.data, <uint16_t> len(self))
        lines.size = 2
        for i in range(self.count):
            if self.seen[i]:
                self.write_row(lines, gone, self.made[i])
            else:
                self.write_line(lines, gone, i)
        for row in self.added:
            self.write_row(lines, gone, row)
        return 0

    cdef int write_row(self, Buffer* lines, Buffer* gone, row) except -1:
        cdef bytes packed = pack_line(rows.line_of(row))
        room_in(lines, <uint64_t> len(packed))
        memcpy(lines.data + lines.size, PyBytes_AS_STRING(packed), <uint64_t> len(packed))
        lines.size += <uint64_t> len(packed)
        return put_gone(gone, row.cancelled, row.shipped)

    cdef int write_line(self, Buffer* lines, Buffer* gone, uint64_t i) except -1:
        """Write a line as it stands."""
        cdef Core* c = &self.ledger.core
        cdef const uint32_t* left = self.left(i)
        cdef Line line = self.lines[i]
        cdef Take take
        cdef Take* takes
        cdef uint32_t j, count = 0
        ensure(c, room_for(&c.plan.takes, line.count + 1, sizeof(Take)))
        takes = <Take*> c.plan.takes.data
        for j in range(line.count):
            take = take_of(&self.lines[i], j)
            count = merge_take(
                takes, count, take.position, take.quantity if left is NULL else left[LEFT_HEAD + j]
            )
        line.count = count
        if left is not NULL:
            line.backordered = left[0]
        room_in(lines, 40 + line.name.size + 8 * <uint64_t> count)
        lines.size = <uint64_t> (put_line(lines.data + lines.size, &line, takes) - lines.data)
        return put_gone(gone, 0 if left is NULL else left[1], 0 if left is NULL else left[2])


    cdef int64_t wanted(self, uint64_t i) except -1:
        """Units of a line that was not rewritten which are wanted and have not left."""
        cdef const uint32_t* left = self.left(i)
        cdef int64_t units = self.lines[i].quantity
        return units if left is NULL else units - <int64_t> left[1] - left[2]

    cdef _Standing write_granted(self, Buffer* lines, Buffer* gone, dict granted):
        """Write the lines with the units and takes that each is granted, with none of its own."""
        cdef const uint32_t* left
        cdef Line line
        cdef uint64_t i
        cdef int64_t units, wanted, all_wanted = 0, late = 0, shipped = 0
        room_in(lines, 2)
        put16(lines.data, <uint16_t> self.count)
        lines.size = 2
        for i in range(self.count):
            left, line, wanted = self.left(i), self.lines[i], self.wanted(i)
            units, takes = granted.get(i, _NOTHING) if granted else _NOTHING
            line.backordered, line.count = <uint32_t> (wanted - units), 0
            room_in(lines, 40 + line.name.size + 8 * <uint64_t> len(takes))
            lines.size = <uint64_t> (
                put_line(lines.data + lines.size, &line, self.asked(&line, takes)) - lines.data
            )
            put_gone(gone, 0 if left is NULL else left[1], 0 if left is NULL else left[2])
            all_wanted, late = all_wanted + wanted, late + wanted - units
            shipped += 0 if left is NULL else left[2]
        return packed_lines(lines, gone, (all_wanted, late, shipped))

    cdef Take* asked(self, Line* line, takes) except? NULL:
        """Takes in the plan's scratch; `line` is told how many."""
        cdef Rows* scratch = &self.ledger.core.plan.takes
        cdef Take* found
        ensure(&self.ledger.core, room_for(scratch, <uint64_t> len(takes) + 1, sizeof(Take)))
        found = <Take*> scratch.data
        for take in takes:
            found[line.count].position, found[line.count].quantity = take.position, take.quantity
            line.count += 1
        return found


cdef _Standing packed_lines(Buffer* lines, Buffer* gone, tuple totals):
    cdef _Standing found = _Standing.__new__(_Standing)
    found.totals = totals
    found.packed = (
        <bytes> PyBytes_FromStringAndSize(<char*> lines.data, lines.size)
        + PyBytes_FromStringAndSize(<char*> gone.data, gone.size)
    )
    return found


cdef int room_in(Buffer* out, uint64_t more) except -1:
    if out_room(out, more) != DONE:
        raise MemoryError("no memory for an order's lines")
    return 0


cdef int put_gone(Buffer* gone, uint32_t cancelled, uint32_t shipped) except -1:
    room_in(gone, GONE_BYTES)
    put32(put32(gone.data + gone.size, cancelled), shipped)
    gone.size += GONE_BYTES
    return 0


cdef _LazyRows new_rows(_OrderView order):
    cdef _LazyRows made = _LazyRows.__new__(_LazyRows)
    cdef Core* c = &order.ledger.core
    ensure(c, index_lines(c, order.there().record))
    made.ledger, made.row, made.at_seq = order.ledger, order.row, c.seq
    made.count, made.made, made.added = c.plan.lines.count, {}, []
    made.lines = <Line*> zeros(made.count, sizeof(Line))
    made.marks = <uint64_t*> zeros(made.count, sizeof(uint64_t))
    memcpy(made.lines, c.plan.lines.data, made.count * sizeof(Line))
    memcpy(made.marks, c.plan.marks.data, made.count * sizeof(uint64_t))
    made.seen = <uint8_t*> zeros(made.count, 1)
    return made


cdef _LineNumbers numbers_by(_LazyRows rows, bint by_id):
    cdef _LineNumbers numbers = _LineNumbers.__new__(_LineNumbers)
    numbers.rows, numbers.by_id = rows, by_id
    return numbers


@cython.final
cdef class _LineNumbers:
    """Numbers of the lines that an order had, by their SKU or their `line_id`, as a dict would give
    them. A few are searched for; then it is a dict."""
    cdef _LazyRows rows
    cdef bint by_id
    cdef int asked
    cdef dict found

    cdef list search(self, key):
        cdef Text name
        cdef uint64_t i
        cdef uint32_t sku = NONE
        cdef list numbers = []
        if self.by_id:
            text_in(key, &name)
        else:
            sku = key
        for i in range(self.rows.count):
            if (
                same(self.rows.lines[i].name, name.data, name.size)
                if self.by_id else self.rows.lines[i].sku == sku
            ):
                numbers.append(i)
        return numbers

    def get(self, key, default=None):
        cdef uint64_t i
        if not key and (self.by_id or key is None):
            return default
        self.asked += 1
        if self.asked <= LINES_SEARCHED_MAX:
            return self.search(key) or default
        if self.found is None:
            self.found = {}
            for i in range(self.rows.count):
                known = self.rows.lines[i].sku
                if self.by_id:
                    known = string_of(self.rows.lines[i].name)
                self.found.setdefault(known, []).append(i)
        return self.found.get(key, default)

    def __contains__(self, key):
        return self.get(key) is not None
