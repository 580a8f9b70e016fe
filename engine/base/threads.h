/* threads.h - one small pool of threads for the process, started on first use.
 *
 * A job is n parts; the caller works too, and returns when all parts are done. Which
 * thread runs which part is not defined, so parts write to disjoint memory and the
 * result does not depend on the number of threads. A job started while another runs, or
 * from inside a part, simply runs on its caller: nothing waits, nothing deadlocks.
 *
 * Pool threads block all signals. After fork() the child has no pool and makes its own
 * when it first needs one. If a thread cannot be started, the job runs with fewer. */
#ifndef ENC_THREADS_H
#define ENC_THREADS_H

#include "base/stop.h"

#define ENC_THREADS_MAX 64

typedef void enc_task(void *arg, size_t i);

/* Runs task(arg, 0) ... task(arg, n_parts - 1), and returns when all have run. */
void enc_threads_run(size_t n_parts, enc_task *task, void *arg);

/* The same for parts that take long and heed `stop`: while the caller, who is its asker,
 * waits for the others, it asks. */
void enc_threads_run_asking(size_t n_parts, enc_task *task, void *arg, enc_stop *stop);

/* How many threads a job may use, its caller included: the option if set, else
 * $ENCODER_THREADS, else the processors this process may run on. At least 1. */
size_t enc_threads_count(void);
void enc_threads_set(size_t n); /* 0: back to the default; at most the above */

#endif
