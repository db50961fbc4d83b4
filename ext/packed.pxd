"""Packed requests, for other compiled modules: recognise a body and write it packed."""

from ext.ledger cimport Buffer, Rows, Text
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef enum:
    PLACE_ORDER = 1
    RESERVE = 2
    COMMIT = 3
    EXTEND = 4
    RELEASE = 5
    READ_STOCK = 6


cdef class Packer:
    """Packed requests one behind the other, growing."""

    cdef Buffer out
    cdef Rows lines
    cdef readonly uint64_t count

    cdef int add(
        self, int kind, int flags, Text body, Text path, Text actor, Text key, uint64_t tag
    ) noexcept nogil
