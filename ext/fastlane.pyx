"""The fast lane: whole, well-formed requests of the hot calls, from bytes to a packed request and
from a packed answer to bytes, without an object of a web framework.

    bytes ─ offer ─▶ request line, header block, body ─▶ Parcel ─▶ the writer's loop
    bytes ◀─────────────── deliver, one pass over the connections ◀── answers ──┘

A header block is judged once, by the parser of the normal path (`learn`), and remembered by its
bytes: clients on a kept connection send the same block again and again. `offer` returns how many
bytes it took, or 0: then the request is the normal path's, which answers it the same (api/lane.py).
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memchr, memcmp, memcpy, strlen

from ext.ledger cimport Text
from ext.packed cimport (
    COMMIT, EXTEND, PLACE_ORDER, READ_STOCK, RELEASE, RESERVE, Packer, int64_t, uint8_t, uint32_t,
    uint64_t,
)

from engine.core import limits, packed

cdef extern from "string.h" nogil:
    void* memmem(const void* hay, size_t size, const void* needle, size_t length)

cdef enum:
    LINE_BYTES_MAX = 256       # of a request line: a path with a longer id is the normal path's
    BLOCK_BYTES_MAX = 2_048    # of a header block that is remembered
    BLOCKS_MAX = 4_096         # header blocks remembered at a time
    STATUSES = 600
    ANSWER_BYTES = 24
    MISSING = 4
    KINDS = 7

assert ANSWER_BYTES == packed.ANSWER.size and MISSING == packed.MISSING


cdef class Block:
    """What a header block says, as far as the lane needs it."""

    cdef readonly int64_t length
    cdef readonly str token
    cdef readonly bytes key
    cdef bytes actor
    cdef bint reads
    cdef bint sells
    cdef object generation

    def __init__(self, int64_t length, str token not None, bytes key not None):
        self.length, self.token, self.key = length, token, key
        self.actor = b""
        self.generation = None


cdef class _Event:
    """Stands where a cycle has its event: nobody waits for it."""

    def set(self):
        """Nothing waits."""


cdef _Event _EVENT = _Event()


cdef class LaneCycle:
    """A connection's request in the lane, in the shape that uvicorn's protocol knows of a cycle:
    what comes behind it on the connection waits for `response_complete`."""

    cdef public object protocol, transport
    cdef public bint response_complete, response_started, keep_alive, disconnected
    cdef public bint behind    # something waits for the end of this request
    cdef readonly object message_event
    cdef int kind

    def __init__(self, protocol, transport):
        self.protocol, self.transport = protocol, transport
        self.response_complete = self.keep_alive = True
        self.message_event = _EVENT


cdef class Form:
    """How an answer looks around what the ledger says: status, head, tail, start of the body."""

    cdef int status
    cdef bytes head, tail, start

    def __init__(self, int status, bytes head not None, bytes tail not None, bytes start not None):
        self.status, self.head, self.tail, self.start = status, head, tail, start


cdef class Parcel:
    """The requests that gather for one batch. The writer's loop closes it, decides what is in it,
    and delivers the answers when they are durable."""

    cdef Lane lane
    cdef list asking
    cdef Py_ssize_t enough
    cdef object call

    def __cinit__(self, Lane lane):
        self.lane, self.asking, self.enough, self.call = lane, [], 0, None

    @property
    def count(self):
        """How many requests it holds now."""
        return len(self.asking)

    def watch(self, Py_ssize_t enough, call not None):
        """Call once when it holds `enough` requests."""
        self.enough, self.call = enough, call

    cdef int add(self, LaneCycle cycle) except -1:
        self.asking.append(cycle)
        if self.enough and len(self.asking) >= self.enough:
            self.enough = 0
            self.call()
        return 0

    def close(self):
        """Take the requests out of the lane; later ones gather in a new parcel."""
        self.lane.open, self.enough = None, 0
        return self.lane.packer.take()

    def deliver(self, bytes answers not None):
        """Write the answers to their connections. May be called in parts."""
        self.lane.write(self.asking, answers)


cdef class Lane:
    """One server's lane. `submit` takes a parcel and says whether anybody decides it, `learn`
    judges a header block, `keys` grants tokens and has a `generation` that changes when grants may
    have. `forms` maps an answer's code (128 more where what is read does not exist) to a `Form`;
    `made` and `done` are those of the successes 201 and 200."""

    cdef Packer packer
    cdef Parcel open
    cdef dict blocks
    cdef object submit, learn, keys
    cdef list forms
    cdef Form made, done
    cdef uint64_t counts[KINDS * STATUSES]

    def __init__(self, submit, learn, keys, dict forms, Form made not None, Form done not None):
        self.submit, self.learn, self.keys = submit, learn, keys
        self.packer, self.open, self.blocks = Packer(), None, {}
        self.forms = [forms.get(code) for code in range(256)]
        self.made, self.done = made, done

    def tally(self):
        """Return {(kind, status): answers} since the last call."""
        cdef int at
        found = {}
        for at in range(KINDS * STATUSES):
            if self.counts[at]:
                found[at // STATUSES, at % STATUSES] = self.counts[at]
                self.counts[at] = 0
        return found

    def offer(self, LaneCycle cycle not None, bytes data not None):
        """Take the request at the start of `data` if it is the lane's. Returns its bytes, or 0."""
        cdef Text line, path, body
        cdef Block block
        cdef int kind
        cdef const uint8_t* start = <const uint8_t*> PyBytes_AS_STRING(data)
        cdef int64_t size = PyBytes_GET_SIZE(data), head
        cdef const uint8_t* end
        end = <const uint8_t*> memchr(start, c'\n', min(size, <int64_t> LINE_BYTES_MAX))
        if end is NULL:
            return 0
        line.data, line.size = start, <uint32_t> (end - start + 1)
        kind = kind_of(line, &path)
        if kind == 0:
            return 0
        end = <const uint8_t*> memmem(end - 1, size - (end - 1 - start), "\r\n\r\n", 4)
        if end is NULL:
            return 0
        head = end + 4 - start
        block = self.block_of(start + line.size, head - line.size)
        if block is None or head + block.length > size:
            return 0
        body.data, body.size = start + head, <uint32_t> block.length
        if not (block.reads if kind == READ_STOCK else block.sells):
            return 0
        if not self.take(cycle, kind, block, path, body):
            return 0
        return head + block.length

    cdef Block block_of(self, const uint8_t* data, int64_t size):
        """What the header block says; None where it is not the lane's."""
        cdef Block block
        cdef bytes text
        if size < 2 or size > BLOCK_BYTES_MAX:
            return None
        text = PyBytes_FromStringAndSize(<const char*> data, size)
        block = self.blocks.get(text)
        if block is None:
            block = self.learn(text)
            if block is None:
                return None
            if not block.key:
                if len(self.blocks) >= BLOCKS_MAX:
                    self.blocks.clear()
                self.blocks[text] = block
        if block.generation is not self.keys.generation:
            self.authorise(block)
        return block

    cdef int authorise(self, Block block) except -1:
        """A key may have been revoked since the block was judged."""
        generation = self.keys.generation
        found = self.keys.grants(block.token)
        block.reads = block.sells = False
        if found is not None:
            block.actor = found[0].encode()
            block.reads, block.sells = "read" in found[1], "sell" in found[1]
        block.generation = generation
        return 0

    cdef bint take(self, LaneCycle cycle, int kind, Block block, Text path, Text body) except -1:
        """Pack the request; False if its body is not plain, or nobody takes it."""
        cdef Text actor, key
        cdef uint64_t tag = 0 if self.open is None else self.packer.count
        cdef int done
        actor.data = <const uint8_t*> PyBytes_AS_STRING(block.actor)
        actor.size = <uint32_t> PyBytes_GET_SIZE(block.actor)
        key.data = <const uint8_t*> PyBytes_AS_STRING(block.key)
        key.size = <uint32_t> PyBytes_GET_SIZE(block.key) if kind != READ_STOCK else 0
        done = self.packer.add(kind, 0, body, path, actor, key, tag)
        if done != 1:
            return False
        if self.open is None:
            self.open = Parcel(self)
            if not self.submit(self.open):
                self.open = None
                self.packer.take()
                return False
        self.open.add(cycle)
        cycle.kind = kind
        cycle.response_complete = cycle.behind = False
        return True

    cdef int write(self, list asking, bytes answers) except -1:
        cdef const uint8_t* at = <const uint8_t*> PyBytes_AS_STRING(answers)
        cdef const uint8_t* end = at + PyBytes_GET_SIZE(answers)
        cdef uint32_t size
        cdef uint64_t tag
        cdef LaneCycle cycle
        while at < end:
            memcpy(&size, at, 4)
            memcpy(&tag, at + 8, 8)
            cycle = asking[tag]
            try:
                self.answer(cycle, at, size)
            except Exception as error:  # of one connection; the others get their answers
                cycle.protocol.loop.call_exception_handler(
                    {"message": "an answer could not be written", "exception": error}
                )
            at += size
        return 0

    cdef int answer(self, LaneCycle cycle, const uint8_t* at, uint32_t size) except -1:
        """Write one answer; `size` bytes of it, head included, stand at `at`."""
        cdef Form form = self.made if cycle.kind <= COMMIT else self.done
        cdef bytes whole
        if at[4]:
            form = self.forms[at[4] + 128 if at[5] & MISSING else at[4]]
        self.counts[cycle.kind * STATUSES + form.status] += 1
        cycle.response_complete = True
        if not cycle.disconnected:
            whole = compose(form, at + ANSWER_BYTES, size - ANSWER_BYTES, cycle.keep_alive)
            cycle.transport.write(whole)
            if not cycle.keep_alive:
                cycle.transport.close()
        cycle.protocol.lane_answered(cycle.behind)
        return 0


