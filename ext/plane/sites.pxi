# The locations that an order routed by a policy meets, as core/routing/costs.py says of them. What one
# costs orders of a channel to a zone is kept on a shelf, as long as it holds: until a cut-off or the
# end of a day, until a place, policy, channel or capacity is put, and for those with a capacity,
# until their load changes. What distance or due day decides is found for each order.

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
    NO_COLUMN = -1
    NOT_MEASURED = -2
    SHELVES_MAX = 1024
    LINE_BYTES = 64            # of a cache

cdef int64_t DAY_US = costs.DAY_US
cdef int64_t EARTH_KM = costs.EARTH_KM
cdef int64_t NEAREST_KM_MILLS = costs.NEAREST_KM_MILLS
cdef int64_t NO_END_US = <int64_t> 1 << 62
cdef uint64_t SITES_BYTES = limits.ROUTE_SITES_BYTES_MAX

# A site is what one visit loads.
assert sizeof(Site) == LINE_BYTES


cdef void forget_sites(Core* c) noexcept nogil:
    """Something is put that sites depend on."""
    if c.case.shelves is not NULL:
        memset(c.case.shelves, 0, (c.case.shelf_mask + 1) * sizeof(Shelf))


cdef int make_shelves(Case* one, uint64_t places) noexcept nogil:
    """Make empty shelves for so many locations and some more."""
    cdef uint64_t width = places + places // 4 + 8, count = 1
    free(one.shelves)
    free(one.store)
    while count < SHELVES_MAX and 2 * count * width * sizeof(Site) <= SITES_BYTES:
        count *= 2
    one.shelves = <Shelf*> calloc(count, sizeof(Shelf))
    # Pages of shelves that nobody asks for are never touched.
    one.store = calloc(count * width + 1, sizeof(Site))
    one.width = one.serial = one.turn = 0
    if one.shelves is NULL or one.store is NULL:
        return MEMORY
    one.sites = <Site*> ((<size_t> one.store + LINE_BYTES - 1) & ~<size_t> (LINE_BYTES - 1))
    one.shelf_mask, one.width = count - 1, width
    return DONE


cdef int open_shelf(Core* c, uint32_t routed) noexcept nogil:
    """Take the shelf of a channel and of the zone that is asked for."""
    cdef Case* one = &c.case
    cdef Style* style = one.ask.style
    cdef uint32_t zone = <uint32_t> (one.ask.zone + 1)
    cdef uint64_t key = (<uint64_t> routed + 1) << 32 | zone
    cdef uint64_t at
    if c.places.count > one.width or one.turn == NONE - 1 or one.serial == NONE - 1:
        if make_shelves(one, c.places.count) != DONE:
            return MEMORY
    at = (<uint64_t> routed * 37 + zone) & one.shelf_mask
    one.shelf, one.row = &one.shelves[at], one.sites + at * one.width
    if one.shelf.key != key or c.now_us >= one.shelf.until_us:
        one.serial += 1
        one.shelf.key, one.shelf.until_us, one.shelf.serial = key, NO_END_US, one.serial
    one.turn += 1
    one.fresh = one.shelf.serial
    if style.kind == BALANCED and style.late and one.ask.due_day >= 0:
        one.fresh = NONE
    return DONE


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


cdef inline int32_t km_of(Core* c, uint32_t number, Terms* terms) noexcept nogil:
    """`kilometres` of a location, measured when it is first asked for: rarely for all of them."""
    if terms.km == NOT_MEASURED:
        terms.km = <int32_t> kilometres(c, place_at(c, number))
    return terms.km


