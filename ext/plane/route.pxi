# Where the units of a plan come from, as core/routing.py says: policy `fewest`.

cdef extern from *:
    """
    /* Through volatile pointers, so that the compiler cannot merge sine and cosine into a call
       whose last bit might differ from Python's. */
    #include <math.h>
    static double (*volatile dibs_sin)(double) = sin;
    static double (*volatile dibs_cos)(double) = cos;
    """
    double dibs_sin(double) noexcept nogil
    double dibs_cos(double) noexcept nogil


cdef void direction(
    double latitude, double longitude, double* x, double* y, double* z
) noexcept nogil:
    """Set the unit vector from the earth's centre to a point."""
    cdef double phi = latitude * (PI / 180.0)
    cdef double lam = longitude * (PI / 180.0)
    x[0] = dibs_cos(phi) * dibs_cos(lam)
    y[0] = dibs_cos(phi) * dibs_sin(lam)
    z[0] = dibs_sin(phi)


cdef int64_t remoteness(Core* c, Place* place) noexcept nogil:
    cdef double x, y, z
    if not c.plan.located or not place.located:
        return <int64_t> 1 << 62
    x, y, z = place.x - c.plan.x, place.y - c.plan.y, place.z - c.plan.z
    return <int64_t> ((x * x + y * y + z * z) * 1e12)


cdef int by_rank(const void* a, const void* b) noexcept nogil:
    cdef Candidate* p = <Candidate*> a
    cdef Candidate* q = <Candidate*> b
    if p.priority != q.priority:
        return -1 if p.priority < q.priority else 1
    if p.remoteness != q.remoteness:
        return -1 if p.remoteness < q.remoteness else 1
    return -1 if p.place < q.place else 1


cdef int route(Core* c) noexcept nogil:
    """Choose places for what every group wants: its picks."""
    cdef Plan* plan = &c.plan
    cdef uint64_t i, wanted = 0
    cdef int result = gather(c, &wanted)
    if result == DONE:
        result = room_for(&plan.chosen, plan.candidates.count + 1, sizeof(uint32_t))
    if result == DONE and wanted and not choose_one(c, wanted):
        rank_candidates(c)
        result = choose(c, wanted)
    if result == DONE:
        result = fill(c)
    for i in range(plan.candidates.count):
        place_at(c, (<Candidate*> plan.candidates.data)[i].place).candidate = 0
    return result


cdef int gather(Core* c, uint64_t* wanted) noexcept nogil:
    """Collect the offers of every group that is not bound, and the candidates among them."""
    cdef Plan* plan = &c.plan
    cdef Group* group
    cdef int result
    cdef uint64_t i
    for i in range(plan.groups.count):
        group = &(<Group*> plan.groups.data)[i]
        if group.place != NONE:
            continue
        result = gather_offers(c, group)
        if result != DONE:
            return result
        wanted[0] += 1 if group.demand else 0
    if <int64_t> plan.offers.count > c.limit.offers:
        return fault(c, MANY_OFFERS, NONE)
    for i in range(plan.groups.count):
        group = &(<Group*> plan.groups.data)[i]
        if group.demand:
            result = gather_candidates(c, group)
            if result != DONE:
                return result
    return DONE


cdef int gather_offers(Core* c, Group* group) noexcept nogil:
    cdef Plan* plan = &c.plan
    cdef Pool* pool = &(<Pool*> plan.pools.data)[group.pool]
    cdef bint bound = (<Group*> plan.groups.data)[pool.group].next != NONE
    cdef uint32_t at = sku_at(c, pool.sku).first
    cdef Position* p
    cdef Offer* offer
    cdef int64_t units, total = 0
    group.offers = <uint32_t> plan.offers.count
    while at != NONE:
        p = position_at(c, at)
        units = available_of(p)
        if units > 0 and place_at(c, p.place).active:
            units -= bound_units(c, pool, p.place) if bound else 0
            if units > 0:
                if room_for(&plan.offers, plan.offers.count + 1, sizeof(Offer)) != DONE:
                    return MEMORY
                offer = &(<Offer*> plan.offers.data)[plan.offers.count]
                offer.units, offer.position, offer.candidate = units, at, p.place
                plan.offers.count += 1
                total += units
                if <int64_t> plan.offers.count > c.limit.offers:
                    return fault(c, MANY_OFFERS, NONE)
        at = p.next
    group.offer_count = <uint32_t> plan.offers.count - group.offers
    group.demand = least(group.wanted, total)
    return DONE