cdef bytes compose(Form form, const uint8_t* said, uint32_t size, bint keep_alive):
    """Return an answer's bytes."""
    cdef uint64_t body = size + PyBytes_GET_SIZE(form.start)
    cdef char digits[12]
    cdef int at = 12
    cdef uint64_t left = body, total
    cdef const char* close = "" if keep_alive else "connection: close\r\n"
    cdef bytes whole
    cdef char* p
    while True:
        at -= 1
        digits[at] = <char> (48 + left % 10)
        left //= 10
        if left == 0:
            break
    total = PyBytes_GET_SIZE(form.head) + (12 - at) + PyBytes_GET_SIZE(form.tail)
    total += strlen(close) + 2 + body
    whole = PyBytes_FromStringAndSize(NULL, total)
    p = PyBytes_AS_STRING(whole)
    p = append(p, PyBytes_AS_STRING(form.head), PyBytes_GET_SIZE(form.head))
    p = append(p, digits + at, 12 - at)
    p = append(p, PyBytes_AS_STRING(form.tail), PyBytes_GET_SIZE(form.tail))
    p = append(p, close, strlen(close))
    p = append(p, "\r\n", 2)
    p = append(p, PyBytes_AS_STRING(form.start), PyBytes_GET_SIZE(form.start))
    append(p, <const char*> said, size)
    return whole


