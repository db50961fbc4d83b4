"""The fast ledger's data plane: structs, and what other compiled modules may call.

Rows are named by number in their array, never by address: arrays move when they grow. Functions
that can fail return a value of `Result`; `core.why` then says what did not fit. None of them
holds or needs the GIL.
"""

from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cimport ext.scorer as scorer

cdef extern from *:
    """
    #define DIBS_NONE 0xFFFFFFFFu
    """
    const uint32_t NONE "DIBS_NONE"


cdef enum Result:
    MEMORY = -2        # no memory; nothing was changed
    MISFIT = -1        # an event does not fit this state, see core.why
    DONE = 0
    # Refusals of a plan. core.fault_line says which line, NONE: none in particular.
    UNKNOWN_PLACE = 1
    INACTIVE_PLACE = 2
    UNKNOWN_SKU = 3
    MANY_PARTS = 4
    MANY_UNITS = 5
    SHORT = 6
    MANY_OFFERS = 7
    NO_PLACE = 8
    POSITIONS_FULL = 9
    MANY_TAKES = 10
    MANY_PROMISED = 11
    DUE = 12           # left to the shared rules, see plane/waiting.pxi
    # What replay needs of its Python door.
    REMEMBER = 20      # the event is applied; its answer is to be remembered
    PUT = 21           # a location or SKU, not applied yet
    DRAWN = 22         # the event before took or gave back units of a SKU with fences
    WAITS_NOW = 23     # the event before placed an order that waits: its document is read


cdef enum Kind:
    EPOCH_OPENED = 1
    LOCATION_PUT = 2
    SKU_PUT = 3
    POSITION_OPENED = 4
    STOCK_MOVED = 5
    RESERVED = 6
    RESERVATION_EXTENDED = 7
    RESERVATION_RELEASED = 8
    RESERVATION_EXPIRED = 9
    ORDER_PLACED = 10
    ORDER_CANCELLED = 11
    ENTRY_PUT = 12
    ORDER_SHIPPED = 13
    ORDER_CHANGED = 14


cdef enum Status:
    LIVE = 0
    COMMITTED = 1
    RELEASED = 2
    EXPIRED = 3
    ALLOCATED = 1
    PARTIALLY_ALLOCATED = 2
    BACKORDERED = 3
    CANCELLED = 4
    SHIPPED = 5
    PARTIALLY_SHIPPED = 6
    ON_HOLD = 9
    DELIVERED = 13
    EXCEPTION = 14     # the last
    WAITS = 1          # Order.waits: it is in the index of those that wait
    WAITS_MOVED = 2    # it is in Core.moved
    LEFT_HEAD = 3      # of a line in Order.left: units that wait, are cancelled, have left


cdef enum TableOf:
    SKU_NAMES
    PLACE_NAMES
    RESERVATION_IDS
    RESERVATION_SEQS
    ORDER_IDS
    ORDER_SEQS
    PAPER_KEYS
    CELLS                     # (SKU, place) → position
    ROUTED_CHANNELS
    TABLES
    SHARDS = 1024             # of a table: each is small, so that none grows for long
    SHARD_SHIFT = 22          # of a hash of 32 bits


cdef struct Text:
    const uint8_t* data
    uint32_t size


cdef struct Key:              # what a row is looked up by: two texts, or a number
    Text first
    Text second
    uint64_t number


cdef struct Buffer:           # bytes that grow
    uint8_t* data
    uint64_t size
    uint64_t room


cdef struct Slot:
    uint32_t row              # number of the row + 1; 0: empty
    uint32_t hash


cdef struct Shard:            # open addressing, linear probing, backward-shift deletion
    Slot* slots
    uint64_t mask, used


cdef struct Table:            # by the highest bits of the hash; each grows at a time of its own
    Shard shards[SHARDS]


