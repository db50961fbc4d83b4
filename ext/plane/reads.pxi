# Questions to the state, as core/reading.py answers them.

cdef object quantities(Ledger self, Position* p):
    """The buckets of one position."""
    return _Quantities(
        self._places[p.place], p.on_hand, p.reserved, p.allocated,
        p.damaged + p.quality_control + p.safety_stock, available_of(p),
    )


cdef object stock_answer(Ledger self, str sku):
    """Stock of one SKU, positions in order of opening."""
    cdef Core* c = &self.core
    cdef Text text
    cdef Position* p
    cdef uint32_t number, at
    cdef int64_t on_hand = 0, reserved = 0, allocated = 0, unavailable = 0, available = 0
    if not text_to_find(sku, &text):
        return None
    number = find_text(c, SKU_NAMES, text)
    if number == NONE:
        return None
    if sku_at(c, number).component_count:
        return reading.stock(new_view(self), sku)
    rows = []
    at = sku_at(c, number).first
    while at != NONE:
        p = position_at(c, at)
        rows.append(quantities(self, p))
        on_hand += p.on_hand
        reserved += p.reserved
        allocated += p.allocated
        unavailable += p.damaged + p.quality_control + p.safety_stock
        available += available_of(p)
        at = p.next
    return answers.StockAnswer(
        sku, c.seq, on_hand, reserved, allocated, unavailable, available, rows
    )


cdef list positions_of(Ledger self, str sku):
    """The buckets of one SKU's positions in order of opening; see `reading.stocked`."""
    cdef Core* c = &self.core
    cdef Text text
    cdef Position* p
    cdef uint32_t number = NONE, at
    rows = []
    if text_to_find(sku, &text):
        number = find_text(c, SKU_NAMES, text)
    at = NONE if number == NONE else sku_at(c, number).first
    while at != NONE:
        p = position_at(c, at)
        rows.append(quantities(self, p))
        at = p.next
    return rows


cdef object order_page(Ledger self, str status, str channel, str q, before, limit, scan):
    """See `reading.orders`."""
    cdef Core* c = &self.core
    cdef uint32_t row = c.newest_order
    cdef Order* o
    cdef Head head
    cdef int64_t looked = 0
    rows, last = [], None
    if 0 < before <= c.seq:
        row = find_seq(c, ORDER_SEQS, before)
        row = c.newest_order if row == NONE else order_at(c, row).older
    while row != NONE:
        o = order_at(c, row)
        if before and o.seq >= before:
            row = o.older
            continue
        if looked == scan or len(rows) == limit:
            return rows, last
        looked, last = looked + 1, o.seq
        read_names(o.record, &head)
        if (
            (not status or _ORDER_STATUS[o.status] == status)
            and (not channel or string_of(head.first) == channel)
            and q in string_of(head.second)
        ):
            rows.append(order_answer(self, row, True))
        row = o.older
    return rows, None


cdef object catalogue_page(rows, answer, after, limit):
    """See `reading.catalogue`."""
    count = len(rows)
    numbers = range(count)[after + 1 : after + 1 + limit]
    page = []
    for number in numbers:
        row = rows[number]
        page.append(answer(row.put, row.seq))
    last = after + len(page)
    return page, last if last + 1 < count else None
