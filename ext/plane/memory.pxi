# Keyed hashing, and the tables that find rows by id.

cdef inline void sip_round(uint64_t* v) noexcept nogil:
    v[0] += v[1]
    v[1] = rotate(v[1], 13) ^ v[0]
    v[0] = rotate(v[0], 32)
    v[2] += v[3]
    v[3] = rotate(v[3], 16) ^ v[2]
    v[0] += v[3]
    v[3] = rotate(v[3], 21) ^ v[0]
    v[2] += v[1]
    v[1] = rotate(v[1], 17) ^ v[2]
    v[2] = rotate(v[2], 32)


cdef void sip_text(uint64_t* v, Text text) noexcept nogil:
    """Take in a text, padded with its length to whole words."""
    cdef uint64_t word
    cdef uint32_t at = 0
    while at + 8 <= text.size:
        memcpy(&word, text.data + at, 8)
        v[3] ^= word
        sip_round(v)
        v[0] ^= word
        at += 8
    word = 0
    if at < text.size:
        memcpy(&word, text.data + at, text.size - at)
    word |= <uint64_t> text.size << 56
    v[3] ^= word
    sip_round(v)
    v[0] ^= word


cdef uint32_t hash_key(Core* c, int which, const Key* key) noexcept nogil:
    """SipHash-1-3 of ids: they come from outside, and without the seed nobody can make them
    collide. Sequence numbers are ours: eight neighbours share a cache line. So are the numbers of
    SKUs and places: their bits are mixed as MurmurHash3 ends."""
    cdef uint64_t v[4]
    cdef uint64_t group, cell
    if which == CELLS:
        cell = (key.number ^ (key.number >> 33)) * <uint64_t> 0xFF51AFD7ED558CCD
        cell = (cell ^ (cell >> 33)) * <uint64_t> 0xC4CEB9FE1A85EC53
        return <uint32_t> (cell >> 32)
    if which == RESERVATION_SEQS or which == ORDER_SEQS:
        group = (key.number >> 3) * <uint64_t> 0x9E3779B97F4A7C15
        return <uint32_t> (group >> 32) << 3 | <uint32_t> (key.number & 7)
    v[0] = c.seed0 ^ <uint64_t> 0x736F6D6570736575
    v[1] = c.seed1 ^ <uint64_t> 0x646F72616E646F6D
    v[2] = c.seed0 ^ <uint64_t> 0x6C7967656E657261
    v[3] = c.seed1 ^ <uint64_t> 0x7465646279746573
    sip_text(v, key.first)
    if which == ORDER_IDS:
        sip_text(v, key.second)
    v[2] ^= 0xFF
    sip_round(v)
    sip_round(v)
    sip_round(v)
    v[0] ^= v[1] ^ v[2] ^ v[3]
    return <uint32_t> (v[0] ^ (v[0] >> 32))


cdef inline bint same(Text text, const uint8_t* data, uint32_t size) noexcept nogil:
    return text.size == size and memcmp(text.data, data, size) == 0


cdef bint bears(Core* c, int which, uint32_t row, const Key* key) noexcept nogil:
    """Say whether a row is the one that `key` names."""
    cdef Head head
    cdef Sku* sku
    cdef Place* place
    cdef Paper* paper
    cdef Position* position
    cdef Routed* routed
    if which == SKU_NAMES:
        sku = sku_at(c, row)
        return same(key.first, sku.text, sku.name_size)
    if which == PLACE_NAMES:
        place = place_at(c, row)
        return same(key.first, place.text, place.name_size)
    if which == CELLS:
        position = position_at(c, row)
        return position.sku == key.number >> 32 and position.place == <uint32_t> key.number
    if which == RESERVATION_SEQS:
        return reservation_at(c, row).seq == key.number
    if which == ORDER_SEQS:
        return order_at(c, row).seq == key.number
    if which == ROUTED_CHANNELS:
        routed = &(<Routed*> c.routed.data)[row]
        return same(key.first, routed.text, routed.size)
    if which == PAPER_KEYS:
        paper = paper_at(c, row)
        return same(key.first, paper.text, paper.key_size)
    if which == RESERVATION_IDS:
        read_names(reservation_at(c, row).record, &head)
        return same(key.first, head.first.data, head.first.size)
    read_names(order_at(c, row).record, &head)
    return same(key.first, head.first.data, head.first.size) and same(
        key.second, head.second.data, head.second.size
    )


