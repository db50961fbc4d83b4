# What the generator asks of the system: sockets, epoll, timers. Linux only.

from libc.stdint cimport uint16_t, uint32_t
from posix.time cimport itimerspec

cdef extern from "time.h" nogil:
    int CLOCK_THREAD_CPUTIME_ID

cdef extern from "string.h" nogil:
    void* memmem(const void* hay, size_t hay_size, const void* needle, size_t size)

cdef extern from "strings.h" nogil:
    int strncasecmp(const char* a, const char* b, size_t size)

cdef extern from "sys/timerfd.h" nogil:
    enum: TFD_NONBLOCK, TFD_TIMER_ABSTIME
    int timerfd_create(int clock, int flags)
    int timerfd_settime(int fd, int flags, const itimerspec* new, itimerspec* old)

cdef extern from "sys/epoll.h" nogil:
    enum: EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP
    ctypedef union epoll_data_t:
        uint32_t u32
    cdef struct epoll_event:
        uint32_t events
        epoll_data_t data
    int epoll_create1(int flags)
    int epoll_ctl(int fd, int op, int target, epoll_event* event)
    int epoll_wait(int fd, epoll_event* events, int most, int timeout_ms)

cdef extern from "sys/socket.h" nogil:
    enum: AF_INET, SOCK_STREAM, SOCK_NONBLOCK, SOL_SOCKET, SO_ERROR, MSG_NOSIGNAL
    ctypedef uint32_t socklen_t
    cdef struct sockaddr:
        pass
    int socket(int family, int kind, int protocol)
    int connect(int fd, const sockaddr* address, socklen_t size)
    int setsockopt(int fd, int level, int name, const void* value, socklen_t size)
    int getsockopt(int fd, int level, int name, void* value, socklen_t* size)
    ssize_t send(int fd, const void* data, size_t size, int flags)
    ssize_t recv(int fd, void* data, size_t size, int flags)

cdef extern from "netinet/in.h" nogil:
    enum: IPPROTO_TCP
    cdef struct in_addr:
        pass
    cdef struct sockaddr_in:
        unsigned short sin_family
        uint16_t sin_port
        in_addr sin_addr
    uint16_t htons(uint16_t port)

cdef extern from "netinet/tcp.h" nogil:
    enum: TCP_NODELAY

cdef extern from "arpa/inet.h" nogil:
    int inet_pton(int family, const char* text, void* address)