cdef bint consider(Core* c, uint32_t number, Site* site, Terms* terms) noexcept nogil:
    """Say whether a location may take part, and what using it costs beside its rate. Returns whether
    the answer is the same for other orders of the shelf."""
    cdef Ask* ask = &c.case.ask
    cdef Policy* p = ask.policy
    cdef Style* style = ask.style
    cdef Place* place = place_at(c, number)
    cdef Rule* rule = &p.rules[number]
    cdef Rule other
    cdef int64_t used, capacity
    if number >= p.rule_count:
        any_rule(&other)
        rule = &other
    site.reason, site.counted = -1, 0
    if not place.active:
        site.reason = REASON_INACTIVE
        return True
    if rule.channels is not NULL:
        if ask.channel == NONE or not has_bit(rule.channels, ask.channel):
            site.reason = REASON_CHANNEL
            return True
    if rule.zones is not NULL and (ask.zone < 0 or not has_bit(rule.zones, ask.zone)):
        site.reason = REASON_REGION
        return True
    if c.now_us >= rule.until_us:
        find_day(rule, c.now_us)
    c.case.shelf.until_us = least(c.case.shelf.until_us, rule.until_us)
    if rule.send_day < 0 or (style.same_day and not rule.today):
        site.reason = REASON_CUT_OFF
        return True
    used = place.load_used if <int64_t> place.load_day == rule.send_day else 0
    capacity = rule.capacity
    if place.limit_day and <int64_t> place.limit_day == rule.send_day:
        capacity = place.limit_orders
    site.counted = capacity >= 0
    site.load_day, site.load_used = place.load_day, place.load_used
    if 0 <= capacity <= used:
        site.reason = REASON_CAPACITY
        return True
    terms.send_day, terms.km = rule.send_day, NOT_MEASURED
    if not rate(c, number, rule, site, terms):
        site.reason = REASON_NO_RATE
    elif style.kind == NEAREST and km_of(c, number, terms) < 0:
        site.reason = REASON_NO_DISTANCE
    else:
        charge(c, number, rule, used, capacity, site, terms)
    return terms.km == NOT_MEASURED


cdef void find_day(Rule* rule, int64_t now_us) noexcept nogil:
    """Find the first working day, from now on and after the cut-off, and until when that is it."""
    cdef int64_t local = now_us + rule.offset_us
    cdef int64_t today = local // DAY_US
    cdef int64_t day = today
    cdef int64_t until = today * DAY_US + rule.cut_off * MINUTE_US
    cdef int i
    if local >= until:
        day += 1
        until = day * DAY_US
    rule.until_us, rule.send_day = until - rule.offset_us, -1
    for i in range(7):
        if rule.days >> ((day + 3) % 7) & 1:
            rule.send_day, rule.today = <int32_t> day, day == today
            break
        day += 1


