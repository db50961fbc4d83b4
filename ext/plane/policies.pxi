# Policies made ready for the hot path: names become numbers and bits, rates become flat arrays.

cdef enum:
    CLASSES_MAX = 63           # of goods in a word of bits; beyond, the shared rule decides
    CHEAPEST = 0
    FEWEST = 1
    NEAREST = 2
    FASTEST = 3
    BALANCED = 4
    PREFIX_ROOM = 4 * 128 + 2  # bytes of a country and an id
    REASONS_ROOM = 14
    EXCLUDED_MAX = 32

# The bounds above are compiled in; they are those of the project, or this does not load.
assert PREFIX_ROOM == 4 * limits.ID_CHARS_MAX + 2 and EXCLUDED_MAX == limits.ROUTE_EXCLUDED_MAX
assert REASONS_ROOM == len(slip.REASONS)

cdef tuple _STYLES = ("cheapest", "fewest", "nearest", "fastest", "balanced")
cdef int64_t MINUTE_US = costs.MINUTE_US
cdef uint64_t FNV_BASE = <uint64_t> 0xCBF29CE484222325
cdef uint64_t FNV_PRIME = <uint64_t> 0x100000001B3


cdef void free_policy(Policy* p) noexcept nogil:
    free(p.rules)
    free(p.styles)
    free(p.lanes)
    free(p.prefixes)
    free(p.texts)
    free(p.bits)
    free(p.bands)
    free(p.rates.tariffs)
    free(p.rates.lines)
    memset(p, 0, sizeof(Policy))


cdef void free_routed(Core* c) noexcept nogil:
    """Forget which channels have a policy."""
    cdef uint64_t i
    for i in range(c.routed.count):
        free((<Routed*> c.routed.data)[i].text)
    c.routed.count = 0
    for i in range(SHARDS):
        free(c.tables[<int> ROUTED_CHANNELS].shards[i].slots)
    memset(&c.tables[<int> ROUTED_CHANNELS], 0, sizeof(Table))


cdef void free_case(Case* one) noexcept nogil:
    scorer.release(&one.search)
    free(one.shelves)
    free(one.store)
    rows_free(&one.met)
    rows_free(&one.columns)
    rows_free(&one.able)
    rows_free(&one.scarce)
    rows_free(&one.quantities)
    rows_free(&one.grams)
    rows_free(&one.fixed)
    rows_free(&one.tariffs)
    rows_free(&one.stock)
    rows_free(&one.unit)
    rows_free(&one.where)
    rows_free(&one.cells)
    free(one.slip.data)


cdef void* zeros(uint64_t count, uint64_t width) except NULL:
    cdef void* found = calloc(count + 1, width)
    if found is NULL:
        raise MemoryError("no memory for a routing policy")
    return found


cdef inline uint64_t fnv(uint64_t hash, uint8_t byte) noexcept nogil:
    return (hash ^ byte) * FNV_PRIME


cdef inline uint64_t lane_key(int32_t origin, int32_t zone) noexcept nogil:
    return (<uint64_t> origin << 32 | <uint64_t> zone) + 1


cdef inline uint64_t lane_slot(Policy* p, int32_t origin, int32_t zone) noexcept nogil:
    """Lanes to one zone stand beside each other: an order asks for those of many origins."""
    return (<uint64_t> zone * p.lane_stride + <uint64_t> origin) & p.lane_mask


cdef int class_of(Ledger self, name) except -1:
    """The number of a class of goods, from 1; 0 for none, CLASSES_MAX + 1 for one too many."""
    if name is None:
        return 0
    number = self._classes.setdefault(name, len(self._classes) + 1)
    return min(number, CLASSES_MAX + 1)


