/* stop.h - work of several threads that may be told to stop: one asks, all heed.
 *
 * What ask.h asks is for the thread that began the work: SQLite's connection is in its
 * hands. So only that thread asks, while it works and while it waits for the others
 * (enc_threads_run_asking); what it is told is seen by all. Each says how far it has
 * come, as in ask.h, and gives up its part when told so. */
#ifndef ENC_STOP_H
#define ENC_STOP_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/ask.h"

typedef struct enc_stop {
    enc_ask ask; /* the asker's */
    pthread_t asker;
    atomic_bool is_set; /* it was told to stop */
} enc_stop;

/* Storage is the caller's, who will ask. stop NULL: nobody minds how long it takes. */
void enc_stop_init(enc_stop *s, bool (*stop)(void *arg), void *arg);

/* n steps more, of any number, each of less than a microsecond: true if the work is to
 * stop. NULL is never told. */
bool enc_stop_on(enc_stop *s, size_t n);

/* For the asker: asks now, whatever was done since. */
void enc_stop_now(enc_stop *s);

/* ENC_INTERRUPT if the work was told to stop, else ENC_OK. */
enc_rc enc_stop_rc(enc_stop *s, enc_err *e);

#endif
