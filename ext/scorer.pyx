"""The planner, compiled: engine/core/routing/plan.py step by step, over plain arrays.

`solve` plans a whole batch of orders in one call without the interpreter lock. Every function here
has the name and the order of steps of its Python twin, whose docstrings say why; what differs is
that rows are flat, that a set's picks are kept for its own places only, and that a tariff remembers
the lower line it gave last. tests/model/test_scorer.py holds the two equal.
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free, malloc, qsort, realloc
from libc.string cimport memcmp, memcpy, memset

from engine.core import limits

cdef extern from *:
    """
    typedef __int128 dibs_wide;
    """
    ctypedef long long wide "dibs_wide"

cdef enum:
    NONE = -1
    PIECES_MAX = 64
    POINTS_MAX = 2 * PIECES_MAX + 4
    SORTED_BY_HAND_MAX = 32

cdef int64_t EXACT_PLACES = limits.ROUTE_EXACT_LOCATIONS_MAX
cdef int64_t EXACT_NODES = limits.ROUTE_EXACT_NODES_MAX
cdef int64_t BOUNDED_NODES = limits.ROUTE_BOUNDED_NODES_MAX
cdef int64_t DEPTH_MAX = limits.ROUTE_DEPTH_MAX
cdef int64_t UNITS_MAX = limits.ROUTE_UNITS_MAX
cdef int64_t GRAMS_MAX = limits.ROUTE_GRAMS_MAX
cdef int64_t SLOPE_MAX = limits.ROUTE_SLOPE_MILLS_MAX
cdef int64_t COST_MAX = limits.ROUTE_COST_MILLS_MAX

# The bound above is compiled in; it is that of the project, or this does not load.
assert PIECES_MAX == limits.ROUTE_PIECES_MAX

include "route/tariff.pxi"
include "route/room.pxi"
include "route/plan.pxi"
include "route/halve.pxi"
include "route/batch.pxi"
