# Structs of a plan: the scratch of one decision.

cdef struct Asked:            # one line of a command
    int64_t quantity
    int64_t price
    uint32_t sku              # NONE: unknown
    uint32_t place
    uint8_t bound             # it names a place, which may be unknown
    Text name


cdef struct Part:             # `per_unit` units of a stocked SKU for each unit of a line
    int64_t per_unit
    uint32_t pool
    uint32_t group


cdef struct Pool:             # one stocked SKU of the running plan
    int64_t anywhere          # units left at active places; -1: not counted yet
    uint32_t sku
    uint32_t line             # the last line that met it + 1, and its part there
    uint32_t part
    uint32_t group            # first of its groups
    uint32_t opened           # first of its new positions


cdef struct Group:            # what the plan wants of one SKU, anywhere or at one place
    int64_t left              # bound: units left there; -1: not counted yet
    int64_t wanted
    int64_t demand            # what routing shall find
    uint32_t pool
    uint32_t place            # NONE: anywhere
    uint32_t position         # bound: of that cell, NONE if there is none
    uint32_t next             # of the same pool
    uint32_t offers           # anywhere: its first offer, and how many
    uint32_t offer_count
    uint32_t picks            # its first pick, and the end of them
    uint32_t picks_end


cdef struct Offer:
    int64_t units
    uint32_t position
    uint32_t candidate


cdef struct Pick:
    int64_t units
    uint32_t position
    uint32_t place


cdef struct Candidate:
    int64_t priority
    int64_t remoteness
    int64_t gain
    uint32_t place
    uint32_t hits


cdef struct Opened:
    uint32_t sku
    uint32_t place
    uint32_t next             # of the same pool


cdef struct Take:
    uint32_t position
    uint32_t quantity


cdef struct Granted:          # what a line gets
    int64_t units
    int64_t available         # of the part that limits it
    uint32_t short_part       # NONE: it gets all
    uint32_t takes            # its first take; the next line's is its end


cdef struct Rows:             # an array that grows
    void* data
    uint64_t count, room
    uint64_t mapped           # bytes of its own mapping; 0: it is from the heap


cdef struct Plan:             # scratch of one decision; every row array is kept for the next
    Rows asked
    Rows parts
    Rows starts               # first part of each line, and the end
    Rows pools
    Rows groups
    Rows offers
    Rows picks
    Rows candidates
    Rows chosen
    Rows matrix
    Rows opened
    Rows takes
    Rows granted
    Rows lines
    Rows marks
    double x, y, z            # destination
    uint8_t located
    uint8_t first             # nothing is owed to others before whoever asks
    uint8_t due               # units of one of its SKUs are owed to others
