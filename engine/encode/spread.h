/* spread.h - one piece of work -> items for threads, where it is large enough to pay.
 *
 * Items write to disjoint outputs, and a table's outputs do not depend on their
 * neighbours, so the result is the same bits on any number of threads. */
#ifndef ENC_SPREAD_H
#define ENC_SPREAD_H

#include <stddef.h>

/* `slot` is less than the number of slots, and no two items run in one at the same time:
 * scratch belongs to a slot. */
typedef void enc_spread_task(void *arg, size_t item, size_t slot);

/* How many items of n that cost `flop` altogether should run at the same time: 1, or as
 * many as there are threads and each has enough to do. */
size_t enc_spread_slots(size_t n_items, double flop);

/* Runs task(arg, 0, ..) ... task(arg, n_items - 1, ..), begun in this order. */
void enc_spread_run(size_t n_slots, size_t n_items, enc_spread_task *task, void *arg);

#endif
