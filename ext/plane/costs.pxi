# Orders routed by a policy, as core/decide/routing.py and core/routing/costs.py say, over the plan's
# rows. What is unusual (bound lines, backorders, no plan) is left to the shared rule: UNUSUAL.

cdef extern from *:
    """
    #include <math.h>
    typedef __int128 dibs_wide;
    """
    ctypedef long long wide "dibs_wide"
    double sqrt(double) noexcept nogil

cdef enum:
    REASON_INACTIVE = 0
    REASON_CHANNEL = 1
    REASON_REGION = 2
    REASON_CUT_OFF = 3
    REASON_CAPACITY = 4
    REASON_NO_RATE = 5
    REASON_NO_DISTANCE = 6
    REASON_HANDLING = 8
    REASON_SLOWER = 9
    OFFERS_NOTHING = -1
    NOT_MEASURED = -2
    UNUSUAL = 30               # beside the values of Result

cdef int64_t MILLS = costs.MILLS
cdef int64_t DAY_US = costs.DAY_US
cdef int64_t EARTH_KM = costs.EARTH_KM
cdef int64_t NEAREST_KM_MILLS = costs.NEAREST_KM_MILLS
cdef int64_t WORTH_MOST = <int64_t> 1 << 62


cdef inline uint32_t routed_of(Core* c, Text channel) noexcept nogil:
    """The row of a channel that has a policy, or NONE."""
    return find_text(c, ROUTED_CHANNELS, channel) if c.routed.count else NONE


cdef inline Site* site_at(Core* c, uint64_t row) noexcept nogil:
    return &(<Site*> c.case.sites.data)[row]


cdef int64_t kilometres(Core* c, Place* place) noexcept nogil:
    """Whole kilometres to the destination, -1 where coordinates are unknown."""
    cdef int64_t chord = remoteness(c, place), root
    if chord == <int64_t> 1 << 62:
        return -1
    root = <int64_t> sqrt(<double> chord)
    while root * root > chord:
        root -= 1
    while (root + 1) * (root + 1) <= chord:
        root += 1
    return root * EARTH_KM // 1_000_000


cdef inline int32_t km_of(Core* c, Site* site) noexcept nogil:
    """`kilometres` of a location, measured when it is first asked for: rarely for all of them."""
    if site.km == NOT_MEASURED:
        site.km = <int32_t> kilometres(c, place_at(c, site.place))
    return site.km


cdef void consider(Core* c, Site* site) noexcept nogil:
    """Say whether a location may take part, and what using it costs beside its rate."""
    cdef Ask* ask = &c.case.ask
    cdef Policy* p = ask.policy
    cdef Style* style = ask.style
    cdef Place* place = place_at(c, site.place)
    cdef Rule* rule = &p.rules[site.place]
    cdef Rule other
    cdef int64_t used, capacity
    if site.place >= p.rule_count:
        any_rule(&other)
        rule = &other
    site.reason = -1
    if not place.active:
        site.reason = REASON_INACTIVE
        return
    if rule.channels is not NULL:
        if ask.channel == NONE or not has_bit(rule.channels, ask.channel):
            site.reason = REASON_CHANNEL
            return
    if rule.zones is not NULL and (ask.zone < 0 or not has_bit(rule.zones, ask.zone)):
        site.reason = REASON_REGION
        return
    if rule.stamp_us != c.now_us:
        find_day(rule, c.now_us)
    if rule.send_day < 0 or (style.same_day and not rule.today):
        site.reason = REASON_CUT_OFF
        return
    used = place.load_used if <int64_t> place.load_day == rule.send_day else 0
    capacity = rule.capacity
    if place.limit_day and <int64_t> place.limit_day == rule.send_day:
        capacity = place.limit_orders
    if 0 <= capacity <= used:
        site.reason = REASON_CAPACITY
        return
    site.send_day, site.km = rule.send_day, NOT_MEASURED
    if not rate(c, rule, site):
        site.reason = REASON_NO_RATE
        return
    if style.kind == NEAREST and km_of(c, site) < 0:
        site.reason = REASON_NO_DISTANCE
        return
    charge(c, rule, site, used, capacity)