cdef inline Shard* shard_of(Core* c, int which, uint32_t hash) noexcept nogil:
    return &c.tables[which].shards[hash >> SHARD_SHIFT]


cdef uint32_t find_hashed(Core* c, int which, const Key* key, uint32_t hash) noexcept nogil:
    """Return the row that `key` names, or NONE; `hash` is that of the key."""
    cdef Shard* shard = shard_of(c, which, hash)
    cdef uint64_t at = hash & shard.mask
    if shard.used == 0:
        return NONE
    while shard.slots[at].row:
        if shard.slots[at].hash == hash and bears(c, which, shard.slots[at].row - 1, key):
            return shard.slots[at].row - 1
        at = (at + 1) & shard.mask
    return NONE


cdef inline void look_ahead(Core* c, int which, const Key* key) noexcept nogil:
    """Have the slot where a key belongs on its way from memory before it is asked for."""
    cdef uint32_t hash = hash_key(c, which, key)
    cdef Shard* shard = shard_of(c, which, hash)
    if shard.slots is not NULL:
        prefetch(&shard.slots[hash & shard.mask])


cdef inline uint32_t find(Core* c, int which, const Key* key) noexcept nogil:
    """Return the row that `key` names, or NONE."""
    return find_hashed(c, which, key, hash_key(c, which, key))


cdef uint32_t find_seq(Core* c, int which, uint64_t seq) noexcept nogil:
    cdef Key key = seq_key(seq)
    return find(c, which, &key)


cdef uint32_t find_text(Core* c, int which, Text text) noexcept nogil:
    cdef Key key
    memset(&key, 0, sizeof(Key))
    key.first = text
    return find(c, which, &key)


cdef inline void insert(Slot* slots, uint64_t mask, Slot slot) noexcept nogil:
    cdef uint64_t at = slot.hash & mask
    while slots[at].row:
        at = (at + 1) & mask
    slots[at] = slot


cdef inline bint is_checked(Core* c, Text channel) noexcept nogil:
    """Say whether a channel may have rules for its orders. Another may have the same hash: who
    then looks finds no rules."""
    cdef Key key
    cdef uint32_t hash
    if not c.checking:
        return False
    memset(&key, 0, sizeof(Key))
    key.first = channel
    hash = hash_key(c, SKU_NAMES, &key) >> 16
    return c.checked[hash >> 6] >> (hash & 63) & 1


cdef int check_channel(Core* c, Text channel) noexcept nogil:
    """Note that a channel has rules for its orders."""
    cdef Key key
    cdef uint32_t hash
    memset(&key, 0, sizeof(Key))
    key.first = channel
    hash = hash_key(c, SKU_NAMES, &key) >> 16
    c.checking = 1
    c.checked[hash >> 6] |= <uint64_t> 1 << (hash & 63)
    return DONE


cdef inline uint32_t told_bit(Core* c, Text channel, Text order_id) noexcept nogil:
    cdef Key key
    memset(&key, 0, sizeof(Key))
    key.first, key.second = channel, order_id
    return hash_key(c, ORDER_IDS, &key) >> 12


cdef inline bint is_told(Core* c, Text channel, Text order_id) noexcept nogil:
    """Say whether something may have been told of an order before it comes. Another may have the
    same hash: who then looks finds nothing."""
    cdef uint32_t bit
    if c.told is NULL:
        return False
    bit = told_bit(c, channel, order_id)
    return c.told[bit >> 6] >> (bit & 63) & 1


cdef int note_told(Core* c, Text channel, Text order_id) noexcept nogil:
    """Note that something was told of an order."""
    cdef uint32_t bit = told_bit(c, channel, order_id)
    if c.told is NULL:
        c.told = <uint64_t*> calloc(1 << 14, sizeof(uint64_t))
        if c.told is NULL:
            return MEMORY
    c.told[bit >> 6] |= <uint64_t> 1 << (bit & 63)
    c.told_marks += 1
    return DONE


