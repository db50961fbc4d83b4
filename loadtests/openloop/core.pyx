"""The generator itself: one thread, epoll, N kept-alive connections, one request in flight on each.

Due requests are no list but a range of numbers, those from `_next` on that are due, and leave in
that order. Nothing here holds the GIL, allocates or calls Python once it runs. It is one class,
which Cython wants in one file. Times are microseconds since the start on the monotonic clock.
"""

from libc.errno cimport EAGAIN, EINPROGRESS, EINTR, errno
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset
from posix.time cimport CLOCK_MONOTONIC, CLOCK_REALTIME, itimerspec
from posix.unistd cimport close, read

import numpy

cimport cython
from loadtests.openloop.bits cimport bucket, decimal, digits, now_ns
from loadtests.openloop.linux cimport (
    AF_INET, CLOCK_THREAD_CPUTIME_ID, EPOLLIN, EPOLLOUT, EPOLL_CTL_ADD, EPOLL_CTL_MOD, IPPROTO_TCP,
    MSG_NOSIGNAL, SOCK_NONBLOCK, SOCK_STREAM, SOL_SOCKET, SO_ERROR, TCP_NODELAY, TFD_NONBLOCK,
    TFD_TIMER_ABSTIME, connect, epoll_create1, epoll_ctl, epoll_event, epoll_wait, getsockopt,
    htons, inet_pton, memmem, recv, send, setsockopt, sockaddr, sockaddr_in, socket, socklen_t,
    strncasecmp, timerfd_create, timerfd_settime,
)
from loadtests.openloop.rows cimport *

LINES_MAX, SAMPLES_MAX, LATE_US = LINES, SAMPLES, LATE
FINE_BITS, COARSE_BITS = FINE, COARSE
NUMBER, SKU, TTL = HAS_NUMBER, HAS_SKU, HAS_TTL
NOTHING, ALLOCATES, RESERVES = DOES_NOTHING, DOES_ALLOCATE, DOES_RESERVE
COMMITS, RELEASES = DOES_COMMIT, DOES_RELEASE


def buckets(int bits):
    """Return how many buckets a histogram of `bits` has."""
    return bucket(<uint64_t>-1, bits) + 1


def bucket_of(uint64_t value, int bits):
    """Return the bucket of a value in microseconds."""
    return bucket(value, bits)