cdef int64_t bound_units(Core* c, Pool* pool, uint32_t place) noexcept nogil:
    cdef uint32_t at = pool.group
    cdef Group* group
    while at != NONE:
        group = &(<Group*> c.plan.groups.data)[at]
        if group.place == place:
            return group.wanted
        at = group.next
    return 0


cdef int gather_candidates(Core* c, Group* group) noexcept nogil:
    cdef Plan* plan = &c.plan
    cdef Place* place
    cdef Candidate* found
    cdef uint32_t i, number
    for i in range(group.offer_count):
        number = (<Offer*> plan.offers.data)[group.offers + i].candidate
        place = place_at(c, number)
        if place.candidate:
            continue
        if room_for(&plan.candidates, plan.candidates.count + 1, sizeof(Candidate)) != DONE:
            return MEMORY
        found = &(<Candidate*> plan.candidates.data)[plan.candidates.count]
        found.priority, found.remoteness = place.priority, remoteness(c, place)
        found.place, found.hits = number, 0
        plan.candidates.count += 1
        place.candidate = <uint32_t> plan.candidates.count
    return DONE


cdef bint choose_one(Core* c, uint64_t wanted) noexcept nogil:
    """Choose the best ranked of the places that can do it alone, if there is one: most times there
    is, and then nothing need be sorted. Let every offer name its candidate."""
    cdef Plan* plan = &c.plan
    cdef Candidate* candidates = <Candidate*> plan.candidates.data
    cdef Candidate* best = NULL
    cdef Group* group
    cdef Offer* offer
    cdef uint64_t i
    cdef uint32_t j
    plan.chosen.count = 0
    for i in range(plan.groups.count):
        group = &(<Group*> plan.groups.data)[i]
        for j in range(group.offer_count if group.demand else 0):
            offer = &(<Offer*> plan.offers.data)[group.offers + j]
            offer.candidate = place_at(c, offer.candidate).candidate - 1
            candidates[offer.candidate].hits += offer.units >= group.demand
    for i in range(plan.candidates.count):
        if candidates[i].hits == wanted and (best is NULL or by_rank(&candidates[i], best) < 0):
            best = &candidates[i]
    if best is NULL:
        return False
    (<uint32_t*> plan.chosen.data)[0] = <uint32_t> (best - candidates)
    plan.chosen.count = 1
    return True


cdef void rank_candidates(Core* c) noexcept nogil:
    """Sort candidates best first, and let every offer of what is wanted name its own again."""
    cdef Plan* plan = &c.plan
    cdef Candidate* candidates = <Candidate*> plan.candidates.data
    cdef Group* group
    cdef Offer* offer
    cdef uint64_t i
    cdef uint32_t j
    if plan.candidates.count > 1:
        qsort(candidates, plan.candidates.count, sizeof(Candidate), by_rank)
    for i in range(plan.candidates.count):
        place_at(c, candidates[i].place).candidate = <uint32_t> i + 1
    for i in range(plan.groups.count):
        group = &(<Group*> plan.groups.data)[i]
        for j in range(group.offer_count if group.demand else 0):
            offer = &(<Offer*> plan.offers.data)[group.offers + j]
            offer.candidate = place_at(c, position_at(c, offer.position).place).candidate - 1


cdef int choose(Core* c, uint64_t wanted) noexcept nogil:
    """Set `plan.chosen`, of which no place alone can do it: the fewest, or greedily good ones."""
    cdef int64_t count = <int64_t> c.plan.candidates.count
    if count <= c.limit.exact_places:
        if (<int64_t> 1 << count) * <int64_t> wanted <= c.limit.exact_work:
            return choose_exact(c, wanted)
    return choose_greedy(c)


