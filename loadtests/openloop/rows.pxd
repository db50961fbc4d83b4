# What the generator keeps in C: its bounds, templates and connections.

from libc.stdint cimport int64_t, uint64_t

cdef enum:
    LINES = 128        # of one request
    HEAD_BYTES = 8192
    SINK_BYTES = 262144
    EVENTS = 256
    STATUSES = 600
    SAMPLES = 1000
    FINE = 11          # bits of a value that the whole run's histograms keep
    COARSE = 8         # and those of each second
    TIMER = 0x7FFFFFFF
    SPIN_US = 30       # nearer than this, waking up would come too late
    LATE = 1000        # µs from which a send counts as late
    WATCH_US = 50000   # how often silent and lost connections are looked after

cdef enum:
    DOWN
    CONNECTING
    IDLE
    BUSY

cdef enum:             # what stands in a slot
    HAS_NUMBER
    HAS_SKU
    HAS_TTL

cdef enum:             # what a success does to stock
    DOES_NOTHING
    DOES_ALLOCATE
    DOES_RESERVE
    DOES_COMMIT
    DOES_RELEASE

cdef struct Slot:
    int at
    int width
    int kind
    int line

cdef struct Template:
    char* text
    int size
    int slots
    Slot slot[LINES + 4]
    int lines
    double edge        # shares of the arrivals up to here
    int effect
    int then           # the follow-up's number, or -1

cdef struct Connection:
    int fd
    int state
    int template
    int status
    bint last          # the server closes after this answer
    int lines
    int sku[LINES]
    uint64_t number
    int64_t due
    int64_t sent
    int64_t free       # since when nothing is under way here
    int64_t got
    int64_t head       # bytes of the answer's head, 0 until it is whole
    int64_t total
    char buffer[HEAD_BYTES]
