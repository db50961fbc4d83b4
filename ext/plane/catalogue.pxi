# Locations and SKUs: texts in C, decoded when asked for.

cdef Text text_at(const uint8_t* data, uint32_t size) noexcept nogil:
    cdef Text text
    text.data, text.size = data, size
    return text


cdef uint8_t* joined(Text name, Text put) noexcept nogil:
    cdef uint8_t* text = <uint8_t*> malloc(<uint64_t> name.size + put.size + 1)
    if text is not NULL:
        memcpy(text, name.data, name.size)
        memcpy(text + name.size, put.data, put.size)
    return text


cdef int put_place(Core* c, uint32_t number, uint64_t seq, Text name, Text put) noexcept nogil:
    """Set a location's text; `number` is a known one, or the next."""
    cdef Place* place
    cdef Key key
    cdef uint32_t hash
    cdef uint8_t* text
    if room_for(&c.places, c.places.count + 1, sizeof(Place)) != DONE:
        return MEMORY
    key.first = name
    hash = hash_key(c, PLACE_NAMES, &key)
    if table_room(c, PLACE_NAMES, hash) != DONE:
        return MEMORY
    text = joined(name, put)
    if text is NULL:
        return MEMORY
    place = place_at(c, number)
    if number == c.places.count:
        memset(place, 0, sizeof(Place))
        c.places.count += 1
        table_add(c, PLACE_NAMES, hash, number)
    free(place.text)
    place.text, place.name_size, place.put_size, place.seq = text, name.size, put.size, seq
    return DONE


cdef int put_sku(Core* c, uint32_t number, uint64_t seq, Text name, Text put) noexcept nogil:
    """Set a SKU's text; `number` is a known one, or the next."""
    cdef Sku* sku
    cdef Key key
    cdef uint32_t hash
    cdef uint8_t* text
    if room_for(&c.skus, c.skus.count + 1, sizeof(Sku)) != DONE:
        return MEMORY
    key.first = name
    hash = hash_key(c, SKU_NAMES, &key)
    if table_room(c, SKU_NAMES, hash) != DONE:
        return MEMORY
    text = joined(name, put)
    if text is NULL:
        return MEMORY
    sku = sku_at(c, number)
    if number == c.skus.count:
        memset(sku, 0, sizeof(Sku))
        sku.first = sku.last = NONE
        c.skus.count += 1
        table_add(c, SKU_NAMES, hash, number)
    free(sku.text)
    sku.text, sku.name_size, sku.put_size, sku.seq = text, name.size, put.size, seq
    return DONE


cdef inline str string_of(Text text):
    return PyUnicode_DecodeUTF8(<char*> text.data, text.size, NULL)


cdef inline bytes bytes_of(Text text):
    return PyBytes_FromStringAndSize(<char*> text.data, text.size)


cdef inline str sku_name(Core* c, uint32_t number):
    cdef Sku* sku = sku_at(c, number)
    return PyUnicode_DecodeUTF8(<char*> sku.text, sku.name_size, NULL)


cdef bytes sku_json(Core* c, uint32_t number):
    cdef Sku* sku = sku_at(c, number)
    return bytes_of(text_at(sku.text + sku.name_size, sku.put_size))


cdef bytes place_json(Core* c, uint32_t number):
    cdef Place* place = place_at(c, number)
    return bytes_of(text_at(place.text + place.name_size, place.put_size))


cdef int ensure(Core* c, int result) except -1:
    """Raise what a negative `Result` stands for; return others."""
    if result == MEMORY:
        raise MemoryError("no memory for the ledger's tables; stop and start with more")
    if result == MISFIT:
        raise LedgerError(
            f"event {c.seq + 1}: {c.why.decode()}; "
            "the log is not ours or was written by a faulty version"
        )
    return result


cdef inline int require(bint good, str what) except -1:
    if not good:
        raise LedgerError(f"{what}; the log is not ours or was written by a faulty version")
    return 0


cdef inline int text_in(str value, Text* text) except -1:
    """Point `text` at the UTF-8 of `value`, which must outlive it."""
    cdef Py_ssize_t size
    text.data = <const uint8_t*> PyUnicode_AsUTF8AndSize(value, &size)
    require(size <= 0xFFFF, "a text is longer than the log can hold")
    text.size = <uint32_t> size
    return 0


