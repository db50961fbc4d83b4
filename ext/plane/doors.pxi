# Where Python commands meet the data plane, and answers leave it.

from engine.core.events import EpochOpened


cdef int new_core(Core* c) except -1:
    """Set an empty core's bounds and ends of lists."""
    c.limit.skus = limits.SKUS_MAX
    c.limit.places = limits.LOCATIONS_MAX
    c.limit.positions = limits.POSITIONS_MAX
    c.limit.reservations = limits.RESERVATIONS_MAX
    c.limit.orders = limits.ORDERS_MAX
    c.limit.papers = limits.DOCUMENTS_MAX
    c.limit.quantity = limits.QUANTITY_MAX
    c.limit.bucket_units = limits.BUCKET_UNITS_MAX
    c.limit.expanded = limits.EXPANDED_LINES_MAX
    c.limit.takes_per_line = limits.TAKES_PER_LINE_MAX
    c.limit.offers = limits.ROUTE_OFFERS_MAX
    c.limit.exact_places = limits.ROUTE_EXACT_LOCATIONS_MAX
    c.limit.exact_work = limits.ROUTE_EXACT_WORK_MAX
    c.limit.depth = limits.BUNDLE_DEPTH_MAX
    c.limit.tick_us = limits.WHEEL_TICK_US
    c.limit.slots = limits.WHEEL_SLOTS
    c.limit.stamp_us = limits.STAMP_US_MAX
    c.limit.expires_us = limits.EXPIRES_US_MAX
    c.limit.retention_us = limits.IDEMPOTENCY_RETENTION_US
    c.limit.closed_order_us = limits.CLOSED_ORDER_RETENTION_US
    c.limit.evictions = limits.EVICTIONS_PER_FRAME_MAX
    c.first_seq = 1
    c.free_reservation = c.free_order = c.free_paper = NONE
    c.closed_reservation = c.closed_reservation_last = NONE
    c.closed_order = c.closed_order_last = NONE
    c.paper = c.paper_last = c.newest_order = c.oldest_order = NONE
    return 0


cdef void free_core(Core* c) noexcept:
    cdef uint64_t i
    cdef Plan* plan = &c.plan
    for i in range(c.skus.count):
        free(sku_at(c, i).text)
        free(sku_at(c, i).components)
    for i in range(c.places.count):
        free(place_at(c, i).text)
    for i in range(c.reservations.count):
        free(reservation_at(c, i).record)
    for i in range(c.orders.count):
        free(order_at(c, i).record)
        free(order_at(c, i).left)
    for i in range(c.papers.count):
        free(paper_at(c, i).text)
    for i in range(TABLES):
        free(c.tables[i].slots)
    for i in range(4):
        free(c.bits[i])
    for data in (
        <size_t> c.positions.data, <size_t> c.skus.data, <size_t> c.places.data,
        <size_t> c.reservations.data, <size_t> c.orders.data, <size_t> c.papers.data,
        <size_t> c.touched.data, <size_t> c.cells, <size_t> c.wheel, <size_t> c.out.data,
        <size_t> plan.asked.data, <size_t> plan.parts.data, <size_t> plan.starts.data,
        <size_t> plan.pools.data, <size_t> plan.groups.data, <size_t> plan.offers.data,
        <size_t> plan.picks.data, <size_t> plan.candidates.data, <size_t> plan.chosen.data,
        <size_t> plan.matrix.data, <size_t> plan.opened.data, <size_t> plan.takes.data,
        <size_t> plan.granted.data, <size_t> plan.lines.data, <size_t> plan.marks.data,
    ):
        free(<void*> <size_t> data)


cdef inline int check_whole(Ledger self) except -1:
    """A ledger on which an event failed half-way is of no more use: fail-stop."""
    if self._broken:
        raise LedgerError("an event failed half-way; start again from snapshot and log")
    return 0


cdef int broken(Ledger self, int result) except -1:
    """Raise what a failed event stands for."""
    self._broken = True
    return ensure(&self.core, result)


