# From the lines of a command to takes, as core/decide/allotment.py says: expand, grant, route,
# deal out. Works on the rows of `Core.plan` and changes nothing else.

cdef inline int64_t least(int64_t a, int64_t b) noexcept nogil:
    return a if a < b else b


cdef inline int fault(Core* c, int result, uint64_t line) noexcept nogil:
    c.fault_line = <uint32_t> line
    return result


cdef int allot(Core* c, bint partial) noexcept nogil:
    """Allot stock to `plan.asked`. DONE: `granted`, `takes` and `opened` are set. SHORT: a line
    is short and `partial` is not set. Otherwise why it is refused."""
    cdef Plan* plan = &c.plan
    cdef int result
    plan.parts.count = plan.pools.count = plan.groups.count = plan.offers.count = 0
    plan.picks.count = plan.opened.count = plan.takes.count = plan.candidates.count = 0
    plan.due = 0
    result = expand(c)
    if result == DONE and plan.due:
        result = DUE
    if result == DONE:
        result = grant(c)
        if result == SHORT and partial:
            result = DONE
    if result == DONE:
        result = route(c)
    if result == DONE:
        result = open_cells(c)
    if result == DONE:
        result = deal(c)
    if result == DONE:
        result = check_width(c)
    if result == DONE and partial and not plan.first and limit_looms(c):
        result = DUE
    forget_pools(c)
    return result


cdef void forget_pools(Core* c) noexcept nogil:
    cdef uint64_t i
    for i in range(c.plan.pools.count):
        sku_at(c, (<Pool*> c.plan.pools.data)[i].sku).pool = 0


cdef int expand(Core* c) noexcept nogil:
    """Turn lines into parts, one per stocked SKU of each line."""
    cdef Plan* plan = &c.plan
    cdef Asked* asked = <Asked*> plan.asked.data
    cdef uint64_t count = plan.asked.count
    cdef uint64_t i
    cdef int64_t total = 0
    cdef int result
    if room_for(&plan.starts, count + 1, sizeof(uint32_t)) != DONE:
        return MEMORY
    for i in range(count):
        (<uint32_t*> plan.starts.data)[i] = <uint32_t> plan.parts.count
        if asked[i].bound:
            if asked[i].place == NONE:
                return fault(c, UNKNOWN_PLACE, i)
            if not place_at(c, asked[i].place).active:
                return fault(c, INACTIVE_PLACE, i)
        if asked[i].sku == NONE:
            return fault(c, UNKNOWN_SKU, i)
        result = leaves(c, <uint32_t> i, asked[i].sku, 1, 0, &total)
        if result != DONE:
            return fault(c, result, i)
        result = group_parts(c, <uint32_t> i)
        if result != DONE:
            return fault(c, result, i)
    (<uint32_t*> plan.starts.data)[count] = <uint32_t> plan.parts.count
    return DONE


cdef int leaves(
    Core* c, uint32_t line, uint32_t sku, int64_t times, int64_t depth, int64_t* met
) noexcept nogil:
    """Add the stocked SKUs below `sku` to the line's parts."""
    cdef Sku* s = sku_at(c, sku)
    cdef uint32_t i
    cdef int result
    if s.component_count == 0:
        met[0] += 1
        if met[0] > c.limit.expanded:
            return MANY_PARTS
        return add_part(c, line, sku, times)
    if depth > c.limit.depth:
        return MANY_PARTS
    for i in range(s.component_count):
        result = leaves(
            c,
            line,
            s.components[i].sku,
            least(times * s.components[i].quantity, c.limit.quantity + 1),
            depth + 1,
            met,
        )
        if result != DONE:
            return result
    return DONE


cdef int add_part(Core* c, uint32_t line, uint32_t sku, int64_t times) noexcept nogil:
    cdef Plan* plan = &c.plan
    cdef Sku* s = sku_at(c, sku)
    cdef Pool* pool
    cdef Part* part
    if s.pool == 0:
        if room_for(&plan.pools, plan.pools.count + 1, sizeof(Pool)) != DONE:
            return MEMORY
        pool = &(<Pool*> plan.pools.data)[plan.pools.count]
        plan.pools.count += 1
        s.pool = <uint32_t> plan.pools.count
        pool.anywhere, pool.sku, pool.line = -1, sku, 0
        pool.group = pool.opened = NONE
        if s.fenced or (s.due and not plan.first):
            plan.due = 1
    pool = &(<Pool*> plan.pools.data)[s.pool - 1]
    if pool.line == line + 1:
        (<Part*> plan.parts.data)[pool.part].per_unit += times
        return DONE
    if room_for(&plan.parts, plan.parts.count + 1, sizeof(Part)) != DONE:
        return MEMORY
    part = &(<Part*> plan.parts.data)[plan.parts.count]
    part.per_unit, part.pool = times, s.pool - 1
    pool.line, pool.part = line + 1, <uint32_t> plan.parts.count
    plan.parts.count += 1
    return DONE


