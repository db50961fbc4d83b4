"""Packed requests from JSON bodies, compiled: the fast twin of what engine/core/packed.py does with
msgspec's structs, for bodies in their plain form.

`Packer` reads a body (plane/scan.pxi) and writes the packed request (plane/pack.pxi) without making
an object for anything in it. It refuses nothing: a body that it does not recognise is left to
msgspec, so there is one place that says what is wrong with a body.
"""

cimport cython
from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_GET_SIZE
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdlib cimport free, realloc
from libc.string cimport memcmp, memcpy, memset, strlen

from ext.ledger cimport DONE, MEMORY, Buffer, Rows, Text

from engine.core import limits, packed

cdef enum:
    KEY_BYTES_MAX = 32
    ID_BYTES_MAX = 128
    TEXT_BYTES_MAX = 512
    LINES_MOST = 10_000
    ORDERS_MOST = 1_000
    QUANTITY_MOST = 1_000_000_000
    TTL_LEAST = 1
    TTL_MOST = 86_400
    BRIEF = 1
    PRICED = 2
    NAMED = 4
    BOUND = 16
    HEAD_BYTES = 24
    UNSURE = 128

cdef int64_t PRICE_MOST = limits.PRICE_MINOR_MAX
cdef const char* ADDRESS[10]
ADDRESS[:] = [
    "name", "company", "line1", "line2", "city", "region", "postcode", "country", "phone", "email",
]

# The bounds above are compiled in; they are those of the project, or this does not load.
assert (ID_BYTES_MAX, TEXT_BYTES_MAX, LINES_MOST, ORDERS_MOST) == (
    limits.ID_CHARS_MAX, limits.TEXT_CHARS_MAX, limits.ORDER_LINES_MAX, limits.BATCH_ORDERS_MAX
)
assert (QUANTITY_MOST, TTL_LEAST, TTL_MOST) == (
    limits.QUANTITY_MAX, limits.RESERVATION_TTL_S_MIN, limits.RESERVATION_TTL_S_MAX
)
assert (BRIEF, UNSURE, PRICED, NAMED, BOUND) == (
    packed.BRIEF, packed.UNSURE, packed.PRICED, packed.NAMED, packed.BOUND
)
assert [PLACE_ORDER, RESERVE, COMMIT, EXTEND, RELEASE, READ_STOCK] == list(packed.Kind)

include "plane/octets.pxi"
include "plane/blake.pxi"
include "plane/scan.pxi"
include "plane/pack.pxi"
include "plane/check.pxi"

cdef uint32_t DETAILS = (
    1 << CURRENCY | 1 << PAYMENT | 1 << CUSTOMER | 1 << NOTE | 1 << SHIP_TO
)
# Fields by kind of request: which may stand in a body, and which must.
cdef uint32_t[7] ALLOWED
cdef uint32_t[7] NEEDED
ALLOWED[:] = [
    0,
    DETAILS | 1 << ORDER_ID | 1 << CHANNEL | 1 << LINES | 1 << WHEN_SHORT,
    1 << RESERVATION_ID | 1 << CHANNEL | 1 << TTL_S | 1 << LINES,
    DETAILS | 1 << ORDER_ID,
    1 << TTL_S,
    0,
    0,
]
NEEDED[:] = [
    0,
    1 << ORDER_ID | 1 << CHANNEL | 1 << LINES,
    1 << RESERVATION_ID | 1 << CHANNEL | 1 << TTL_S | 1 << LINES,
    0,
    1 << TTL_S,
    0,
    0,
]


cdef inline Text text_of(bytes data) noexcept:
    cdef Text text
    text.data = <const uint8_t*> PyBytes_AS_STRING(data)
    text.size = <uint32_t> PyBytes_GET_SIZE(data)
    return text


