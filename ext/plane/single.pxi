# Most orders go from one location whole, and are settled by its price: scorer's `try_singles`, over
# sites, without an instance being made. What is not settled, or near a bound, is left to the search.

cdef struct Lineup:           # of the candidates of an order
    int64_t first             # what the two cheapest shipments cost at least
    int64_t second
    int64_t signs             # below 0 if any cost is
    int64_t fixed_most
    int64_t unit_most
    int64_t unit_least
    int64_t units_least       # what handling all units costs at least, scarcity in it
    bint priced               # some unit may have a scarcity price
    uint64_t able             # candidates that have everything: the first so many of `cells`
    uint32_t best             # location of the cheapest of them, and of the next
    uint32_t other
    int64_t best_cost         # -1: none
    int64_t other_cost


cdef int line_up(Core* c, Lineup* l) noexcept nogil:
    """Number the candidates, in the order in which they were met."""
    cdef Case* one = &c.case
    cdef uint32_t* met = <uint32_t*> one.met.data
    cdef uint32_t* columns
    cdef uint32_t* able
    cdef Site* site
    cdef uint64_t i, demands = c.plan.groups.count, count = 0, known = 0
    if (
        room_for(&one.columns, one.met.count + 1, sizeof(uint32_t)) != DONE
        or room_for(&one.able, one.met.count + 1, sizeof(uint32_t)) != DONE
    ):
        return MEMORY
    columns, able = <uint32_t*> one.columns.data, <uint32_t*> one.able.data
    l.first = l.second = 2 * COST_MOST
    l.signs = l.fixed_most = l.unit_most = 0
    l.unit_least = COST_MOST
    for i in range(one.met.count):
        site = &one.row[met[i]]
        site.column = NO_COLUMN
        if reason_of(c, site) >= 0:
            continue
        site.column = <int32_t> count
        columns[count] = met[i]
        count += 1
        l.signs |= site.fixed | site.unit
        l.fixed_most = max(l.fixed_most, site.fixed)
        l.unit_most, l.unit_least = max(l.unit_most, site.unit), least(l.unit_least, site.unit)
        l.second = least(l.second, max(l.first, site.least))
        l.first = least(l.first, site.least)
        able[known] = met[i]
        known += site.hits == demands
    one.columns.count, l.able = count, known
    return DONE


cdef int price_scarce(Core* c, Lineup* l) noexcept nogil:
    """Add up what scarcity adds for all that each candidate would send: `scarce`, by location, is of
    use for those that have everything. It may overflow where `bounded` then says so."""
    cdef Case* one = &c.case
    cdef uint32_t* columns = <uint32_t*> one.columns.data
    cdef int64_t* prices = <int64_t*> c.scarcity.data
    cdef uint64_t* sums
    cdef int64_t* own
    cdef Group* group
    cdef Offer* offer
    cdef uint64_t i, n, least_sum = 0
    cdef uint32_t j
    cdef int64_t unit, cheapest
    if room_for(&one.scarce, 2 * one.width, sizeof(int64_t)) != DONE:
        return MEMORY
    sums = <uint64_t*> one.scarce.data
    own = <int64_t*> one.scarce.data + one.width
    for n in range(one.columns.count):
        sums[columns[n]] = 0
    for i in range(c.plan.groups.count):
        group = &(<Group*> c.plan.groups.data)[i]
        for n in range(one.columns.count):
            own[columns[n]] = 0
        for j in range(group.offer_count):
            offer = &(<Offer*> c.plan.offers.data)[group.offers + j]
            if offer.position < c.scarcity.count:
                own[offer.candidate] = (
                    prices[offer.position] * one.ask.style.scarcity_weight // 100
                )
        cheapest = COST_MOST
        for n in range(one.columns.count):
            unit = one.row[columns[n]].unit + own[columns[n]]
            l.unit_most, cheapest = max(l.unit_most, unit), least(cheapest, unit)
            sums[columns[n]] += <uint64_t> group.demand * <uint64_t> own[columns[n]]
        least_sum += <uint64_t> group.demand * <uint64_t> cheapest
    l.units_least = <int64_t> least_sum
    return DONE


cdef inline int64_t scarce_of(Core* c, Lineup* l, uint32_t place) noexcept nogil:
    return (<int64_t*> c.case.scarce.data)[place] if l.priced else 0


cdef bint bounded(Core* c, Lineup* l) noexcept nogil:
    """Whether no sum can overflow: what `check` of core/routing/instance.py says, more strictly."""
    cdef Case* one = &c.case
    cdef Policy* p = one.ask.policy
    cdef wide each, packages = 1
    if one.units < 0 or l.signs < 0:
        return False
    if one.heavy > p.carried:
        packages = (one.heavy + p.carried - 1) // p.carried
    each = one.ask.style.split + l.fixed_most + packages * p.dearest
    return each * one.columns.count + <wide> one.units * l.unit_most <= COST_MOST


cdef bint settle(Core* c, Lineup* l) noexcept nogil:
    """Price every location that can do it alone; say whether no plan over several can be below the
    best of them."""
    cdef Case* one = &c.case
    cdef Style* style = one.ask.style
    cdef scorer.Rates* rates = &one.ask.policy.rates
    cdef uint32_t* able = <uint32_t*> one.able.data
    cdef Site* site
    cdef uint64_t i
    cdef int64_t total
    l.best_cost = l.other_cost = -1
    if l.able == 0 or not bounded(c, l):
        return False
    if not l.priced:
        l.units_least = one.units * l.unit_least
    for i in range(l.able):
        site = &one.row[able[i]]
        # One that costs as much as the runner-up before it is weighed changes nothing.
        if l.other_cost >= 0 and site.least + l.units_least >= l.other_cost:
            continue
        total = site.fixed + scorer.cost(rates, site.tariff, one.heavy)
        total += one.units * site.unit + scarce_of(c, l, able[i])
        if l.best_cost < 0 or total < l.best_cost:
            l.other, l.other_cost = l.best, l.best_cost
            l.best, l.best_cost = able[i], total
        elif l.other_cost < 0 or total < l.other_cost:
            l.other, l.other_cost = able[i], total
    if l.best_cost < 0:
        return False
    if one.columns.count < 2 or one.search.one.shipments_max == 1:
        return True
    return l.first + l.second + style.split + l.units_least >= l.best_cost


cdef int send_alone(Core* c, Lineup* l) noexcept nogil:
    """Let each group have everything from the best location, and write the receipt."""
    cdef Case* one = &c.case
    cdef uint32_t* where = <uint32_t*> one.where.data + l.best
    cdef int64_t* quantities = <int64_t*> one.quantities.data
    cdef Group* group
    cdef uint64_t i
    cdef uint8_t* p
    if slip_room(c, 2) != DONE:
        return MEMORY
    for i in range(c.plan.groups.count):
        group = &(<Group*> c.plan.groups.data)[i]
        group.picks = <uint32_t> c.plan.picks.count
        if add_pick(&c.plan, group.demand, where[i * one.width], l.best) != DONE:
            return MEMORY
        group.picks_end = <uint32_t> c.plan.picks.count
    p = put_varint(put_asked(c, one.slip.data, l.best_cost, l.best_cost), 1)
    p = put_leg(c, p, l.best, quantities, 1, scarce_of(c, l, l.best))
    if l.other_cost < 0:
        p = put_varint(put_varint(p, 0), 0)
    else:
        p = put_varint(put_varint(p, <uint64_t> l.other_cost), 1)
        p = put_leg(c, p, l.other, quantities, 1, scarce_of(c, l, l.other))
    one.slip.size = <uint64_t> (p - one.slip.data)
    return DONE