cdef int group_parts(Core* c, uint32_t line) noexcept nogil:
    """Check the parts of the last line, and give each its group."""
    cdef Plan* plan = &c.plan
    cdef Asked* asked = &(<Asked*> plan.asked.data)[line]
    cdef Part* part
    cdef uint64_t i
    cdef int result
    for i in range((<uint32_t*> plan.starts.data)[line], plan.parts.count):
        part = &(<Part*> plan.parts.data)[i]
        if part.per_unit > c.limit.quantity // asked.quantity:
            return MANY_UNITS
        result = find_group(c, part, asked.place if asked.bound else NONE)
        if result != DONE:
            return result
    return DONE


cdef int find_group(Core* c, Part* part, uint32_t place) noexcept nogil:
    cdef Plan* plan = &c.plan
    cdef Pool* pool = &(<Pool*> plan.pools.data)[part.pool]
    cdef uint32_t at = pool.group
    cdef Group* group
    while at != NONE:
        if (<Group*> plan.groups.data)[at].place == place:
            part.group = at
            return DONE
        at = (<Group*> plan.groups.data)[at].next
    if room_for(&plan.groups, plan.groups.count + 1, sizeof(Group)) != DONE:
        return MEMORY
    part.group = <uint32_t> plan.groups.count
    group = &(<Group*> plan.groups.data)[part.group]
    plan.groups.count += 1
    memset(group, 0, sizeof(Group))
    group.left, group.pool, group.place = -1, part.pool, place
    group.position = NONE if place == NONE else find_cell(c, pool.sku, place)
    group.next = pool.group
    pool.group = part.group
    return DONE


cdef int64_t count_anywhere(Core* c, Pool* pool) noexcept nogil:
    """Units of a SKU that active places have, less what bound lines took before this."""
    cdef uint32_t at
    cdef Position* p
    if pool.anywhere < 0:
        pool.anywhere = 0
        at = sku_at(c, pool.sku).first
        while at != NONE:
            p = position_at(c, at)
            if place_at(c, p.place).active and available_of(p) > 0:
                pool.anywhere += available_of(p)
            at = p.next
    return pool.anywhere


cdef int64_t left_for(Core* c, Part* part) noexcept nogil:
    """Units that a part may still take."""
    cdef Group* group = &(<Group*> c.plan.groups.data)[part.group]
    if group.place == NONE:
        return count_anywhere(c, &(<Pool*> c.plan.pools.data)[part.pool])
    if group.left < 0:
        group.left = 0
        if group.position != NONE and available_of(position_at(c, group.position)) > 0:
            group.left = available_of(position_at(c, group.position))
    return group.left


cdef int grant(Core* c) noexcept nogil:
    """Say how many units each line gets; lines bound to a place go first."""
    cdef Plan* plan = &c.plan
    cdef Asked* asked = <Asked*> plan.asked.data
    cdef uint64_t i
    cdef bint short = False
    if room_for(&plan.granted, plan.asked.count + 1, sizeof(Granted)) != DONE:
        return MEMORY
    for i in range(plan.asked.count):
        if asked[i].bound:
            short = grant_line(c, i) or short
    for i in range(plan.asked.count):
        if not asked[i].bound:
            short = grant_line(c, i) or short
    return SHORT if short else DONE


cdef bint grant_line(Core* c, uint64_t index) noexcept nogil:
    cdef Plan* plan = &c.plan
    cdef Part* parts = <Part*> plan.parts.data
    cdef Granted* granted = &(<Granted*> plan.granted.data)[index]
    cdef uint32_t first = (<uint32_t*> plan.starts.data)[index]
    cdef uint32_t end = (<uint32_t*> plan.starts.data)[index + 1]
    cdef int64_t quantity = (<Asked*> plan.asked.data)[index].quantity
    cdef int64_t units
    cdef Pool* pool
    cdef Group* group
    cdef uint32_t i
    granted.short_part = NONE
    for i in range(first, end):
        pool = &(<Pool*> plan.pools.data)[parts[i].pool]
        if sku_at(c, pool.sku).backorderable:
            continue
        units = left_for(c, &parts[i]) // parts[i].per_unit
        if units < quantity:
            quantity = units
            granted.short_part = i
    granted.units = quantity
    if granted.short_part != NONE:
        granted.available = left_for(c, &parts[granted.short_part])
    for i in range(first, end):
        pool = &(<Pool*> plan.pools.data)[parts[i].pool]
        group = &(<Group*> plan.groups.data)[parts[i].group]
        units = quantity * parts[i].per_unit
        group.wanted += units
        if not sku_at(c, pool.sku).backorderable:
            count_anywhere(c, pool)
            pool.anywhere -= units
            if group.place != NONE:
                group.left -= units
    return granted.short_part != NONE


