/* fwd.c - see fwd.h. Letters: T tokens of a batch, n of one text, D width, H heads.
 *
 * Activations are four arrays: x, the queries, keys and values side by side, what
 * attention mixed, and the inner layer. Residuals are added where products are finished,
 * in place, and layer norm follows in place. */
#include "encode/work.h"

#include <math.h>

#include "base/threads.h"
#include "encode/spread.h"

bool enc_room_grow(enc_room *r, size_t n)
{
    if (n <= r->n) return true;
    enc_mem_free(r->at);
    r->at = enc_mem_array(n, sizeof *r->at);
    r->n = r->at != NULL ? n : 0;
    return r->at != NULL;
}

/* Room for a T x D array. */
static bool grow_array(enc_room *r, size_t T, size_t D)
{
    size_t n;
    return enc_mem_mul(T, D, &n) && enc_room_grow(r, n);
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

void enc_work_free(enc_work *w)
{
    if (w == NULL) return;
    enc_room *const rooms[] = {&w->x,       &w->qkv,     &w->mixed, &w->inner,
                               &w->scratch, &w->weights, &w->extra};
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) enc_mem_free(rooms[i]->at);
    enc_tokens_clear(&w->tokens);
    enc_mem_free(w->prompted);
    enc_mem_free(w->id);
    enc_mem_free(w->segment);
    enc_mem_free(w->start);
    enc_mem_free(w);
}

float *enc_work_extra(enc_work *w, size_t n)
{
    return enc_room_grow(&w->extra, n) ? w->extra.at : NULL;
}

/* -- One batch -------------------------------------------------------------------------
 */

typedef struct run { /* what the steps below share */
    const enc_config *c;
    const enc_weights *weights;
    const enc_kern *kern;
    enc_work *w;
    const enc_batch *b;
    const enc_tap *tap;
    size_t n_most;  /* tokens of the longest text */
    size_t n_parts; /* of attention */
    size_t layer;   /* 1 .. L */
} run;

static enc_rc check_batch(const enc_config *c, const enc_batch *b, enc_err *e)
{
    for (size_t t = 0; t < b->n_texts; t++) {
        size_t n = b->start[t + 1] - b->start[t];
        if (n > c->n_positions)
            return enc_fail(e, ENC_RANGE,
                            "text %zu has %zu tokens, the model has %zu positions", t, n,
                            c->n_positions);
    }
    for (size_t i = 0; i < b->n_tokens; i++) {
        if (b->id[i] < 0 || (size_t)b->id[i] >= c->n_vocab)
            return enc_fail(e, ENC_RANGE,
                            "token %zu is %ld, the vocabulary has %zu pieces", i,
                            (long)b->id[i], c->n_vocab);
        if (b->segment[i] >= c->n_segments)
            return enc_fail(e, ENC_RANGE, "token %zu has segment %u, the model has %zu",
                            i, (unsigned)b->segment[i], c->n_segments);
    }
    return ENC_OK;
}

static bool grow_all(run *r)
{
    const enc_config *c = r->c;
    size_t T = r->b->n_tokens, D = c->hidden, scratch;
    double flop = 0.0;
    for (size_t t = 0; t < r->b->n_texts; t++) {
        size_t n = r->b->start[t + 1] - r->b->start[t];
        r->n_most = n > r->n_most ? n : r->n_most;
        flop += 4.0 * (double)n * (double)n * (double)D;
    }
    bool is_watched = r->tap != NULL && r->tap->attention != NULL;
    r->n_parts = is_watched ? 1 : enc_spread_parts(r->b->n_texts * c->n_heads, flop);
    scratch = enc_attn_scratch(r->n_most, D / c->n_heads);
    return grow_array(&r->w->x, T, D) && grow_array(&r->w->qkv, T, 3 * D) &&
           grow_array(&r->w->mixed, T, D) && grow_array(&r->w->inner, T, c->inner) &&
           grow_array(&r->w->scratch, scratch, r->n_parts) &&
           (!is_watched || grow_array(&r->w->weights, r->n_most, r->n_most));
}

static void add_row(const enc_mat *m, size_t row, float *x)
{
    if (m->dtype == ENC_I8) {
        const int8_t *q = (const int8_t *)m->data + row * m->cols;
        for (size_t i = 0; i < m->cols; i++) x[i] += (float)q[i] * m->scale[row];
    } else {
        const float *v = (const float *)m->data + row * m->cols;
        for (size_t i = 0; i < m->cols; i++) x[i] += v[i];
    }
}