cdef void forget_touches(Core* c) noexcept nogil:
    cdef Touch* touches = <Touch*> c.touched.data
    cdef uint64_t i
    for i in range(c.touched.count):
        if touches[i].position != NONE:
            position_at(c, touches[i].position).touch = 0
    c.touched.count = c.touched_live = 0


cdef object replayed(answer, seq):
    if isinstance(answer, bytes):
        answer = msgspec.json.decode(answer)
        answer["replayed"] = True
    else:
        answer.replayed = True
    return Accepted(answer, seq, True, False)


cdef int replay(Ledger self, const uint8_t* body, uint64_t size) except -1:
    """Apply a frame's records."""
    cdef Core* c = &self.core
    cdef uint64_t done = 0
    cdef int result
    while True:
        with nogil:
            result = run(c, body, size, &done)
        if result == DONE:
            return 0
        ensure(c, result)
        try:
            apply_rest(self, body + done, result)
        except (LookupError, ValueError, msgspec.MsgspecError) as error:
            raise LedgerError(f"event {c.seq} does not fit: {error!r}") from error
        done += load32(body + done)


cdef object apply_rest(Ledger self, const uint8_t* record, int result):
    """Do what the data plane left to Python, and return the record's first answer."""
    if result == REMEMBER:
        answer = answer_of(self, record)
    elif record[4] == LOCATION_PUT:
        answer = apply_place(self, record)
    else:
        answer = apply_sku(self, record)
    remember(self, record, answer)
    return answer


cdef object record_event(Ledger self, event):
    """Apply one event that was decided in Python, keep its record, return its first answer."""
    cdef Core* c = &self.core
    cdef bytes packed = encode_event(event)
    cdef const uint8_t* record = <const uint8_t*> PyBytes_AS_STRING(packed)
    cdef uint64_t size = PyBytes_GET_SIZE(packed)
    cdef int result
    answer = None
    if out_room(&c.out, size) != DONE:
        raise MemoryError("no memory for the batch's records")
    result = apply_event(c, record)
    if result < 0:
        broken(self, result)
    if result != DONE:
        try:
            answer = apply_rest(self, record, result)
        except BaseException:
            self._broken = True
            raise
    memcpy(c.out.data + c.out.size, record, size)
    c.out.size += size
    c.out_count += 1
    return answer


cdef object decide_shared(Ledger self, request, rule):
    """Decide with the slow twin's own rule: locations, SKUs and papers."""
    cdef uint64_t places = self.core.places.count
    cdef uint64_t skus = self.core.skus.count
    cdef _View view = new_view(self)
    decision = rule(view, request)
    if isinstance(decision, Refused):
        return decision
    if isinstance(decision, Replay):
        return replayed(decision.answer, decision.seq)
    for event in decision:
        answer = record_event(self, event)
    kind = type(request.command)
    if kind is commands.PutLocation:
        created = self.core.places.count > places
    elif kind is commands.PutSku:
        created = self.core.skus.count > skus
    else:
        created = True
    return Accepted(answer, self.core.seq, False, created)


cdef int fill_cause(request, Cause* cause) except -1:
    cause.fingerprint = fingerprint(request.command)
    text_in(request.actor, &cause.actor)
    text_in(request.key, &cause.key)
    return 0


cdef int fill_lines(Ledger self, lines, bint priced) except -1:
    """Turn a command's lines into `plan.asked`. Texts stay those of the command."""
    cdef Core* c = &self.core
    cdef Asked* asked
    cdef Text text
    cdef uint64_t i = 0
    count = len(lines)
    require(0 < count <= 0xFFFF, "a command has too many lines, or none")
    if room_for(&c.plan.asked, count, sizeof(Asked)) != DONE:
        raise MemoryError("no memory for a command's lines")
    c.plan.asked.count = count
    for line in lines:
        asked = &(<Asked*> c.plan.asked.data)[i]
        i += 1
        text_in(line.sku, &text)
        asked.sku = find_text(c, SKU_NAMES, text)
        asked.quantity = line.quantity
        require(0 < asked.quantity <= c.limit.quantity, "a line's quantity cannot be")
        asked.place, asked.bound = NONE, 0
        asked.price = NO_PRICE
        asked.name.data, asked.name.size = NULL, 0
        location = line.location
        if location is not None:
            text_in(location, &text)
            asked.place, asked.bound = find_text(c, PLACE_NAMES, text), 1
        if priced:
            price, name = line.unit_price, line.line_id
            if price is not None:
                asked.price = price
            if name:
                text_in(name, &asked.name)
    return 0


