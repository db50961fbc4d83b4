# The state as the shared decisions on stock and catalogue read it, and the questions to it.
# Rows are made when asked for.

@cython.final
cdef class _Numbers:
    """Number of a location or SKU by its id, as a dict would give it."""
    cdef Ledger ledger
    cdef int which

    def __getitem__(self, name):
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def get(self, name, default=None):
        cdef Text text
        cdef uint32_t row
        if not text_to_find(name, &text):
            return default
        row = find_text(&self.ledger.core, self.which, text)
        return default if row == NONE else row

    def __getitem__(self, name):
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        return found


@cython.final
cdef class _Cells:
    """Position by (SKU, location)."""
    cdef Ledger ledger

    def get(self, cell, default=None):
        cdef uint32_t row = find_cell(&self.ledger.core, cell[0], cell[1])
        return default if row == NONE else row


@cython.final
cdef class _SkuRow:
    """One SKU: its command, seq, components, positions and parents."""
    cdef Ledger ledger
    cdef uint32_t number

    @property
    def put(self):
        return _decode_sku(sku_json(&self.ledger.core, self.number))

    @property
    def seq(self):
        return sku_at(&self.ledger.core, self.number).seq

    @property
    def components(self):
        cdef Sku* sku = sku_at(&self.ledger.core, self.number)
        cdef uint32_t i
        return tuple(
            [(sku.components[i].sku, sku.components[i].quantity)
             for i in range(sku.component_count)]
        )

    @property
    def positions(self):
        cdef Core* c = &self.ledger.core
        cdef uint32_t at = sku_at(c, self.number).first
        found = []
        while at != NONE:
            found.append(at)
            at = position_at(c, at).next
        return found

    @property
    def usual(self):
        cdef Sku* sku = sku_at(&self.ledger.core, self.number)
        return sku.usual_mean, sku.usual_spread, sku.usual_orders

    @property
    def parents(self):
        return self.ledger._parents.get(self.number, ())


@cython.final
cdef class _Rows:
    """A table by number."""
    cdef Ledger ledger
    cdef int which            # locations, SKUs, positions; of the other tables the length only

    def __len__(self):
        cdef Core* c = &self.ledger.core
        if self.which == 0:
            return c.places.count
        if self.which == 1:
            return c.skus.count
        if self.which == 2:
            return c.positions.count
        if self.which == 5:
            return c.reservation_count
        return c.paper_count if self.which == 3 else c.order_count

    def get(self, uint64_t seq, default=None):
        """Return the order placed at `seq`, of the table of orders."""
        cdef uint32_t row = find_seq(&self.ledger.core, ORDER_SEQS, seq)
        return default if row == NONE else order_struct(self.ledger, row)

    def __getitem__(self, int64_t number):
        cdef _SkuRow row
        if not 0 <= number < len(self):
            raise IndexError(number)
        if self.which == 0:
            found = self.ledger._place_rows.get(number)
            if found is None:
                found = self.ledger._place_rows[number] = state.Location(
                    _decode_place(place_json(&self.ledger.core, <uint32_t> number)),
                    place_at(&self.ledger.core, number).seq,
                )
            return found
        if self.which == 2:
            return position_struct(position_at(&self.ledger.core, number))
        row = _SkuRow.__new__(_SkuRow)
        row.ledger, row.number = self.ledger, <uint32_t> number
        return row


cdef object position_struct(Position* p):
    return _Position(
        p.sku, p.place, p.on_hand, p.reserved, p.allocated, p.damaged, p.quality_control,
        p.safety_stock,
    )


@cython.final
cdef class _Loads:
    """(day, orders to send on it) by location, as a dict would give it."""
    cdef Ledger ledger

    def __iter__(self):
        cdef uint64_t i
        return iter([
            i for i in range(self.ledger.core.places.count)
            if place_at(&self.ledger.core, i).load_day
        ])

    def __getitem__(self, uint64_t number):
        cdef Place* place = place_at(&self.ledger.core, number)
        return place.load_day, place.load_used

    def __setitem__(self, uint64_t number, load):
        cdef Place* place = place_at(&self.ledger.core, number)
        place.load_day, place.load_used = load

    def get(self, number, default=None):
        found = self[number]
        return found if found[0] else default


