"""engine/insight/transport.py, compiled: every function has the name and the steps of its Python
twin, whose docstrings say why. tests/model/test_transport.py holds the two equal.
"""

from libc.stdint cimport int64_t

import numpy

cdef enum:
    FREE = -1
    LOST = -2

cdef int64_t FAR = <int64_t>1 << 60


cdef class _Flow:
    """One draw after the other, over the same arrays."""

    cdef int64_t[:, ::1] cost, units, moves, movers
    cdef int64_t[::1] left, gives_up, losers, far, then
    cdef int64_t lost
    cdef Py_ssize_t to_all, places

    def __init__(self, cost, int64_t lost):
        self.cost = numpy.array(cost, dtype=numpy.int64, order="C")
        self.lost = lost
        self.to_all, self.places = self.cost.shape[0], self.cost.shape[1]
        square, row = (self.places, self.places), self.places
        self.units = numpy.zeros((self.to_all, self.places), dtype=numpy.int64)
        self.moves, self.movers = numpy.zeros(square, "i8"), numpy.zeros(square, "i8")
        self.gives_up, self.losers = numpy.zeros(row, "i8"), numpy.zeros(row, "i8")
        self.far, self.then = numpy.zeros(row, "i8"), numpy.zeros(row, "i8")
        self.left = numpy.zeros(row, "i8")

    cdef void begin(self, int64_t[::1] stock) noexcept:
        cdef Py_ssize_t place
        self.units[:, :] = 0
        self.moves[:, :] = FAR
        self.gives_up[:] = FAR
        self.left[:] = stock
        self._reach()

    cdef int64_t add(self, Py_ssize_t to, int64_t units) noexcept:
        cdef Py_ssize_t here = 0, place, other
        cdef int64_t far = FAR + FAR
        for place in range(self.places):
            if self.cost[to, place] + self.far[place] < far:
                far, here = self.cost[to, place] + self.far[place], place
        if far >= self.lost:
            return 0
        place = here
        while self.then[place] >= 0:
            other = self.then[place]
            units = min(units, self.units[self.movers[place, other], place])
            place = other
        if self.then[place] == FREE:
            units = min(units, self.left[place])
            self.left[place] -= units
        else:
            units = min(units, self.units[self.losers[place], place])
            self.units[self.losers[place], place] -= units
        self.units[to, here] += units
        place = here
        while self.then[place] >= 0:
            other = self.then[place]
            self.units[self.movers[place, other], place] -= units
            self.units[self.movers[place, other], other] += units
            place = other
        place = here
        while True:
            self._ways_from(place)
            if self.then[place] < 0:
                break
            place = self.then[place]
        self._reach()
        return units

    cdef void _ways_from(self, Py_ssize_t place) noexcept:
        cdef Py_ssize_t to, other
        cdef int64_t way
        for other in range(self.places):
            self.moves[place, other] = FAR
        self.gives_up[place] = FAR
        for to in range(self.to_all):
            if not self.units[to, place]:
                continue
            way = self.lost - self.cost[to, place]
            if way < self.gives_up[place]:
                self.gives_up[place], self.losers[place] = way, to
            for other in range(self.places):
                way = self.cost[to, other] - self.cost[to, place]
                if way < self.moves[place, other]:
                    self.moves[place, other], self.movers[place, other] = way, to

    cdef void _reach(self) noexcept:
        cdef Py_ssize_t place, other
        cdef int64_t way
        cdef bint changed = True
        for place in range(self.places):
            self.far[place] = 0 if self.left[place] else self.gives_up[place]
            self.then[place] = FREE if self.left[place] else LOST
        while changed:
            changed = False
            for place in range(self.places):
                if self.left[place]:
                    continue
                for other in range(self.places):
                    way = self.moves[place, other] + self.far[other]
                    if other != place and way < self.far[place]:
                        self.far[place], self.then[place], changed = way, other, True


def marginals(demand, stock, cost, int64_t lost):
    """See engine/insight/transport.py."""
    cdef _Flow flow = _Flow(cost, lost)
    cdef int64_t[::1] had = numpy.array(stock, dtype=numpy.int64)
    cdef int64_t units, taken
    cdef Py_ssize_t to
    found = []
    for row in demand:
        flow.begin(had)
        for to, units in enumerate(row):
            while units:
                taken = flow.add(to, units)
                if not taken:
                    break
                units -= taken
        found.append([min(far, lost) for far in flow.far])
    return found


def played(arrivals, stock, cost, ways):
    """See engine/insight/transport.py."""
    cdef int64_t[:, ::1] costs = numpy.array(cost, dtype=numpy.int64, order="C")
    cdef int64_t[:, ::1] choices = numpy.array(ways, dtype=numpy.int64, order="C")
    cdef int64_t[::1] had = numpy.array(stock, dtype=numpy.int64), left = had.copy(), come
    cdef Py_ssize_t places = had.shape[0], location, at, n, last, here
    cdef int64_t paid, total = sum(stock)
    found = []
    for row in arrivals:
        come = numpy.array(row, dtype=numpy.int64)
        last = min(<int64_t>come.shape[0], total - 1)
        sums = []
        for location in range(places):
            if not had[location]:
                sums.append(FAR)
                continue
            left[:] = had
            left[location] -= 1
            paid = 0
            for at in range(last):
                for n in range(places):
                    here = choices[come[at], n]
                    if left[here]:
                        left[here] -= 1
                        paid += costs[come[at], here]
                        break
            sums.append(paid)
        found.append(sums)
    return found
