/* mlm.c - see mlm.h. Letters: D width, E width of the embeddings, V vocabulary.
 *
 * The k best are kept in a heap whose root is the worst of them, so a vocabulary is
 * passed over once. Order is by logit, which is exact, and then by id. */
#include "encode/mlm.h"

#include <math.h>

#include "encode/act.h"
#include "encode/head.h"
#include "encode/spread.h"
#include "encode/work.h"

#define DECODE_COLS 1024 /* pieces whose logits are one item of work */

static bool is_worse(const enc_guess *a, const enc_guess *b)
{
    return a->score < b->score || (a->score == b->score && a->id > b->id);
}

/* Puts `g` at i, whose children are heaps, in a heap of k, and lets it sink. */
static void sink(enc_guess *heap, size_t k, size_t i, enc_guess g)
{
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= k) break;
        if (child + 1 < k && is_worse(&heap[child + 1], &heap[child])) child++;
        if (!is_worse(&heap[child], &g)) break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = g;
}

/* The k best of V >= k logits, best first, with logits as scores. */
static void choose(const float *logits, size_t V, enc_guess *out, size_t k)
{
    for (size_t i = 0; i < k; i++) out[i] = (enc_guess){(int32_t)i, logits[i]};
    for (size_t i = k / 2; i-- > 0;) sink(out, k, i, out[i]);
    for (size_t i = k; i < V; i++) {
        enc_guess g = {(int32_t)i, logits[i]};
        if (is_worse(&out[0], &g)) sink(out, k, 0, g);
    }
    for (size_t left = k; left > 1; left--) { /* the worst goes last */
        enc_guess worst = out[0];
        sink(out, left - 1, 0, out[left - 1]);
        out[left - 1] = worst;
    }
}

typedef struct decoding {
    const enc_kern *kern;
    const enc_product *p;
} decoding;

static void decode_part(void *arg, size_t item, size_t slot)
{
    const decoding *d = arg;
    const size_t V = d->p->w->rows, col = item * DECODE_COLS;
    (void)slot;
    d->kern->product(d->p, 0, 1, col, V - col < DECODE_COLS ? V : col + DECODE_COLS);
}

/* V logits from h, by way of t (E). */
static void decode(const enc_model *m, const float *h, float *t, float *logits)
{
    const enc_weights *at = &m->weights;
    const enc_kern *kern = enc_kern_of(m);
    const size_t V = at->mlm_decoder.rows, E = at->mlm_decoder.cols;
    enc_product p = {.x = t,
                     .x_stride = E,
                     .w = &at->mlm_decoder,
                     .b = at->mlm_bias,
                     .y = logits,
                     .y_stride = V,
                     .act = ENC_ACT_NONE};
    const decoding d = {kern, &p};
    const size_t n_parts = (V + DECODE_COLS - 1) / DECODE_COLS;

    enc_head_apply(m, &at->mlm_transform, h, t);
    enc_act_run((int)m->config.mlm_act, t, E);
    kern->layernorm(t, t, &at->mlm_norm, m->config.norm_eps, 1, E);
    enc_spread_run(enc_spread_slots(n_parts, 2.0 * (double)V * (double)E), n_parts,
                   decode_part, (void *)&d);
}

enc_rc enc_mlm_guess(const enc_model *m, enc_work *w, const float *h, enc_guess *out,
                     size_t *k, enc_err *e)
{
    const enc_weights *at = &m->weights;
    const size_t V = at->mlm_decoder.rows, E = at->mlm_decoder.cols;
    if (at->mlm_transform.w.data == NULL || at->mlm_decoder.data == NULL)
        return enc_head_missing(m, ENC_PART_MLM, e);
    if (*k > V) *k = V;
    if (*k == 0) return ENC_OK;
    float *t = enc_work_extra(w, E + V);
    if (t == NULL) return enc_nomem(e);
    float *logits = t + E;

    decode(m, h, t, logits);
    choose(logits, V, out, *k);
    double sum = 0.0, top = (double)out[0].score;
    for (size_t i = 0; i < V; i++) sum += exp((double)logits[i] - top);
    for (size_t i = 0; i < *k; i++)
        out[i].score = (float)(exp((double)out[i].score - top) / sum);
    return ENC_OK;
}
