/* test_spread.c - every item runs exactly once, and no two in one slot at a time. */
#include <stdatomic.h>
#include <string.h>

#include "base/threads.h"
#include "check.h"
#include "encode/spread.h"

#define ITEMS 500
#define SLOTS 4

typedef struct tally {
    int runs[ITEMS];
    atomic_int inside[SLOTS];
    atomic_int n_clashes;
} tally;

static void count(void *arg, size_t item, size_t slot)
{
    tally *t = arg;
    if (atomic_fetch_add(&t->inside[slot], 1) != 0) atomic_fetch_add(&t->n_clashes, 1);
    t->runs[item]++;
    atomic_fetch_sub(&t->inside[slot], 1);
}

static void every_item_runs_once(size_t n_slots, size_t n_items)
{
    tally t;
    memset(&t, 0, sizeof t);
    size_t n_other = 0;
    enc_spread_run(n_slots, n_items, count, &t);
    for (size_t i = 0; i < ITEMS; i++) n_other += t.runs[i] != (i < n_items);
    CHECK_SAY(n_other == 0, "%zu slots, %zu items", n_slots, n_items);
    CHECK(atomic_load(&t.n_clashes) == 0);
}

static void small_work_stays_on_its_caller(void)
{
    CHECK(enc_spread_slots(100, 1e3) == 1);
    CHECK(enc_spread_slots(1, 1e12) == 1);
    CHECK(enc_spread_slots(0, 1e12) == 1);
    enc_threads_set(1);
    CHECK(enc_spread_slots(100, 1e12) == 1);
    enc_threads_set(4);
    CHECK(enc_spread_slots(100, 1e12) == 4);
    CHECK(enc_spread_slots(3, 1e12) == 3);
}

int main(void)
{
    for (size_t threads = 1; threads <= SLOTS; threads++) {
        enc_threads_set(threads);
        for (size_t slots = 1; slots <= SLOTS; slots++)
            for (size_t n = 0; n <= ITEMS; n += n < 8 ? 1 : 41)
                every_item_runs_once(slots, n);
    }
    small_work_stays_on_its_caller();
    return check_done("spread");
}