cdef int table_room(Core* c, int which, uint32_t hash) noexcept nogil:
    """Make room for one more row of this hash.

    A shard grows when so much of it is used: half in the first, three quarters in the last. So
    they grow one after the other while the table fills, none of them for long."""
    cdef Shard* shard = shard_of(c, which, hash)
    cdef uint64_t size = shard.mask + 1 if shard.slots is not NULL else 0
    cdef uint64_t more = 2 * size if size else 16
    cdef uint64_t at
    cdef Slot* slots
    if (shard.used + 1) * 1024 <= size * (512 + (hash >> 24)):
        return DONE
    slots = <Slot*> calloc(more, sizeof(Slot))
    if slots is NULL:
        return MEMORY
    for at in range(size):
        if shard.slots[at].row:
            insert(slots, more - 1, shard.slots[at])
    free(shard.slots)
    shard.slots = slots
    shard.mask = more - 1
    return DONE


cdef void table_add(Core* c, int which, uint32_t hash, uint32_t row) noexcept nogil:
    """Add a row. There must be room, and no row that bears the same key."""
    cdef Shard* shard = shard_of(c, which, hash)
    cdef Slot slot
    slot.row, slot.hash = row + 1, hash
    insert(shard.slots, shard.mask, slot)
    shard.used += 1


cdef void table_remove(Core* c, int which, const Key* key, uint32_t row) noexcept nogil:
    """Remove a row that is there, and close the gap, so that no marks of the dead remain."""
    cdef uint32_t hash = hash_key(c, which, key)
    cdef Shard* shard = shard_of(c, which, hash)
    cdef uint64_t gap = hash & shard.mask
    cdef uint64_t at, home
    while shard.slots[gap].row != row + 1:
        if shard.slots[gap].row == 0:
            return
        gap = (gap + 1) & shard.mask
    at = gap
    while True:
        at = (at + 1) & shard.mask
        if shard.slots[at].row == 0:
            break
        home = shard.slots[at].hash & shard.mask
        if ((at - home) & shard.mask) >= ((at - gap) & shard.mask):
            shard.slots[gap] = shard.slots[at]
            gap = at
    shard.slots[gap].row = 0
    shard.used -= 1


cdef inline Key cell_key(uint32_t sku, uint32_t place) noexcept nogil:
    """Name the position of a SKU at a place. The texts are not set, and not looked at."""
    cdef Key key
    key.number = <uint64_t> sku << 32 | place
    return key


cdef uint32_t find_cell(Core* c, uint32_t sku, uint32_t place) noexcept nogil:
    """Return the position of a SKU at a place, or NONE. Positions are never removed."""
    cdef Key key = cell_key(sku, place)
    return find(c, CELLS, &key)


cdef inline Position* position_at(Core* c, uint64_t row) noexcept nogil:
    return &(<Position*> c.positions.data)[row]


cdef inline Sku* sku_at(Core* c, uint64_t row) noexcept nogil:
    return &(<Sku*> c.skus.data)[row]


cdef inline Place* place_at(Core* c, uint64_t row) noexcept nogil:
    return &(<Place*> c.places.data)[row]


cdef inline Reservation* reservation_at(Core* c, uint64_t row) noexcept nogil:
    return &(<Reservation*> c.reservations.data)[row]


cdef inline Order* order_at(Core* c, uint64_t row) noexcept nogil:
    return &(<Order*> c.orders.data)[row]


cdef inline Paper* paper_at(Core* c, uint64_t row) noexcept nogil:
    return &(<Paper*> c.papers.data)[row]


cdef inline int64_t available_of(Position* p) noexcept nogil:
    return p.on_hand - p.reserved - p.allocated - (
        p.damaged + p.quality_control + p.safety_stock
    )


cdef inline int misfit(Core* c, const char* why) noexcept nogil:
    c.why = why
    return MISFIT
