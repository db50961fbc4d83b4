# Orders routed by a policy, as core/decide/routing.py and core/routing/costs.py say, over the plan's
# rows. What is unusual (bound lines, backorders, no plan) is left to the shared rule: UNUSUAL.

cdef enum:
    UNUSUAL = 30               # beside the values of Result

cdef int64_t MILLS = costs.MILLS
cdef int64_t COST_MOST = limits.ROUTE_COST_MILLS_MAX
cdef int64_t UNITS_MOST = limits.ROUTE_UNITS_MAX
cdef int64_t GRAMS_MOST = limits.ROUTE_GRAMS_MAX
cdef int64_t WORTH_MOST = <int64_t> 1 << 62


cdef inline uint32_t routed_of(Core* c, Text channel) noexcept nogil:
    """The row of a channel that has a policy, or NONE."""
    return find_text(c, ROUTED_CHANNELS, channel) if c.routed.count else NONE


cdef int allot_by(Core* c, uint32_t row, Text document) noexcept nogil:
    """Allot the asked lines whole by a channel's policy: DONE, and the receipt is in `case.slip`;
    SHORT, UNUSUAL, or a negative result. Nothing else is changed."""
    cdef Plan* plan = &c.plan
    cdef Routed* routed = &(<Routed*> c.routed.data)[row]
    cdef int result
    plan.parts.count = plan.pools.count = plan.groups.count = plan.offers.count = 0
    plan.picks.count = plan.opened.count = plan.takes.count = plan.candidates.count = 0
    plan.due = 0
    c.case.ask.policy = policy_at(c, routed.policy)
    c.case.ask.style = &c.case.ask.policy.styles[routed.style]
    c.case.ask.number, c.case.ask.channel = routed.policy, routed.channel
    if not read_details(&c.case.ask, document):
        return UNUSUAL
    result = expand(c)
    if result > DONE or plan.due:
        result = UNUSUAL if result >= DONE else result
    if result == DONE:
        result = want_all(c)
    if result == DONE:
        result = open_shelf(c, row)
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
    forget_pools(c)
    return UNUSUAL if result > DONE and result != SHORT else result


cdef int want_all(Core* c) noexcept nogil:
    """Say what each group is to have if all lines get everything."""
    cdef Plan* plan = &c.plan
    cdef Case* one = &c.case
    cdef Asked* asked = <Asked*> plan.asked.data
    cdef uint32_t* starts = <uint32_t*> plan.starts.data
    cdef Part* part
    cdef Group* group
    cdef Sku* sku
    cdef uint64_t i, demands = plan.groups.count
    cdef uint32_t j
    cdef int64_t units = 0
    cdef wide heavy = 0
    if (
        room_for(&one.quantities, demands + 1, sizeof(int64_t)) != DONE
        or room_for(&one.grams, demands + 1, sizeof(int64_t)) != DONE
    ):
        return MEMORY
    for i in range(plan.asked.count):
        for j in range(starts[i], starts[i + 1]):
            part = &(<Part*> plan.parts.data)[j]
            (<Group*> plan.groups.data)[part.group].demand += asked[i].quantity * part.per_unit
    for i in range(demands):
        group = &(<Group*> plan.groups.data)[i]
        sku = sku_at(c, (<Pool*> plan.pools.data)[group.pool].sku)
        if group.place != NONE or sku.backorderable or sku.handling > CLASSES_MAX:
            return UNUSUAL
        (<int64_t*> one.quantities.data)[i] = group.demand
        (<int64_t*> one.grams.data)[i] = sku.weight_g
        units += group.demand
        heavy += <wide> group.demand * sku.weight_g
    one.units = units if units <= UNITS_MOST and heavy <= GRAMS_MOST else -1
    one.heavy = <int64_t> heavy
    return DONE


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
    cdef uint32_t* met = <uint32_t*> c.case.met.data
    cdef Site* site
    cdef Offer* offers
    cdef Group* group
    cdef uint64_t i
    cdef uint32_t j
    cdef int64_t day = -1, next, units
    cdef bint whole = False
    while not whole:
        next = -1
        for i in range(c.case.met.count):
            site = &c.case.row[met[i]]
            if site.reason < 0 and site.helps and site.arrives > day:
                if next < 0 or site.arrives < next:
                    next = site.arrives
        if next < 0:
            return WORTH_MOST
        day, whole = next, True
        for i in range(plan.groups.count):
            group = &(<Group*> plan.groups.data)[i]
            offers, units = <Offer*> plan.offers.data + group.offers, 0
            for j in range(group.offer_count):
                site = &c.case.row[offers[j].candidate]
                units += offers[j].units if site.arrives <= day else 0
            whole = whole and units >= group.demand
    return day


