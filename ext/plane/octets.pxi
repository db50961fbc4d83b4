# Memory that grows, and bytes read and written in place, little-endian: what packed records and
# packed commands share.

cdef extern from *:
    """
    #include <stdint.h>
    #define DIBS_PAGE ((uint64_t) 1 << 21)  /* what one page table spans */
    #ifdef __linux__
    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    #include <sys/mman.h>
    #define DIBS_MAPPED_MIN (2 * DIBS_PAGE)
    /* Memory of its own for a large array, from the border of a page table on, so that the kernel
       can move it by tables. NULL: there is none. */
    static void* dibs_map(uint64_t size) {
        uint64_t extra;
        char* at = mmap(NULL, size + DIBS_PAGE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED) return NULL;
        extra = (DIBS_PAGE - (uintptr_t) at % DIBS_PAGE) % DIBS_PAGE;
        if (extra) munmap(at, extra);
        munmap(at + extra + size, DIBS_PAGE - extra);
        return at + extra;
    }
    /* What is read at random by every order: with large pages its addresses stay in the TLB. Not for
       what grows with the orders: to clear a large page at its first touch stops the writer, on
       a virtual machine whose host has to find the memory for 6 ms. */
    static void dibs_large_pages(void* at, uint64_t size) { madvise(at, size, MADV_HUGEPAGE); }
    /* Let it grow where it is, or move its pages, never their content. */
    static void* dibs_remap(void* old, uint64_t size, uint64_t more) {
        void* there = mremap(old, size, more, 0);
        if (there != MAP_FAILED) return there;
        there = dibs_map(more);
        if (there == NULL) return NULL;
        if (mremap(old, size, more, MREMAP_MAYMOVE | MREMAP_FIXED, there) != MAP_FAILED)
            return there;
        munmap(there, more);
        return NULL;
    }
    static void dibs_unmap(void* old, uint64_t size) { munmap(old, size); }
    #else
    #define DIBS_MAPPED_MIN UINT64_MAX
    static void* dibs_map(uint64_t size) { return NULL; }
    static void dibs_large_pages(void* at, uint64_t size) {}
    static void* dibs_remap(void* old, uint64_t size, uint64_t more) { return NULL; }
    static void dibs_unmap(void* old, uint64_t size) {}
    #endif
    """
    const uint64_t PAGE "DIBS_PAGE"
    const uint64_t MAPPED_MIN "DIBS_MAPPED_MIN"
    void* dibs_map(uint64_t) noexcept nogil
    void dibs_large_pages(void*, uint64_t) noexcept nogil
    void* dibs_remap(void*, uint64_t, uint64_t) noexcept nogil
    void dibs_unmap(void*, uint64_t) noexcept nogil


cdef int room_for(Rows* rows, uint64_t need, size_t width) noexcept nogil:
    """Make room for `need` rows. MEMORY leaves everything as it was.

    A large array has a mapping of its own, which grows without its content being copied: that
    would stop the writer for as long as it takes."""
    cdef uint64_t more, size
    cdef void* moved
    if need <= rows.room:
        return DONE
    more = rows.room + rows.room // 2
    more = need if more < need else more
    more = 16 if more < 16 else more
    size = more * width
    if size < MAPPED_MIN:
        moved = realloc(rows.data, size)
    else:
        size = (size + PAGE - 1) // PAGE * PAGE
        more = size // width
        moved = dibs_remap(rows.data, rows.mapped, size) if rows.mapped else dibs_map(size)
    if moved is NULL:
        return MEMORY
    if size >= MAPPED_MIN:
        if rows.mapped == 0 and rows.data is not NULL:
            memcpy(moved, rows.data, rows.room * width)
            free(rows.data)
        rows.mapped = size
    rows.data = moved
    rows.room = more
    return DONE


cdef void rows_free(Rows* rows) noexcept nogil:
    if rows.mapped:
        dibs_unmap(rows.data, rows.mapped)
    else:
        free(rows.data)


cdef int out_room(Buffer* out, uint64_t more) noexcept nogil:
    """Make room for `more` bytes behind what `out` holds."""
    cdef uint64_t need = out.size + more
    cdef uint64_t room
    cdef void* moved
    if need <= out.room:
        return DONE
    room = out.room + out.room // 2
    room = need if room < need else room
    room = 4096 if room < 4096 else room
    moved = realloc(out.data, room)
    if moved is NULL:
        return MEMORY
    out.data = <uint8_t*> moved
    out.room = room
    return DONE


cdef inline uint64_t rotate(uint64_t x, int by) noexcept nogil:
    return (x << by) | (x >> (64 - by))