cdef struct Position:         # one cache line
    int64_t on_hand
    int64_t reserved
    int64_t allocated
    int64_t damaged
    int64_t quality_control
    int64_t safety_stock
    uint32_t sku
    uint32_t place
    uint32_t next             # the SKU's next position
    uint32_t touch            # its entry in the list of touched positions + 1


cdef struct Component:
    uint32_t sku
    uint32_t quantity


cdef struct Sku:
    uint64_t seq
    uint8_t* text             # its id, then the JSON of the command that put it
    Component* components
    uint32_t name_size
    uint32_t put_size
    uint32_t first            # positions, in order of opening
    uint32_t last
    uint32_t component_count
    uint32_t pool             # entry of the running plan + 1
    uint32_t risen            # entry in the list of risen SKUs + 1
    uint32_t weight_g
    uint32_t usual_orders     # lines that `usual_mean` and its deviation go by, see plane/usual.pxi
    int64_t usual_mean        # units of a line, in 1/256
    int64_t usual_spread
    uint8_t handling          # class of goods, 0: none
    uint8_t backorderable
    uint8_t limited           # it has a backorder_limit
    uint8_t waited            # see plane/waiting.pxi
    uint8_t due
    uint8_t fenced            # see plane/fences.pxi


cdef struct Place:
    uint64_t seq
    uint8_t* text
    int64_t priority
    double x                  # unit vector, where coordinates are known
    double y
    double z
    uint32_t name_size
    uint32_t put_size
    uint32_t candidate        # of the running plan + 1
    uint32_t load_day         # orders that policies gave it to send on that day, the latest
    uint32_t load_used
    uint32_t limit_day        # on which it sends `limit_orders` at most, 0: none
    int64_t limit_orders
    uint8_t active
    uint8_t located


cdef struct Reservation:
    uint64_t seq              # 0: the row is free
    uint64_t armed_seq
    uint64_t expires_us
    uint64_t closed_us
    uint64_t order
    uint8_t* record           # the packed event that made it
    uint32_t previous         # in its wheel slot, or among the closed
    uint32_t next
    uint8_t status


cdef struct Order:
    uint64_t seq              # 0: the row is free
    uint64_t changed_seq
    uint64_t closed_us
    uint64_t placed_us
    uint8_t* record
    uint8_t* trail            # what was cancelled and has left, see plane/trail.pxi; NULL: nothing
    uint32_t* left            # a line: waits, cancelled, units of each take; NULL: as recorded
    uint32_t older, newer
    uint32_t previous, next   # among the closed
    uint8_t status
    uint8_t restated          # `record` is as it stands; the one that made it follows
    uint8_t living            # it has a life, see core/lives.py
    uint8_t waits
    uint8_t trail_over        # something is missing at the end of `trail`


cdef struct Paper:            # the first answer to a document's id or an Idempotency-Key
    uint64_t seq              # 0: the row is free
    uint64_t stamp_us
    uint64_t fingerprint
    uint8_t* text             # key, then answer
    uint32_t key_size
    uint32_t answer_size
    uint32_t previous
    uint32_t next


cdef struct Touch:
    uint64_t seq
    uint32_t position         # NONE: touched again later
    uint8_t kind


cdef struct Risen:            # the last event that brought units of a SKU
    uint64_t seq
    uint32_t sku
    uint8_t kind


cdef struct Moved:            # an order that an event made wait otherwise, perhaps
    uint64_t order
    uint64_t seq
    uint8_t kind


cdef struct Drawn:            # units that an event made a reservation or order hold, or give back
    uint64_t seq
    uint64_t holder
    int64_t units
    uint32_t position


cdef struct Given:            # what was allocated of a position before
    int64_t allocated
    uint32_t position


cdef struct Cause:
    uint64_t fingerprint
    Text actor
    Text key