static void embed(const run *r)
{
    const enc_batch *b = r->b;
    const size_t D = r->c->hidden;
    for (size_t t = 0; t < b->n_texts; t++) {
        for (size_t i = b->start[t]; i < b->start[t + 1]; i++) {
            float *x = r->w->x.at + i * D;
            enc_mat_row(&r->weights->word, (size_t)b->id[i], x);
            add_row(&r->weights->position, i - b->start[t], x);
            add_row(&r->weights->segment, b->segment[i], x);
        }
    }
    enc_spread_norm(r->kern, r->w->x.at, &r->weights->emb_norm, r->c->norm_eps,
                    b->n_tokens, D);
}

/* Every n_parts-th pair of text and head, from `part` on, in the part's own scratch. */
static void attend(void *arg, size_t part)
{
    const run *r = arg;
    const size_t D = r->c->hidden, H = r->c->n_heads, dims = D / H;
    enc_attn a = {.head_dims = dims, .stride = 3 * D, .out_stride = D};
    a.scale = (float)(1.0 / sqrt((double)dims));
    a.scratch = r->w->scratch.at + part * enc_attn_scratch(r->n_most, dims);
    bool is_watched = r->tap != NULL && r->tap->attention != NULL;
    if (is_watched) a.weights = r->w->weights.at;

    for (size_t i = part; i < r->b->n_texts * H; i += r->n_parts) {
        size_t text = i / H, head = i % H, row = r->b->start[text];
        a.n = r->b->start[text + 1] - row;
        a.q = r->w->qkv.at + row * a.stride + head * dims;
        a.k = a.q + D;
        a.v = a.k + D;
        a.out = r->w->mixed.at + row * D + head * dims;
        r->kern->attention(&a);
        if (is_watched)
            r->tap->attention(r->tap->arg, r->layer, text, head, a.weights, a.n);
    }
}

static enc_product product_of(const float *x, const enc_linear *l, float *y)
{
    return (enc_product){.x = x,
                         .x_stride = l->w.cols,
                         .w = &l->w,
                         .b = l->b,
                         .y = y,
                         .y_stride = l->w.rows,
                         .act = ENC_ACT_NONE};
}

static void run_layer(run *r, const enc_layer *l)
{
    const size_t T = r->b->n_tokens, D = r->c->hidden;
    float *x = r->w->x.at, *qkv = r->w->qkv.at;

    enc_product in[3] = {product_of(x, &l->query, qkv), product_of(x, &l->key, qkv + D),
                         product_of(x, &l->value, qkv + 2 * D)};
    for (size_t i = 0; i < 3; i++) in[i].y_stride = 3 * D;
    enc_spread_products(r->kern, in, 3, T);
    enc_threads_run(r->n_parts, attend, r);
    enc_product out = product_of(r->w->mixed.at, &l->attn_out, x);
    out.add = x;
    enc_spread_products(r->kern, &out, 1, T);
    enc_spread_norm(r->kern, x, &l->attn_norm, r->c->norm_eps, T, D);

    enc_product up = product_of(x, &l->up, r->w->inner.at);
    up.act = (int)r->c->act;
    enc_spread_products(r->kern, &up, 1, T);
    enc_product down = product_of(r->w->inner.at, &l->down, x);
    down.add = x;
    enc_spread_products(r->kern, &down, 1, T);
    enc_spread_norm(r->kern, x, &l->out_norm, r->c->norm_eps, T, D);
}

enc_rc enc_fwd_run(const enc_model *m, enc_work *w, const enc_batch *b,
                   const enc_tap *tap, const float **hidden, enc_err *e)
{
    run r = {&m->config, &m->weights, enc_kern_of(m), w, b, tap, 0, 1, 0};
    *hidden = NULL;
    enc_rc rc = check_batch(r.c, b, e);
    if (rc) return rc;
    if (b->n_tokens == 0) return ENC_OK;
    if (!grow_all(&r)) return enc_nomem(e);
    embed(&r);
    if (tap != NULL && tap->hidden != NULL) tap->hidden(tap->arg, 0, w->x.at);
    for (r.layer = 1; r.layer <= r.c->n_layers; r.layer++) {
        if (tap != NULL && tap->stop != NULL && tap->stop(tap->arg))
            return enc_fail(e, ENC_INTERRUPT, "interrupted before layer %zu of %zu",
                            r.layer, r.c->n_layers);
        run_layer(&r, &m->weights.layers[r.layer - 1]);
        if (tap != NULL && tap->hidden != NULL) tap->hidden(tap->arg, r.layer, w->x.at);
    }
    *hidden = w->x.at;
    return ENC_OK;
}