cdef bint rate(Core* c, uint32_t number, Rule* rule, Site* site, Terms* terms) noexcept nogil:
    """Find the rate: of the lane, or else by the distance. False where nothing says it."""
    cdef Ask* ask = &c.case.ask
    cdef Policy* p = ask.policy
    cdef uint64_t key, at
    terms.parts[0] = 0
    if rule.origin >= 0 and ask.zone >= 0:
        key = lane_key(rule.origin, ask.zone)
        at = lane_slot(p, rule.origin, ask.zone)
        while p.lanes[at].key != key and p.lanes[at].key:
            at = (at + 1) & p.lane_mask
        if p.lanes[at].key:
            site.tariff, terms.days = p.lanes[at].tariff, p.lanes[at].days
            return True
    if p.by_distance < 0 or km_of(c, number, terms) < 0:
        return False
    site.tariff = p.by_distance
    terms.days = <int32_t> ((terms.km + p.km_per_day - 1) // p.km_per_day)
    terms.parts[0] = p.per_km * terms.km
    return True


cdef void charge(
    Core* c, uint32_t number, Rule* rule, int64_t used, int64_t capacity, Site* site, Terms* terms
) noexcept nogil:
    """Set the parts of a location's fixed cost."""
    cdef Ask* ask = &c.case.ask
    cdef Style* style = ask.style
    cdef int64_t late
    site.arrives = terms.send_day + terms.days
    site.unit = rule.unit * style.handling_weight // 100
    terms.parts[1] = rule.shipment * style.handling_weight // 100
    terms.parts[2] = terms.parts[3] = terms.distance = 0
    if style.kind == NEAREST:
        terms.distance = terms.km * NEAREST_KM_MILLS
    elif style.kind == BALANCED:
        if ask.due_day >= 0:
            late = site.arrives - ask.due_day
            terms.parts[2] = late * style.late if late > 0 else 0
        if capacity > 0:
            terms.parts[3] = <int64_t> (<wide> style.pressure * used // capacity)
        if style.distance and km_of(c, number, terms) > 0:
            terms.distance = terms.km * style.distance
    site.fixed = (
        terms.parts[0] + terms.parts[1] + terms.parts[2] + terms.parts[3] + terms.distance
    )
    site.least = site.fixed + ask.policy.rates.tariffs[site.tariff].least


cdef void renew(Core* c, uint32_t number, Site* site) noexcept nogil:
    """Consider a location anew, unless what is known of it holds."""
    cdef Case* one = &c.case
    cdef Place* place
    cdef Terms terms
    if site.serial == one.fresh:
        place = place_at(c, number)
        if place.load_day == site.load_day and place.load_used == site.load_used:
            return
    site.serial = 0
    if consider(c, number, site, &terms) and one.fresh != NONE:
        site.serial = one.fresh


cdef int meet_all(Core* c) noexcept nogil:
    """Collect what locations that take part have of each group, and count it for its pool."""
    cdef Plan* plan = &c.plan
    cdef Case* one = &c.case
    cdef uint64_t i, places = c.places.count
    if (
        room_for(&one.met, places + 1, sizeof(uint32_t)) != DONE
        or room_for(&one.where, plan.groups.count * one.width, sizeof(uint32_t)) != DONE
    ):
        return MEMORY
    one.met.count = 0
    for i in range(plan.groups.count):
        # A SKU has one position at each location at most.
        if room_for(&plan.offers, plan.offers.count + places + 1, sizeof(Offer)) != DONE:
            return MEMORY
        meet(c, &(<Group*> plan.groups.data)[i], <uint32_t*> one.where.data + i * one.width)
        if <int64_t> plan.offers.count > c.limit.offers:
            return UNUSUAL
    return DONE


cdef void meet(Core* c, Group* group, uint32_t* where) noexcept nogil:
    """Go through the positions of a group's SKU. Sites are counted on without a branch that asks
    whether they were met before: nobody can foretell that."""
    cdef Case* one = &c.case
    cdef Pool* pool = &(<Pool*> c.plan.pools.data)[group.pool]
    cdef Sku* sku = sku_at(c, pool.sku)
    cdef Offer* first = <Offer*> c.plan.offers.data + c.plan.offers.count
    cdef Offer* offer = first
    cdef Site* row = one.row
    cdef Site* site
    cdef Position* p
    cdef uint32_t* met = <uint32_t*> one.met.data + one.met.count
    cdef uint32_t at = sku.first, turn = one.turn, fresh = one.fresh
    cdef int64_t units, total = 0, demand = group.demand
    cdef bint plain = sku.handling == 0, again
    while at != NONE:
        p = position_at(c, at)
        # The next one is on its way from memory while this one's location is met.
        prefetch(position_at(c, p.next if p.next != NONE else at))
        units = available_of(p)
        if units > 0:
            site = &row[p.place]
            again = site.turn == turn
            if (site.serial != fresh or site.counted) and not again:
                renew(c, p.place, site)
            met[0] = p.place
            met += 1 - again
            site.helps, site.hits, site.turn = site.helps * again, site.hits * again, turn
            if site.reason < 0 and (plain or equipped(c, p.place, sku)):
                offer.units, offer.position, offer.candidate = units, at, p.place
                offer += 1
                total += units
                site.helps += 1
                site.hits += units >= demand
                where[p.place] = at
        at = p.next
    pool.anywhere = total
    one.met.count = <uint64_t> (met - <uint32_t*> one.met.data)
    group.offers = <uint32_t> c.plan.offers.count
    group.offer_count = <uint32_t> (offer - first)
    c.plan.offers.count += group.offer_count


cdef inline bint equipped(Core* c, uint32_t number, Sku* sku) noexcept nogil:
    if number >= c.case.ask.policy.rule_count:
        return False
    return c.case.ask.policy.rules[number].handles >> sku.handling & 1


cdef inline int32_t reason_of(Core* c, Site* site) noexcept nogil:
    """Why a location that was met takes no part, -1 if it does."""
    if site.reason >= 0:
        return site.reason
    if site.helps == 0:
        return REASON_HANDLING
    return REASON_SLOWER if site.arrives > c.case.last_day else -1
