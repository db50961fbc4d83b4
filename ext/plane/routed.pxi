# Structs of routing by policy: a policy made ready for the hot path, and the scratch of one decision.

cdef struct Rule:             # of a location, money in mills
    int64_t shipment          # what handling one costs
    int64_t unit
    int64_t capacity          # orders a day, -1: no limit
    int64_t offset_us         # of its day from UTC
    int32_t origin            # -1: none
    int32_t cut_off           # minute of its day, 1,440: none
    uint64_t handles          # classes of goods, as bits
    uint64_t* channels        # numbers of channels in the policy, as bits; NULL: all
    uint64_t* zones           # likewise
    uint8_t days              # on which it works, as bits from Monday
    uint8_t today             # then it would still send on the same day
    int32_t send_day          # from `stamp_us` until `until_us`, -1: never
    int64_t stamp_us, until_us


cdef struct Lane:             # in a table by origin and zone
    uint64_t key              # 0: empty
    int32_t tariff
    int32_t days


cdef struct Prefix:           # in a table by country and first characters of the postcode
    uint64_t hash
    uint32_t text             # where it stands in `texts`
    uint32_t size             # 0: empty
    int32_t zone


cdef struct Style:            # a strategy, money in mills
    int64_t split
    int64_t late
    int64_t pressure
    int64_t distance
    int64_t handling_weight
    int64_t scarcity_weight
    int64_t value_floor
    int64_t shipments_max
    uint32_t text             # where its id stands in `texts`
    uint32_t size
    uint8_t kind
    uint8_t same_day


cdef struct Policy:
    uint64_t version
    uint64_t rule_count       # later locations have a rule that allows everything
    Rule* rules
    Style* styles
    Lane* lanes
    uint64_t lane_mask
    uint64_t lane_stride      # odd, so that zones spread over all of the table
    Prefix* prefixes
    uint64_t prefix_mask
    uint32_t longest          # prefix, in bytes, with its country
    uint8_t* texts
    uint64_t* bits            # of all rules
    scorer.Band* bands        # of tariffs: those of the lanes, then that of the distance
    scorer.Rates rates
    int64_t dearest           # package of all tariffs, and what each of them can carry
    int64_t carried
    int32_t by_distance       # its tariff, -1: none
    int64_t per_km
    int64_t km_per_day


cdef struct Routed:           # a channel whose orders a policy routes
    uint8_t* text
    uint32_t size
    uint32_t policy
    uint32_t style
    uint32_t channel          # its number in the policy, NONE: no rule names it


cdef struct Site:             # what a location is to orders of one channel to one zone: a cache line
    int64_t fixed
    int64_t unit              # what handling one costs
    int64_t least             # what a shipment costs at least, `fixed` in it
    uint32_t serial           # of the row when it was considered; 0: for one order only
    uint32_t turn             # of the decision that met it last; what follows is of that
    uint32_t helps            # SKUs of which it has something
    uint32_t hits             # SKUs of which it has all that is wanted
    int32_t column            # among the candidates, -1: it is none
    int32_t tariff
    int32_t arrives           # day on which what it sends is there
    uint32_t load_day         # of the location, when it was considered
    uint32_t load_used
    int8_t reason             # why it takes no part, -1: it does
    uint8_t counted           # it depends on that load


cdef struct Terms:            # more on a location, for those that stand in a receipt
    int64_t parts[4]          # distance_rate, handling, lateness, pressure
    int64_t distance
    int32_t km                # -1: unknown; see `km_of`
    int32_t send_day
    int32_t days              # under way


cdef struct Shelf:            # sites of all locations, for one channel and zone
    uint64_t key              # 0: empty
    int64_t until_us          # they hold before that
    uint32_t serial


cdef struct Ask:              # what the running order is routed by
    Policy* policy
    Style* style
    uint32_t number           # of the policy
    uint32_t channel
    int32_t zone              # -1: none
    int64_t due_day           # -1: none


cdef struct Case:             # scratch of one decision, and the sites that are known
    Ask ask
    Shelf* shelves
    void* store               # holds the sites
    Site* sites               # of each shelf, `width` locations
    uint64_t shelf_mask, width
    Shelf* shelf              # of the running order, and its sites
    Site* row
    uint32_t serial, turn     # the last ones given
    uint32_t fresh            # the serial that a site of the running order has if it holds
    int64_t last_day          # by which what is sent is to be there
    int64_t units, heavy      # wanted in all, and their grams
    Rows met                  # locations, in the order in which they were met
    Rows columns              # location of each candidate
    Rows scarce               # what it adds for all that is wanted, by location; then scratch
    Rows able                 # locations that have everything
    Rows quantities, grams, fixed, tariffs, stock, unit
    Rows where                # position of each offer, by demand and location
    Rows cells                # of a plan again, over the runner-up's locations only
    scorer.Search search
    Buffer slip