cdef inline char* append(char* p, const char* data, uint64_t size) noexcept nogil:
    memcpy(p, data, size)
    return p + size


cdef inline bint starts(Text line, const char* word, uint32_t size) noexcept nogil:
    return line.size > size and memcmp(line.data, word, size) == 0


cdef inline bint ends(Text line, const char* word, uint32_t size) noexcept nogil:
    return line.size > size and memcmp(line.data + line.size - size, word, size) == 0


cdef int kind_of(Text line, Text* path) noexcept nogil:
    """The kind of request that a request line asks for, and the id in its path; 0: none of ours.

    An id is the lane's if every character of it stands for itself in a path."""
    cdef uint32_t i
    cdef uint8_t byte
    cdef int kind
    path.data, path.size = line.data, 0
    if not ends(line, " HTTP/1.1\r\n", 11):
        return 0
    line.size -= 11
    if line.size == 15 and memcmp(line.data, <const char*> b"POST /v1/orders", 15) == 0:
        return PLACE_ORDER
    if line.size == 21 and memcmp(line.data, <const char*> b"POST /v1/reservations", 21) == 0:
        return RESERVE
    if starts(line, "POST /v1/reservations/", 22):
        path.data, path.size = line.data + 22, line.size - 22
        if ends(path[0], "/commit", 7):
            kind, path.size = COMMIT, path.size - 7
        elif ends(path[0], "/extend", 7):
            kind, path.size = EXTEND, path.size - 7
        else:
            return 0
    elif starts(line, "DELETE /v1/reservations/", 24):
        kind, path.data, path.size = RELEASE, line.data + 24, line.size - 24
    elif starts(line, "GET /v1/stock/", 14):
        kind, path.data, path.size = READ_STOCK, line.data + 14, line.size - 14
    else:
        return 0
    if path.size == 0 or path.size > 128:
        return 0
    for i in range(path.size):
        byte = path.data[i]
        if not (
            c'a' <= byte <= c'z' or c'A' <= byte <= c'Z' or c'0' <= byte <= c'9'
            or byte == c'-' or byte == c'.' or byte == c'_' or byte == c'~'
        ):
            return 0
    return kind
