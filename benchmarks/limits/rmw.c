/* The least work that a two-line take is: read two scattered rows, check both, change both.
 *
 * A row has the shape of the ledger's position: one cache line. Rows come from aligned_alloc, on
 * pages of the usual size, as the ledger's own do.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct row {
    int64_t on_hand, reserved, allocated, damaged, quality_control, safety_stock;
    uint32_t sku, place, next, touch;
};

_Static_assert(sizeof(struct row) == 64, "a row is one cache line");

/* Return `count` rows with `units` on hand each, or NULL. */
struct row *rows_new(int64_t count, int64_t units)
{
    struct row *rows = aligned_alloc(64, (size_t)count * sizeof(struct row));
    if (!rows)
        return NULL;
    memset(rows, 0, (size_t)count * sizeof(struct row));
    for (int64_t i = 0; i < count; i++)
        rows[i].on_hand = units;
    return rows;
}

void rows_free(struct row *rows)
{
    free(rows);
}

static inline int64_t available(const struct row *row)
{
    return row->on_hand - row->reserved - row->allocated - row->damaged - row->quality_control
        - row->safety_stock;
}

/* Take one unit of each of `count` pairs of rows; return how many pairs were taken whole. */
int64_t rows_take(struct row *rows, const uint32_t *pairs, int64_t count)
{
    int64_t taken = 0;
    for (int64_t i = 0; i < count; i++) {
        struct row *first = &rows[pairs[2 * i]], *second = &rows[pairs[2 * i + 1]];
        if (available(first) < 1 || available(second) < 1 + (first == second))
            continue;
        first->reserved += 1;
        second->reserved += 1;
        taken += 1;
    }
    return taken;
}

/* Return the units reserved in all rows. */
int64_t rows_reserved(const struct row *rows, int64_t count)
{
    int64_t units = 0;
    for (int64_t i = 0; i < count; i++)
        units += rows[i].reserved;
    return units;
}
