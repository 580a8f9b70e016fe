/* stop.c - see stop.h. */
#include "base/stop.h"

void enc_stop_init(enc_stop *s, bool (*stop)(void *arg), void *arg)
{
    s->ask = (enc_ask){.stop = stop, .arg = arg};
    s->asker = pthread_self();
    atomic_init(&s->is_set, false);
}

static bool is_set(enc_stop *s)
{
    return atomic_load_explicit(&s->is_set, memory_order_relaxed);
}

bool enc_stop_on(enc_stop *s, size_t n)
{
    if (s == NULL) return false;
    if (!is_set(s) && pthread_equal(s->asker, pthread_self()) && enc_ask_on(&s->ask, n))
        atomic_store_explicit(&s->is_set, true, memory_order_relaxed);
    return is_set(s);
}

void enc_stop_now(enc_stop *s)
{
    if (s != NULL && enc_ask_now(&s->ask))
        atomic_store_explicit(&s->is_set, true, memory_order_relaxed);
}

enc_rc enc_stop_rc(enc_stop *s, enc_err *e)
{
    if (s == NULL || !is_set(s)) return ENC_OK;
    return enc_fail(e, ENC_INTERRUPT, "interrupted");
}
