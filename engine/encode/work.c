/* work.c - see work.h. */
#include "encode/work.h"

bool enc_room_grow(enc_room *r, size_t rows, size_t cols)
{
    size_t n;
    if (!enc_mem_mul(rows, cols, &n)) return false;
    if (n <= r->n) return true;
    enc_mem_free(r->at);
    r->at = enc_mem_array(n, sizeof *r->at);
    r->n = r->at != NULL ? n : 0;
    return r->at != NULL;
}

const enc_kern *enc_kern_of(const enc_model *m)
{
    return m->kern != NULL ? m->kern : enc_kern_pick();
}

enc_rc enc_work_new(enc_work **out, enc_err *e)
{
    *out = enc_mem_zero(sizeof **out);
    if (*out == NULL) return enc_nomem(e);
    enc_tokens_init(&(*out)->tokens);
    return ENC_OK;
}

void enc_work_ask(enc_work *w, bool (*stop)(void *arg), void *arg)
{
    w->tokens.ask = (enc_ask){.stop = stop, .arg = arg};
}

void enc_work_free(enc_work *w)
{
    if (w == NULL) return;
    enc_room *const rooms[] = {&w->x,       &w->qkv,     &w->mixed, &w->bias,
                               &w->scratch, &w->weights, &w->extra};
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) enc_mem_free(rooms[i]->at);
    for (size_t i = 0; i < 2; i++) enc_rotary_clear(&w->rotary[i]);
    enc_tokens_clear(&w->tokens);
    enc_mem_free(w->prompted);
    enc_mem_free(w->id);
    enc_mem_free(w->segment);
    enc_mem_free(w->start);
    enc_mem_free(w);
}

float *enc_work_extra(enc_work *w, size_t n)
{
    return enc_room_grow(&w->extra, n, 1) ? w->extra.at : NULL;
}