cdef void find_day(Rule* rule, int64_t now_us) noexcept nogil:
    """Find the first working day, from now on and after the cut-off."""
    cdef int64_t local = now_us + rule.offset_us
    cdef int64_t today = local // DAY_US
    cdef int64_t day = today
    cdef int i
    if (local - today * DAY_US) // MINUTE_US >= rule.cut_off:
        day += 1
    rule.stamp_us, rule.send_day = now_us, -1
    for i in range(7):
        if rule.days >> ((day + 3) % 7) & 1:
            rule.send_day, rule.today = <int32_t> day, day == today
            break
        day += 1


cdef bint rate(Core* c, Rule* rule, Site* site) noexcept nogil:
    """Find the rate: of the lane, or else by the distance. False where nothing says it."""
    cdef Ask* ask = &c.case.ask
    cdef Policy* p = ask.policy
    cdef uint64_t key, at
    site.parts[0] = 0
    if rule.origin >= 0 and ask.zone >= 0:
        key = lane_key(rule.origin, ask.zone)
        at = lane_slot(p, rule.origin, ask.zone)
        while p.lanes[at].key != key and p.lanes[at].key:
            at = (at + 1) & p.lane_mask
        if p.lanes[at].key:
            site.tariff, site.days = p.lanes[at].tariff, p.lanes[at].days
            return True
    if p.by_distance < 0 or km_of(c, site) < 0:
        return False
    site.tariff = p.by_distance
    site.days = <int32_t> ((site.km + p.km_per_day - 1) // p.km_per_day)
    site.parts[0] = p.per_km * site.km
    return True


cdef void charge(
    Core* c, Rule* rule, Site* site, int64_t used, int64_t capacity
) noexcept nogil:
    """Set the parts of a location's fixed cost."""
    cdef Ask* ask = &c.case.ask
    cdef Style* style = ask.style
    cdef int64_t late
    site.unit = rule.unit * style.handling_weight // 100
    site.parts[1] = rule.shipment * style.handling_weight // 100
    site.parts[2] = site.parts[3] = site.distance = 0
    if style.kind == NEAREST:
        site.distance = site.km * NEAREST_KM_MILLS
    elif style.kind == BALANCED:
        if ask.due_day >= 0:
            late = site.send_day + site.days - ask.due_day
            site.parts[2] = late * style.late if late > 0 else 0
        if capacity > 0:
            site.parts[3] = <int64_t> (<wide> style.pressure * used // capacity)
        if style.distance and km_of(c, site) > 0:
            site.distance = site.km * style.distance
    site.fixed = site.parts[0] + site.parts[1] + site.parts[2] + site.parts[3] + site.distance


cdef uint32_t meet(Core* c, uint32_t place) noexcept nogil:
    """Return the site of a location, considered when it is met first. There is room for all."""
    cdef Place* there = place_at(c, place)
    cdef Site* site
    if there.candidate == 0:
        site = site_at(c, c.case.sites.count)
        site.place, site.column = place, OFFERS_NOTHING
        consider(c, site)
        c.case.sites.count += 1
        there.candidate = <uint32_t> c.case.sites.count
    return there.candidate - 1


cdef int meet_all(Core* c) noexcept nogil:
    """Collect what locations that take part have of each group, and count it for its pool."""
    cdef Plan* plan = &c.plan
    cdef Group* group
    cdef Pool* pool
    cdef Sku* sku
    cdef Position* p
    cdef Offer* offer
    cdef Site* site
    cdef uint64_t i
    cdef uint32_t at, row
    cdef int64_t units
    if room_for(&c.case.sites, c.places.count, sizeof(Site)) != DONE:
        return MEMORY
    for i in range(plan.groups.count):
        group = &(<Group*> plan.groups.data)[i]
        pool = &(<Pool*> plan.pools.data)[group.pool]
        sku = sku_at(c, pool.sku)
        if group.place != NONE or sku.backorderable or sku.handling > CLASSES_MAX:
            return UNUSUAL
        group.offers, pool.anywhere = <uint32_t> plan.offers.count, 0
        at = sku.first
        while at != NONE:
            p = position_at(c, at)
            # The next one is on its way from memory while this one's location is considered.
            prefetch(position_at(c, p.next if p.next != NONE else at))
            units = available_of(p)
            if units > 0:
                row = meet(c, p.place)
                site = site_at(c, row)
                if site.reason < 0 and equipped(c, site, sku):
                    if room_for(&plan.offers, plan.offers.count + 1, sizeof(Offer)) != DONE:
                        return MEMORY
                    offer = &(<Offer*> plan.offers.data)[plan.offers.count]
                    offer.units, offer.position, offer.candidate = units, at, row
                    plan.offers.count += 1
                    pool.anywhere += units
                    site.column = 0
            at = p.next
        group.offer_count = <uint32_t> plan.offers.count - group.offers
    return UNUSUAL if <int64_t> plan.offers.count > c.limit.offers else DONE


cdef inline bint equipped(Core* c, Site* site, Sku* sku) noexcept nogil:
    if sku.handling == 0:
        return True
    if site.place >= c.case.ask.policy.rule_count:
        return False
    return c.case.ask.policy.rules[site.place].handles >> sku.handling & 1


cdef int allot_by(Core* c, Routed* routed, Text document) noexcept nogil:
    """Allot the asked lines whole by a channel's policy: DONE, and the receipt is in `case.slip`;
    SHORT, UNUSUAL, or a negative result. Nothing else is changed."""
    cdef Plan* plan = &c.plan
    cdef uint64_t i
    cdef int result
    plan.parts.count = plan.pools.count = plan.groups.count = plan.offers.count = 0
    plan.picks.count = plan.opened.count = plan.takes.count = plan.candidates.count = 0
    plan.due = 0
    c.case.sites.count = 0
    c.case.ask.policy = policy_at(c, routed.policy)
    c.case.ask.style = &c.case.ask.policy.styles[routed.style]
    c.case.ask.number, c.case.ask.channel = routed.policy, routed.channel
    if not read_details(&c.case.ask, document):
        return UNUSUAL
    result = expand(c)
    if result > DONE or plan.due:
        result = UNUSUAL if result >= DONE else result
    if result == DONE:
        result = meet_all(c)
    if result == DONE:
        result = grant(c)
    if result == DONE:
        result = plan_case(c)
    if result == DONE:
        result = deal(c)
    if result == DONE:
        result = check_width(c)
    for i in range(c.case.sites.count):
        place_at(c, site_at(c, i).place).candidate = 0
    forget_pools(c)
    return UNUSUAL if result > DONE and result != SHORT else result


cdef int64_t worth(Core* c) noexcept nogil:
    """What the order is worth in minor units, at most WORTH_MOST."""
    cdef Asked* asked = <Asked*> c.plan.asked.data
    cdef wide total = 0
    cdef uint64_t i
    for i in range(c.plan.asked.count):
        if asked[i].price > 0:
            total += <wide> asked[i].price * asked[i].quantity
    return WORTH_MOST if total > WORTH_MOST else <int64_t> total


cdef int64_t hurry(Core* c) noexcept nogil:
    """Strategy `fastest`: return the earliest day by which those who arrive have everything."""
    cdef Plan* plan = &c.plan
    cdef Site* site
    cdef Offer* offers
    cdef Group* group
    cdef uint64_t i
    cdef uint32_t j
    cdef int64_t day = -1, next, units
    cdef bint whole = False
    while not whole:
        next = -1
        for i in range(c.case.sites.count):
            site = site_at(c, i)
            if site.column >= 0 and site.send_day + site.days > day:
                if next < 0 or site.send_day + site.days < next:
                    next = site.send_day + site.days
        if next < 0:
            return WORTH_MOST
        day, whole = next, True
        for i in range(plan.groups.count):
            group = &(<Group*> plan.groups.data)[i]
            offers, units = <Offer*> plan.offers.data + group.offers, 0
            for j in range(group.offer_count):
                site = site_at(c, offers[j].candidate)
                units += offers[j].units if site.send_day + site.days <= day else 0
            whole = whole and units >= group.wanted
    return day


cdef int plan_case(Core* c) noexcept nogil:
    """Make the instance, plan it, and let the groups have what was picked."""
    cdef Case* one = &c.case
    cdef Site* site
    cdef uint64_t i, places = 0, demands = c.plan.groups.count
    cdef int64_t last = hurry(c) if one.ask.style.kind == FASTEST else WORTH_MOST
    cdef int result
    if room_for(&one.columns, one.sites.count + 1, sizeof(uint32_t)) != DONE:
        return MEMORY
    for i in range(one.sites.count):
        site = site_at(c, i)
        if site.column < 0:
            if site.reason < 0:
                site.reason = REASON_HANDLING
        elif site.send_day + site.days > last:
            site.reason, site.column = REASON_SLOWER, OFFERS_NOTHING
        else:
            site.column = <int32_t> places
            (<uint32_t*> one.columns.data)[places] = <uint32_t> i
            places += 1
    one.columns.count = places
    if fill_case(c, demands, places) != DONE:
        return MEMORY
    result = scorer.search(&one.search)
    if result != scorer.PLANNED:
        return MEMORY if result == scorer.EXHAUSTED else UNUSUAL
    result = pick_all(c, demands)
    return write_slip(c, demands) if result == DONE else result


cdef int fill_case(Core* c, uint64_t demands, uint64_t places) noexcept nogil:
    cdef Case* one = &c.case
    cdef scorer.Case* case = &one.search.one
    cdef Group* group
    cdef Offer* offer
    cdef Site* site
    cdef Style* style = one.ask.style
    cdef uint64_t i, cells = demands * places
    cdef uint32_t j
    cdef int64_t* unit
    cdef int64_t* stock
    cdef uint32_t* where
    cdef int64_t* prices = <int64_t*> c.scarcity.data
    if (
        room_for(&one.quantities, demands + 1, sizeof(int64_t)) != DONE
        or room_for(&one.grams, demands + 1, sizeof(int64_t)) != DONE
        or room_for(&one.fixed, places + 1, sizeof(int64_t)) != DONE
        or room_for(&one.tariffs, places + 1, sizeof(int64_t)) != DONE
        or room_for(&one.stock, cells + 1, sizeof(int64_t)) != DONE
        or room_for(&one.unit, cells + places + 1, sizeof(int64_t)) != DONE
        or room_for(&one.where, cells + 1, sizeof(uint32_t)) != DONE
    ):
        return MEMORY
    stock, unit = <int64_t*> one.stock.data, <int64_t*> one.unit.data
    where = <uint32_t*> one.where.data
    memset(stock, 0, cells * sizeof(int64_t))
    for i in range(places):
        site = site_at(c, (<uint32_t*> one.columns.data)[i])
        (<int64_t*> one.fixed.data)[i] = site.fixed
        (<int64_t*> one.tariffs.data)[i] = site.tariff
        unit[i] = site.unit
    for i in range(1, demands):
        memcpy(unit + i * places, unit, places * sizeof(int64_t))
    for i in range(demands):
        group = &(<Group*> c.plan.groups.data)[i]
        group.demand = group.wanted
        (<int64_t*> one.quantities.data)[i] = group.wanted
        (<int64_t*> one.grams.data)[i] = sku_at(
            c, (<Pool*> c.plan.pools.data)[group.pool].sku
        ).weight_g
        for j in range(group.offer_count):
            offer = &(<Offer*> c.plan.offers.data)[group.offers + j]
            site = site_at(c, offer.candidate)
            if site.column >= 0:
                stock[i * places + <uint64_t> site.column] = offer.units
                where[i * places + <uint64_t> site.column] = offer.position
                if style.scarcity_weight and offer.position < c.scarcity.count:
                    unit[i * places + <uint64_t> site.column] += (
                        prices[offer.position] * style.scarcity_weight // 100
                    )
    case.demands, case.places = <int64_t> demands, <int64_t> places
    case.quantities, case.grams = <int64_t*> one.quantities.data, <int64_t*> one.grams.data
    case.fixed, case.tariffs = <int64_t*> one.fixed.data, <int64_t*> one.tariffs.data
    case.stock, case.unit, case.split = stock, unit, style.split
    case.shipments_max = style.shipments_max
    if worth(c) < style.value_floor:
        case.shipments_max = 1
    case.nodes_max = -1
    one.search.rates = &one.ask.policy.rates
    return DONE


cdef int pick_all(Core* c, uint64_t demands) noexcept nogil:
    """Let each group have its picks of the plan that was found."""
    cdef scorer.Search* s = &c.case.search
    cdef uint32_t* where = <uint32_t*> c.case.where.data
    cdef Group* group
    cdef Site* site
    cdef uint64_t i
    cdef int64_t k, units, cell
    for i in range(demands):
        group = &(<Group*> c.plan.groups.data)[i]
        group.picks = <uint32_t> c.plan.picks.count
        for k in range(s.set_count):
            units = s.set_picks[<int64_t> i * s.set_count + k]
            if units:
                site = site_at(c, (<uint32_t*> c.case.columns.data)[s.set_places[k]])
                cell = <int64_t> i * s.one.places + s.set_places[k]
                if add_pick(&c.plan, units, where[cell], site.place) != DONE:
                    return MEMORY
        group.picks_end = <uint32_t> c.plan.picks.count
    return DONE


# The receipt.

cdef inline uint8_t* put_varint(uint8_t* p, uint64_t value) noexcept nogil:
    while value > 0x7F:
        p[0] = <uint8_t> (value & 0x7F | 0x80)
        p += 1
        value >>= 7
    p[0] = <uint8_t> value
    return p + 1


cdef int write_slip(Core* c, uint64_t demands) noexcept nogil:
    """Write the receipt of the plan that was found, and plan again for its runner-up."""
    cdef Case* one = &c.case
    cdef scorer.Search* s = &one.search
    cdef Ask* ask = &one.ask
    cdef Group* group
    cdef uint64_t i
    cdef int64_t cost = s.best.cost, bound = s.bound, other = s.runner_up.cost
    cdef int64_t* names = NULL
    cdef uint8_t* p
    cdef int result
    one.slip.size = 0
    # Every number takes nine bytes at most; a plan has two options, none wider than the places.
    if out_room(
        &one.slip,
        512 + ask.style.size + 9 * (
            2 * demands + 2 * EXCLUDED_MAX
            + (demands + 14) * <uint64_t> (s.set_count + s.runner_up.count + 2)
        ),
    ) != DONE:
        return MEMORY
    p = one.slip.data
    p = put_varint(put_varint(p, ask.number), ask.policy.version)
    p = put_varint(put_varint(p, 1 if s.one.shipments_max == 1 else 0), ask.style.size)
    p = put_bytes(p, ask.policy.texts + ask.style.text, ask.style.size)
    p = put_varint(p, demands)
    for i in range(demands):
        group = &(<Group*> c.plan.groups.data)[i]
        p = put_varint(p, (<Pool*> c.plan.pools.data)[group.pool].sku)
        p = put_varint(p, <uint64_t> group.wanted)
    p = put_excluded(c, put_varint(p, one.columns.count))
    p = put_varint(put_varint(put_varint(p, <uint64_t> cost), <uint64_t> bound),
                   <uint64_t> ask.style.split)
    p = put_legs(c, p, NULL)
    if other < 0:
        p = put_varint(put_varint(p, 0), 0)
    else:
        p = put_varint(p, <uint64_t> other)
        result = plan_other(c, &names)
        if result != DONE:
            return result
        p = put_legs(c, p, names)
    one.slip.size = <uint64_t> (p - one.slip.data)
    return DONE


cdef uint8_t* put_excluded(Core* c, uint8_t* p) noexcept nogil:
    """Write how many locations each reason left out, and the first of them by name: those that
    were slower last."""
    cdef uint32_t counts[REASONS_ROOM]
    cdef Site* site
    cdef uint64_t i, kinds = 0, named = 0, left
    cdef int turn
    memset(counts, 0, sizeof(counts))
    for i in range(c.case.sites.count):
        site = site_at(c, i)
        if site.reason >= 0:
            kinds += 1 if counts[site.reason] == 0 else 0
            counts[site.reason] += 1
            named += 1
    p = put_varint(p, kinds)
    for i in range(REASONS_ROOM):
        if counts[i]:
            p = put_varint(put_varint(p, i), counts[i])
    left = named if named < EXCLUDED_MAX else EXCLUDED_MAX
    p = put_varint(p, left)
    for turn in range(2 if left else 0):
        for i in range(c.case.sites.count):
            site = site_at(c, i)
            if site.reason >= 0 and left and (site.reason == REASON_SLOWER) == (turn == 1):
                p = put_varint(put_varint(p, site.place), <uint64_t> site.reason)
                left -= 1
    return p


cdef uint8_t* put_legs(Core* c, uint8_t* p, int64_t* columns) noexcept nogil:
    """Write the legs of the plan that stands in the search; its places are numbers of candidates,
    or of these `columns`."""
    cdef scorer.Search* s = &c.case.search
    cdef uint8_t* mark = p
    cdef uint64_t legs = 0
    cdef int64_t k, column
    # Up to 127 legs are counted in one byte; more are written again behind a wider count.
    p += 1
    for k in range(s.set_count):
        column = s.set_places[k] if columns is NULL else columns[s.set_places[k]]
        if leg_units(s, k):
            p = put_leg(c, p, k, column)
            legs += 1
    if legs > 0x7F:
        memmove(mark + 2, mark + 1, <uint64_t> (p - mark - 1))
        p += 1
    put_varint(mark, legs)
    return p


cdef inline int64_t leg_units(scorer.Search* s, int64_t k) noexcept nogil:
    cdef int64_t i, units = 0
    for i in range(s.one.demands):
        units += s.set_picks[i * s.set_count + k]
    return units


cdef uint8_t* put_leg(Core* c, uint8_t* p, int64_t k, int64_t column) noexcept nogil:
    cdef scorer.Search* s = &c.case.search
    cdef scorer.Rates* rates = s.rates
    cdef Site* site = site_at(c, (<uint32_t*> c.case.columns.data)[column])
    cdef int64_t i, units, most, plain, count = 0, grams = 0, mills = 0
    p = put_varint(put_varint(p, site.place), <uint64_t> (km_of(c, site) + 1))
    p = put_varint(put_varint(p, <uint64_t> site.send_day), <uint64_t> site.days)
    for i in range(s.one.demands):
        units = s.set_picks[i * s.set_count + k]
        grams += units * s.one.grams[i]
        count += units
        mills += units * s.one.unit[i * s.one.places + s.set_places[k]]
        p = put_varint(p, <uint64_t> units)
    most = rates.tariffs[site.tariff].heaviest
    p = put_varint(p, <uint64_t> grams)
    p = put_varint(p, <uint64_t> ((grams + most - 1) // most if grams else 1))
    p = put_varint(p, <uint64_t> scorer.cost(rates, site.tariff, grams))
    for i in range(4):
        p = put_varint(p, <uint64_t> site.parts[i])
    plain = site.unit * count
    p = put_varint(put_varint(p, <uint64_t> site.distance), <uint64_t> plain)
    return put_varint(p, <uint64_t> (mills - plain))


cdef int plan_other(Core* c, int64_t** columns) noexcept nogil:
    """Let the search hold the runner-up's plan. Where it is over several locations, it is planned
    over these only, and `columns` says which candidates they are."""
    cdef Case* one = &c.case
    cdef scorer.Search* s = &one.search
    cdef scorer.Case* case = &s.one
    cdef int64_t* names
    cdef int64_t* fixed = <int64_t*> one.fixed.data
    cdef int64_t* tariffs = <int64_t*> one.tariffs.data
    cdef int64_t* stock = <int64_t*> one.stock.data
    cdef int64_t* unit = <int64_t*> one.unit.data
    cdef int64_t i, j, count = s.runner_up.count, places = case.places
    cdef int result
    if room_for(&one.cells, <uint64_t> count + 1, sizeof(int64_t)) != DONE:
        return MEMORY
    names = <int64_t*> one.cells.data
    memcpy(names, s.runner_up.places, <uint64_t> count * sizeof(int64_t))
    if count == 1:
        s.set_count, s.set_places[0] = 1, names[0]
        for i in range(case.demands):
            s.set_picks[i] = case.quantities[i]
        return DONE
    columns[0] = names
    # Rows shrink in place: what is read lies never before what is written.
    for i in range(case.demands):
        for j in range(count):
            stock[i * count + j] = stock[i * places + names[j]]
            unit[i * count + j] = unit[i * places + names[j]]
    for j in range(count):
        fixed[j], tariffs[j] = fixed[names[j]], tariffs[names[j]]
    case.places = count
    result = scorer.search(s)
    if result == scorer.PLANNED:
        return DONE
    return MEMORY if result == scorer.EXHAUSTED else misfit(c, "a runner-up cannot be planned")