cdef struct Cursor:
    const uint8_t* at
    const uint8_t* end
    bint bad                  # something was missing, or not as dibs writes it


cdef inline const uint8_t* skip(Cursor* c, uint64_t size) noexcept nogil:
    """Pass over `size` bytes and return where they start; NULL, and `bad`, if they are missing."""
    cdef const uint8_t* start = c.at
    if size > <uint64_t> (c.end - c.at):
        c.bad = True
        c.at = c.end
        return NULL
    c.at += size
    return start


cdef inline uint8_t get8(Cursor* c) noexcept nogil:
    cdef const uint8_t* p = skip(c, 1)
    return 0 if p is NULL else p[0]


cdef inline uint16_t get16(Cursor* c) noexcept nogil:
    cdef uint16_t value = 0
    cdef const uint8_t* p = skip(c, 2)
    if p is not NULL:
        memcpy(&value, p, 2)
    return value


cdef inline uint32_t get32(Cursor* c) noexcept nogil:
    cdef uint32_t value = 0
    cdef const uint8_t* p = skip(c, 4)
    if p is not NULL:
        memcpy(&value, p, 4)
    return value


cdef inline uint64_t get64(Cursor* c) noexcept nogil:
    cdef uint64_t value = 0
    cdef const uint8_t* p = skip(c, 8)
    if p is not NULL:
        memcpy(&value, p, 8)
    return value


cdef inline double get_double(Cursor* c) noexcept nogil:
    cdef double value = 0
    cdef const uint8_t* p = skip(c, 8)
    if p is not NULL:
        memcpy(&value, p, 8)
    return value


cdef inline Text get_text(Cursor* c) noexcept nogil:
    cdef Text text
    text.size = get16(c)
    text.data = skip(c, text.size)
    if text.data is NULL:
        text.size = 0
    return text


cdef inline Text get_blob(Cursor* c) noexcept nogil:
    cdef Text text
    text.size = get32(c)
    text.data = skip(c, text.size)
    if text.data is NULL:
        text.size = 0
    return text


cdef inline uint32_t load32(const uint8_t* p) noexcept nogil:
    cdef uint32_t value
    memcpy(&value, p, 4)
    return value


cdef inline uint64_t load64(const uint8_t* p) noexcept nogil:
    cdef uint64_t value
    memcpy(&value, p, 8)
    return value


cdef bint is_utf8(Text text) noexcept nogil:
    """Strict: no overlong form, no surrogate, nothing beyond U+10FFFF."""
    cdef uint64_t at = 0, word
    cdef uint8_t a, low, high
    cdef int more
    while at < text.size:
        if at + 8 <= text.size:
            memcpy(&word, text.data + at, 8)
            if word & <uint64_t> 0x8080808080808080 == 0:
                at += 8
                continue
        a = text.data[at]
        at += 1
        if a < 0x80:
            continue
        low, high = 0x80, 0xBF
        if 0xC2 <= a <= 0xDF:
            more = 1
        elif 0xE0 <= a <= 0xEF:
            more = 2
            low = 0xA0 if a == 0xE0 else 0x80
            high = 0x9F if a == 0xED else 0xBF
        elif 0xF0 <= a <= 0xF4:
            more = 3
            low = 0x90 if a == 0xF0 else 0x80
            high = 0x8F if a == 0xF4 else 0xBF
        else:
            return False
        while more:
            if at == text.size or text.data[at] < low or text.data[at] > high:
                return False
            low, high = 0x80, 0xBF
            at += 1
            more -= 1
    return True


cdef inline Text checked_text(Cursor* c) noexcept nogil:
    cdef Text text = get_text(c)
    if not c.bad and not is_utf8(text):
        c.bad = True
    return text


cdef inline uint8_t* put8(uint8_t* p, uint8_t value) noexcept nogil:
    p[0] = value
    return p + 1


cdef inline uint8_t* put16(uint8_t* p, uint16_t value) noexcept nogil:
    memcpy(p, &value, 2)
    return p + 2


cdef inline uint8_t* put32(uint8_t* p, uint32_t value) noexcept nogil:
    memcpy(p, &value, 4)
    return p + 4


cdef inline uint8_t* put64(uint8_t* p, uint64_t value) noexcept nogil:
    memcpy(p, &value, 8)
    return p + 8


cdef inline uint8_t* put_bytes(uint8_t* p, const uint8_t* data, uint64_t size) noexcept nogil:
    if size:
        memcpy(p, data, size)
    return p + size


cdef inline uint8_t* put_text(uint8_t* p, Text text) noexcept nogil:
    return put_bytes(put16(p, <uint16_t> text.size), text.data, text.size)