# A debug build asks at each counter whether `self` is None, which needs the GIL.
@cython.nonecheck(False)
cdef class Generator:
    """One run. Make it, call `run` once (it releases the GIL), then read its arrays.

    `templates` are tuples (text, slots, lines, weight, effect, then): request bytes; (at, width,
    kind, line) for each place that changes; SKUs drawn; share of arrivals (0 for follow-ups); what
    a 2xx does to stock; index of the follow-up that the same connection sends after a 2xx, or -1.
    `due` are the arrivals in µs, ascending (uint32), or None for as fast as answers come, at most
    `count` requests and `seconds` long. SKU numbers are below `skus`; a share `hot_share` of the
    draws is below `hot`. `ttl_end_us` is the moment (µs since 1970) at which TTLs aim.
    """

    cdef int _epoll, _timer, _connections, _templates, _idle_count
    cdef sockaddr_in _address
    cdef Connection* _all
    cdef Template* _template
    cdef int* _idle
    cdef char* _sink
    cdef bint _open, _stop, _ran
    cdef const uint32_t* _due
    cdef int64_t _count, _next, _start_ns, _end, _stop_sending, _timeout, _grace, _armed, _seen
    cdef int64_t _ttl_end_us, _watched, _acknowledged, _flying
    cdef uint64_t _random, _hot_edge
    cdef int _skus, _hot, _seconds
    cdef int64_t* _fine
    cdef int64_t* _late_hist
    cdef uint32_t* _coarse
    cdef int64_t* _second
    cdef int64_t* _status
    cdef int64_t* _units
    cdef int64_t* _samples
    cdef int _fine_size, _coarse_size
    cdef object _keep
    cdef readonly object latency, lateness, by_second, second_latency, statuses, units, samples
    cdef readonly int64_t sent, answered, lost, timed_out, unsent, unanswered, malformed, late
    cdef readonly int64_t now_us, cpu_ns, wall_ns, turns, reconnected, connect_failures
    cdef readonly int connected

    def __cinit__(self, str host, int port, int connections, list templates, due, *,
                  int64_t count, double seconds, int skus, int hot=1, double hot_share=0.0,
                  uint64_t seed=1, int64_t ttl_end_us=0, double timeout_s=10.0,
                  double grace_s=5.0):
        if inet_pton(AF_INET, host.encode(), &self._address.sin_addr) != 1:
            raise ValueError(f"{host!r} is not an IPv4 address")
        if connections < 1 or skus < 1 or not 1 <= hot <= skus or count < 0 or seconds <= 0:
            raise ValueError("connections, skus, hot, seconds have to be positive, hot <= skus")
        self._address.sin_family, self._address.sin_port = AF_INET, htons(port)
        self._connections, self._templates = connections, len(templates)
        self._all = <Connection*>calloc(connections, sizeof(Connection))
        self._template = <Template*>calloc(len(templates), sizeof(Template))
        self._idle = <int*>calloc(connections, sizeof(int))
        self._sink = <char*>malloc(SINK_BYTES)
        if not (self._all and self._template and self._idle and self._sink):
            raise MemoryError
        self._epoll, self._timer = epoll_create1(0), timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)
        if self._epoll < 0 or self._timer < 0:
            raise OSError(errno, "no epoll")
        for n in range(connections):
            self._all[n].fd = -1
        self._skus, self._hot, self._hot_edge = skus, hot, <uint64_t>(hot_share * 4294967296.0)
        self._random = (seed * 2 + 1) * <uint64_t>0x9E3779B97F4A7C15
        self._ttl_end_us = ttl_end_us
        self._timeout, self._grace = <int64_t>(timeout_s * 1e6), <int64_t>(grace_s * 1e6)
        self._plan(due, count, seconds)
        self._take(templates)
        self._tables()

    def _plan(self, due, int64_t count, double seconds):
        cdef const uint32_t[::1] view
        self._open, self._keep, self._count = due is not None, due, count
        if self._open:
            self._count = len(due)
            if self._count:
                view = due
                self._due = &view[0]
        self._stop_sending = <int64_t>(seconds * 1e6)
        self._end = self._stop_sending + self._grace
        self._seconds = <int>(self._end // 1000000) + 2

    def _take(self, list templates):
        cdef Template* t
        cdef double total = sum(one[3] for one in templates), edge = 0.0
        if total <= 0:
            raise ValueError("no template has a weight")
        for n, (text, slots, lines, weight, effect, then) in enumerate(templates):
            if lines > LINES or len(slots) > LINES + 4 or lines > self._skus:
                raise ValueError(f"at most {LINES} lines, and no more than there are SKUs")
            if self._hot_edge >> 32 and lines > self._hot:
                raise ValueError("an order has more lines than there are hot SKUs")
            t = &self._template[n]
            edge += weight / total
            t.size, t.slots, t.lines = len(text), len(slots), lines
            # Sums of shares may end a little short of one.
            t.edge = edge if edge < 1 - 1e-9 else 2.0
            t.effect, t.then = effect, then
            t.text = <char*>malloc(t.size)
            if not t.text:
                raise MemoryError
            memcpy(t.text, <const char*>text, t.size)
            for i, (at, width, kind, line) in enumerate(slots):
                if at < 0 or at + width > t.size or not 0 <= line < LINES:
                    raise ValueError("a slot stands outside its template")
                t.slot[i].at, t.slot[i].width = at, width
                t.slot[i].kind, t.slot[i].line = kind, line

    def _tables(self):
        cdef int64_t[:, ::1] fine, seconds, statuses, units
        cdef int64_t[::1] late, samples
        cdef uint32_t[:, ::1] coarse
        self._fine_size, self._coarse_size = buckets(FINE), buckets(COARSE)
        self.latency = numpy.zeros((self._templates, self._fine_size), numpy.int64)
        self.lateness = numpy.zeros(self._fine_size, numpy.int64)
        self.second_latency = numpy.zeros((self._seconds, self._coarse_size), numpy.uint32)
        # Per second: due, sent, 2xx, 4xx, 5xx, failed, longest µs.
        self.by_second = numpy.zeros((self._seconds, 7), numpy.int64)
        self.statuses = numpy.zeros((self._templates, STATUSES), numpy.int64)
        # Per SKU: allocated, reserved, in doubt.
        self.units = numpy.zeros((3, self._skus), numpy.int64)
        self.samples = numpy.zeros(SAMPLES, numpy.int64)
        fine, late, coarse = self.latency, self.lateness, self.second_latency
        seconds = self.by_second
        statuses, units, samples = self.statuses, self.units, self.samples
        self._fine, self._late_hist, self._coarse = &fine[0, 0], &late[0], &coarse[0, 0]
        self._second, self._status = &seconds[0, 0], &statuses[0, 0]
        self._units, self._samples = &units[0, 0], &samples[0]

    def __dealloc__(self):
        cdef int n
        if self._all:
            for n in range(self._connections):
                if self._all[n].fd >= 0:
                    close(self._all[n].fd)
        for fd in (self._epoll, self._timer):
            if fd > 0:
                close(fd)
        if self._template:
            for n in range(self._templates):
                free(self._template[n].text)
        free(self._all)
        free(self._template)
        free(self._idle)
        free(self._sink)

    @property
    def acknowledged(self):
        """Orders that were answered with success; `samples` holds that many numbers at most."""
        return self._acknowledged

    @property
    def started(self):
        """Arrivals that were sent or given up; follow-ups are not among them."""
        return self._next

    def stop(self):
        """Stop sending; `run` returns when what is under way is answered, or after the grace."""
        self._stop = True

    def run(self):
        """Run it, without the GIL. May be called once."""
        if self._ran:
            raise RuntimeError("a generator runs once")
        self._ran = True
        with nogil:
            self._run()

    # The loop.

    cdef void _run(self) noexcept nogil:
        cdef epoll_event events[EVENTS]
        cdef int64_t before, after = 0, cpu = now_ns(CLOCK_THREAD_CPUTIME_ID)
        cdef int n, count, wait
        self._open_all(events)
        while True:
            before = self._clock()
            if before >= self._end or self._finished(before):
                break
            wait = self._patience(before)
            count = epoll_wait(self._epoll, events, EVENTS, wait)
            self.turns += 1
            # An answer may have been there, unseen, since the turn before, unless this one slept.
            self._seen, after = after, self._clock()
            if wait and after - before > SPIN_US:
                self._seen = after
            for n in range(count if count > 0 else 0):
                self._event(&events[n])
            self._fill()
            if after - self._watched > WATCH_US:
                self._watch(after)
        self._close_books(self._clock())
        self.cpu_ns = now_ns(CLOCK_THREAD_CPUTIME_ID) - cpu
        self.wall_ns = now_ns(CLOCK_MONOTONIC) - self._start_ns

    cdef void _open_all(self, epoll_event* events) noexcept nogil:
        """Connect, for a second at most; the clock starts after it."""
        cdef int n, count
        self._start_ns = now_ns(CLOCK_MONOTONIC)
        self._watch_timer()
        for n in range(self._connections):
            self._connect(n)
        while self.connected < self._connections and self._clock() < 1000000:
            count = epoll_wait(self._epoll, events, EVENTS, 20)
            for n in range(count if count > 0 else 0):
                self._event(&events[n])
        self._start_ns = now_ns(CLOCK_MONOTONIC)
        for n in range(self._connections):
            self._all[n].free = 0

    cdef inline int64_t _clock(self) noexcept nogil:
        self.now_us = (now_ns(CLOCK_MONOTONIC) - self._start_ns) // 1000
        return self.now_us

    cdef bint _finished(self, int64_t now) noexcept nogil:
        if self._stop and self._stop_sending > now:
            self._stop_sending = now
            self._end = now + self._grace
        if self._flying:
            return False
        if self._open and not self._stop:
            return self._next >= self._count
        return now >= self._stop_sending or self._next >= self._count

    cdef int _patience(self, int64_t now) noexcept nogil:
        """Return how long to wait, in ms, with the timer set to the next arrival."""
        cdef int64_t gap
        cdef itimerspec at
        if self._open and self._idle_count and self._next < self._count and not self._stop:
            gap = self._due[self._next] - now
            if gap <= SPIN_US:
                return 0
            if self._armed != self._due[self._next]:
                self._armed = self._due[self._next]
                memset(&at, 0, sizeof(at))
                gap = self._start_ns + self._armed * 1000
                at.it_value.tv_sec, at.it_value.tv_nsec = gap // 1000000000, gap % 1000000000
                timerfd_settime(self._timer, TFD_TIMER_ABSTIME, &at, NULL)
        return 20

    cdef void _watch_timer(self) noexcept nogil:
        cdef epoll_event event
        event.events, event.data.u32 = EPOLLIN, TIMER
        epoll_ctl(self._epoll, EPOLL_CTL_ADD, self._timer, &event)

    cdef void _event(self, epoll_event* event) noexcept nogil:
        cdef Connection* c
        cdef uint64_t ticks
        if event.data.u32 == TIMER:
            read(self._timer, &ticks, 8)
            self._armed = 0
            return
        c = &self._all[event.data.u32]
        if c.state == CONNECTING:
            self._connection_made(event.data.u32)
        elif c.state != DOWN:
            self._receive(event.data.u32)

    cdef void _watch(self, int64_t now) noexcept nogil:
        """Give up on silent connections, and open lost ones again."""
        cdef int n
        self._watched = now
        for n in range(self._connections):
            if self._all[n].state == BUSY and now - self._all[n].sent > self._timeout:
                self.timed_out += 1
                self._measure(&self._all[n], now)
                self._drop(n)
            if self._all[n].state == DOWN and now < self._stop_sending:
                self.reconnected += 1
                self._connect(n)

    cdef void _close_books(self, int64_t now) noexcept nogil:
        """What was due and has no answer waits at least until now; leaving it out would flatter."""
        cdef int n
        cdef Connection* c
        for n in range(self._connections):
            c = &self._all[n]
            if c.state == BUSY:
                self.unanswered += 1
                self._measure(c, now)
                self._drop(n)
        while self._open and self._next < self._count and self._due[self._next] < now:
            self.unsent += 1
            self._second[self._at(self._due[self._next]) * 7] += 1
            self._coarse_add(self._due[self._next], now - self._due[self._next])
            self._fine[bucket(now - self._due[self._next], FINE)] += 1
            self._next += 1

    # Connections.

    cdef void _connect(self, int n) noexcept nogil:
        cdef Connection* c = &self._all[n]
        cdef epoll_event event
        cdef int one = 1
        c.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)
        if c.fd < 0:
            self.connect_failures += 1
            return
        setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one))
        c.state = CONNECTING
        if connect(c.fd, <sockaddr*>&self._address, sizeof(self._address)) < 0 and (
            errno != EINPROGRESS
        ):
            self.connect_failures += 1
            self._forget(c)
            return
        event.events, event.data.u32 = EPOLLOUT, n
        epoll_ctl(self._epoll, EPOLL_CTL_ADD, c.fd, &event)

    cdef void _connection_made(self, int n) noexcept nogil:
        cdef Connection* c = &self._all[n]
        cdef epoll_event event
        cdef int error = 0
        cdef socklen_t size = sizeof(error)
        getsockopt(c.fd, SOL_SOCKET, SO_ERROR, &error, &size)
        if error:
            self.connect_failures += 1
            self._forget(c)
            return
        event.events, event.data.u32 = EPOLLIN, n
        epoll_ctl(self._epoll, EPOLL_CTL_MOD, c.fd, &event)
        self.connected += 1
        self._free(n, self._clock())

    cdef inline void _free(self, int n, int64_t at) noexcept nogil:
        self._all[n].state, self._all[n].free = IDLE, at
        self._idle[self._idle_count] = n
        self._idle_count += 1

    cdef void _forget(self, Connection* c) noexcept nogil:
        close(c.fd)
        c.fd, c.state = -1, DOWN

    cdef void _drop(self, int n) noexcept nogil:
        """Close a connection; what it carried is in doubt."""
        cdef Connection* c = &self._all[n]
        cdef int i
        if c.state == BUSY:
            self._flying -= 1
            self._second[self._at(c.due) * 7 + 5] += 1
            self._doubt(c)
        elif c.state == IDLE:
            for i in range(self._idle_count):
                if self._idle[i] == n:
                    self._idle_count -= 1
                    self._idle[i] = self._idle[self._idle_count]
                    break
        self.connected -= 1
        self._forget(c)

    # Sending.

    cdef void _fill(self) noexcept nogil:
        """Send what is due while connections are idle."""
        cdef int64_t now
        cdef int n
        if not self._idle_count or self._stop or self._next >= self._count:
            return
        now = self._clock()
        while self._idle_count and self._next < self._count:
            if self._open:
                if self._due[self._next] > now:
                    now = self._clock()
                    if self._due[self._next] > now:
                        return
            elif now >= self._stop_sending:
                return
            self._idle_count -= 1
            n = self._idle[self._idle_count]
            now = self._clock()
            self._start(n, now)

    cdef void _start(self, int n, int64_t now) noexcept nogil:
        """Send the next arrival on an idle connection."""
        cdef Connection* c = &self._all[n]
        cdef double share = <double>(self._draw() >> 11) / 9007199254740992.0
        cdef int kind = 0
        cdef int64_t late
        while kind < self._templates - 1 and share >= self._template[kind].edge:
            kind += 1
        c.number = self._next
        c.due = self._due[self._next] if self._open else now
        self._next += 1
        late = now - (c.due if c.due > c.free else c.free)
        self._late_hist[bucket(late if late > 0 else 0, FINE)] += 1
        self.late += late > LATE
        self._draw_lines(c, &self._template[kind])
        self._send(n, kind, now)

    cdef inline uint64_t _draw(self) noexcept nogil:
        """xorshift64*, Marsaglia 2003 and Vigna 2016."""
        self._random ^= self._random >> 12
        self._random ^= self._random << 25
        self._random ^= self._random >> 27
        return self._random * <uint64_t>0x2545F4914F6CDD1D

    cdef void _draw_lines(self, Connection* c, Template* t) noexcept nogil:
        """Draw the request's SKUs, all different."""
        cdef int i, k, sku
        cdef uint64_t most
        c.lines = t.lines
        i = 0
        while i < t.lines:
            most = self._skus
            if self._hot_edge and self._draw() >> 32 < self._hot_edge:
                most = self._hot
            sku = <int>((self._draw() >> 32) % most)
            c.sku[i] = sku
            k = 0
            while c.sku[k] != sku:
                k += 1
            i += k == i

    cdef void _send(self, int n, int kind, int64_t now) noexcept nogil:
        cdef Connection* c = &self._all[n]
        cdef Template* t = &self._template[kind]
        cdef Slot* s
        cdef int i
        cdef int64_t ttl
        for i in range(t.slots):
            s = &t.slot[i]
            if s.kind == HAS_NUMBER:
                digits(t.text + s.at, s.width, c.number, 48)
            elif s.kind == HAS_SKU:
                digits(t.text + s.at, s.width, c.sku[s.line], 48)
            else:
                ttl = (self._ttl_end_us - now_ns(CLOCK_REALTIME) // 1000 + 999999) // 1000000
                digits(t.text + s.at, s.width, ttl if ttl > 1 else 1, 32)
        c.template, c.sent, c.state = kind, now, BUSY
        c.got = c.head = c.total = 0
        self._flying += 1
        self.sent += 1
        self._second[self._at(c.due) * 7] += 1
        self._second[self._at(now) * 7 + 1] += 1
        # A short write means a peer that has stopped reading: as good as lost.
        if send(c.fd, t.text, t.size, MSG_NOSIGNAL) != t.size:
            self.lost += 1
            self._drop(n)

    # Receiving.

    cdef void _receive(self, int n) noexcept nogil:
        cdef Connection* c = &self._all[n]
        cdef ssize_t size
        if c.head:
            size = recv(c.fd, self._sink, SINK_BYTES, 0)
        else:
            size = recv(c.fd, c.buffer + c.got, HEAD_BYTES - c.got, 0)
        if size < 0 and (errno == EAGAIN or errno == EINTR):
            return
        if size <= 0 or c.state != BUSY:
            self.lost += c.state == BUSY
            self._drop(n)
            return
        c.got += size
        if not c.head and not self._read_head(c):
            self.malformed += 1
            self._drop(n)
            return
        if c.head and c.got >= c.total:
            if c.got > c.total:
                self.malformed += 1
                self._drop(n)
                return
            self._answered(n)

    cdef bint _read_head(self, Connection* c) noexcept nogil:
        """Take status and length from a whole head; False if it is none that we understand."""
        cdef char* end = <char*>memmem(c.buffer, c.got, b"\r\n\r\n", 4)
        cdef char* at
        cdef char* stop
        cdef int64_t length = -1
        if end == NULL:
            return c.got < HEAD_BYTES
        if end - c.buffer < 12 or strncasecmp(c.buffer, b"HTTP/1.1 ", 9):
            return False
        c.status = (c.buffer[9] - 48) * 100 + (c.buffer[10] - 48) * 10 + c.buffer[11] - 48
        c.last = False
        at = c.buffer
        while at < end:
            stop = <char*>memmem(at, end + 2 - at, b"\r\n", 2)
            if strncasecmp(at, b"content-length:", 15) == 0:
                length = decimal(at + 15, stop)
            elif strncasecmp(at, b"transfer-encoding:", 18) == 0:
                return False
            elif strncasecmp(at, b"connection: close", 17) == 0:
                c.last = True
            at = stop + 2
        if length < 0 or not 200 <= c.status < STATUSES:
            return False
        c.head = end + 4 - c.buffer
        c.total = c.head + length
        return True

    cdef void _answered(self, int n) noexcept nogil:
        cdef Connection* c = &self._all[n]
        cdef int64_t now = self._clock(), row = self._at(now) * 7
        cdef int kind = c.template, family = c.status // 100
        self.answered += 1
        self._flying -= 1
        self._status[kind * STATUSES + c.status] += 1
        self._second[row + (2 if family < 4 else family - 1)] += 1
        self._measure(c, now)
        if family == 2:
            self._account(c)
        elif family == 5:
            self._doubt(c)
        c.state = IDLE
        if c.last:
            self._idle[self._idle_count] = n
            self._idle_count += 1
            self._drop(n)
        elif family == 2 and self._template[kind].then >= 0:
            c.due = now
            self._send(n, self._template[kind].then, now)
        else:
            self._free(n, self._seen)

    cdef inline int64_t _at(self, int64_t us) noexcept nogil:
        cdef int64_t second = us // 1000000
        return second if second < self._seconds else self._seconds - 1

    cdef inline void _coarse_add(self, int64_t due, int64_t took) noexcept nogil:
        cdef int64_t second = self._at(due)
        self._coarse[second * self._coarse_size + bucket(took, COARSE)] += 1
        if took > self._second[second * 7 + 6]:
            self._second[second * 7 + 6] = took

    cdef void _measure(self, Connection* c, int64_t now) noexcept nogil:
        """Note how long a request took since it was due."""
        cdef int64_t took = now - c.due if now > c.due else 0
        self._fine[c.template * self._fine_size + bucket(took, FINE)] += 1
        self._coarse_add(c.due, took)

    cdef void _doubt(self, Connection* c) noexcept nogil:
        """Its units may have been taken or not."""
        cdef int i
        for i in range(c.lines if self._template[c.template].effect else 0):
            self._units[2 * self._skus + c.sku[i]] += 1

    cdef void _account(self, Connection* c) noexcept nogil:
        """Keep what a success says of stock, and a fair sample of acknowledged orders."""
        cdef int effect = self._template[c.template].effect, i
        cdef uint64_t place
        for i in range(c.lines if effect else 0):
            if effect == DOES_ALLOCATE or effect == DOES_COMMIT:
                self._units[c.sku[i]] += 1
            if effect == DOES_RESERVE:
                self._units[self._skus + c.sku[i]] += 1
            elif effect == DOES_COMMIT or effect == DOES_RELEASE:
                self._units[self._skus + c.sku[i]] -= 1
        if effect == DOES_ALLOCATE or effect == DOES_COMMIT:
            place = self._acknowledged
            if place >= SAMPLES:
                place = self._draw() % <uint64_t>(self._acknowledged + 1)
            if place < SAMPLES:
                self._samples[place] = c.number
            self._acknowledged += 1
