/* fwd.c - see fwd.h. Letters: T tokens of a batch, n of one text, D width, H heads, E
 * width of the embeddings.
 *
 * A layer is two waves of work. Attention takes texts and heads apart; all else takes
 * rows apart, so a block of rows goes from what attention gave to the queries, keys and
 * values of the next layer at once, while its activations are near. Only the hidden
 * states, the queries, keys and values, and what attention mixed are kept for all rows.
 */
#include "encode/work.h"

#include <math.h>

#include "encode/distance.h"
#include "encode/packed.h"
#include "encode/spread.h"

#define ROWS_MIN 4  /* of a block: a tile of the smallest kernels */
#define ROWS     48 /* of a block: its activations stay in L2 while the weights pass by */

typedef struct run { /* what the steps below share */
    const enc_model *m;
    const enc_config *c;
    const enc_kern *kern;
    const enc_packed *packed;
    enc_work *w;
    const enc_batch *b;
    const enc_tap *tap;
    bool is_watched;                 /* the tap sees attention */
    bool has_bias;                   /* scores have one, by distance */
    size_t n_most;                   /* tokens of the longest text */
    size_t head_dims;                /* D / H */
    size_t attn_slots, attn_scratch; /* floats of each slot */
    size_t n_blocks;                 /* of rows */
    size_t block_slots, block_scratch;
    size_t block_cols; /* of the widest rows within a block */
    size_t layer;      /* that is being finished: 0, the embeddings, .. L */
} run;

static enc_rc check_batch(const enc_config *c, const enc_batch *b, enc_err *e)
{
    const size_t n_positions = c->n_positions - c->position_offset;
    for (size_t t = 0; t < b->n_texts; t++) {
        size_t n = b->start[t + 1] - b->start[t];
        if (n > n_positions)
            return enc_fail(e, ENC_RANGE,
                            "text %zu has %zu tokens, the model has %zu positions", t, n,
                            n_positions);
    }
    for (size_t i = 0; i < b->n_tokens; i++) {
        if (b->id[i] < 0 || (size_t)b->id[i] >= c->n_vocab)
            return enc_fail(e, ENC_RANGE,
                            "token %zu is %ld, the vocabulary has %zu pieces", i,
                            (long)b->id[i], c->n_vocab);
        if (c->n_segments > 1 && b->segment[i] >= c->n_segments)
            return enc_fail(e, ENC_RANGE, "token %zu has segment %u, the model has %zu",
                            i, (unsigned)b->segment[i], c->n_segments);
    }
    return ENC_OK;
}

/* What attention needs to know of places. */
static bool plan_places(run *r)
{
    const enc_config *c = r->c;
    const size_t n = r->n_most;
    r->has_bias = c->has_alibi || c->n_buckets > 0;
    if (r->has_bias) {
        if (!enc_room_grow(&r->w->bias, c->n_heads, 2 * n - 1)) return false;
        enc_distance_bias(c, &r->m->weights, n, r->w->bias.at);
    }
    if (!(c->rope_theta > 0.0f)) return true;
    const float thetas[] = {c->rope_theta, c->rope_local_theta};
    for (size_t i = 0; i < (c->window > 0 ? 2 : 1); i++)
        if (!enc_rotary_grow(&r->w->rotary[i], thetas[i], c->rope_scale, c->rope_dims, n))
            return false;
    return true;
}

/* How the wave of attention is cut, and room for it. */
static bool plan_attention(run *r)
{
    const enc_config *c = r->c;
    const size_t T = r->b->n_tokens, D = c->hidden;
    double flop = 0.0;
    for (size_t t = 0; t < r->b->n_texts; t++) {
        size_t n = r->b->start[t + 1] - r->b->start[t];
        r->n_most = n > r->n_most ? n : r->n_most;
        flop += 4.0 * (double)n * (double)n * (double)D;
    }
    r->is_watched = r->tap != NULL && r->tap->attention != NULL;
    r->head_dims = D / c->n_heads;
    r->attn_slots =
        r->is_watched ? 1 : enc_spread_slots(r->b->n_texts * c->n_heads, flop);
    r->attn_scratch = enc_attn_scratch(r->n_most, r->head_dims);
    return plan_places(r) &&
           enc_room_grow(&r->w->scratch, r->attn_slots, r->attn_scratch) &&
           enc_room_grow(&r->w->qkv, T, 3 * D) && enc_room_grow(&r->w->mixed, T, D) &&
           (!r->is_watched || enc_room_grow(&r->w->weights, r->n_most, r->n_most));
}

