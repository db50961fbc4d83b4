# Answers of reservations and orders, as core/answers and core/told.py build them.

cdef object _EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
cdef tuple _RESERVATION_STATUS = ("reserved", "committed", "released", "expired")
cdef tuple _ORDER_STATUS = (
    "", "allocated", "partially_allocated", "backordered", "cancelled", "shipped",
    "partially_shipped", "received", "validated", "on_hold", "released", "picking", "packed",
    "delivered", "exception",
)


cdef inline object moment(uint64_t stamp_us):
    return _EPOCH + timedelta(0, stamp_us // 1_000_000, stamp_us % 1_000_000)


cdef object reservation_answer(Ledger self, uint32_t row, bint now, uint64_t seq):
    """Answer for a reservation: as it was made, or as it stands `now`."""
    cdef Core* c = &self.core
    cdef Reservation* r = reservation_at(c, row)
    cdef Cursor at
    cdef Head head
    cdef Line line
    cdef Take take
    cdef Position* p
    cdef uint32_t i, j
    cdef list lines = []
    read_head(&at, r.record, &head)
    for i in range(head.lines):
        read_line(&at, &line)
        asked = sku_name(c, line.sku)
        for j in range(line.count):
            take = take_of(&line, j)
            p = position_at(c, take.position)
            place = self._places[p.place]
            if p.sku == line.sku:
                lines.append(_ReservedLine(asked, take.quantity, place, None))
            else:
                lines.append(_ReservedLine(sku_name(c, p.sku), take.quantity, place, asked))
    return _Reservation(
        string_of(head.first),
        string_of(head.second),
        _RESERVATION_STATUS[r.status] if now else "reserved",
        moment(r.expires_us if now and r.expires_us else head.expires_us),
        lines,
        seq=seq,
    )


cdef object line_answer(Ledger self, Line* line, const uint32_t* left):
    """Answer for an order's line; `left` is its part of `Order.left`, NULL: as recorded."""
    cdef Core* c = &self.core
    cdef Position* p
    cdef Take take
    cdef uint32_t j, units
    cdef list allocations = []
    for j in range(line.count):
        take = take_of(line, j)
        units = take.quantity if left is NULL else left[LEFT_HEAD + j]
        if units:
            p = position_at(c, take.position)
            allocations.append(
                _Allocation(
                    self._places[p.place],
                    units,
                    None if p.sku == line.sku else sku_name(c, p.sku),
                )
            )
    return _OrderLine(
        sku_name(c, line.sku),
        line.quantity,
        allocations,
        string_of(line.name) if line.name.size else None,
        None if line.price == NO_PRICE else line.price,
        line.backordered if left is NULL else left[0],
        0 if left is NULL else left[1],
        0 if left is NULL else left[2],
    )


cdef object order_answer(Ledger self, uint32_t row, bint now):
    """Answer for an order: as it was placed, or as it stands `now`."""
    cdef Order* o = order_at(&self.core, row)
    cdef Cursor at
    cdef Head head
    cdef Line line
    cdef Text document
    cdef uint32_t i
    cdef const uint32_t* left = o.left if now else NULL
    cdef list lines = []
    if o.living and not now and self._lives.of(o.seq).checked(o.seq) is not None:
        return told.order_first(new_view(self), order_struct(self, row))
    read_head(&at, o.record if now else first_record(o), &head)
    for i in range(head.lines):
        read_line(&at, &line)
        lines.append(line_answer(self, &line, left))
        if left is not NULL:
            left += LEFT_HEAD + line.count
    document = get_blob(&at)
    answer = _Order(
        string_of(head.second),
        string_of(head.first),
        _ORDER_STATUS[o.status if now else head.status],
        lines,
        seq=o.changed_seq if now else o.seq,
    )
    if document.size != 2 or memcmp(document.data, <const char*> b"{}", 2):
        add_details(answer, bytes_of(document))
    if now and o.living:
        self._lives.show(answer, o.seq, OrderStatus(o.status))
        answer.fulfillments = answers.order_work(self._lives.of(o.seq), o.seq, new_view(self))
    return answer


cdef int add_details(answer, bytes document) except -1:
    details = read_kept(document)
    if details.ship_to:
        answer.ship_to = to_builtins(details.ship_to)
    answer.payment = details.payment
    answer.currency = details.currency
    answer.placed_at = details.placed_at
    answer.required_by = details.required_by
    answer.customer = details.customer
    answer.note = details.note
    answer.review_score = details.review_score
    answer.priority = details.priority
    answer.ships_complete = details.ships_complete
    return 0


cdef object paper_answer(Ledger self, const uint8_t* record):
    """The first answer to a receipt, count, adjustment, transfer or shipment, just applied."""
    event = decode_record(PyBytes_FromStringAndSize(<char*> record, load32(record)))
    if record[4] == ORDER_SHIPPED:
        return answers.shipment(event, self.core.seq, new_view(self))
    return answers.document(event, self.core.seq, new_view(self))


cdef object answer_of(Ledger self, const uint8_t* record):
    """The first answer to the request behind the record just applied as `seq`."""
    cdef Core* c = &self.core
    cdef Cursor at
    cdef uint8_t kind = record[4]
    cdef uint32_t row
    if kind == STOCK_MOVED or kind == ORDER_SHIPPED:
        return paper_answer(self, record)
    if kind == RESERVED:
        return reservation_answer(self, find_seq(c, RESERVATION_SEQS, c.seq), False, c.seq)
    if kind == ORDER_PLACED:
        return order_answer(self, find_seq(c, ORDER_SEQS, c.seq), False)
    open_record(&at, record)
    get64(&at)
    get_text(&at)
    get_text(&at)
    if kind == ORDER_CANCELLED or kind == ORDER_CHANGED:
        row = find_seq(c, ORDER_SEQS, get64(&at))
        if (
            kind == ORDER_CHANGED and order_at(c, row).living
            and told.is_apart(self._lives.of(order_at(c, row).seq), c.seq)
        ):
            return told.order_changed(new_view(self), order_struct(self, row))
        return order_answer(self, row, True)
    return reservation_answer(self, find_seq(c, RESERVATION_SEQS, get64(&at)), True, c.seq)


cdef int remember(Ledger self, const uint8_t* record, answer) except -1:
    """Remember the first answer to a paper's id and to an Idempotency-Key."""
    cdef Core* c = &self.core
    cdef Cursor at
    cdef Cause cause
    cdef uint8_t document
    cdef Text name, text
    cdef bytes body = None
    open_record(&at, record)
    cause.fingerprint = get64(&at)
    cause.actor, cause.key = get_text(&at), get_text(&at)
    if record[4] != STOCK_MOVED and record[4] != ORDER_SHIPPED and not cause.key.size:
        return 0
    body = _json(answer)
    bytes_in(body, &text)
    if record[4] == STOCK_MOVED or record[4] == ORDER_SHIPPED:
        if record[4] == STOCK_MOVED:
            document = get8(&at)
            get64(&at)
            key = f"{_DOCUMENTS[document]}:{string_of(get_text(&at))}".encode()
        else:
            order = get64(&at)
            get8(&at)
            key = effects.shipment_key(order, string_of(get_text(&at))).encode()
        bytes_in(key, &name)
        ensure(
            c, paper_new(c, name, text, c.seq, <uint64_t> c.now_us, cause.fingerprint)
        )
    if cause.key.size:
        key = f"key:{string_of(cause.actor)}:{string_of(cause.key)}".encode()
        bytes_in(key, &name)
        ensure(
            c, paper_new(c, name, text, c.seq, <uint64_t> c.now_us, cause.fingerprint)
        )
    return 0