cdef int put_orders(
    Buffer* out, Scan* scan, Body* found, Text actor, uint64_t* count
) noexcept nogil:
    """Pack the orders of a batch as they are read."""
    cdef Name name
    cdef bint wrapped = follows(scan, c'{')
    cdef int result
    memset(&name, 0, sizeof(Name))
    name.actor = actor
    if wrapped:
        if not says(scan_text(scan, 1, KEY_BYTES_MAX), "orders", 6):
            scan.odd = True
        need(scan, c':')
    need(scan, c'[')
    while not scan.odd:
        result = scan_body(scan, found, ALLOWED[PLACE_ORDER], NEEDED[PLACE_ORDER])
        if result != DONE or scan.odd or count[0] == ORDERS_MOST:
            scan.odd = True
            return result
        name.tag = count[0]
        if put_request(out, PLACE_ORDER, 0, found, &name) != DONE:
            return MEMORY
        count[0] += 1
        if not follows(scan, c','):
            break
    need(scan, c']')
    if wrapped:
        need(scan, c'}')
    blanks(scan)
    if scan.at != scan.end:
        scan.odd = True
    return DONE


@cython.final
@cython.nonecheck(False)  # a check would need the GIL
cdef class Packer:
    """Packed requests one behind the other. `count` says how many."""

    def __cinit__(self):
        memset(&self.out, 0, sizeof(Buffer))
        memset(&self.lines, 0, sizeof(Rows))
        self.count = 0

    def __dealloc__(self):
        free(self.out.data)
        rows_free(&self.lines)

    def __len__(self):
        return self.out.size

    cdef int add(
        self, int kind, int flags, Text body, Text path, Text actor, Text key, uint64_t tag
    ) noexcept nogil:
        """Append one request: 1 if it was recognised, 0 if not, MEMORY without room."""
        cdef Scan scan
        cdef Body found
        cdef Name name
        cdef int result = DONE
        scan.at, scan.end, scan.odd = body.data, body.data + body.size, False
        found.lines = self.lines
        found.priced = kind == PLACE_ORDER
        if kind >= RELEASE:
            scan.odd = body.size != 0
            found.seen = 0
            found.lines.count = 0
            memset(found.texts, 0, sizeof(found.texts))
            memset(found.address, 0, sizeof(found.address))
        elif kind != COMMIT or body.size:
            result = scan_body(&scan, &found, ALLOWED[kind], NEEDED[kind])
            self.lines = found.lines
            blanks(&scan)
        else:
            memset(&found, 0, sizeof(found))
        if result != DONE or scan.odd or scan.at != scan.end:
            return result
        name.actor, name.key, name.path, name.tag = actor, key, path, tag
        if put_request(&self.out, kind, flags, &found, &name) != DONE:
            return MEMORY
        self.count += 1
        return 1

    def body(
        self, int kind, bytes body not None, bytes actor not None, *,
        bytes key=b"", bytes path=b"", uint64_t tag=0, bint brief=False,
    ):
        """Append the request in a JSON body; False if the body is not in its plain form.

        `path` is the id that the path names, checked by the caller. UTF-8 throughout.
        """
        cdef int done = self.add(
            kind, BRIEF if brief else 0, text_of(body), text_of(path), text_of(actor),
            text_of(key), tag,
        )
        if done == MEMORY:
            raise MemoryError("no memory for a packed request")
        return done == 1

    def orders(self, bytes body not None, bytes actor not None):
        """Append the orders of a batch, `{"orders": […]}` or a bare list, tagged from 0 on, and
        return how many; -1, and nothing is appended, if not all of it is in the plain form."""
        cdef Scan scan
        cdef Body found
        cdef uint64_t size = self.out.size, count = 0
        cdef int result
        scan.at, scan.odd = <const uint8_t*> PyBytes_AS_STRING(body), False
        scan.end = scan.at + PyBytes_GET_SIZE(body)
        found.lines, found.priced = self.lines, True
        result = put_orders(&self.out, &scan, &found, text_of(actor), &count)
        self.lines = found.lines
        if result != DONE or scan.odd:
            self.out.size = size
            if result != DONE:
                raise MemoryError("no memory for a batch")
            return -1
        self.count += count
        return count

    def raw(self, bytes request not None):
        """Append one request that is packed already."""
        cdef uint64_t size = <uint64_t> PyBytes_GET_SIZE(request)
        if out_room(&self.out, size) != DONE:
            raise MemoryError("no memory for a packed request")
        memcpy(self.out.data + self.out.size, PyBytes_AS_STRING(request), size)
        self.out.size += size
        self.count += 1

    def take(self):
        """Return the requests and forget them."""
        cdef bytes data = PyBytes_FromStringAndSize(<char*> self.out.data, self.out.size)
        self.out.size = self.count = 0
        return data