/* How the wave of rows is cut, and room for it. */
static bool plan_rows(run *r)
{
    const enc_config *c = r->c;
    const size_t T = r->b->n_tokens, D = c->hidden;
    double flop = (double)D; /* of a row */
    if (c->n_layers > 0) {
        const double gate = r->packed->layers[0].gate.data != NULL ? 1.5 : 1.0;
        flop = 4.0 * (double)D * (2.0 * (double)D + gate * (double)c->inner);
    }
    r->block_slots = enc_spread_slots(T / ROWS_MIN, (double)T * flop);
    r->n_blocks = (T + ROWS - 1) / ROWS; /* the same number for each slot */
    r->n_blocks += (r->block_slots - r->n_blocks % r->block_slots) % r->block_slots;
    r->block_cols = c->inner > c->embedding ? c->inner : c->embedding;
    if (D > r->block_cols) r->block_cols = D;
    /* Two numbers of a row, what is within, what a norm gave, the left of a product. */
    r->block_scratch =
        ROWS * (2 + r->block_cols + D + enc_panel_steps(ENC_F32, r->block_cols));
    return enc_room_grow(&r->w->scratch, r->block_slots, r->block_scratch) &&
           enc_room_grow(&r->w->x, T, D);
}

static const enc_layer *layer_of(const run *r, size_t layer)
{
    return &r->m->weights.layers[r->c->is_shared ? 0 : layer];
}

static const enc_packed_layer *packed_of(const run *r, size_t layer)
{
    return &r->packed->layers[r->c->is_shared ? 0 : layer];
}

/* -- Attention: text by text, head by head ---------------------------------------------
 */

static void attend(void *arg, size_t item, size_t slot)
{
    const run *r = arg;
    const size_t D = r->c->hidden, H = r->c->n_heads, dims = r->head_dims;
    const size_t text = item / H, head = item % H, row = r->b->start[text];
    const size_t distances = 2 * r->n_most - 1; /* of the longest text */
    const float *q = r->w->qkv.at + row * 3 * D + head * dims;
    const enc_attn a = {
        .q = q,
        .k = q + D,
        .v = q + 2 * D,
        .out = r->w->mixed.at + row * D + head * dims,
        .n = r->b->start[text + 1] - row,
        .head_dims = dims,
        .stride = 3 * D,
        .out_stride = D,
        .scale = (float)(1.0 / sqrt((double)dims)),
        .bias = r->has_bias ? r->w->bias.at + head * distances + distances / 2 : NULL,
        .window = enc_config_is_global(r->c, r->layer) ? 0 : r->c->window,
        .weights = r->is_watched ? r->w->weights.at : NULL,
        .scratch = r->w->scratch.at + slot * r->attn_scratch};
    r->kern->attention(&a);
    if (r->is_watched)
        r->tap->attention(r->tap->arg, r->layer + 1, text, head, a.weights, a.n);
}

/* -- All else: block of rows by block of rows -------------------------------------------
 */

typedef struct block {
    const run *r;
    size_t row, n_rows;
    float *x;      /* n_rows x D: the hidden states of the block */
    float *inner;  /* n_rows x block_cols: within the feed-forward layer, and before x */
    float *normed; /* n_rows x D */
    void *left;    /* n_rows of a product's left side */
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
    b.left = b.inner + ROWS * r->block_cols;
    b.normed = (float *)b.left + ROWS * enc_panel_steps(ENC_F32, r->block_cols);
    return b;
}

