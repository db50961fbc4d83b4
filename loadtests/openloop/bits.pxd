# Small pure things of the generator: the clock, histogram buckets, digits.

from libc.stdint cimport int64_t, uint64_t
from posix.time cimport clock_gettime, timespec


cdef inline int64_t now_ns(int clock) noexcept nogil:
    cdef timespec at
    clock_gettime(clock, &at)
    return <int64_t>at.tv_sec * 1000000000 + at.tv_nsec


cdef inline int bucket(uint64_t value, int bits) noexcept nogil:
    """Values below 2**bits have a bucket each; above, each doubling has 2**(bits-1)."""
    cdef int shift = 0
    if value >> 32:
        value = <uint64_t>-1 >> 32
    while value >> (shift + bits):
        shift += 1
    return (shift << (bits - 1)) + <int>(value >> shift)


cdef inline void digits(char* at, int width, uint64_t value, char pad) noexcept nogil:
    """Write a number right-aligned; what stands left of it is `pad`."""
    cdef int n = width - 1
    at[n] = 48 + value % 10
    value //= 10
    n -= 1
    while n >= 0:
        at[n] = 48 + value % 10 if value or pad == 48 else pad
        value //= 10
        n -= 1


cdef inline int64_t decimal(char* at, char* end) noexcept nogil:
    """Return a decimal, -1 if it is none."""
    cdef int64_t value = 0
    while at < end and at[0] == 32:
        at += 1
    if at == end or end - at > 15:
        return -1
    while at < end:
        if not 48 <= at[0] <= 57:
            return -1
        value = value * 10 + at[0] - 48
        at += 1
    return value