cdef object refusal(Ledger self, lines, int result):
    """Word why a plan is refused."""
    cdef uint32_t at = self.core.fault_line
    ensure(&self.core, result)
    if result == UNKNOWN_PLACE:
        return refusals.unknown_location(self, at, lines[at].location)
    if result == INACTIVE_PLACE:
        return refusals.inactive_location(self, at, lines[at].location)
    if result == UNKNOWN_SKU:
        return refusals.unknown_sku(self, at, lines[at].sku)
    if result == MANY_PARTS:
        return refusals.many_parts(self, at, lines[at].sku)
    if result == MANY_UNITS:
        return refusals.many_units(self, at, lines[at].sku)
    if result == MANY_OFFERS:
        return refusals.many_offers(self)
    if result == NO_PLACE:
        return refusals.no_location(self)
    if result == POSITIONS_FULL:
        return refusals.full(self, "positions")
    if result == MANY_TAKES:
        return refusals.many_takes(self, at)
    return refusals.many_promised(self)


cdef list short_lines(Ledger self):
    """Say which lines of the plan are short, and of what."""
    cdef Core* c = &self.core
    cdef Granted* granted = <Granted*> c.plan.granted.data
    cdef Part* part
    cdef uint64_t i
    found = []
    for i in range(c.plan.asked.count):
        if granted[i].short_part != NONE:
            part = &(<Part*> c.plan.parts.data)[granted[i].short_part]
            found.append(
                refusals.short_line(
                    i,
                    sku_name(c, (<Pool*> c.plan.pools.data)[part.pool].sku),
                    (<Asked*> c.plan.asked.data)[i].quantity * part.per_unit,
                    granted[i].available,
                )
            )
    return found


cdef bytes details_of(command):
    """Return the JSON of what an order carries besides its lines."""
    ship_to, payment, currency = command.ship_to, command.payment, command.currency
    placed_at, required_by = command.placed_at, command.required_by
    customer, note = command.customer, command.note
    if (
        ship_to is None and payment is None and currency is None and placed_at is None
        and required_by is None and customer is None and note is None
    ):
        return b"{}"
    return _json(_Details(ship_to, payment, currency, placed_at, required_by, customer, note))


cdef void set_destination(Core* c, address):
    c.plan.located = 0
    if address is not None:
        latitude, longitude = address.latitude, address.longitude
        if latitude is not None and longitude is not None:
            direction(latitude, longitude, &c.plan.x, &c.plan.y, &c.plan.z)
            c.plan.located = 1


cdef object accepted(Ledger self, request, answer, bint created):
    """Wrap the first answer to the event just applied, and remember it by its key."""
    cdef Core* c = &self.core
    cdef Text name, text
    cdef bytes key, body
    if request.key:
        key, body = f"key:{request.actor}:{request.key}".encode(), _json(answer)
        bytes_in(key, &name)
        bytes_in(body, &text)
        if paper_new(
            c, name, text, c.seq, <uint64_t> c.now_us, fingerprint(request.command)
        ) != DONE:
            broken(self, MEMORY)
    return Accepted(answer, c.seq, False, created)


