/* fwd.c - see fwd.h. Letters: T tokens of a batch, n of one text, D width, H heads.
 *
 * A layer is two waves of work. Attention takes texts and heads apart; all else takes
 * rows apart, so a block of rows goes from what attention gave to the queries, keys and
 * values of the next layer at once, while its activations are near. Only the hidden
 * states, the queries, keys and values, and what attention mixed are kept for all rows.
 */
#include "encode/work.h"

#include <math.h>

#include "encode/packed.h"
#include "encode/spread.h"

#define ROWS_MIN 4  /* of a block: a tile of the smallest kernels */
#define ROWS     48 /* of a block: its activations stay in L2 while the weights pass by */

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
    enc_room *const rooms[] = {&w->x,       &w->qkv,     &w->mixed,
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
    const enc_model *m;
    const enc_config *c;
    const enc_kern *kern;
    const enc_packed_layer *packed;
    enc_work *w;
    const enc_batch *b;
    const enc_tap *tap;
    size_t n_most;                   /* tokens of the longest text */
    size_t attn_slots, attn_scratch; /* floats of each slot */
    size_t n_blocks;                 /* of rows */
    size_t block_slots, block_scratch;
    size_t layer; /* that is being finished: 0, the embeddings, .. L */
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

/* Scratch of a block of rows, in floats: the inner layer, the left side of a product and
 * what belongs to its rows. */
static size_t block_scratch(const enc_config *c)
{
    const size_t most = c->hidden > c->inner ? c->hidden : c->inner;
    return ROWS * (c->inner + enc_panel_steps(ENC_F32, most) + 2);
}

/* How the two waves are cut, and room for them. */
static bool plan(run *r)
{
    const enc_config *c = r->c;
    const size_t T = r->b->n_tokens, D = c->hidden;
    const double rows_flop = 4.0 * (double)T * (double)D * (double)(2 * D + c->inner);
    double attn_flop = 0.0;
    for (size_t t = 0; t < r->b->n_texts; t++) {
        size_t n = r->b->start[t + 1] - r->b->start[t];
        r->n_most = n > r->n_most ? n : r->n_most;
        attn_flop += 4.0 * (double)n * (double)n * (double)D;
    }
    bool is_watched = r->tap != NULL && r->tap->attention != NULL;
    r->attn_slots =
        is_watched ? 1 : enc_spread_slots(r->b->n_texts * c->n_heads, attn_flop);
    r->attn_scratch = enc_attn_scratch(r->n_most, D / c->n_heads);
    r->block_slots = enc_spread_slots(T / ROWS_MIN, rows_flop);
    r->block_scratch = block_scratch(c);
    r->n_blocks = (T + ROWS - 1) / ROWS; /* the same number for each slot */
    r->n_blocks += (r->block_slots - r->n_blocks % r->block_slots) % r->block_slots;
    size_t attn, block;
    return enc_mem_mul(r->attn_slots, r->attn_scratch, &attn) &&
           enc_mem_mul(r->block_slots, r->block_scratch, &block) &&
           enc_room_grow(&r->w->scratch, attn > block ? attn : block) &&
           grow_array(&r->w->x, T, D) && grow_array(&r->w->qkv, T, 3 * D) &&
           grow_array(&r->w->mixed, T, D) &&
           (!is_watched || grow_array(&r->w->weights, r->n_most, r->n_most));
}

/* -- Attention: text by text, head by head ---------------------------------------------
 */

static void attend(void *arg, size_t item, size_t slot)
{
    const run *r = arg;
    const size_t D = r->c->hidden, H = r->c->n_heads, dims = D / H;
    const size_t text = item / H, head = item % H, row = r->b->start[text];
    const bool is_watched = r->tap != NULL && r->tap->attention != NULL;
    const float *q = r->w->qkv.at + row * 3 * D + head * dims;
    const enc_attn a = {.q = q,
                        .k = q + D,
                        .v = q + 2 * D,
                        .out = r->w->mixed.at + row * D + head * dims,
                        .n = r->b->start[text + 1] - row,
                        .head_dims = dims,
                        .stride = 3 * D,
                        .out_stride = D,
                        .scale = (float)(1.0 / sqrt((double)dims)),
                        .weights = is_watched ? r->w->weights.at : NULL,
                        .scratch = r->w->scratch.at + slot * r->attn_scratch};
    r->kern->attention(&a);
    if (is_watched)
        r->tap->attention(r->tap->arg, r->layer + 1, text, head, a.weights, a.n);
}

/* -- All else: block of rows by block of rows -------------------------------------------
 */

typedef struct block {
    const run *r;
    size_t row, n_rows;
    float *x;     /* n_rows x D: the hidden states of the block */
    float *inner; /* n_rows x inner */
    void *left;   /* n_rows of a product's left side */
    float *scale, *least;
} block;

static block block_of(const run *r, size_t item, size_t slot)
{
    const size_t T = r->b->n_tokens, row = T * item / r->n_blocks;
    block b = {.r = r, .row = row, .n_rows = T * (item + 1) / r->n_blocks - row};
    b.x = r->w->x.at + row * r->c->hidden;
    b.scale = r->w->scratch.at + slot * r->block_scratch;
    b.least = b.scale + ROWS;
    b.inner = b.least + ROWS;
    b.left = b.inner + ROWS * r->c->inner;
    return b;
}

/* Rows of floats as the left side of a product with w. */
static enc_left left_of(const block *b, const float *x, const enc_panels *w)
{
    const enc_kern *kern = b->r->kern;
    if (w->dtype == ENC_F32) return (enc_left){x, w->k * sizeof *x, NULL, NULL};
    const size_t stride = w->n_steps * 4;
    uint8_t *to = b->left;
    for (size_t i = 0; i < b->n_rows; i++, to += stride, x += w->k) {
        if (w->dtype == ENC_I8) kern->to_u8(to, x, w->k, &b->scale[i], &b->least[i]);
        else kern->to_bf16((uint16_t *)(void *)to, x, w->k);
    }
    return (enc_left){b->left, stride, b->scale, b->least};
}

/* y = act(x w) + add; rows of y are y_stride apart. */
static void apply(const block *b, enc_left x, const enc_panels *w, int act,
                  const float *add, float *y, size_t y_stride)
{
    const enc_affine a = {.x = x,
                          .n_rows = b->n_rows,
                          .w = w,
                          .add = add,
                          .y = y,
                          .y_stride = y_stride,
                          .act = act};
    enc_affine_run(b->r->kern, &a, 0, w->n_panels);
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

static void embed(const block *b)
{
    const enc_batch *batch = b->r->b;
    const enc_weights *w = &b->r->m->weights;
    const size_t D = b->r->c->hidden;
    size_t text = 0;
    for (size_t i = b->row; i < b->row + b->n_rows; i++) {
        float *x = b->r->w->x.at + i * D;
        while (batch->start[text + 1] <= i) text++;
        enc_mat_row(&w->word, (size_t)batch->id[i], x);
        add_row(&w->position, i - batch->start[text], x);
        add_row(&w->segment, batch->segment[i], x);
    }
    b->r->kern->layernorm(b->x, b->x, &w->emb_norm, b->r->c->norm_eps, b->n_rows, D);
}

/* From what attention mixed to the hidden states behind the layer. */
static void finish_layer(const block *b, const enc_layer *l, const enc_packed_layer *p)
{
    const run *r = b->r;
    const enc_config *c = r->c;
    const size_t D = c->hidden;
    const float *mixed = r->w->mixed.at + b->row * D;

    apply(b, left_of(b, mixed, &p->attn_out), &p->attn_out, ENC_ACT_NONE, b->x, b->x, D);
    r->kern->layernorm(b->x, b->x, &l->attn_norm, c->norm_eps, b->n_rows, D);
    apply(b, left_of(b, b->x, &p->up), &p->up, (int)c->act, NULL, b->inner, c->inner);
    apply(b, left_of(b, b->inner, &p->down), &p->down, ENC_ACT_NONE, b->x, b->x, D);
    r->kern->layernorm(b->x, b->x, &l->out_norm, c->norm_eps, b->n_rows, D);
}

static void run_block(void *arg, size_t item, size_t slot)
{
    const run *r = arg;
    const size_t D = r->c->hidden;
    const block b = block_of(r, item, slot);
    if (r->layer == 0) embed(&b);
    else finish_layer(&b, &r->m->weights.layers[r->layer - 1], &r->packed[r->layer - 1]);
    if (r->layer == r->c->n_layers) return;
    const enc_panels *qkv = &r->packed[r->layer].qkv;
    apply(&b, left_of(&b, b.x, qkv), qkv, ENC_ACT_NONE, NULL,
          r->w->qkv.at + b.row * 3 * D, 3 * D);
}

enc_rc enc_fwd_run(const enc_model *m, enc_work *w, const enc_batch *b,
                   const enc_tap *tap, const float **hidden, enc_err *e)
{
    run r = {.m = m, .c = &m->config, .kern = enc_kern_of(m), .w = w, .b = b, .tap = tap};
    *hidden = NULL;
    enc_rc rc = check_batch(r.c, b, e);
    if (rc) return rc;
    if (b->n_tokens == 0) return ENC_OK;
    if ((rc = enc_packed_get(m, &r.packed, e))) return rc;
    if (!plan(&r)) return enc_nomem(e);
    for (;; r.layer++) {
        enc_spread_run(r.block_slots, r.n_blocks, run_block, &r);
        if (tap != NULL && tap->hidden != NULL) tap->hidden(tap->arg, r.layer, w->x.at);
        if (r.layer == r.c->n_layers) break;
        if (tap != NULL && tap->stop != NULL && tap->stop(tap->arg))
            return enc_fail(e, ENC_INTERRUPT, "interrupted before layer %zu of %zu",
                            r.layer + 1, r.c->n_layers);
        enc_spread_run(r.attn_slots, b->n_texts * r.c->n_heads, attend, &r);
    }
    *hidden = w->x.at;
    return ENC_OK;
}