cdef struct Head:             # what reservations and orders have before their lines
    Cause cause
    Text first                # reservation: its id; order: its channel
    Text second               # reservation: its channel; order: its id
    uint64_t expires_us
    uint64_t reservation
    uint32_t lines
    uint16_t policy           # who chose an order's locations
    uint8_t status


cdef struct Line:
    uint32_t sku
    uint32_t quantity
    uint32_t backordered
    uint32_t count            # takes
    int64_t price
    Text name
    const uint8_t* takes      # pairs (position, quantity); for one simple take the position
    uint8_t simple


include "plane/plan.pxi"
include "plane/routed.pxi"


cdef struct Limits:
    int64_t skus, places, positions, reservations, orders, papers
    int64_t quantity, bucket_units, expanded, takes_per_line
    int64_t offers, exact_places, exact_work, depth
    int64_t tick_us, slots, stamp_us, expires_us
    int64_t retention_us, closed_order_us, evictions, trail_bytes


cdef struct Core:
    uint64_t seq
    int64_t now_us            # stamp of the open batch
    int64_t stamp_us          # stamp of the last batch that held an event
    uint64_t first_seq
    Limits limit
    uint64_t seed0
    uint64_t seed1
    Table tables[TABLES]
    Rows positions
    Rows skus
    Rows places
    Rows reservations
    Rows orders
    Rows papers
    uint64_t live             # rows in use of the last three, and live reservations
    uint64_t reservation_count
    uint64_t order_count
    uint64_t standing[16]     # orders by status
    uint64_t placed_orders    # since this ledger was made, and the units that they got at once
    uint64_t placed_units
    uint64_t paper_count
    uint32_t free_reservation
    uint32_t free_order
    uint32_t free_paper
    uint32_t closed_reservation    # queues: first and last
    uint32_t closed_reservation_last
    uint32_t closed_order
    uint32_t closed_order_last
    uint32_t paper
    uint32_t paper_last
    uint32_t newest_order
    uint32_t oldest_order
    uint32_t first_open       # no order before it is open; NONE: nobody has looked
    uint32_t* wheel           # first row of each slot + 1; its `previous` is the last
    uint64_t* bits[4]         # which slots hold something; which words of that do; …
    uint64_t words[4]
    int64_t wheel_tick        # no live reservation ends in an earlier tick
    Rows touched
    uint64_t touched_live
    Rows gone                 # orders with lives that were forgotten, for the Python side
    uint64_t living           # orders with lives; `gone` has room for each
    Rows policies
    Rows routed               # channels that have one
    Rows scarcity             # price of a unit by position, in mills, as far as any has one
    Case case
    Rows risen                # SKUs of which units came
    Rows given                # what a restated order gave back, while that is done
    Rows moved                # orders that may wait otherwise than before
    Rows drawn                # of SKUs with fences
    uint8_t fencing           # some SKU has open fences
    uint8_t filling           # waiting orders are to be looked at
    uint8_t watching
    uint64_t* told            # a bit for the hash of the name of each order told of before it came
    uint64_t told_marks       # bits that were set since they were all cleared
    uint8_t checking          # some channel has rules for its orders
    uint64_t checked[1024]    # a bit for the hash of the name of each that has, or had
    Buffer out                # packed records since `begin`
    uint64_t out_count
    uint64_t last             # where in `out` the last record begins
    Buffer said               # packed answers of the running call
    Buffer kept               # an order's document, where it says more than was asked
    Plan plan
    uint32_t fault_line
    const char* why


cdef class Ledger:
    cdef Core core
    cdef list _places         # names of locations
    cdef dict _place_rows     # number → state.Location, of those that the shared rules have read
    cdef dict _parents        # SKU number → numbers of the bundles that hold it
    cdef object _registers    # core.registers.Registers
    cdef object _lives        # core.lives.Lives
    cdef object _waiting      # core.waiting.Waiting
    cdef int64_t _looks       # at waiting orders, that this batch may still take
    cdef dict _classes        # of goods, by number
    cdef bint _broken