cdef bint text_to_find(str value, Text* text) noexcept:
    """As `text_in`, but False for what cannot be the name of anything."""
    cdef Py_ssize_t size
    try:
        text.data = <const uint8_t*> PyUnicode_AsUTF8AndSize(value, &size)
    except UnicodeEncodeError:
        return False
    text.size = <uint32_t> size
    return size <= 0xFFFFFFFF


cdef inline void bytes_in(bytes value, Text* text) noexcept:
    text.data = <const uint8_t*> PyBytes_AS_STRING(value)
    text.size = <uint32_t> PyBytes_GET_SIZE(value)


cdef object set_place(Ledger self, uint64_t number, uint64_t seq, bytes document):
    """Put a location from its JSON; `LedgerError` unless it is the JSON that dibs writes and the
    number is the location's own. Returns the command."""
    cdef Core* c = &self.core
    cdef Place* place
    cdef Text name, put
    cdef uint32_t known
    command = _decode_place(document)
    require(_json(command) == document, "a location's JSON is not as dibs writes it")
    text_in(command.location, &name)
    bytes_in(document, &put)
    known = find_text(c, PLACE_NAMES, name)
    require(number == (c.places.count if known == NONE else known), "a location's number")
    require(number < <uint64_t> c.limit.places, "too many locations")
    ensure(c, put_place(c, <uint32_t> number, seq, name, put))
    place = place_at(c, number)
    place.priority, place.active = command.priority, command.active
    forget_sites(c)
    self._lives.worklist.close(number, not command.active)
    self._place_rows.pop(number, None)
    place.located = command.latitude is not None and command.longitude is not None
    if place.located:
        direction(command.latitude, command.longitude, &place.x, &place.y, &place.z)
    if known == NONE:
        self._places.append(command.location)
    return command


cdef object set_sku(Ledger self, uint64_t number, uint64_t seq, bytes document):
    """Put a SKU from its JSON, but not its components. As `set_place`."""
    cdef Core* c = &self.core
    cdef Text name, put
    cdef uint32_t known
    command = _decode_sku(document)
    require(_json(command) == document, "a SKU's JSON is not as dibs writes it")
    text_in(command.sku, &name)
    bytes_in(document, &put)
    known = find_text(c, SKU_NAMES, name)
    require(number == (c.skus.count if known == NONE else known), "a SKU's number")
    require(number < <uint64_t> c.limit.skus, "too many SKUs")
    ensure(c, put_sku(c, <uint32_t> number, seq, name, put))
    sku_at(c, number).backorderable = command.backorderable
    sku_at(c, number).limited = command.backorder_limit is not None
    sku_at(c, number).weight_g = command.weight_g or 0
    sku_at(c, number).handling = class_of(self, command.handling)
    return command


cdef int set_components(Ledger self, uint32_t number, list pairs) except -1:
    """Say what a bundle is made of: (SKU number, units), which were checked."""
    cdef Core* c = &self.core
    cdef Sku* sku = sku_at(c, number)
    cdef Component* components = NULL
    cdef uint32_t i
    if pairs:
        components = <Component*> malloc(len(pairs) * sizeof(Component))
        if components is NULL:
            raise MemoryError("no memory for a bundle's components")
    for i in range(sku.component_count):
        self._parents[sku.components[i].sku].discard(number)
    free(sku.components)
    sku.components, sku.component_count = components, <uint32_t> len(pairs)
    for i in range(sku.component_count):
        components[i].sku, components[i].quantity = pairs[i]
        self._parents.setdefault(pairs[i][0], set()).add(number)
    return 0


cdef list named_components(Ledger self, command):
    """Return a command's components by number; `LedgerError` where one does not exist."""
    cdef Text name
    cdef uint32_t number
    pairs = []
    for component in command.components:
        text_in(component.sku, &name)
        number = find_text(&self.core, SKU_NAMES, name)
        require(number != NONE, "a component does not exist")
        pairs.append((number, component.quantity))
    return pairs


