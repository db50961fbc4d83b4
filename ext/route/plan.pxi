# The search over sets of locations, as _Search of core/routing/plan.py.


cdef int search(Search* s) noexcept nogil:
    """Plan `s.one` by `s.rates`; the plan stands in `best`, `set_*`, `runner_up`, `bound`."""
    cdef int64_t two
    cdef Verdict verdict
    s.nodes, s.floor, s.rest = 0, NONE, 0
    s.best.cost, s.best.count, s.runner_up.cost, s.runner_up.count = NONE, 0, NONE, 0
    s.set_count, s.chosen_count, s.excluded_count, s.term_count = 0, 0, 0, 0
    s.failed = False
    if not small_enough(s):
        return BOUNDLESS
    if not reserve(s):
        return EXHAUSTED
    verdict = take_in(s)
    if verdict != PLANNED:
        return verdict
    if not s.wanted:
        s.best.cost = s.bound = 0
        return PLANNED
    if not try_singles(s):
        draw_lines(s)
        two = s.order[0].base + s.order[1].base + s.one.split
        if s.best.cost == NONE or two + s.rest < s.best.cost:
            if s.best.cost == NONE:
                try_greedy(s)
            extend(s, -s.one.split)
    if s.failed:
        return EXHAUSTED
    if s.best.cost == NONE:
        return UNMET
    s.bound = s.best.cost if s.floor == NONE else min(s.best.cost, s.floor)
    return PLANNED


cdef bint small_enough(Search* s) noexcept nogil:
    """Whether units and grams are within bounds: the first half of `check` of
    core/routing/instance.py."""
    cdef Case* one = &s.one
    cdef int64_t i, units = 0
    s.grams = 0
    for i in range(one.demands):
        if one.quantities[i] < 0 or one.grams[i] < 0:
            return False
        if one.quantities[i] > UNITS_MAX - units:
            return False
        units += one.quantities[i]
        if one.quantities[i] and one.grams[i] > (GRAMS_MAX - s.grams) // one.quantities[i]:
            return False
        s.grams += one.quantities[i] * one.grams[i]
    return True


cdef Verdict take_in(Search* s) noexcept nogil:
    """Set caps and what can be covered at all: PLANNED if everything can. Of each place it counts
    the demands that it helps with, and those that it `suits`: of which it has everything. The
    second half of `check` on the way: BOUNDLESS where a sum could overflow."""
    cdef Case* one = &s.one
    cdef int64_t i, j, quantity, units, total, least, most, low = one.split
    cdef int64_t* caps
    cdef const int64_t* stock
    cdef const int64_t* unit
    cdef bint covered = True
    cdef wide worst = <wide> one.split * one.places
    s.wanted, s.units = 0, 0
    for j in range(one.places):
        low |= one.fixed[j]
        most = packages(s.rates, one.tariffs[j], s.grams)
        worst += <wide> most * s.rates.tariffs[one.tariffs[j]].dearest + one.fixed[j]
        s.helps[j] = s.suits[j] = 0
    for i in range(one.demands):
        quantity, total, least, most = one.quantities[i], 0, COST_MAX, 0
        caps, stock = &s.caps[i * one.places], &one.stock[i * one.places]
        unit = &one.unit[i * one.places]
        for j in range(one.places):
            units = min(stock[j], quantity)
            caps[j] = units
            total += units
            s.helps[j] += units > 0
            s.suits[j] += (stock[j] >= quantity) & (quantity > 0)
            low |= stock[j] | unit[j]
            most, least = max(most, unit[j]), min(least, unit[j])
        worst += <wide> quantity * most
        s.potential[i], s.cover[i] = total, 0
        if quantity:
            s.demands[s.wanted] = i
            s.wanted += 1
            covered = covered and total >= quantity
            s.units += quantity * least if total else 0
    # A number below 0 has its highest bit set, and so has what it was put into.
    if low < 0 or worst > COST_MAX:
        return BOUNDLESS
    memset(s.free, 1, <size_t> one.places)
    return PLANNED if covered else UNMET