cdef int know_routing(Ledger self, policies) except -1:
    """Take up what the registers say: these policies anew, and which channels have one."""
    cdef Core* c = &self.core
    tables = self._registers.policies.tables
    if room_for(&c.policies, len(tables), sizeof(Policy)) != DONE:
        raise MemoryError("no memory for routing policies")
    while c.policies.count < <uint64_t> len(tables):
        memset(policy_at(c, c.policies.count), 0, sizeof(Policy))
        c.policies.count += 1
    for number in policies:
        free_policy(policy_at(c, number))
        make_policy(self, policy_at(c, number), tables[number])
    free_routed(c)
    forget_sites(c)
    for row in self._registers.channels.rows if tables else ():
        if row.put.policy is not None:
            add_routed(self, row.put.channel, self._registers.policies.numbers[row.put.policy])
    return 0


cdef inline Policy* policy_at(Core* c, uint64_t number) noexcept nogil:
    return &(<Policy*> c.policies.data)[number]


cdef int add_routed(Ledger self, str channel, number) except -1:
    cdef Core* c = &self.core
    cdef Routed* r
    cdef Text text
    cdef Key key
    cdef uint32_t hash
    policy = self._registers.policies.tables[number]
    text_in(channel, &text)
    memset(&key, 0, sizeof(Key))
    key.first = text
    hash = hash_key(c, ROUTED_CHANNELS, &key)
    if room_for(&c.routed, c.routed.count + 1, sizeof(Routed)) != DONE:
        raise MemoryError("no memory for a routed channel")
    if table_room(c, ROUTED_CHANNELS, hash) != DONE:
        raise MemoryError("no memory for a routed channel")
    r = &(<Routed*> c.routed.data)[c.routed.count]
    r.text = <uint8_t*> zeros(text.size, 1)
    memcpy(r.text, text.data, text.size)
    r.size, r.policy = text.size, number
    names = list(policy.strategies)
    r.style = names.index(policy.strategy_of(channel).strategy)
    r.channel = channels_of(policy).get(channel, NONE)
    table_add(c, ROUTED_CHANNELS, hash, <uint32_t> c.routed.count)
    c.routed.count += 1
    return 0


cdef int know_capacity(Ledger self, number) except -1:
    """Take up how many orders a location sends on a day."""
    cdef Text text
    cdef uint32_t place
    put = self._registers.capacities.rows[number].put
    text_in(put.location, &text)
    place = find_text(&self.core, PLACE_NAMES, text)
    require(place != NONE, "the location of a capacity does not exist")
    place_at(&self.core, place).limit_day = <uint32_t> capacities.day_number(put.day)
    place_at(&self.core, place).limit_orders = put.orders
    forget_sites(&self.core)
    return 0


cdef int know_scarcity(Ledger self, number) except -1:
    """Take up the scarcity prices of a SKU: of its positions that are there."""
    cdef Core* c = &self.core
    cdef int64_t* prices
    cdef uint32_t sku, place, at
    cdef Text text
    put = self._registers.scarcity.rows[number].put
    if room_for(&c.scarcity, c.positions.count + 1, sizeof(int64_t)) != DONE:
        raise MemoryError("no memory for scarcity prices")
    prices = <int64_t*> c.scarcity.data
    while c.scarcity.count < c.positions.count:
        prices[c.scarcity.count] = 0
        c.scarcity.count += 1
    text_in(put.sku, &text)
    sku = find_text(c, SKU_NAMES, text)
    require(sku != NONE, "the SKU of a scarcity price does not exist")
    at = sku_at(c, sku).first
    while at != NONE:
        prices[at] = 0
        at = position_at(c, at).next
    for price in put.prices:
        text_in(price.location, &text)
        place = find_text(c, PLACE_NAMES, text)
        at = NONE if place == NONE else find_cell(c, sku, place)
        if at != NONE:
            prices[at] = price.mills
    return 0


cdef dict channels_of(policy):
    """Numbers of the channels that a policy's rules name."""
    found = {}
    for rule in policy.put.locations:
        for name in rule.channels or ():
            found.setdefault(name, len(found))
    return found


