# Where commands on reservations and orders meet the data plane, and answers leave it.

cdef object replayed(answer, seq):
    if isinstance(answer, bytes):
        answer = msgspec.json.decode(answer)
        answer["replayed"] = True
    else:
        answer.replayed = True
    return Accepted(answer, seq, True, False)


cdef uint64_t fingerprint(command) except? 0:
    """As `commands.fingerprint`, without its frame."""
    cdef bytes digest = blake2b(
        _msgpack((type(command).__name__, command)), digest_size=8
    ).digest()
    return load64(<const uint8_t*> PyBytes_AS_STRING(digest))


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


cdef object order_again(Ledger self, uint32_t row):
    """Repeat the first answer to the request that made an order."""
    answer = order_answer(self, row, False)
    return replayed(answer, answer.seq)


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
        return order_again(self, row)
    if is_checked(c, head.first) or is_told(c, head.first, head.second):
        return decide_shared(self, request, validation.place)
    if command.policy is not None or command.strategy is not None:
        return decide_shared(self, request, orders.place)
    if <int64_t> c.order_count >= c.limit.orders:
        return refusals.full(self, "orders")
    when_short, lines = command.when_short, command.lines
    fill_lines(self, lines, True)
    set_destination(c, command.ship_to)
    details = document_of(command)
    bytes_in(details, &document)
    partial = when_short != "refuse"
    with nogil:
        result = allot_order(c, &head, document, partial)
    if result == DUE:
        return decide_shared(self, request, orders.place)
    if result == SHORT:
        return refusals.short(self, "taken", short_lines(self))
    if result == UNUSUAL:
        return decide_shared(self, request, orders.place)
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
    if result == DUE:
        return decide_shared(self, request, reservations.reserve)
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
        return order_again(self, order)
    wrong = no_live(self, row, reservation_id)
    if wrong is not None:
        return wrong
    order_id = command.order_id or reservation_id
    text_in(order_id, &head.second)
    read_names(reservation_at(c, row).record, &made)
    if is_checked(c, made.second) or is_told(c, made.second, head.second):
        return decide_shared(self, request, validation.commit)
    if order_of(c, made.second, head.second) != NONE:
        return refusals.order_exists(self, string_of(made.second), order_id)
    if <int64_t> c.order_count >= c.limit.orders:
        return refusals.full(self, "orders")
    details = document_of(command)
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
    if o.living:
        life = self._lives.of(o.seq)
        if life.work or life.mark:
            return decide_shared(self, request, fulfillments.cancel_order)
    if policy_of(o.record) == POLICY_COSTS and (lines is not None or o.left is not NULL):
        return decide_shared(self, request, fulfillments.cancel_order)
    if o.closed_us:
        if lines is None and o.status == CANCELLED:
            return replayed(order_answer(self, row, True), o.changed_seq)
        return refusals.order_closed(self, OrderStatus(o.status))
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


cdef object decide_one(Ledger self, request):
    """Decide one command, but for what follows for orders that wait."""
    cdef Core* c = &self.core
    if request.key:
        known = new_view(self).answered(f"key:{request.actor}:{request.key}")
        if known is not None:
            if known.fingerprint != fingerprint(request.command):
                return conflict(self, "Idempotency-Key", request.key)
            return replayed(known.answer, known.seq)
        if <int64_t> c.paper_count >= c.limit.papers:
            return refusals.full(self, "Idempotency-Keys")
    command = request.command
    kind = type(command)
    if kind is commands.PlaceOrder:
        return place(self, request, command)
    if kind is commands.Reserve:
        return reserve(self, request, command)
    if kind is commands.Commit:
        return commit(self, request, command)
    if kind is commands.Release:
        return release(self, request, command)
    if kind is commands.Extend:
        return extend(self, request, command)
    if kind is commands.Cancel:
        if command.return_id is not None:
            return decide_shared(self, request, undo.undo)
        return cancel(self, request, command)
    return decide_shared(self, request, _SHARED[kind])
