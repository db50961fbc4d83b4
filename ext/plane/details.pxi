# What routing needs of an order's details: where it goes, and by when. The JSON is as dibs writes it;
# whatever is not as expected here is left to the shared rule.

cdef struct Json:
    const uint8_t* at
    const uint8_t* end
    bint bad


cdef inline bint next_is(Json* j, uint8_t byte) noexcept nogil:
    """Pass over `byte` if it comes next."""
    if j.at < j.end and j.at[0] == byte:
        j.at += 1
        return True
    return False


cdef Text json_text(Json* j, bint* escaped) noexcept nogil:
    """Pass over a string, and return what stands in it."""
    cdef Text text
    escaped[0] = False
    text.data, text.size = NULL, 0
    if not next_is(j, c'"'):
        j.bad = True
        return text
    text.data = j.at
    while j.at < j.end and j.at[0] != c'"':
        if j.at[0] == c'\\':
            escaped[0] = True
            j.at += 1
        j.at += 1
    text.size = <uint32_t> (j.at - text.data)
    if not next_is(j, c'"'):
        j.bad = True
    return text


cdef inline bint is_word(Text text, const char* word) noexcept nogil:
    return same(text, <const uint8_t*> word, <uint32_t> strlen(word))


cdef void json_number(Json* j) noexcept nogil:
    while j.at < j.end and j.at[0] != c',' and j.at[0] != c'}':
        if j.at[0] == c'{' or j.at[0] == c'[':
            j.bad = True
        j.at += 1


cdef bint read_address(Json* j, Text* country, Text* postcode) noexcept nogil:
    """Pass over an object of texts and numbers; False for a country or postcode with escapes."""
    cdef Text key, value
    cdef bint escaped, fine = True
    if not next_is(j, c'{'):
        return False
    if next_is(j, c'}'):
        return True
    while not j.bad:
        key = json_text(j, &escaped)
        if not next_is(j, c':'):
            return False
        if j.at < j.end and j.at[0] == c'"':
            value = json_text(j, &escaped)
            if is_word(key, "country"):
                country[0] = value
                fine = fine and not escaped
            elif is_word(key, "postcode"):
                postcode[0] = value
                fine = fine and not escaped
        else:
            json_number(j)
        if next_is(j, c'}'):
            return fine and not j.bad
        if not next_is(j, c','):
            return False
    return False


cdef bint read_details(Ask* ask, Text document) noexcept nogil:
    """Set the zone and the day by which the order is due; False where that cannot be read here."""
    cdef Json j
    cdef Text key, value, country, postcode
    cdef bint escaped
    ask.zone, ask.due_day = -1, -1
    country.size = postcode.size = 0
    country.data = postcode.data = NULL
    j.at, j.end, j.bad = document.data, document.data + document.size, False
    if not next_is(&j, c'{'):
        return False
    if next_is(&j, c'}'):
        return True
    while True:
        key = json_text(&j, &escaped)
        if j.bad or not next_is(&j, c':'):
            return False
        if is_word(key, "ship_to"):
            if not read_address(&j, &country, &postcode):
                return False
        else:
            value = json_text(&j, &escaped)
            if is_word(key, "required_by") and not read_day(value, &ask.due_day):
                return False
        if j.bad:
            return False
        if next_is(&j, c'}'):
            break
        if not next_is(&j, c','):
            return False
    if country.size:
        ask.zone = zone_of(ask.policy, country, postcode)
    return True


cdef inline bint digits(const uint8_t* p, int count, int64_t* value) noexcept nogil:
    cdef int i
    value[0] = 0
    for i in range(count):
        if p[i] < c'0' or p[i] > c'9':
            return False
        value[0] = value[0] * 10 + p[i] - c'0'
    return True


cdef bint read_day(Text text, int64_t* day) noexcept nogil:
    """Read the date of an RFC 3339 time in UTC as days since 1970, after H. Hinnant's
    days_from_civil."""
    cdef int64_t year, month, of_month, era, of_era
    if text.size < 20 or text.data[text.size - 1] != c'Z':
        return False
    if not digits(text.data, 4, &year) or not digits(text.data + 5, 2, &month):
        return False
    if not digits(text.data + 8, 2, &of_month):
        return False
    year -= 1 if month <= 2 else 0
    era = year // 400
    of_era = year - era * 400
    month = month - 3 if month > 2 else month + 9
    day[0] = of_era * 365 + of_era // 4 - of_era // 100 + (153 * month + 2) // 5 + of_month - 1
    day[0] += era * 146097 - 719468
    return day[0] >= 0


cdef int32_t zone_of(Policy* p, Text country, Text postcode) noexcept nogil:
    """The zone of the longest postcode prefix that fits, -1 where there is none."""
    cdef uint64_t hashes[PREFIX_ROOM]
    cdef uint64_t hash = FNV_BASE, at
    cdef uint32_t i, size = country.size + postcode.size
    cdef Prefix* prefix
    if size > p.longest:
        size = p.longest
    for i in range(size):
        hash = fnv(
            hash, country.data[i] if i < country.size else postcode.data[i - country.size]
        )
        hashes[i] = hash
    while size >= country.size and size:
        hash = hashes[size - 1]
        at = hash & p.prefix_mask
        while p.prefixes[at].size:
            prefix = &p.prefixes[at]
            if prefix.hash == hash and prefix.size == size and fits(p, prefix, country, postcode):
                return prefix.zone
            at = (at + 1) & p.prefix_mask
        size -= 1
    return -1


cdef inline bint fits(Policy* p, Prefix* prefix, Text country, Text postcode) noexcept nogil:
    cdef const uint8_t* text = p.texts + prefix.text
    if memcmp(text, country.data, country.size):
        return False
    return prefix.size == country.size or memcmp(
        text + country.size, postcode.data, prefix.size - country.size
    ) == 0
