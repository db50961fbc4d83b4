# Orders that wait for stock. The index is core/waiting.py; here are the marks by which the data plane
# tells it what has changed, and knows which SKUs it must leave to the Python side.
#
# `Sku.waited`: somebody waits for it. `Sku.due`: units of it came, and not all that wait were looked
# at: newcomers are then decided by the shared rules, which know what is owed. Between two events
# `risen` (units came) and `moved` (orders that may wait otherwise) are empty, but for replay.

cdef int rise(Core* c, uint32_t position, uint8_t kind) noexcept nogil:
    """Note that the present event brought available units of a position."""
    cdef uint32_t number = position_at(c, position).sku
    cdef Sku* sku = sku_at(c, number)
    cdef Risen* risen
    if not sku.waited:
        return DONE
    if sku.risen == 0:
        if room_for(&c.risen, c.risen.count + 1, sizeof(Risen)) != DONE:
            return MEMORY
        c.risen.count += 1
        sku.risen = <uint32_t> c.risen.count
    sku.due = 1
    risen = &(<Risen*> c.risen.data)[sku.risen - 1]
    risen.seq, risen.sku, risen.kind = c.seq, number, kind
    return DONE


cdef int order_moved(Core* c, Order* o, uint8_t kind) noexcept nogil:
    """Note that the present event, of this kind, may have made an order wait otherwise."""
    cdef Moved* moved
    if o.waits & WAITS_MOVED:
        return DONE
    if room_for(&c.moved, c.moved.count + 1, sizeof(Moved)) != DONE:
        return MEMORY
    moved = &(<Moved*> c.moved.data)[c.moved.count]
    moved.order, moved.seq, moved.kind = o.seq, c.seq, kind
    c.moved.count += 1
    o.waits |= WAITS_MOVED
    return DONE


cdef bint limit_looms(Core* c) noexcept nogil:
    """Whether a line gets less than it asks for, and of a SKU not everything may be waited for."""
    cdef uint64_t i
    cdef bint waits = False
    for i in range(c.plan.asked.count):
        if (<Granted*> c.plan.granted.data)[i].short_part != NONE:
            waits = True
    if waits:
        for i in range(c.plan.pools.count):
            if sku_at(c, (<Pool*> c.plan.pools.data)[i].sku).limited:
                return True
    return False


cdef int64_t free_units(Core* c, uint32_t sku) noexcept nogil:
    """Units of a SKU that may be promised, at all active places."""
    cdef uint32_t at = sku_at(c, sku).first
    cdef int64_t units = 0
    cdef Position* p
    while at != NONE:
        p = position_at(c, at)
        if place_at(c, p.place).active and available_of(p) > 0:
            units += available_of(p)
        at = p.next
    return units


cdef int mark_waited(Ledger self) except -1:
    """Take over which SKUs are waited for, or due, otherwise than before."""
    cdef Sku* sku
    waiting = self._waiting
    for number in waiting.changed:
        sku = sku_at(&self.core, <uint32_t> number)
        sku.waited, sku.due = number in waiting.queues, number in waiting.due
    waiting.changed.clear()
    self.core.filling = self._looks > 0 and bool(waiting.due)
    return 0


cdef object waiting_entry(Ledger self, uint64_t seq):
    """How the order placed at `seq` waits; None if it does not."""
    cdef Core* c = &self.core
    cdef uint32_t row = find_seq(c, ORDER_SEQS, seq)
    entry = None
    if row != NONE:
        order_at(c, row).waits = 0
        if order_at(c, row).closed_us == 0:
            entry = quick_entry(self, row)
        if entry is not None:
            order_at(c, row).waits = WAITS
    return entry