def fingerprint(bytes data not None):
    """Return the 8-byte BLAKE2b of `data` as a number, little-endian."""
    return blake8(text_of(data).data, PyBytes_GET_SIZE(data))


def check(bytearray data not None, bint trusted=False, uint64_t most_count=1 << 62):
    """Return (end, count) of the whole requests, or answers, at the start of `data`, `most_count`
    of them at most; those that are not right
    beyond doubt get the flag UNSURE, unless the sender is `trusted`. `ValueError` if what stands
    there cannot be a request, or is longer than `packed.REQUEST_BYTES_MAX`."""
    cdef uint8_t* start = <uint8_t*> PyByteArray_AS_STRING(data)
    cdef uint64_t size = <uint64_t> PyByteArray_GET_SIZE(data), at = 0, count = 0
    cdef uint64_t most = packed.REQUEST_BYTES_MAX
    cdef uint32_t length
    while size - at >= 4 and count < most_count:
        length = load32(start + at)
        if length < HEAD_BYTES or (length > most and not trusted):
            raise ValueError("this is no packed request")
        if length > size - at:
            break
        if not trusted and not is_sure(start + at, length):
            start[at + 5] |= UNSURE
        at += length
        count += 1
    return at, count


def tally(bytes answers not None):
    """Return how many packed answers there are, and how many of them are refusals."""
    cdef const uint8_t* at = <const uint8_t*> PyBytes_AS_STRING(answers)
    cdef const uint8_t* end = at + PyBytes_GET_SIZE(answers)
    cdef uint64_t count = 0, refused = 0
    while end - at >= HEAD_BYTES:
        count += 1
        refused += 1 if at[4] else 0
        at += load32(at)
    return count, refused


def results(bytes answers not None, list starts not None, *, bint lines=False):
    """Return the bodies of packed answers, in order, as one JSON list, or as lines, each with its
    end. A refusal's body gets the start that `starts` has for its code: what a problem document
    says up to its code."""
    cdef const uint8_t* at = <const uint8_t*> PyBytes_AS_STRING(answers)
    cdef const uint8_t* end = at + PyBytes_GET_SIZE(answers)
    cdef Buffer out
    cdef uint32_t size
    cdef bytes start
    cdef uint8_t* p
    memset(&out, 0, sizeof(Buffer))
    try:
        while at < end:
            size = load32(at)
            start = starts[at[4]] if at[4] else b""
            if out_room(&out, size + PyBytes_GET_SIZE(start) + 2) != DONE:
                raise MemoryError("no memory for the answers of a batch")
            p = out.data + out.size
            if not lines:
                p = put8(p, c',' if out.size else c'[')
            p = put_bytes(p, <const uint8_t*> PyBytes_AS_STRING(start), PyBytes_GET_SIZE(start))
            p = put_bytes(p, at + HEAD_BYTES, size - HEAD_BYTES)
            if lines:
                p = put8(p, c'\n')
            out.size = <uint64_t> (p - out.data)
            at += size
        if out.size == 0:
            return b"" if lines else b"[]"
        if not lines:  # there is room: an answer's head, which is left out, is longer
            out.data[out.size] = c']'
            out.size += 1
        return PyBytes_FromStringAndSize(<char*> out.data, out.size)
    finally:
        free(out.data)