/* The text that a row belongs to, `text` or one behind it. */
static size_t text_of(const enc_batch *b, size_t row, size_t text)
{
    while (b->start[text + 1] <= row) text++;
    return text;
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

/* The layer `a` for all rows of the block. */
static void apply(const block *b, enc_affine a)
{
    a.n_rows = b->n_rows;
    enc_affine_run(b->r->kern, &a, 0, a.w->n_panels);
}

/* Rows of x, cols wide, normalized in place where there is a norm. */
static void normalize(const block *b, const enc_layernorm *norm, float *x, size_t cols)
{
    const run *r = b->r;
    if (norm->gain != NULL)
        r->kern->layernorm(x, x, norm, r->c->norm_eps, b->n_rows, cols);
}

/* The hidden states as a part sees them that has a norm before it, or may have. */
static const float *seen_through(const block *b, const enc_layernorm *norm)
{
    const run *r = b->r;
    if (!r->c->is_prenorm || norm->gain == NULL) return b->x;
    r->kern->layernorm(b->normed, b->x, norm, r->c->norm_eps, b->n_rows, r->c->hidden);
    return b->normed;
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

/* A piece's vector; those of a static model may be shared and weighed. */
static void word_row(const enc_weights *w, size_t id, float *x)
{
    enc_mat_row(&w->word, w->word_vector != NULL ? (size_t)w->word_vector[id] : id, x);
    if (w->word_weight == NULL) return;
    for (size_t i = 0; i < w->word.cols; i++) x[i] *= w->word_weight[id];
}

static void embed(const block *b)
{
    const enc_config *c = b->r->c;
    const enc_batch *batch = b->r->b;
    const enc_weights *w = &b->r->m->weights;
    const enc_panels *project = &b->r->packed->project;
    const size_t E = w->word.cols;
    float *rows = project->data != NULL ? b->inner : b->x, *x = rows;
    size_t text = 0;
    for (size_t i = b->row; i < b->row + b->n_rows; i++, x += E) {
        text = text_of(batch, i, text);
        word_row(w, (size_t)batch->id[i], x);
        if (w->position.data != NULL)
            add_row(&w->position, i - batch->start[text] + c->position_offset, x);
        if (w->segment.data != NULL)
            add_row(&w->segment, c->n_segments > 1 ? batch->segment[i] : 0, x);
    }
    normalize(b, &w->emb_norm, rows, E);
    if (project->data == NULL) return;
    apply(b, (enc_affine){.x = left_of(b, rows, project),
                          .w = project,
                          .y = b->x,
                          .y_stride = c->hidden,
                          .act = ENC_ACT_NONE});
}

/* Queries and keys of the block turned by their places. */
static void turn(const block *b, size_t layer)
{
    const run *r = b->r;
    const size_t D = r->c->hidden;
    const enc_rotary *rotary = &r->w->rotary[enc_config_is_global(r->c, layer) ? 0 : 1];
    size_t text = 0;
    for (size_t i = b->row; i < b->row + b->n_rows; i++) {
        text = text_of(r->b, i, text);
        enc_rotary_turn(rotary, i - r->b->start[text], r->w->qkv.at + i * 3 * D,
                        2 * r->c->n_heads, r->head_dims);
    }
}

/* From the hidden states to what a layer's attention takes. */
static void begin_layer(const block *b, size_t layer)
{
    const run *r = b->r;
    const size_t D = r->c->hidden;
    const enc_panels *qkv = &packed_of(r, layer)->qkv;
    const float *x = seen_through(b, &layer_of(r, layer)->attn_norm);
    apply(b, (enc_affine){.x = left_of(b, x, qkv),
                          .w = qkv,
                          .y = r->w->qkv.at + b->row * 3 * D,
                          .y_stride = 3 * D,
                          .act = ENC_ACT_NONE});
    if (r->c->rope_theta > 0.0f) turn(b, layer);
}

/* The hidden states plus a product. */
static void add_product(const block *b, const float *x, const enc_panels *w)
{
    apply(b, (enc_affine){.x = left_of(b, x, w),
                          .w = w,
                          .add = b->x,
                          .y = b->x,
                          .y_stride = b->r->c->hidden,
                          .act = ENC_ACT_NONE});
}

/* The feed-forward layer of x, added to the hidden states. */
static void feed_forward(const block *b, const enc_packed_layer *p, const float *x)
{
    const enc_config *c = b->r->c;
    const bool has_gate = p->gate.data != NULL;
    enc_affine a = {.x = left_of(b, x, &p->up),
                    .w = &p->up,
                    .y = b->inner,
                    .y_stride = c->inner,
                    .act = has_gate ? ENC_ACT_NONE : (int)c->act};
    apply(b, a);
    if (has_gate) {
        a.w = &p->gate;
        a.act = (int)c->act;
        a.mul = b->inner;
        apply(b, a);
    }
    add_product(b, b->inner, &p->down);
}

/* From what attention mixed to the hidden states behind the layer. */
static void finish_layer(const block *b, size_t layer)
{
    const run *r = b->r;
    const enc_layer *l = layer_of(r, layer);
    const enc_packed_layer *p = packed_of(r, layer);
    const size_t D = r->c->hidden;

    add_product(b, r->w->mixed.at + b->row * D, &p->attn_out);
    if (!r->c->is_prenorm) normalize(b, &l->attn_norm, b->x, D);
    feed_forward(b, p, seen_through(b, &l->out_norm));
    if (!r->c->is_prenorm) normalize(b, &l->out_norm, b->x, D);
    if (layer + 1 == r->c->n_layers) normalize(b, &r->m->weights.final_norm, b->x, D);
}

static void run_block(void *arg, size_t item, size_t slot)
{
    const run *r = arg;
    const block b = block_of(r, item, slot);
    if (r->layer == 0) embed(&b);
    else finish_layer(&b, r->layer - 1);
    if (r->layer < r->c->n_layers) begin_layer(&b, r->layer);
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
    if (!plan_rows(&r) || (r.c->n_layers > 0 && !plan_attention(&r))) return enc_nomem(e);
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