cdef object place(Ledger self, request, command):
    """Allocate an order, all or nothing unless `when_short` says otherwise."""
    cdef Core* c = &self.core
    cdef Head head
    cdef Text document
    cdef uint32_t row
    cdef int64_t asked, granted
    cdef bint partial
    cdef int result
    fill_cause(request, &head.cause)
    text_in(command.channel, &head.first)
    text_in(command.order_id, &head.second)
    row = order_of(c, head.first, head.second)
    if row != NONE:
        if fingerprint_of(order_at(c, row).record) != head.cause.fingerprint:
            return conflict(self, "order_id", command.order_id)
        return replayed(order_answer(self, row, False), order_at(c, row).seq)
    if <int64_t> c.order_count >= c.limit.orders:
        return refusals.full(self, "orders")
    when_short, lines = command.when_short, command.lines
    fill_lines(self, lines, True)
    set_destination(c, command.ship_to)
    details = details_of(command)
    bytes_in(details, &document)
    partial = when_short != "refuse"
    with nogil:
        result = allot(c, partial)
    if result == SHORT:
        return refusals.short(self, "taken", short_lines(self))
    if result != DONE:
        return refusal(self, lines, result)
    total_plan(c, &asked, &granted)
    if granted == 0 and when_short == "split":
        return refusals.short(self, "taken", short_lines(self))
    head.status, head.reservation = status_of(asked, asked - granted), 0
    with nogil:
        result = emit_order(c, &head, document)
    if result != DONE:
        broken(self, result)
    row = find_seq(c, ORDER_SEQS, c.seq)
    return accepted(self, request, order_answer(self, row, False), True)


cdef object reserve(Ledger self, request, command):
    """Promise all lines or none."""
    cdef Core* c = &self.core
    cdef Head head
    cdef uint32_t row
    cdef int result
    fill_cause(request, &head.cause)
    text_in(command.reservation_id, &head.first)
    text_in(command.channel, &head.second)
    row = reservation_of(c, head.first)
    if row != NONE:
        if fingerprint_of(reservation_at(c, row).record) != head.cause.fingerprint:
            return conflict(self, "reservation_id", command.reservation_id)
        seq = reservation_at(c, row).seq
        return replayed(reservation_answer(self, row, False, seq), seq)
    if <int64_t> c.reservation_count >= c.limit.reservations:
        return refusals.full(self, "reservations")
    lines = command.lines
    fill_lines(self, lines, False)
    head.expires_us = <uint64_t> (c.now_us + <int64_t> command.ttl_s * 1_000_000)
    c.plan.located = 0
    with nogil:
        result = allot(c, False)
    if result == SHORT:
        return refusals.short(self, "reserved", short_lines(self))
    if result != DONE:
        return refusal(self, lines, result)
    with nogil:
        result = emit_reserved(c, &head)
    if result != DONE:
        broken(self, result)
    row = find_seq(c, RESERVATION_SEQS, c.seq)
    return accepted(self, request, reservation_answer(self, row, False, c.seq), True)


cdef object no_live(Ledger self, uint32_t row, reservation_id):
    """Say why a reservation does not hold units now; None if it does."""
    cdef Reservation* r
    if row == NONE:
        return refusals.unknown_reservation(self, reservation_id)
    r = reservation_at(&self.core, row)
    if r.status == EXPIRED or (
        r.status == LIVE and <int64_t> r.expires_us <= self.core.now_us
    ):
        return refusals.reservation_expired(self, reservation_id)
    if r.status != LIVE:
        word = "committed" if r.status == COMMITTED else "released"
        return refusals.reservation_closed(self, reservation_id, word)
    return None