cdef int choose_exact(Core* c, uint64_t wanted) noexcept nogil:
    """Try all sets of two and more places in order of size and rank."""
    cdef Plan* plan = &c.plan
    cdef uint64_t count = plan.candidates.count
    cdef int64_t* matrix
    cdef Group* group
    cdef Offer* offer
    cdef uint64_t i, size, row = 0
    cdef uint32_t j
    if room_for(&plan.matrix, wanted * (count + 1), sizeof(int64_t)) != DONE:
        return MEMORY
    matrix = <int64_t*> plan.matrix.data
    memset(matrix, 0, wanted * (count + 1) * sizeof(int64_t))
    for i in range(plan.groups.count):
        group = &(<Group*> plan.groups.data)[i]
        if not group.demand:
            continue
        for j in range(group.offer_count):
            offer = &(<Offer*> plan.offers.data)[group.offers + j]
            matrix[row * (count + 1) + offer.candidate] = offer.units
        matrix[row * (count + 1) + count] = group.demand
        row += 1
    for size in range(2, count + 1):
        if first_set(plan, matrix, wanted, count, size):
            plan.chosen.count = size
            return DONE
    return misfit(c, "all places together do not have what one plan granted")


cdef bint first_set(
    Plan* plan, int64_t* matrix, uint64_t wanted, uint64_t count, uint64_t size
) noexcept nogil:
    """Find the first set of `size` places, in lexicographic order, that can do it."""
    cdef uint32_t* chosen = <uint32_t*> plan.chosen.data
    cdef uint64_t i
    for i in range(size):
        chosen[i] = <uint32_t> i
    while not can_do(chosen, matrix, wanted, count, size):
        i = size
        while i and chosen[i - 1] == count - size + i - 1:
            i -= 1
        if i == 0:
            return False
        chosen[i - 1] += 1
        while i < size:
            chosen[i] = chosen[i - 1] + 1
            i += 1
    return True


cdef bint can_do(
    uint32_t* chosen, int64_t* matrix, uint64_t wanted, uint64_t count, uint64_t size
) noexcept nogil:
    cdef int64_t* row = matrix
    cdef int64_t units
    cdef uint64_t i, j
    for i in range(wanted):
        units = 0
        for j in range(size):
            units += row[chosen[j]]
        if units < row[count]:
            return False
        row += count + 1
    return True


cdef int choose_greedy(Core* c) noexcept nogil:
    """Take the place that gives most, again and again; among equals the best ranked.

    A place's gain never grows, so an old figure is a bound: only the place that seems best is
    counted again, and it is taken when its figure still holds."""
    cdef Plan* plan = &c.plan
    cdef Candidate* candidates = <Candidate*> plan.candidates.data
    cdef uint64_t i, best
    cdef int64_t gain
    if index_offers(c) != DONE:
        return MEMORY
    for i in range(plan.groups.count):
        (<Group*> plan.groups.data)[i].left = (<Group*> plan.groups.data)[i].demand
    for i in range(plan.candidates.count):
        candidates[i].gain = gain_of(plan, i, False)
    while True:
        best = 0
        for i in range(1, plan.candidates.count):
            if candidates[i].gain > candidates[best].gain:
                best = i
        if candidates[best].gain <= 0:
            return DONE
        gain = gain_of(plan, best, False)
        if gain < candidates[best].gain:
            candidates[best].gain = gain
            continue
        gain_of(plan, best, True)
        candidates[best].gain = 0
        (<uint32_t*> plan.chosen.data)[plan.chosen.count] = <uint32_t> best
        plan.chosen.count += 1


cdef int index_offers(Core* c) noexcept nogil:
    """Sort the wanted groups' offers by candidate: `marks` says where each one's start, and an
    entry of `matrix` holds group and offer in its two halves."""
    cdef Plan* plan = &c.plan
    cdef uint64_t* marks
    cdef Group* group
    cdef uint64_t i, at, total = 0
    cdef uint32_t j
    if room_for(&plan.marks, plan.candidates.count + 2, sizeof(uint64_t)) != DONE:
        return MEMORY
    if room_for(&plan.matrix, plan.offers.count + 1, sizeof(int64_t)) != DONE:
        return MEMORY
    marks = <uint64_t*> plan.marks.data
    memset(marks, 0, (plan.candidates.count + 2) * sizeof(uint64_t))
    for i in range(plan.groups.count):
        group = &(<Group*> plan.groups.data)[i]
        if group.demand:
            for j in range(group.offers, group.offers + group.offer_count):
                marks[(<Offer*> plan.offers.data)[j].candidate + 2] += 1
    for i in range(plan.candidates.count + 1):
        total += marks[i + 1]
        marks[i + 1] = total
    for i in range(plan.groups.count):
        group = &(<Group*> plan.groups.data)[i]
        if group.demand:
            for j in range(group.offers, group.offers + group.offer_count):
                at = marks[(<Offer*> plan.offers.data)[j].candidate + 1]
                marks[(<Offer*> plan.offers.data)[j].candidate + 1] += 1
                (<uint64_t*> plan.matrix.data)[at] = i << 32 | j
    return DONE


