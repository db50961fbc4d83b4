# The life of a ledger: made, freed, replayed; and commands decided by the shared rules.

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
    c.limit.trail_bytes = limits.ORDER_TRAIL_BYTES_MAX
    c.first_seq = 1
    c.free_reservation = c.free_order = c.free_paper = NONE
    c.closed_reservation = c.closed_reservation_last = NONE
    c.closed_order = c.closed_order_last = NONE
    c.paper = c.paper_last = c.newest_order = c.oldest_order = NONE
    c.first_open = NONE
    return 0


cdef void free_core(Core* c) noexcept:
    cdef uint64_t i
    cdef Plan* plan = &c.plan
    for i in range(c.policies.count):
        free_policy(policy_at(c, i))
    free_routed(c)
    free_case(&c.case)
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
        free(order_at(c, i).trail)
    for i in range(c.papers.count):
        free(paper_at(c, i).text)
    for i in range(TABLES * SHARDS):
        free(c.tables[i // SHARDS].shards[i % SHARDS].slots)
    for i in range(4):
        free(c.bits[i])
    for rows in (
        <size_t> &c.positions, <size_t> &c.skus, <size_t> &c.places, <size_t> &c.reservations,
        <size_t> &c.orders, <size_t> &c.papers, <size_t> &c.touched,
        <size_t> &plan.asked, <size_t> &plan.parts, <size_t> &plan.starts, <size_t> &plan.pools,
        <size_t> &plan.groups, <size_t> &plan.offers, <size_t> &plan.picks,
        <size_t> &plan.candidates, <size_t> &plan.chosen, <size_t> &plan.matrix,
        <size_t> &plan.opened, <size_t> &plan.takes, <size_t> &plan.granted,
        <size_t> &plan.lines, <size_t> &plan.marks, <size_t> &c.gone, <size_t> &c.policies,
        <size_t> &c.routed, <size_t> &c.scarcity, <size_t> &c.risen, <size_t> &c.moved,
        <size_t> &c.given, <size_t> &c.drawn,
    ):
        rows_free(<Rows*> <size_t> rows)
    for data in (
        <size_t> c.wheel, <size_t> c.out.data, <size_t> c.said.data, <size_t> c.told,
        <size_t> c.kept.data,
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
        if result == DRAWN:
            sync_fences(self)
            continue
        try:
            if result == WAITS_NOW:
                sync_waiting(self)
                continue
            apply_rest(self, body + done, result, False)
        except (LookupError, ValueError, msgspec.MsgspecError) as error:
            raise LedgerError(f"event {c.seq} does not fit: {error!r}") from error
        sync_fences(self)
        done += load32(body + done)


cdef object apply_rest(Ledger self, const uint8_t* record, int result, bint asked):
    """Do what the data plane left to Python, and return the record's first answer. In replay a
    change of an order without a key is not `asked` for it: nobody will be told."""
    if record[4] == ORDER_CHANGED:
        add_note(self, record)
        if not asked and not has_key(record):
            return None
    if result == REMEMBER:
        answer = answer_of(self, record)
    elif record[4] == LOCATION_PUT:
        answer = apply_place(self, record)
    elif record[4] == ENTRY_PUT:
        answer = apply_entry(self, record)
    else:
        answer = apply_sku(self, record)
    remember(self, record, answer)
    return answer


cdef int order_lives(Core* c, uint64_t seq) except -1:
    """Note that the order placed at `seq` has a life, so that it is forgotten with it."""
    cdef uint32_t row = find_seq(c, ORDER_SEQS, seq)
    require(row != NONE, "the life of an order that is not there")
    if not order_at(c, row).living:
        if room_for(&c.gone, c.gone.count + c.living + 1, sizeof(uint64_t)) != DONE:
            raise MemoryError("no memory for an order's notes")
        c.living += 1
        order_at(c, row).living = 1
    return 0


cdef int add_note(Ledger self, const uint8_t* record) except -1:
    """Let the life of an order that was just changed take up the change's note; its lines, which
    may be many, are passed over."""
    cdef Cursor at
    cdef Cause cause
    cdef Line line
    cdef uint64_t order
    cdef uint8_t status
    cdef uint32_t i, count = 0
    open_record(&at, record)
    cause = checked_cause(&at)
    order, status = get64(&at), get8(&at)
    if get8(&at):
        count = get16(&at)
        for i in range(count):
            read_line(&at, &line)
        skip(&at, GONE_BYTES * <uint64_t> count)
    get_blob(&at)
    note = bytes_of(get_blob(&at))
    if note:
        order_lives(&self.core, order)
    event = _Changed(cause_struct(&cause), order, OrderStatus(status), note=note)
    self._lives.apply(self.core.seq, self.core.now_us, event)
    if count and self._lives.of(order).ahead:
        check_ahead(new_view(self), order_struct(self, find_seq(&self.core, ORDER_SEQS, order)))
    if event.note:
        sync_fences(self)
        refill_fences(new_view(self), event.order)
        recount(self, event.order)
    return sync_waiting(self)


cdef int recount(Ledger self, uint64_t seq) except -1:
    """Count an order as its newest note says (core/sends.py)."""
    cdef Order* o
    note = self._lives.newest(seq)
    if note.receipt is UNSET and note.sends is UNSET:
        return 0
    o = order_at(&self.core, find_seq(&self.core, ORDER_SEQS, seq))
    record = PyBytes_FromStringAndSize(<char*> o.record, load32(o.record))
    event = sends.follow(new_view(self), decode_record(record), note)
    if event is not None:
        require(o.closed_us == 0, "a closed order has something to send")
        set_receipt(o, event.receipt)
    return 0


cdef int forget_lives(Ledger self) except -1:
    """Drop the lives of the orders that the data plane has forgotten."""
    cdef Rows* gone = &self.core.gone
    cdef uint64_t i
    for i in range(gone.count):
        self._lives.drop((<uint64_t*> gone.data)[i])
        self._registers.fences.drop((<uint64_t*> gone.data)[i])
    gone.count = 0
    return 0


cdef object record_event(Ledger self, event, bint asked=True):
    """Apply one event that was decided in Python, keep its record, return its first answer if
    somebody `asked`."""
    cdef Core* c = &self.core
    cdef bytes packed = pack_event(event)
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
            answer = apply_rest(self, record, result, asked)
        except BaseException:
            self._broken = True
            raise
    elif record[4] in (ORDER_PLACED, RESERVED, ORDER_CANCELLED):
        answer = answer_of(self, record)
    memcpy(c.out.data + c.out.size, record, size)
    c.out.size += size
    c.out_count += 1
    sync_waiting(self)
    return answer


cdef int64_t do_due(Ledger self, int64_t most) except -1:
    """Do what is due with orders, for at most so many of them; return for how many."""
    cdef int64_t done = 0, due_us
    # The shared rules see what has expired: who waits for it, and the fence that it is back in.
    sync_waiting(self)
    due_us = timers.due_us(self._lives, self._registers.fences)
    if due_us == 0 or due_us > self.core.now_us:
        return 0
    most = min(most, timers.most_at_once(new_view(self)))
    while done < most:
        events = timers.due(new_view(self))
        if not events:
            break
        for event in events:
            record_event(self, event)
        done += 1
    return done


cdef object decide_shared(Ledger self, request, rule):
    """Decide with the slow twin's own rule: locations, SKUs and papers."""
    cdef _View view = new_view(self)
    decision = rule(view, request)
    if isinstance(decision, Refused):
        return decision
    if isinstance(decision, Replay):
        return replayed(decision.answer, decision.seq)
    created = creates(view, decision)
    for event in decision:
        answer = record_event(self, event)
    return Accepted(answer, self.core.seq, False, created)
