/* spread.c - see spread.h. */
#include "encode/spread.h"

#include <stdatomic.h>

#include "base/threads.h"

#define FLOP_SLOT 8e6 /* what a slot should have to do: a wake-up takes 5 to 50 us */

size_t enc_spread_slots(size_t n_items, double flop)
{
    double most = flop / FLOP_SLOT;
    if (n_items < 2 || most < 2.0) return 1;
    size_t n = enc_threads_count();
    if ((double)n > most) n = (size_t)most;
    return n < n_items ? n : n_items;
}

typedef struct spread {
    enc_spread_task *task;
    void *arg;
    size_t n_items;
    atomic_size_t next;
} spread;

static void run_slot(void *arg, size_t slot)
{
    spread *s = arg;
    for (;;) {
        size_t item = atomic_fetch_add(&s->next, 1);
        if (item >= s->n_items) return;
        s->task(s->arg, item, slot);
    }
}

void enc_spread_run(size_t n_slots, size_t n_items, enc_spread_task *task, void *arg)
{
    spread s = {.task = task, .arg = arg, .n_items = n_items};
    atomic_init(&s.next, 0);
    enc_threads_run(n_slots, run_slot, &s);
}