cdef object apply_place(Ledger self, const uint8_t* record):
    """Apply a LocationPut record; return its (answer, cause) for `remember`."""
    cdef Cursor at
    cdef uint32_t number
    cdef Text document
    open_record(&at, record)
    checked_cause(&at)
    number, document = get32(&at), get_blob(&at)
    require(not at.bad and at.at == at.end, "a location's record is damaged")
    self.core.seq += 1
    before = number < self.core.places.count and place_at(&self.core, number).active
    command = set_place(self, number, self.core.seq, bytes_of(document))
    if command.active and not before:
        rise_all(self, _KINDS[LOCATION_PUT])
    return answers.location(command, self.core.seq)


cdef object apply_entry(Ledger self, const uint8_t* record):
    """Apply an EntryPut record."""
    event = decode_record(PyBytes_FromStringAndSize(<char*> record, load32(record)))
    self.core.seq += 1
    answer = self._registers.apply(event, self.core.seq)
    if event.register == self._registers.validations.code:
        note_rules(self, event.number)
    elif event.register == self._registers.early_facts.code:
        note_early(self, event.number)
    elif event.register == self._registers.policies.code:
        know_routing(self, [event.number])
        await_worked_on(self)
        look_again(self, _KINDS[ENTRY_PUT])
    elif event.register == self._registers.channels.code:
        know_routing(self, [])
        look_again(self, _KINDS[ENTRY_PUT])
    elif event.register == self._registers.scarcity.code:
        know_scarcity(self, event.number)
    elif event.register == self._registers.fences.code:
        note_fence(self, event.number)
    elif event.register == self._registers.capacities.code:
        know_capacity(self, event.number)
        look_again(self, _KINDS[ENTRY_PUT])
    return answer


cdef int note_early(Ledger self, number) except -1:
    """Have the order found, when it comes, of which slot `number` holds facts. Marks of orders that
    have come are cleared when there are too many."""
    cdef Core* c = &self.core
    early = self._registers.early_facts
    if c.told is not NULL and c.told_marks > 4_096 + 2 * <uint64_t> len(early.rows):
        memset(c.told, 0, sizeof(uint64_t) << 14)
        c.told_marks = 0
        for name in early.orders():
            mark_told(self, name)
    elif early.rows[number].put.facts:
        mark_told(self, early.rows[number].put.order)
    return 0


cdef int mark_told(Ledger self, name) except -1:
    cdef Text channel, order_id
    text_in(name[0], &channel)
    text_in(name[1], &order_id)
    ensure(&self.core, note_told(&self.core, channel, order_id))
    return 0


cdef int note_rules(Ledger self, number) except -1:
    """Have the orders of a channel looked at that has entry `number` of the rules."""
    cdef Text name
    text_in(self._registers.validations.rows[number].put.channel, &name)
    check_channel(&self.core, name)
    return 0


cdef object apply_sku(Ledger self, const uint8_t* record):
    """Apply a SkuPut record."""
    cdef Core* c = &self.core
    cdef Cursor at
    cdef uint32_t number, count, i
    cdef uint8_t backorderable
    cdef Text document
    open_record(&at, record)
    checked_cause(&at)
    number, backorderable, count = get32(&at), get8(&at), get16(&at)
    pairs = [(get32(&at), get32(&at)) for i in range(count)]
    document = get_blob(&at)
    require(not at.bad and at.at == at.end, "a SKU's record is damaged")
    command = _decode_sku(bytes_of(document))
    require(backorderable == command.backorderable, "a SKU's flags differ")
    require(number <= c.skus.count, "a SKU's number leaves a gap")
    require(pairs == named_components(self, command), "a bundle's components differ")
    if pairs:
        wrong = bundles.fault(new_view(self).skus, number, [child for child, _ in pairs])
        require(wrong is None, "a bundle is made of what it cannot be made of")
    c.seq += 1
    remade = number < c.skus.count and len(self._waiting.entries) > 0 and pairs != [
        (sku_at(c, number).components[i].sku, sku_at(c, number).components[i].quantity)
        for i in range(sku_at(c, number).component_count)
    ]
    set_sku(self, number, c.seq, bytes_of(document))
    set_components(self, number, pairs)
    if remade:
        await_remade(self)
    if remade or number in self._waiting.queues:
        rise_all(self, _KINDS[SKU_PUT])
    return answers.sku(command, c.seq)