cdef int make_policy(Ledger self, Policy* p, policy) except -1:
    zones = {}
    for zone in policy.put.zones:
        zones.setdefault(zone.zone, len(zones))
    for lane in policy.put.lanes:
        zones.setdefault(lane.zone, len(zones))
    origins = {}
    for rule in policy.put.locations:
        if rule.origin is not None:
            origins.setdefault(rule.origin, len(origins))
    p.version = policy.put.version
    make_tariffs(p, policy, origins, zones)
    make_prefixes(p, policy, zones)
    make_rules(self, p, policy, origins, zones)
    return 0


cdef int make_tariffs(Policy* p, policy, dict origins, dict zones) except -1:
    cdef uint64_t size = 16, at, key
    lanes, rate = policy.put.lanes, policy.put.distance
    tables = [lane.bands for lane in lanes] + ([rate.bands] if rate is not None else [])
    make_rates(p, tables)
    p.by_distance = -1
    if rate is not None:
        p.by_distance = <int32_t> len(lanes)
        p.per_km, p.km_per_day = rate.per_km * costs.MILLS, rate.km_per_day
    while size < 2 * <uint64_t> len(lanes):
        size *= 2
    p.lanes, p.lane_mask = <Lane*> zeros(size, sizeof(Lane)), size - 1
    p.lane_stride = <uint64_t> len(origins) | 1
    for number, lane in enumerate(lanes):
        if lane.origin not in origins:
            continue
        key = lane_key(origins[lane.origin], zones[lane.zone])
        at = lane_slot(p, origins[lane.origin], zones[lane.zone])
        while p.lanes[at].key:
            at = (at + 1) & p.lane_mask
        p.lanes[at].key, p.lanes[at].tariff, p.lanes[at].days = key, number, lane.transit_days
    return 0


cdef int make_rates(Policy* p, list tables) except -1:
    cdef int64_t t = 0, b = 0
    cdef int64_t* starts
    p.bands = <scorer.Band*> zeros(sum(map(len, tables)), sizeof(scorer.Band))
    p.rates.tariffs = <scorer.Tariff*> zeros(len(tables), sizeof(scorer.Tariff))
    p.rates.lines = <scorer.Line*> zeros(len(tables), sizeof(scorer.Line))
    p.rates.count = len(tables)
    starts = <int64_t*> zeros(len(tables) + 1, sizeof(int64_t))
    try:
        for bands in tables:
            for band in costs.tariff_of(bands):
                p.bands[b].up_to_g, p.bands[b].base, p.bands[b].per_g = band
                b += 1
            t += 1
            starts[t] = b
        require(scorer.measure(&p.rates, starts, p.bands), "a tariff's bands do not rise")
        p.dearest, p.carried = 0, GRAMS_MOST
        for t in range(p.rates.count):
            p.dearest = max(p.dearest, p.rates.tariffs[t].dearest)
            p.carried = least(p.carried, p.rates.tariffs[t].heaviest)
    finally:
        free(starts)
    return 0


cdef int make_prefixes(Policy* p, policy, dict zones) except -1:
    """The table of postcode prefixes, and the texts of all."""
    cdef uint64_t size = 16, at, hash
    cdef bytes joined, text
    cdef uint8_t byte
    cdef int64_t n = 0
    texts = [(country + prefix).encode() for country, prefix in policy.prefixes]
    names = [strategy.strategy.encode() for strategy in policy.put.strategies]
    joined = b"".join(texts + names)
    p.texts = <uint8_t*> zeros(len(joined), 1)
    memcpy(p.texts, PyBytes_AS_STRING(joined), len(joined))
    while size < 2 * <uint64_t> len(texts):
        size *= 2
    p.prefixes, p.prefix_mask = <Prefix*> zeros(size, sizeof(Prefix)), size - 1
    for text, zone in zip(texts, policy.prefixes.values()):
        hash = FNV_BASE
        for byte in text:
            hash = fnv(hash, byte)
        at = hash & p.prefix_mask
        while p.prefixes[at].size:
            at = (at + 1) & p.prefix_mask
        p.prefixes[at].hash, p.prefixes[at].text = hash, <uint32_t> n
        p.prefixes[at].size, p.prefixes[at].zone = <uint32_t> len(text), zones[zone]
        n += len(text)
        p.longest = max(p.longest, <uint32_t> len(text))
    p.styles = <Style*> zeros(len(names), sizeof(Style))
    for number, strategy in enumerate(policy.put.strategies):
        make_style(&p.styles[<int64_t> number], strategy)
        p.styles[<int64_t> number].text = <uint32_t> n
        p.styles[<int64_t> number].size = <uint32_t> len(names[<int64_t> number])
        n += len(names[<int64_t> number])
    return 0