cdef inline int64_t unit_cost(Search* s, int64_t i, int64_t j, int64_t slope) noexcept nogil:
    return s.one.unit[i * s.one.places + j] + slope * s.one.grams[i]


cdef inline int64_t cap(Search* s, int64_t i, int64_t j) noexcept nogil:
    return s.caps[i * s.one.places + j]


cdef void draw_lines(Search* s) noexcept nogil:
    cdef Case* one = &s.one
    cdef Line line
    cdef int64_t n, i, j, units, least, most
    s.ranked = 0
    for j in range(one.places):
        least, most = NONE, 0
        for n in range(s.wanted):
            i = s.demands[n]
            units = cap(s, i, j)
            if units:
                if least == NONE or one.grams[i] < least:
                    least = one.grams[i]
                most += units * one.grams[i]
        if least == NONE:
            continue
        lower_line(s.rates, one.tariffs[j], least, most, &line)
        s.least[j], s.slope[j] = least, line.slope
        s.base[j] = one.fixed[j] + line.intercept
        s.order[s.ranked].base, s.order[s.ranked].place = s.base[j], j
        s.ranked += 1
    s.nodes_max = one.nodes_max
    if s.nodes_max < 0:
        s.nodes_max = EXACT_NODES if s.ranked <= EXACT_PLACES else BOUNDED_NODES
    draw_units(s)
    sort_ranked(s.order, s.ranked)


cdef void draw_units(Search* s) noexcept nogil:
    """Find what a unit of each demand costs at least, before the order is sorted."""
    cdef int64_t n, i, j, k, units
    for n in range(s.wanted):
        i = s.demands[n]
        s.suppliers[i], s.dearth[i] = 0, NONE
        for k in range(s.ranked):
            j = s.order[k].place
            if cap(s, i, j):
                s.suppliers[i] += 1
                units = unit_cost(s, i, j, s.slope[j])
                if s.dearth[i] == NONE or units < s.dearth[i]:
                    s.dearth[i] = units
        s.rest += s.one.quantities[i] * s.dearth[i]


cdef bint try_singles(Search* s) noexcept nogil:
    """Price every place that can do it alone; return whether no plan over several can be below the
    best of them: `_settled` of the twin."""
    cdef Case* one = &s.one
    cdef int64_t n, i, j, total, count = 0
    cdef int64_t first = 2 * COST_MAX, second = 2 * COST_MAX
    for j in range(one.places):
        if not s.helps[j]:
            continue
        count += 1
        total = one.fixed[j] + s.rates.tariffs[one.tariffs[j]].least
        second = min(second, max(first, total))
        first = min(first, total)
        # One that costs as much as the runner-up before it is weighed changes nothing.
        if s.suits[j] == s.wanted and (
            s.runner_up.cost == NONE or total + s.units < s.runner_up.cost
        ):
            total = one.fixed[j] + cost(s.rates, one.tariffs[j], s.grams)
            for n in range(s.wanted):
                i = s.demands[n]
                total += one.quantities[i] * one.unit[i * one.places + j]
            consider(s, total, &j, 1, True)
    if count < 2 or one.shipments_max == 1:
        return True
    return s.best.cost != NONE and first + second + one.split + s.units >= s.best.cost


cdef void consider(Search* s, int64_t total, int64_t* places, int64_t count, bint single) noexcept nogil:
    cdef bint same = s.best.cost != NONE and is_set(&s.best, places, count)
    cdef int64_t n
    if s.best.cost == NONE or total < s.best.cost:
        if s.best.cost != NONE and not same:
            keep(&s.runner_up, s.best.cost, s.best.places, s.best.count)
        keep(&s.best, total, places, count)
        if single:
            s.set_count, s.set_places[0] = 1, places[0]
            for n in range(s.one.demands):
                s.set_picks[n] = s.one.quantities[n]
        else:
            s.set_count = s.count
            memcpy(s.set_places, s.places, <size_t> s.count * sizeof(int64_t))
            memcpy(s.set_picks, s.picks, <size_t> (s.count * s.one.demands) * sizeof(int64_t))
    elif not same and (s.runner_up.cost == NONE or total < s.runner_up.cost):
        keep(&s.runner_up, total, places, count)