cdef int plan_case(Core* c) noexcept nogil:
    """Plan the order, let the groups have what was picked, and write the receipt."""
    cdef Case* one = &c.case
    cdef Style* style = one.ask.style
    cdef uint64_t demands = c.plan.groups.count
    cdef Lineup lineup
    cdef int result
    one.last_day = hurry(c) if style.kind == FASTEST else WORTH_MOST
    one.search.one.shipments_max = style.shipments_max
    if style.value_floor > 0 and worth(c) < style.value_floor:
        one.search.one.shipments_max = 1
    if line_up(c, &lineup) != DONE:
        return MEMORY
    lineup.priced = style.scarcity_weight > 0 and c.scarcity.count > 0
    if lineup.priced and price_scarce(c, &lineup) != DONE:
        return MEMORY
    if settle(c, &lineup):
        return send_alone(c, &lineup)
    if fill_case(c, demands, one.columns.count) != DONE:
        return MEMORY
    result = scorer.search(&one.search)
    if result != scorer.PLANNED:
        return MEMORY if result == scorer.EXHAUSTED else UNUSUAL
    result = pick_all(c, demands)
    return write_slip(c, demands) if result == DONE else result


cdef int fill_case(Core* c, uint64_t demands, uint64_t places) noexcept nogil:
    """Make the instance of the candidates that are lined up."""
    cdef Case* one = &c.case
    cdef scorer.Case* case = &one.search.one
    cdef uint32_t* columns = <uint32_t*> one.columns.data
    cdef Group* group
    cdef Offer* offer
    cdef Site* site
    cdef Style* style = one.ask.style
    cdef uint64_t i, cell, cells = demands * places
    cdef uint32_t j
    cdef int64_t* unit
    cdef int64_t* stock
    cdef int64_t* prices = <int64_t*> c.scarcity.data
    if (
        room_for(&one.fixed, places + 1, sizeof(int64_t)) != DONE
        or room_for(&one.tariffs, places + 1, sizeof(int64_t)) != DONE
        or room_for(&one.stock, cells + 1, sizeof(int64_t)) != DONE
        or room_for(&one.unit, cells + places + 1, sizeof(int64_t)) != DONE
    ):
        return MEMORY
    stock, unit = <int64_t*> one.stock.data, <int64_t*> one.unit.data
    memset(stock, 0, cells * sizeof(int64_t))
    for i in range(places):
        site = &one.row[columns[i]]
        (<int64_t*> one.fixed.data)[i] = site.fixed
        (<int64_t*> one.tariffs.data)[i] = site.tariff
        unit[i] = site.unit
    for i in range(1, demands):
        memcpy(unit + i * places, unit, places * sizeof(int64_t))
    for i in range(demands):
        group = &(<Group*> c.plan.groups.data)[i]
        for j in range(group.offer_count):
            offer = &(<Offer*> c.plan.offers.data)[group.offers + j]
            site = &one.row[offer.candidate]
            if site.column >= 0:
                cell = i * places + <uint64_t> site.column
                stock[cell] = offer.units
                if style.scarcity_weight and offer.position < c.scarcity.count:
                    unit[cell] += prices[offer.position] * style.scarcity_weight // 100
    case.demands, case.places = <int64_t> demands, <int64_t> places
    case.quantities, case.grams = <int64_t*> one.quantities.data, <int64_t*> one.grams.data
    case.fixed, case.tariffs = <int64_t*> one.fixed.data, <int64_t*> one.tariffs.data
    case.stock, case.unit, case.split = stock, unit, style.split
    case.nodes_max = -1
    one.search.rates = &one.ask.policy.rates
    return DONE


cdef int pick_all(Core* c, uint64_t demands) noexcept nogil:
    """Let each group have its picks of the plan that was found."""
    cdef scorer.Search* s = &c.case.search
    cdef uint32_t* where = <uint32_t*> c.case.where.data
    cdef Group* group
    cdef uint64_t i
    cdef int64_t k, units
    cdef uint32_t place
    for i in range(demands):
        group = &(<Group*> c.plan.groups.data)[i]
        group.picks = <uint32_t> c.plan.picks.count
        for k in range(s.set_count):
            units = s.set_picks[<int64_t> i * s.set_count + k]
            if units:
                place = (<uint32_t*> c.case.columns.data)[s.set_places[k]]
                if add_pick(&c.plan, units, where[i * c.case.width + place], place) != DONE:
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


cdef int slip_room(Core* c, int64_t legs) noexcept nogil:
    """Make room for a receipt: each number takes nine bytes at most."""
    cdef uint64_t demands = c.plan.groups.count
    c.case.slip.size = 0
    return out_room(
        &c.case.slip,
        512 + c.case.ask.style.size + 9 * (
            2 * demands + 2 * EXCLUDED_MAX + (demands + 14) * <uint64_t> (legs + 2)
        ),
    )


