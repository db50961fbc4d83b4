# Ring-fenced stock. The fences are core/fences.py; here is what the data plane tells them.
#
# `Sku.fenced`: units of it are set aside for some channel. Lines of such SKUs are left to the shared
# rules, which know for whom. Who takes or gives back units of one is noted in `drawn`, which is empty
# between two events that are decided, and between two that are replayed.

cdef int draw(Core* c, uint64_t holder, uint32_t position, int64_t units) noexcept nogil:
    """Note that the present event makes a reservation or order, made at seq `holder`, hold units of
    a position, or give them back (below 0)."""
    cdef Drawn* drawn
    if not c.fencing or not sku_at(c, position_at(c, position).sku).fenced:
        return DONE
    if room_for(&c.drawn, c.drawn.count + 1, sizeof(Drawn)) != DONE:
        return MEMORY
    drawn = &(<Drawn*> c.drawn.data)[c.drawn.count]
    drawn.seq, drawn.holder, drawn.units, drawn.position = c.seq, holder, units, position
    c.drawn.count += 1
    return DONE


cdef int draw_lines(Core* c, const uint8_t* record, uint64_t holder, int sign) noexcept nogil:
    """Note what the lines of a checked record take, or give back."""
    cdef Cursor at
    cdef Head head
    cdef Line line
    cdef Take take
    cdef uint32_t i, j
    if not c.fencing:
        return DONE
    read_head(&at, record, &head)
    for i in range(head.lines):
        read_line(&at, &line)
        for j in range(line.count):
            take = take_of(&line, j)
            if draw(c, holder, take.position, sign * <int64_t> take.quantity) != DONE:
                return MEMORY
    return DONE


cdef str channel_of(Core* c, uint64_t holder):
    """The channel of the reservation or order that was made at a seq."""
    cdef uint32_t row = find_seq(c, ORDER_SEQS, holder)
    cdef Head head
    if row != NONE:
        read_names(order_at(c, row).record, &head)
        return string_of(head.first)
    row = find_seq(c, RESERVATION_SEQS, holder)
    require(row != NONE, "who takes units that are set aside")
    read_names(reservation_at(c, row).record, &head)
    return string_of(head.second)


cdef int sync_fences(Ledger self) except -1:
    """Tell the fences what has changed since the last time, event by event."""
    cdef Core* c = &self.core
    cdef Drawn* drawn
    cdef uint64_t i = 0, seq, holder
    if c.drawn.count == 0:
        return 0
    view, fences = new_view(self), self._registers.fences
    while i < c.drawn.count:
        drawn = &(<Drawn*> c.drawn.data)[i]
        seq, holder, moves = drawn.seq, drawn.holder, {}
        while i < c.drawn.count and (<Drawn*> c.drawn.data)[i].seq == seq:
            drawn = &(<Drawn*> c.drawn.data)[i]
            moves[drawn.position] = moves.get(drawn.position, 0) + drawn.units
            i += 1
        row = find_seq(c, ORDER_SEQS, seq)
        if row != NONE and holder != seq:
            fences.passed(holder, seq)
            holder = seq
        else:
            fences.moved(holder, channel_of(c, holder), moves, view.positions)
        if holder in fences.holders and find_seq(c, ORDER_SEQS, holder) != NONE:
            order_lives(c, holder)
    c.drawn.count = 0
    return 0


cdef int note_fence(Ledger self, number) except -1:
    """Take up that fence `number` stands otherwise: its SKU may be waited for."""
    cdef uint32_t sku = self._registers.fences.rows[number].put.sku
    require(sku < self.core.skus.count, "a fence's SKU does not exist")
    know_fences(self, sku)
    sync_waiting(self)
    self._waiting.rise(sku, self.core.seq, _KINDS[ENTRY_PUT])
    return mark_waited(self)


cdef int know_fences(Ledger self, uint32_t sku) except -1:
    fences = self._registers.fences
    sku_at(&self.core, sku).fenced = sku in fences.open
    self.core.fencing = len(fences.open) > 0
    return 0