cdef bint holds_any(Core* c, Order* o, skus) except -1:
    """Whether an order holds units of one of these SKUs."""
    cdef Cursor at
    cdef Head head
    cdef Line line
    cdef Take take
    cdef const uint32_t* left = o.left
    cdef uint32_t i, j
    read_head(&at, o.record, &head)
    for i in range(head.lines):
        read_line(&at, &line)
        for j in range(line.count):
            take = take_of(&line, j)
            if left is NULL or left[LEFT_HEAD + j]:
                if position_at(c, take.position).sku in skus:
                    return True
        if left is not NULL:
            left += LEFT_HEAD + line.count
    return False


@cython.final
cdef class _View:
    """What `core.decide`, `core.reading` and `core.answers` read of a state."""
    cdef Ledger ledger
    cdef readonly object locations, skus, positions, remembered, orders
    cdef readonly object location_numbers, sku_numbers, cells, registers, lives, loads
    cdef readonly object reservations, waiting

    @property
    def seq(self):
        return self.ledger.core.seq

    @property
    def now_us(self):
        return self.ledger.core.now_us

    def answered(self, key):
        """Return what was answered to this key, unless longer ago than retention."""
        cdef Core* c = &self.ledger.core
        cdef Text text
        cdef Paper* p
        cdef uint32_t row
        if not text_to_find(key, &text):
            return None
        row = find_text(c, PAPER_KEYS, text)
        if row == NONE or old(c, paper_at(c, row).stamp_us, c.limit.retention_us):
            return None
        p = paper_at(c, row)
        answer = bytes_of(text_at(p.text + p.key_size, p.answer_size))
        return state.Remembered(key, p.seq, p.stamp_us, p.fingerprint, answer)

    def order(self, channel, order_id):
        """Return the order that bears this id, unless closed longer than retention."""
        cdef Text first, second
        cdef uint32_t row
        if not text_to_find(channel, &first) or not text_to_find(order_id, &second):
            return None
        row = order_of(&self.ledger.core, first, second)
        return None if row == NONE else order_struct(self.ledger, row)

    def reservation(self, reservation_id):
        """Return the reservation that bears this id, unless closed longer than retention."""
        cdef Text text
        cdef Reservation* r
        cdef uint32_t row
        if not text_to_find(reservation_id, &text):
            return None
        row = reservation_of(&self.ledger.core, text)
        if row == NONE:
            return None
        r = reservation_at(&self.ledger.core, row)
        event = decode_record(PyBytes_FromStringAndSize(<char*> r.record, load32(r.record)))
        return state.Reservation(
            r.seq, event, r.expires_us, r.armed_seq, r.status, r.closed_us, r.order
        )

    def order_placed(self, seq):
        """Return the order placed at `seq`, unless closed longer than retention."""
        cdef Core* c = &self.ledger.core
        cdef uint32_t row = find_seq(c, ORDER_SEQS, seq) if 0 < seq <= <int64_t> c.seq else NONE
        if row == NONE or (
            order_at(c, row).closed_us and old(c, order_at(c, row).closed_us, c.limit.closed_order_us)
        ):
            return None
        return order_struct(self.ledger, row)

    def orders_behind(self, after, statuses, most, scan):
        """See `State.orders_behind`."""
        cdef Core* c = &self.ledger.core
        cdef uint64_t behind = after
        cdef int64_t looked = 0, bound = scan, count = 0, room = most
        cdef uint32_t row = oldest_open(c)
        cdef uint32_t wanted = 0
        cdef Order* o
        for status in statuses:
            wanted |= <uint32_t> 1 << <uint32_t> status
        found, last = [], after
        if row != NONE and order_at(c, row).seq <= behind <= c.seq:
            known = find_seq(c, ORDER_SEQS, behind)
            row = row if known == NONE else known
        while row != NONE:
            o = order_at(c, row)
            row = o.newer
            if o.seq <= behind:
                continue
            if looked == bound or count == room:
                return found, last
            looked, last = looked + 1, o.seq
            if wanted >> o.status & 1:
                count += 1
                found.append(o.seq)
        return found, None

    def holders(self, skus, statuses, most, scan):
        """See `State.holders`."""
        cdef Core* c = &self.ledger.core
        cdef int64_t looked = 0, bound = scan, room = most
        cdef uint32_t row = c.newest_order
        cdef uint32_t wanted = 0
        cdef Order* o
        for status in statuses:
            wanted |= <uint32_t> 1 << <uint32_t> status
        found = []
        while row != NONE and looked < bound and <int64_t> len(found) < room:
            o = order_at(c, row)
            row, looked = o.older, looked + 1
            if wanted >> o.status & 1 and holds_any(c, o, skus):
                found.append(o.seq)
        return found

    def senders(self, uint32_t place, uint64_t day, most, scan):
        """See `State.senders`."""
        cdef Core* c = &self.ledger.core
        cdef int64_t looked = 0, bound = scan, room = most
        cdef uint32_t row = c.newest_order
        cdef Order* o
        found = []
        while row != NONE and looked < bound and <int64_t> len(found) < room:
            o = order_at(c, row)
            row, looked = o.older, looked + 1
            if o.closed_us == 0 and counts_at(o.record, place, day):
                found.append(o.seq)
        return found

    def order_row(self, seq):
        """Return the order placed at `seq`."""
        return order_struct(self.ledger, find_seq(&self.ledger.core, ORDER_SEQS, seq))

    def reservation(self, reservation_id):
        """Return the reservation that bears this id, unless closed longer than retention."""
        cdef Text text
        cdef Reservation* r
        cdef uint32_t row
        if not text_to_find(reservation_id, &text):
            return None
        row = reservation_of(&self.ledger.core, text)
        if row == NONE:
            return None
        r = reservation_at(&self.ledger.core, row)
        event = decode_record(PyBytes_FromStringAndSize(<char*> r.record, load32(r.record)))
        return state.Reservation(
            r.seq, event, r.expires_us, r.armed_seq, r.status, r.closed_us, r.order
        )

    def free_units(self, int64_t sku):
        """Return the units of a SKU that may be promised, at all active locations."""
        return free_units(&self.ledger.core, <uint32_t> sku)

    def location_name(self, int64_t number):
        return self.ledger._places[number]

    def sku_name(self, int64_t number):
        return sku_name(&self.ledger.core, <uint32_t> number)

    def policy_name(self, number):
        return self.ledger._registers.policies.rows[number].put.policy

    def position_sku_name(self, int64_t number):
        return sku_name(&self.ledger.core, position_at(&self.ledger.core, number).sku)

    def position_location_name(self, int64_t number):
        return self.ledger._places[position_at(&self.ledger.core, number).place]

    def position_on_hand(self, int64_t number):
        return position_at(&self.ledger.core, number).on_hand


cdef _View new_view(Ledger self):
    cdef _View view = _View.__new__(_View)
    cdef _Numbers numbers
    cdef _Rows rows
    cdef _Cells cells = _Cells.__new__(_Cells)
    cdef _Loads loads = _Loads.__new__(_Loads)
    cells.ledger = view.ledger = loads.ledger = self
    tables = []
    for which in range(6):
        rows = _Rows.__new__(_Rows)
        rows.ledger, rows.which = self, which
        tables.append(rows)
    view.locations, view.skus, view.positions, view.remembered, view.orders = tables[:5]
    view.reservations, view.waiting = tables[5], self._waiting
    view.cells, view.loads = cells, loads
    view.registers, view.lives = self._registers, self._lives
    numbers = _Numbers.__new__(_Numbers)
    numbers.ledger, numbers.which = self, PLACE_NAMES
    view.location_numbers = numbers
    numbers = _Numbers.__new__(_Numbers)
    numbers.ledger, numbers.which = self, SKU_NAMES
    view.sku_numbers = numbers
    return view