cdef uint8_t* put_asked(Core* c, uint8_t* p, int64_t cost, int64_t bound) noexcept nogil:
    """Write what stands before the legs."""
    cdef Case* one = &c.case
    cdef Ask* ask = &one.ask
    cdef Group* group
    cdef uint64_t i, demands = c.plan.groups.count
    p = put_varint(put_varint(p, ask.number), ask.policy.version)
    p = put_varint(
        put_varint(p, 1 if one.search.one.shipments_max == 1 else 0), ask.style.size
    )
    p = put_bytes(p, ask.policy.texts + ask.style.text, ask.style.size)
    p = put_varint(p, demands)
    for i in range(demands):
        group = &(<Group*> c.plan.groups.data)[i]
        p = put_varint(p, (<Pool*> c.plan.pools.data)[group.pool].sku)
        p = put_varint(p, <uint64_t> group.demand)
    p = put_excluded(c, put_varint(p, one.columns.count))
    p = put_varint(put_varint(p, <uint64_t> cost), <uint64_t> bound)
    return put_varint(p, <uint64_t> ask.style.split)


cdef int write_slip(Core* c, uint64_t demands) noexcept nogil:
    """Write the receipt of the plan that was found, and plan again for its runner-up."""
    cdef Case* one = &c.case
    cdef scorer.Search* s = &one.search
    cdef int64_t other = s.runner_up.cost
    cdef int64_t* names = NULL
    cdef uint8_t* p
    cdef int result
    # A plan has two options, none wider than the places.
    if slip_room(c, s.set_count + s.runner_up.count) != DONE:
        return MEMORY
    p = put_legs(c, put_asked(c, one.slip.data, s.best.cost, s.bound), NULL)
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
    cdef uint32_t* met = <uint32_t*> c.case.met.data
    cdef uint64_t i, kinds = 0, left = c.case.met.count - c.case.columns.count
    cdef int32_t reason
    cdef int turn
    if left == 0:
        return put_varint(put_varint(p, 0), 0)
    memset(counts, 0, sizeof(counts))
    for i in range(c.case.met.count):
        reason = reason_of(c, &c.case.row[met[i]])
        if reason >= 0:
            kinds += 1 if counts[reason] == 0 else 0
            counts[reason] += 1
    p = put_varint(p, kinds)
    for i in range(REASONS_ROOM):
        if counts[i]:
            p = put_varint(put_varint(p, i), counts[i])
    left = left if left < EXCLUDED_MAX else EXCLUDED_MAX
    p = put_varint(p, left)
    for turn in range(2):
        for i in range(c.case.met.count):
            reason = reason_of(c, &c.case.row[met[i]])
            if reason >= 0 and left and (reason == REASON_SLOWER) == (turn == 1):
                p = put_varint(put_varint(p, met[i]), <uint64_t> reason)
                left -= 1
    return p


cdef uint8_t* put_legs(Core* c, uint8_t* p, int64_t* columns) noexcept nogil:
    """Write the legs of the plan that stands in the search; its places are numbers of candidates,
    or of these `columns`."""
    cdef scorer.Search* s = &c.case.search
    cdef uint8_t* mark = p
    cdef uint64_t legs = 0
    cdef int64_t i, k, column, units, scarce
    cdef uint32_t place
    # Up to 127 legs are counted in one byte; more are written again behind a wider count.
    p += 1
    for k in range(s.set_count):
        column = s.set_places[k] if columns is NULL else columns[s.set_places[k]]
        place = (<uint32_t*> c.case.columns.data)[column]
        units = scarce = 0
        for i in range(s.one.demands):
            units += s.set_picks[i * s.set_count + k]
            scarce += s.set_picks[i * s.set_count + k] * (
                s.one.unit[i * s.one.places + s.set_places[k]] - c.case.row[place].unit
            )
        if units:
            p = put_leg(c, p, place, s.set_picks + k, s.set_count, scarce)
            legs += 1
    if legs > 0x7F:
        memmove(mark + 2, mark + 1, <uint64_t> (p - mark - 1))
        p += 1
    put_varint(mark, legs)
    return p


cdef uint8_t* put_leg(
    Core* c, uint8_t* p, uint32_t place, const int64_t* picks, int64_t step, int64_t scarce
) noexcept nogil:
    """Write what one location sends: of each demand the pick `step` further on."""
    cdef scorer.Rates* rates = &c.case.ask.policy.rates
    cdef int64_t* grams = <int64_t*> c.case.grams.data
    cdef Site site
    cdef Terms terms
    cdef int64_t i, units, most, count = 0, heavy = 0
    consider(c, place, &site, &terms)
    p = put_varint(put_varint(p, place), <uint64_t> (km_of(c, place, &terms) + 1))
    p = put_varint(put_varint(p, <uint64_t> terms.send_day), <uint64_t> terms.days)
    for i in range(<int64_t> c.plan.groups.count):
        units = picks[i * step]
        heavy += units * grams[i]
        count += units
        p = put_varint(p, <uint64_t> units)
    most = rates.tariffs[site.tariff].heaviest
    p = put_varint(p, <uint64_t> heavy)
    p = put_varint(p, <uint64_t> (1 if heavy <= most else (heavy + most - 1) // most))
    p = put_varint(p, <uint64_t> scorer.cost(rates, site.tariff, heavy))
    for i in range(4):
        p = put_varint(p, <uint64_t> terms.parts[i])
    p = put_varint(put_varint(p, <uint64_t> terms.distance), <uint64_t> (site.unit * count))
    return put_varint(p, <uint64_t> scarce)


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
