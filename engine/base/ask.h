/* ask.h - work that takes long asks now and then whether to stop.
 *
 * Whoever may be interrupted gives what is to be asked; whoever works says how far it has
 * come, in bytes or steps of less than a microsecond, and gives up when told so:
 *
 *     for (size_t at = 0; at < n; at += taken) {
 *         ...
 *         if (enc_ask_on(ask, taken)) break;
 *     }
 *     return enc_ask_rc(ask, e);
 *
 * The answer is sticky, so that loops without an error of their own can just end. */
#ifndef ENC_ASK_H
#define ENC_ASK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define ENC_ASK_EVERY ((size_t)1 << 16) /* steps between two questions */

typedef struct enc_ask {
    bool (*stop)(void *arg); /* true: stop; NULL: nobody minds how long it takes */
    void *arg;
    size_t n_quiet;  /* steps since it was asked; at first 0 */
    bool is_stopped; /* it said so; at first false */
} enc_ask;

/* Asks, whatever was done since. */
bool enc_ask_now(enc_ask *a);

/* n steps more: true if the work is to stop. A step of more than ENC_ASK_EVERY is for the
 * caller to divide. NULL is never asked. */
static inline bool enc_ask_on(enc_ask *a, size_t n)
{
    if (a == NULL) return false;
    a->n_quiet += n;
    return a->n_quiet >= ENC_ASK_EVERY && enc_ask_now(a);
}

/* ENC_INTERRUPT if the work was told to stop, else ENC_OK. */
enc_rc enc_ask_rc(const enc_ask *a, enc_err *e);

#endif
