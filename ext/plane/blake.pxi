# BLAKE2b with a digest of 8 bytes and no key (RFC 7693): the fingerprint of a command, as
# engine/core/commands.py takes it with hashlib.

cdef uint64_t[8] BLAKE_IV = [
    0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
    0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
]

cdef uint8_t[160] BLAKE_SIGMA = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
    14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3,
    11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4,
    7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8,
    9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13,
    2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9,
    12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11,
    13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10,
    6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5,
    10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0,
]


cdef inline void blake_mix(
    uint64_t* v, int a, int b, int c, int d, uint64_t x, uint64_t y
) noexcept nogil:
    v[a] = v[a] + v[b] + x
    v[d] = rotate(v[d] ^ v[a], 32)
    v[c] = v[c] + v[d]
    v[b] = rotate(v[b] ^ v[c], 40)
    v[a] = v[a] + v[b] + y
    v[d] = rotate(v[d] ^ v[a], 48)
    v[c] = v[c] + v[d]
    v[b] = rotate(v[b] ^ v[c], 1)


cdef void blake_block(uint64_t* h, const uint8_t* block, uint64_t done, bint last) noexcept nogil:
    """Take in one block of 128 bytes; `done` bytes have been taken in with it."""
    cdef uint64_t v[16]
    cdef uint64_t m[16]
    cdef const uint8_t* s
    cdef int i
    memcpy(m, block, 128)
    for i in range(8):
        v[i] = h[i]
        v[i + 8] = BLAKE_IV[i]
    v[12] ^= done
    if last:
        v[14] = ~v[14]
    for i in range(12):
        s = &BLAKE_SIGMA[16 * (i % 10)]
        blake_mix(v, 0, 4, 8, 12, m[s[0]], m[s[1]])
        blake_mix(v, 1, 5, 9, 13, m[s[2]], m[s[3]])
        blake_mix(v, 2, 6, 10, 14, m[s[4]], m[s[5]])
        blake_mix(v, 3, 7, 11, 15, m[s[6]], m[s[7]])
        blake_mix(v, 0, 5, 10, 15, m[s[8]], m[s[9]])
        blake_mix(v, 1, 6, 11, 12, m[s[10]], m[s[11]])
        blake_mix(v, 2, 7, 8, 13, m[s[12]], m[s[13]])
        blake_mix(v, 3, 4, 9, 14, m[s[14]], m[s[15]])
    for i in range(8):
        h[i] ^= v[i] ^ v[i + 8]


cdef uint64_t blake8(const uint8_t* data, uint64_t size) noexcept nogil:
    """Return the first 8 bytes of the digest, little-endian."""
    cdef uint64_t h[8]
    cdef uint8_t block[128]
    cdef uint64_t at = 0
    memcpy(h, BLAKE_IV, sizeof(h))
    h[0] ^= 0x01010008
    while size - at > 128:
        blake_block(h, data + at, at + 128, False)
        at += 128
    memset(block, 0, 128)
    memcpy(block, data + at, size - at)
    blake_block(h, block, size, True)
    return h[0]