cdef object quick_entry(Ledger self, uint32_t row):
    """As `ranks.entry_of`, without an object for the order where it is plain."""
    cdef Core* c = &self.core
    cdef Order* o = order_at(c, row)
    cdef Text document, rest
    cdef uint32_t sku
    cdef uint64_t i
    cdef bint plain = o.status <= PARTIALLY_SHIPPED
    ensure(c, index_lines(c, o.record))
    units = {}
    for i in range(c.plan.lines.count):
        if waiting_of(c, o, i):
            sku = (<Line*> c.plan.lines.data)[i].sku
            plain = plain and sku_at(c, sku).component_count == 0
            units[sku] = units.get(sku, 0) + waiting_of(c, o, i)
    if not units:
        return None
    lines_of(o.record, &document, &rest)
    if not plain or document.size != 2:
        return entry_of(new_view(self), order_struct(self, row))
    return Entry((0, NEVER_US, o.seq, o.seq), tuple(sorted(units.items())), False)


cdef int sync_waiting(Ledger self) except -1:
    """Tell the index what has changed since the last time."""
    cdef Core* c = &self.core
    cdef Risen* risen
    cdef Moved* moved
    cdef uint64_t i
    sync_fences(self)
    if c.risen.count == 0 and c.moved.count == 0:
        return 0
    for i in range(c.risen.count):
        risen = &(<Risen*> c.risen.data)[i]
        sku_at(c, risen.sku).risen = 0
        self._waiting.changed.add(risen.sku)
        self._waiting.rise(risen.sku, risen.seq, _KINDS[risen.kind])
    c.risen.count = 0
    for i in range(c.moved.count):
        moved = &(<Moved*> c.moved.data)[i]
        entry = waiting_entry(self, moved.order)
        self._waiting.renew(moved.order, entry, moved.seq, _KINDS[moved.kind])
    c.moved.count = 0
    return mark_waited(self)


cdef int rise_all(Ledger self, kind) except -1:
    """Look at everything that waits anew."""
    sync_waiting(self)
    self._waiting.rise_all(self.core.seq, kind)
    return mark_waited(self)


cdef int look_again(Ledger self, kind) except -1:
    """See `State.look_again`."""
    sync_waiting(self)
    for sku in sorted(self._waiting.queues):
        if not is_spent(&self.core, sku):
            self._waiting.rise(sku, self.core.seq, kind)
    return mark_waited(self)


cdef int await_worked_on(Ledger self) except -1:
    """A routing policy is otherwise: whether an order that is worked on is to leave complete, and
    so waits, a policy may say."""
    cdef Core* c = &self.core
    cdef uint64_t i
    cdef Order* o
    for i in range(c.orders.count):
        o = order_at(c, i)
        if o.seq and ON_HOLD < o.status < DELIVERED and order_moved(c, o, ENTRY_PUT) != DONE:
            raise MemoryError("no memory for the orders that wait")
    return sync_waiting(self)


cdef int await_remade(Ledger self) except -1:
    """A bundle is made otherwise: what waits for it waits for other SKUs."""
    sync_waiting(self)
    for seq in list(self._waiting.entries):
        self._waiting.set(seq, waiting_entry(self, seq))
    return mark_waited(self)


cdef inline bint is_spent(Core* c, uint32_t sku) noexcept:
    return not sku_at(c, sku).backorderable and free_units(c, sku) == 0


cdef int fill_waiting(Ledger self) except -1:
    """Give what has come to those that wait for it, as many as this batch may look at."""
    cdef Core* c = &self.core
    waiting = self._waiting
    sync_waiting(self)
    view = new_view(self)
    while self._looks > 0:
        pick = waiting.pick()
        if pick is None:
            break
        self._looks -= 1
        if fill_plain(self, pick) == LEAVE:
            for event in fills.fill(view, pick):
                record_event(self, event, False)
        if pick.sku in waiting.due and is_spent(c, pick.sku):
            waiting.end(pick.sku)
    return mark_waited(self)


cdef inline bint stirs(Ledger self) noexcept:
    """Whether what was just accepted makes waiting orders be looked at."""
    return (
        self.core.risen.count or self.core.moved.count or self.core.filling or self.core.drawn.count
    )