cdef object commit(Ledger self, request, command):
    """Turn a live reservation into an allocated order."""
    cdef Core* c = &self.core
    cdef Head head, made
    cdef Text text, document
    cdef uint32_t row, order = NONE
    cdef int result
    fill_cause(request, &head.cause)
    reservation_id = command.reservation_id
    text_in(reservation_id, &text)
    row = reservation_of(c, text)
    if row != NONE and reservation_at(c, row).status == COMMITTED:
        order = find_seq(c, ORDER_SEQS, reservation_at(c, row).order)
    if order != NONE:
        if fingerprint_of(order_at(c, order).record) != head.cause.fingerprint:
            return conflict(self, "reservation_id", reservation_id)
        return replayed(order_answer(self, order, False), order_at(c, order).seq)
    wrong = no_live(self, row, reservation_id)
    if wrong is not None:
        return wrong
    order_id = command.order_id or reservation_id
    text_in(order_id, &head.second)
    read_names(reservation_at(c, row).record, &made)
    if order_of(c, made.second, head.second) != NONE:
        return refusals.order_exists(self, string_of(made.second), order_id)
    if <int64_t> c.order_count >= c.limit.orders:
        return refusals.full(self, "orders")
    details = details_of(command)
    bytes_in(details, &document)
    head.status = ALLOCATED
    with nogil:
        result = emit_commit(c, &head, row, document)
    if result != DONE:
        broken(self, result)
    row = find_seq(c, ORDER_SEQS, c.seq)
    return accepted(self, request, order_answer(self, row, False), True)


cdef object change(Ledger self, request, uint32_t row, uint8_t kind, uint64_t expires_us):
    """Extend or release a live reservation."""
    cdef Core* c = &self.core
    cdef Cause cause
    cdef uint64_t seq = reservation_at(c, row).seq
    cdef int result
    fill_cause(request, &cause)
    with nogil:
        result = emit_small(c, kind, &cause, seq, expires_us)
    if result != DONE:
        broken(self, result)
    return accepted(self, request, reservation_answer(self, row, True, c.seq), False)


cdef object extend(Ledger self, request, command):
    """Let a live reservation end `ttl_s` seconds from now."""
    cdef Core* c = &self.core
    cdef Text text
    cdef uint32_t row
    text_in(command.reservation_id, &text)
    row = reservation_of(c, text)
    wrong = no_live(self, row, command.reservation_id)
    if wrong is not None:
        return wrong
    return change(
        self, request, row, RESERVATION_EXTENDED,
        <uint64_t> (c.now_us + <int64_t> command.ttl_s * 1_000_000),
    )


cdef object release(Ledger self, request, command):
    """Give the units back. Releasing what is released or expired is a replay."""
    cdef Core* c = &self.core
    cdef Text text
    cdef Reservation* r
    cdef uint32_t row
    text_in(command.reservation_id, &text)
    row = reservation_of(c, text)
    if row != NONE:
        r = reservation_at(c, row)
        if r.status == RELEASED or r.status == EXPIRED:
            return replayed(reservation_answer(self, row, True, r.seq), r.seq)
        if r.status == LIVE:
            return change(self, request, row, RESERVATION_RELEASED, 0)
    return no_live(self, row, command.reservation_id)


cdef object cancel(Ledger self, request, command):
    """Cancel an order whole, or the quantities named; exactly what is held becomes available."""
    cdef Core* c = &self.core
    cdef Cause cause
    cdef Text channel, order_id, reason, text
    cdef Order* o
    cdef uint32_t row, sku
    cdef int64_t missing
    cdef int result
    text_in(command.channel, &channel)
    text_in(command.order_id, &order_id)
    row = order_of(c, channel, order_id)
    if row == NONE:
        return refusals.unknown_order(self, command.channel, command.order_id)
    o = order_at(c, row)
    lines = command.lines
    if o.status == CANCELLED:
        if lines is None:
            return replayed(order_answer(self, row, True), o.changed_seq)
        return refusals.order_closed(self)
    ensure(c, begin_cancel(c, row, lines is None))
    for index, line in enumerate(lines or ()):
        text_in(line.sku, &text)
        sku = find_text(c, SKU_NAMES, text)
        missing = line.quantity
        if sku != NONE:
            missing = want_cut(c, row, sku, missing)
        if missing:
            return refusals.not_held(
                self, index, line.sku, line.quantity, line.quantity - missing
            )
    fill_cause(request, &cause)
    text_in(command.reason or "", &reason)
    with nogil:
        result = emit_cancel(c, &cause, row, reason)
    if result != DONE:
        broken(self, result)
    return accepted(self, request, order_answer(self, row, True), False)


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
