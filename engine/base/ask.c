/* ask.c - see ask.h. */
#include "base/ask.h"

bool enc_ask_now(enc_ask *a)
{
    if (a->is_stopped) return true; /* n_quiet stays: it is said again at once */
    a->n_quiet = 0;
    if (a->stop != NULL && a->stop(a->arg)) {
        a->is_stopped = true;
        a->n_quiet = ENC_ASK_EVERY;
    }
    return a->is_stopped;
}

enc_rc enc_ask_rc(const enc_ask *a, enc_err *e)
{
    if (a == NULL || !a->is_stopped) return ENC_OK;
    return enc_fail(e, ENC_INTERRUPT, "interrupted");
}