cdef int64_t gain_of(Plan* plan, uint64_t candidate, bint take) noexcept nogil:
    """Return the units that a place could give of what is left; with `take`, it gives them."""
    cdef uint64_t* marks = <uint64_t*> plan.marks.data
    cdef uint64_t at, pair
    cdef int64_t units, total = 0
    cdef Group* group
    for at in range(marks[candidate], marks[candidate + 1]):
        pair = (<uint64_t*> plan.matrix.data)[at]
        group = &(<Group*> plan.groups.data)[pair >> 32]
        units = (<Offer*> plan.offers.data)[<uint32_t> pair].units
        units = least(group.left, units)
        total += units
        if take:
            group.left -= units
    return total


cdef int fill(Core* c) noexcept nogil:
    """Set the picks of every group from the chosen places."""
    cdef Plan* plan = &c.plan
    cdef Group* group
    cdef uint64_t i
    cdef int result = room_for(&plan.marks, plan.candidates.count + 1, sizeof(uint64_t))
    if result != DONE:
        return result
    memset(plan.marks.data, 0, plan.candidates.count * sizeof(uint64_t))
    for i in range(plan.groups.count):
        group = &(<Group*> plan.groups.data)[i]
        group.picks = <uint32_t> plan.picks.count
        if group.place != NONE:
            result = add_pick(plan, group.wanted, group.position, group.place)
        else:
            result = fill_group(c, group)
        if result != DONE:
            return result
        group.picks_end = <uint32_t> plan.picks.count
    return DONE


cdef int add_pick(Plan* plan, int64_t units, uint32_t position, uint32_t place) noexcept nogil:
    cdef Pick* pick
    if units == 0:
        return DONE
    if room_for(&plan.picks, plan.picks.count + 1, sizeof(Pick)) != DONE:
        return MEMORY
    pick = &(<Pick*> plan.picks.data)[plan.picks.count]
    pick.units, pick.position, pick.place = units, position, place
    plan.picks.count += 1
    return DONE


cdef int fill_group(Core* c, Group* group) noexcept nogil:
    """Take a group's units from the chosen places in their order, and what a backorderable SKU
    has not there at the first of them, or else at the best place of all."""
    cdef Plan* plan = &c.plan
    cdef Candidate* candidates = <Candidate*> plan.candidates.data
    cdef uint64_t* marks = <uint64_t*> plan.marks.data
    cdef Offer* offers = <Offer*> plan.offers.data + group.offers
    cdef int64_t need = group.demand, used
    cdef uint32_t i, at, place
    if need:
        for i in range(group.offer_count):
            marks[offers[i].candidate] = i + 1
        for i in range(plan.chosen.count):
            at = (<uint32_t*> plan.chosen.data)[i]
            if need == 0 or marks[at] == 0:
                continue
            used = least(need, offers[marks[at] - 1].units)
            need -= used
            if add_pick(plan, used, offers[marks[at] - 1].position, candidates[at].place) != DONE:
                return MEMORY
        for i in range(group.offer_count):
            marks[offers[i].candidate] = 0
    need = group.wanted - group.demand
    if need == 0:
        return DONE
    if plan.picks.count > group.picks:
        (<Pick*> plan.picks.data)[group.picks].units += need
        return DONE
    place = best_place(c)
    if place == NONE:
        return fault(c, NO_PLACE, NONE)
    return add_pick(
        plan, need, find_cell(c, (<Pool*> plan.pools.data)[group.pool].sku, place), place
    )


cdef uint32_t best_place(Core* c) noexcept nogil:
    """Return the best ranked active place, or NONE."""
    cdef Candidate best, next
    cdef Place* place
    cdef uint64_t i
    best.place = NONE
    for i in range(c.places.count):
        place = place_at(c, i)
        if not place.active:
            continue
        next.priority, next.place = place.priority, <uint32_t> i
        next.remoteness = remoteness(c, place)
        if best.place == NONE or by_rank(&next, &best) < 0:
            best = next
    return best.place