cdef inline bint is_set(Option* option, int64_t* places, int64_t count) noexcept nogil:
    if option.count != count:
        return False
    return memcmp(option.places, places, <size_t> count * sizeof(int64_t)) == 0


cdef inline void keep(Option* option, int64_t total, int64_t* places, int64_t count) noexcept nogil:
    option.cost, option.count = total, count
    memcpy(option.places, places, <size_t> count * sizeof(int64_t))


cdef inline int64_t left_of(Search* s, int64_t i) noexcept nogil:
    return max(s.one.quantities[i] - s.cover[i], 0)


cdef void try_greedy(Search* s) noexcept nogil:
    cdef int64_t n, j, k
    while True:
        j = greedy_next(s)
        if j == NONE:
            break
        choose(s, j)
    k = s.chosen_count
    while k:
        k -= 1
        j = s.chosen[k]
        for n in range(s.wanted):
            if s.cover[s.demands[n]] - cap(s, s.demands[n], j) < s.one.quantities[s.demands[n]]:
                break
        else:
            drop(s, k)
    if s.chosen_count <= s.one.shipments_max:
        settle(s)
    while s.chosen_count:
        drop(s, s.chosen_count - 1)


cdef int64_t greedy_next(Search* s) noexcept nogil:
    """Return the place that costs least for each unit it adds, or NONE where all is covered."""
    cdef int64_t n, k, i, j, units, gain, total, chosen = NONE, least = NONE
    for n in range(s.wanted):
        if left_of(s, s.demands[n]):
            break
    else:
        return NONE
    for k in range(s.ranked):
        j = s.order[k].place
        if not s.free[j]:
            continue
        gain, total = 0, s.base[j] + s.one.split
        for n in range(s.wanted):
            i = s.demands[n]
            units = min(cap(s, i, j), left_of(s, i))
            gain += units
            total += units * unit_cost(s, i, j, s.slope[j])
        if gain and (chosen == NONE or total // gain < least):
            chosen, least = j, total // gain
    return chosen


cdef void choose(Search* s, int64_t j) noexcept nogil:
    cdef int64_t n
    s.chosen[s.chosen_count] = j
    s.chosen_count += 1
    s.free[j] = 0
    for n in range(s.wanted):
        s.cover[s.demands[n]] += cap(s, s.demands[n], j)


cdef void drop(Search* s, int64_t k) noexcept nogil:
    """Let go the k-th of the chosen."""
    cdef int64_t n, j = s.chosen[k]
    s.chosen_count -= 1
    for n in range(k, s.chosen_count):
        s.chosen[n] = s.chosen[n + 1]
    s.free[j] = 1
    for n in range(s.wanted):
        s.cover[s.demands[n]] -= cap(s, s.demands[n], j)


cdef inline void abandon(Search* s, int64_t lower) noexcept nogil:
    s.floor = lower if s.floor == NONE else min(s.floor, lower)


cdef void extend(Search* s, int64_t base) noexcept nogil:
    cdef int64_t n, i, j, at, term, lower, short = NONE
    cdef int64_t kept_excluded = s.excluded_count
    cdef int64_t first_term = s.term_count
    s.nodes += 1
    for n in range(s.wanted):
        i = s.demands[n]
        if left_of(s, i) and (short == NONE or s.suppliers[i] < s.suppliers[short]):
            short = i
    if short == NONE and s.chosen_count > 1:
        settle(s)
    if s.chosen_count >= s.one.shipments_max:
        return
    lower = s.rest if short == NONE else find_terms(s, short)
    while not s.failed:
        at = next_free(s) if short == NONE else next_term(s, first_term)
        if at == NONE:
            break
        if short == NONE:
            j, term = at, s.base[at] + s.one.split
        else:
            j, term = s.terms[at].place, s.terms[at].value
        if s.best.cost != NONE and base + term + lower >= s.best.cost:
            break
        if s.nodes >= s.nodes_max:
            abandon(s, base + term + lower)
            break
        choose(s, j)
        extend(s, base + s.base[j] + s.one.split)
        drop(s, s.chosen_count - 1)
        s.free[j] = 0
        s.excluded[s.excluded_count] = j
        s.excluded_count += 1
        if not exclude(s, j):
            break
    s.term_count = first_term
    while s.excluded_count > kept_excluded:
        s.excluded_count -= 1
        j = s.excluded[s.excluded_count]
        s.free[j] = 1
        for n in range(s.wanted):
            s.potential[s.demands[n]] += cap(s, s.demands[n], j)


cdef bint exclude(Search* s, int64_t j) noexcept nogil:
    """Count `j` out; return whether the others can still cover everything."""
    cdef int64_t n, i
    cdef bint can = True
    for n in range(s.wanted):
        i = s.demands[n]
        s.potential[i] -= cap(s, i, j)
        if s.potential[i] < s.one.quantities[i]:
            can = False
    return can


cdef int64_t find_terms(Search* s, int64_t short) noexcept nogil:
    """Push a term for each supplier of `short`, in the order; return the others' lower sum."""
    cdef int64_t n, k, i, j, left, term, least, covered, lower = 0
    if s.term_count + s.ranked > s.term_room:
        s.term_room = 2 * (s.term_count + s.ranked)
        s.terms = <Term*> more(<int64_t*> s.terms, 2 * s.term_room, &s.failed)
        if s.failed:
            s.term_room = 0
            return 0
    share_costs(s)
    for n in range(s.wanted):
        i, least = s.demands[n], NONE
        left = left_of(s, i)
        covered = (s.one.quantities[i] - left) * s.dearth[i]
        if left:
            for k in range(s.ranked):
                j = s.order[k].place
                if not s.free[j] or not cap(s, i, j):
                    continue
                term = s.shares[j] + left * unit_cost(s, i, j, s.slope[j])
                if i == short:
                    s.terms[s.term_count].value = term + covered
                    s.terms[s.term_count].place = j
                    s.term_count += 1
                elif least == NONE or term < least:
                    least = term
            lower += 0 if least == NONE else least
        if i != short:
            lower += covered
    return lower


cdef void share_costs(Search* s) noexcept nogil:
    cdef int64_t n, k, i, j
    cdef int64_t* caps
    memset(s.helps, 0, <size_t> s.one.places * sizeof(int64_t))
    for n in range(s.wanted):
        i = s.demands[n]
        if left_of(s, i):
            caps = &s.caps[i * s.one.places]
            for j in range(s.one.places):
                s.helps[j] += caps[j] != 0
    for k in range(s.ranked):
        j = s.order[k].place
        s.shares[j] = 0
        if s.free[j] and s.helps[j]:
            s.shares[j] = (s.base[j] + s.one.split) // s.helps[j]


cdef int64_t next_free(Search* s) noexcept nogil:
    cdef int64_t k
    for k in range(s.ranked):
        if s.free[s.order[k].place]:
            return s.order[k].place
    return NONE


cdef int64_t next_term(Search* s, int64_t first) noexcept nogil:
    """Return which of the terms from `first` on is least, among places that are free."""
    cdef int64_t n, k, j, found = NONE
    cdef bint last = s.chosen_count + 1 == s.one.shipments_max
    for k in range(first, s.term_count):
        j = s.terms[k].place
        if not s.free[j] or (found != NONE and s.terms[k].value >= s.terms[found].value):
            continue
        if last:
            for n in range(s.wanted):
                if left_of(s, s.demands[n]) > cap(s, s.demands[n], j):
                    break
            else:
                found = k
            continue
        found = k
    return found