cdef int make_style(Style* style, strategy) except -1:
    mills = costs.MILLS
    style.kind = _STYLES.index(strategy.kind)
    style.split = costs.split_mills(strategy)
    style.late, style.pressure = strategy.late_cost * mills, strategy.pressure_cost * mills
    style.distance = strategy.distance_cost * mills
    style.handling_weight = strategy.handling_weight if style.kind == BALANCED else 100
    style.scarcity_weight = strategy.scarcity_weight if style.kind == BALANCED else 0
    style.value_floor = strategy.value_floor
    style.shipments_max, style.same_day = strategy.shipments_max, strategy.same_day
    return 0


cdef void any_rule(Rule* rule) noexcept nogil:
    """The rule of a location that a policy does not name."""
    memset(rule, 0, sizeof(Rule))
    rule.capacity, rule.origin, rule.cut_off, rule.days = -1, -1, 1440, 127


cdef int make_rules(Ledger self, Policy* p, policy, dict origins, dict zones) except -1:
    cdef uint64_t i, words, at = 0
    cdef Rule* rule
    cdef Text text
    channels = channels_of(policy)
    words = <uint64_t> (max(len(channels), len(zones)) // 64 + 1)
    p.rule_count = self.core.places.count
    p.rules = <Rule*> zeros(p.rule_count, sizeof(Rule))
    p.bits = <uint64_t*> zeros(2 * words * <uint64_t> len(policy.put.locations), 8)
    for i in range(p.rule_count):
        any_rule(&p.rules[i])
    for put in policy.put.locations:
        text_in(put.location, &text)
        i = find_text(&self.core, PLACE_NAMES, text)
        if i == NONE:
            continue
        rule = &p.rules[i]
        rule.shipment, rule.unit = put.handling_cost * costs.MILLS, put.unit_cost * costs.MILLS
        rule.offset_us = put.utc_offset_minutes * MINUTE_US
        if put.capacity is not None:
            rule.capacity = put.capacity
        if put.cut_off is not None:
            rule.cut_off = put.cut_off
        rule.origin = origins.get(put.origin, -1)
        rule.days = sum({1 << WEEKDAYS.index(day) for day in put.working_days})
        for name in put.handling:
            if class_of(self, name) <= CLASSES_MAX:
                rule.handles |= <uint64_t> 1 << class_of(self, name)
        if put.channels is not None:
            rule.channels = &p.bits[at]
            set_bits(rule.channels, [channels[name] for name in put.channels])
        if put.zones is not None:
            rule.zones = &p.bits[at + words]
            set_bits(rule.zones, [zones[name] for name in put.zones if name in zones])
        at += 2 * words
    return 0


cdef int set_bits(uint64_t* bits, list numbers) except -1:
    cdef uint64_t number
    for number in numbers:
        bits[number // 64] |= <uint64_t> 1 << (number % 64)
    return 0


cdef inline bint has_bit(const uint64_t* bits, uint32_t number) noexcept nogil:
    return (bits[number // 64] >> (number % 64)) & 1