cdef int open_cells(Core* c) noexcept nogil:
    """Number the positions that the picks need and that do not exist yet: those of bound
    groups first."""
    cdef Plan* plan = &c.plan
    cdef Group* group
    cdef Pick* pick
    cdef uint64_t i
    cdef uint32_t j
    cdef int bound, result
    for bound in range(1, -1, -1):
        for i in range(plan.groups.count):
            group = &(<Group*> plan.groups.data)[i]
            if (group.place != NONE) != (bound == 1):
                continue
            for j in range(group.picks, group.picks_end):
                pick = &(<Pick*> plan.picks.data)[j]
                if pick.position == NONE:
                    result = open_cell(c, &(<Pool*> plan.pools.data)[group.pool], pick)
                    if result != DONE:
                        return result
    if <int64_t> (c.positions.count + plan.opened.count) > c.limit.positions:
        return fault(c, POSITIONS_FULL, NONE)
    return DONE


cdef int open_cell(Core* c, Pool* pool, Pick* pick) noexcept nogil:
    cdef Plan* plan = &c.plan
    cdef uint32_t at = pool.opened
    cdef Opened* opened
    while at != NONE:
        opened = &(<Opened*> plan.opened.data)[at]
        if opened.place == pick.place:
            pick.position = <uint32_t> c.positions.count + at
            return DONE
        at = opened.next
    if room_for(&plan.opened, plan.opened.count + 1, sizeof(Opened)) != DONE:
        return MEMORY
    opened = &(<Opened*> plan.opened.data)[plan.opened.count]
    opened.sku, opened.place, opened.next = pool.sku, pick.place, pool.opened
    pool.opened = <uint32_t> plan.opened.count
    pick.position = <uint32_t> (c.positions.count + plan.opened.count)
    plan.opened.count += 1
    return DONE


cdef int deal(Core* c) noexcept nogil:
    """Give each part its takes from what was picked for its group, in line order."""
    cdef Plan* plan = &c.plan
    cdef Granted* granted = <Granted*> plan.granted.data
    cdef uint32_t* starts = <uint32_t*> plan.starts.data
    cdef Part* part
    cdef Group* group
    cdef Pick* pick
    cdef Take* take
    cdef int64_t need, used
    cdef uint64_t i
    cdef uint32_t j
    if room_for(&plan.takes, plan.parts.count + plan.picks.count, sizeof(Take)) != DONE:
        return MEMORY
    for i in range(plan.asked.count):
        granted[i].takes = <uint32_t> plan.takes.count
        for j in range(starts[i], starts[i + 1]):
            part = &(<Part*> plan.parts.data)[j]
            group = &(<Group*> plan.groups.data)[part.group]
            need = granted[i].units * part.per_unit
            while need > 0 and group.picks < group.picks_end:
                pick = &(<Pick*> plan.picks.data)[group.picks]
                used = least(need, pick.units)
                take = &(<Take*> plan.takes.data)[plan.takes.count]
                take.position, take.quantity = pick.position, <uint32_t> used
                plan.takes.count += 1
                need -= used
                pick.units -= used
                if pick.units == 0:
                    group.picks += 1
    granted[plan.asked.count].takes = <uint32_t> plan.takes.count
    return DONE


cdef int check_width(Core* c) noexcept nogil:
    """Bound the takes of a line, and promises beyond on_hand."""
    cdef Plan* plan = &c.plan
    cdef Granted* granted = <Granted*> plan.granted.data
    cdef Take* takes = <Take*> plan.takes.data
    cdef Position* p
    cdef int64_t total = 0
    cdef uint64_t i
    cdef bint near = False
    for i in range(plan.asked.count):
        if <int64_t> granted[i + 1].takes - granted[i].takes > c.limit.takes_per_line:
            return fault(c, MANY_TAKES, i)
    for i in range(plan.takes.count):
        total += takes[i].quantity
    for i in range(plan.takes.count):
        if takes[i].position < c.positions.count:
            p = position_at(c, takes[i].position)
            if p.reserved + p.allocated > c.limit.bucket_units - total:
                near = True
    return sum_promises(c) if near else DONE


cdef int sum_promises(Core* c) noexcept nogil:
    """Add the promises up by position. Rare: a position is near its bound."""
    cdef Plan* plan = &c.plan
    cdef Take* takes = <Take*> plan.takes.data
    cdef Position* p
    cdef int64_t units
    cdef uint64_t i, j
    for i in range(plan.takes.count):
        if takes[i].position >= c.positions.count:
            continue
        p = position_at(c, takes[i].position)
        units = p.reserved + p.allocated
        for j in range(plan.takes.count):
            if takes[j].position == takes[i].position:
                units += takes[j].quantity
        if units > c.limit.bucket_units:
            return fault(c, MANY_PROMISED, NONE)
    return DONE
