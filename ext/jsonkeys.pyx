"""What a JSON decoder does not tell: duplicate keys, escaped keys, too many keys, too much depth.

The fast twin of `api.jsonkeys`, which is the specification. One pass over the bytes, no memory but
a fixed stack: an object has at most `JSON_FIELDS_MAX` keys, so comparing each key with those before
it stays cheap.
"""

from libc.string cimport memchr, memcmp

from engine.core import limits

cdef enum:
    DEPTH_MAX = 32
    FIELDS_MAX = 64
    PATH_KEY_BYTES_MAX = 128

assert limits.JSON_DEPTH_MAX == DEPTH_MAX and limits.JSON_FIELDS_MAX == FIELDS_MAX

cdef enum Fault:
    CLEAN
    DUPLICATE
    ESCAPED
    TOO_MANY
    TOO_DEEP

cdef tuple _CODES = ("", "duplicate_field", "escaped_field", "too_many_fields", "too_deep")

cdef struct Key:
    Py_ssize_t start
    Py_ssize_t size

cdef struct Level:
    bint is_object
    bint awaits_key
    bint has_key
    int keys
    Py_ssize_t index
    Key key
    Key seen[FIELDS_MAX]

cdef struct Scan:
    const unsigned char* body
    Py_ssize_t size
    int depth
    int levels
    Level stack[DEPTH_MAX]


cdef Py_ssize_t _string_end(Scan* scan, Py_ssize_t start) noexcept nogil:
    """Offset of the quote that closes the string whose first byte is at `start`, or -1."""
    cdef Py_ssize_t at = start
    while at < scan.size:
        if scan.body[at] == c'"':
            return at
        at += 2 if scan.body[at] == c'\\' else 1
    return -1


cdef Fault _take_key(Scan* scan, Py_ssize_t start, Py_ssize_t size) noexcept nogil:
    """Remember a key of the innermost object; say what is wrong with it."""
    cdef Level* level = &scan.stack[scan.depth - 1]
    cdef int i
    level.awaits_key = False
    level.has_key = True
    level.key.start, level.key.size = start, size
    if scan.depth > scan.levels:
        return CLEAN
    if size and memchr(scan.body + start, c'\\', size) != NULL:
        return ESCAPED
    for i in range(level.keys):
        if level.seen[i].size == size and not memcmp(
            scan.body + level.seen[i].start, scan.body + start, size
        ):
            return DUPLICATE
    if level.keys == FIELDS_MAX:
        return TOO_MANY
    level.seen[level.keys] = level.key
    level.keys += 1
    return CLEAN


cdef inline void _open(Scan* scan, bint is_object) noexcept nogil:
    cdef Level* level = &scan.stack[scan.depth]
    level.is_object = level.awaits_key = is_object
    level.has_key = False
    level.keys = 0
    level.index = 0
    scan.depth += 1


cdef Fault _run(Scan* scan, Py_ssize_t stop) noexcept nogil:
    """Scan up to offset `stop`; on a fault the stack tells where."""
    cdef Py_ssize_t at = 0, end
    cdef unsigned char byte
    cdef Level* level
    cdef Fault fault
    while at < stop:
        byte = scan.body[at]
        if byte == c'"':
            end = _string_end(scan, at + 1)
            if end < 0 or end >= stop:
                return CLEAN
            if scan.depth and scan.stack[scan.depth - 1].awaits_key:
                fault = _take_key(scan, at + 1, end - at - 1)
                if fault != CLEAN:
                    return fault
            at = end
        elif byte == c'{' or byte == c'[':
            if scan.depth == DEPTH_MAX:
                return TOO_DEEP
            _open(scan, byte == c'{')
        elif byte == c'}' or byte == c']':
            if scan.depth:
                scan.depth -= 1
        elif byte == c',' and scan.depth:
            level = &scan.stack[scan.depth - 1]
            level.awaits_key = level.is_object
            level.index += 1
        at += 1
    return CLEAN


cdef str _path(Scan* scan):
    cdef list parts = []
    cdef int i
    cdef Py_ssize_t size
    cdef Level* level
    for i in range(scan.depth):
        level = &scan.stack[i]
        if not level.is_object:
            parts.append(f"[{level.index}]")
        elif level.has_key:
            size = min(level.key.size, PATH_KEY_BYTES_MAX)
            name = scan.body[level.key.start : level.key.start + size]
            parts.append("." + name.decode("utf-8", "replace"))
    return "".join(parts).removeprefix(".")


cdef int _start(Scan* scan, bytes body, int levels) except -1:
    scan.body = body
    scan.size = len(body)
    scan.depth = 0
    scan.levels = levels
    return 0


def find(bytes body not None, int levels=DEPTH_MAX):
    """Return (code, path) of the first fault, or None; see `api.jsonkeys.find`."""
    cdef Scan scan
    cdef Fault fault
    _start(&scan, body, levels)
    with nogil:
        fault = _run(&scan, scan.size)
    return None if fault == CLEAN else (_CODES[fault], _path(&scan))


def path_at(bytes body not None, Py_ssize_t offset):
    """Return the path of the value at a byte offset; see `api.jsonkeys.path_at`."""
    cdef Scan scan
    _start(&scan, body, 0)
    with nogil:
        _run(&scan, min(offset, scan.size))
    return _path(&scan)
