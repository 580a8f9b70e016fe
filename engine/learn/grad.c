/* grad.c - see grad.h. The derivatives are those of the equations in fwd.h; for
 * attention,
 *
 *     S = softmax(Q K' s),  C = S V:   dV = S' dC,  dS = dC V',
 *     dZ = S * (dS - rowsum(dS * S)) s,  dQ = dZ K,  dK = dZ' Q.
 */
#include "learn/grad.h"

#include <math.h>
#include <string.h>

#include "learn/gemm.h"

typedef struct rows { /* tokens of the batch, text by text: what a layer is asked for */
    size_t n;
    const size_t *start; /* n_texts + 1: where each text's begin */
    const uint32_t *at;  /* n: the tokens, ascending; NULL: all tokens */
} rows;

typedef struct layer_kept {    /* what one layer keeps for the way back; R: its rows */
    const rows *of;            /* &all, or &read in the last layer */
    float *q, *kv;             /* R x D, T x 2D: queries; keys and values, side by side */
    float *probs;              /* for each text and head rows x tokens, end to end */
    float *ctx;                /* R x D: the heads' outputs */
    float *xhat1, *rstd1, *y1; /* R x D, R, R x D: after attention */
    float *u, *g;              /* R x inner: before and after GELU */
    float *xhat2, *rstd2,
        *y2; /* after the feed-forward layer; y2 is the layer's output */
} layer_kept;

struct enc_pass {
    const enc_params *p;
    const enc_elem *elem;
    const enc_batch *batch;
    bool bf16;
    enc_stop *stop; /* NULL: nobody says so */
    enc_gemm_room room;
    rows all, read;            /* read is all where the loss reads every token */
    size_t n_bytes;            /* of block */
    char *block;               /* everything below */
    uint32_t *read_at;         /* T */
    size_t *read_start;        /* n_texts + 1 */
    float *xhat0, *rstd0, *y0; /* the embeddings' norm and output */
    layer_kept layers[ENC_LAYERS_MAX];
    float *x_read;    /* R x D: the last layer's input at its rows */
    float *hidden;    /* T x D: its output, zero elsewhere */
    float *by_hidden; /* T x D */
    float *d1, *d2;   /* T x D: derivatives on the way */
    float *du;        /* T x inner */
    float *dq, *dkv;  /* T x D, T x 2D */
    float *dprobs;    /* n x n of the longest text */
};

enc_rc enc_pass_new(enc_pass **out, const enc_params *p, const enc_elem *elem, bool bf16,
                    enc_err *e)
{
    enc_pass *s = enc_mem_zero(sizeof *s);
    *out = s;
    if (s == NULL) return enc_nomem(e);
    s->p = p;
    s->elem = elem;
    s->bf16 = bf16;
    if (p->config.act != ENC_GELU)
        return enc_fail(e, ENC_UNSUPPORTED, "training needs hidden_act gelu");
    enc_gemm_open();
    return enc_gemm_room_init(&s->room, e);
}

void enc_pass_heed(enc_pass *s, enc_stop *stop)
{
    s->stop = stop;
}

void enc_pass_free(enc_pass *s)
{
    if (s == NULL) return;
    enc_mem_free(s->block);
    enc_gemm_room_clear(&s->room);
    enc_mem_free(s);
}

/* Hands out pieces of one block; with base NULL it only counts. */
typedef struct carver {
    char *base;
    size_t used;
} carver;

static void *carve(carver *c, size_t n, size_t size)
{
    void *at = c->base != NULL ? c->base + c->used : NULL;
    c->used += (n * size + 63) & ~(size_t)63;
    return at;
}

static float *carve_floats(carver *c, size_t n)
{
    return carve(c, n, sizeof(float));
}

typedef struct extent { /* of a batch, or of the largest there will be */
    size_t n_texts, n_tokens, n_read;
    size_t n_squares, n_read_squares; /* sums over texts: n * n, and rows read * n */
    size_t n_longest;
} extent;

static void carve_layer(enc_pass *s, size_t i, const extent *x, carver *c)
{
    const enc_config *k = &s->p->config;
    bool is_last = i + 1 == k->n_layers;
    size_t T = x->n_tokens, R = is_last ? x->n_read : T, D = k->hidden;
    s->layers[i] = (layer_kept){
        .of = is_last ? &s->read : &s->all,
        .q = carve_floats(c, R * D),
        .kv = carve_floats(c, T * 2 * D),
        .probs =
            carve_floats(c, k->n_heads * (is_last ? x->n_read_squares : x->n_squares)),
        .ctx = carve_floats(c, R * D),
        .xhat1 = carve_floats(c, R * D),
        .rstd1 = carve_floats(c, R),
        .y1 = carve_floats(c, R * D),
        .u = carve_floats(c, R * k->inner),
        .g = carve_floats(c, R * k->inner),
        .xhat2 = carve_floats(c, R * D),
        .rstd2 = carve_floats(c, R),
        .y2 = carve_floats(c, R * D),
    };
}

static void carve_all(enc_pass *s, const extent *x, carver *c)
{
    const enc_config *k = &s->p->config;
    size_t T = x->n_tokens, D = k->hidden;
    s->read_at = carve(c, T, sizeof *s->read_at);
    s->read_start = carve(c, x->n_texts + 1, sizeof *s->read_start);
    s->xhat0 = carve_floats(c, T * D);
    s->rstd0 = carve_floats(c, T);
    s->y0 = carve_floats(c, T * D);
    for (size_t i = 0; i < k->n_layers; i++) carve_layer(s, i, x, c);
    s->x_read = carve_floats(c, x->n_read * D);
    s->hidden = carve_floats(c, T * D);
    s->by_hidden = carve_floats(c, T * D);
    s->d1 = carve_floats(c, T * D);
    s->d2 = carve_floats(c, T * D);
    s->du = carve_floats(c, T * k->inner);
    s->dq = carve_floats(c, T * D);
    s->dkv = carve_floats(c, T * 2 * D);
    s->dprobs = carve_floats(c, x->n_longest * x->n_longest);
}

static enc_rc make_room(enc_pass *s, const extent *x, enc_err *e)
{
    carver c = {NULL, 0};
    carve_all(s, x, &c);
    if (c.used > s->n_bytes) {
        enc_mem_free(s->block);
        s->n_bytes = 0;
        s->block = enc_mem_alloc(c.used);
        if (s->block == NULL) return enc_nomem(e);
        s->n_bytes = c.used;
    }
    c = (carver){s->block, 0};
    carve_all(s, x, &c);
    return ENC_OK;
}

enc_rc enc_pass_plan(enc_pass *s, size_t n_tokens, size_t n_longest, enc_err *e)
{
    const extent most = {
        n_tokens, n_tokens, n_tokens, n_tokens * n_longest, n_tokens * n_longest,
        n_longest};
    return make_room(s, &most, e);
}

/* Counts a batch and what is read of it. */
static extent measure(const enc_batch *b, const uint8_t *is_read)
{
    extent x = {.n_texts = b->n_texts, .n_tokens = b->n_tokens};
    for (size_t i = 0; i < b->n_texts; i++) {
        size_t n = b->start[i + 1] - b->start[i], n_read = 0;
        for (size_t t = b->start[i]; t < b->start[i + 1]; t++)
            n_read += is_read == NULL || is_read[t] != 0;
        x.n_squares += n * n;
        x.n_read_squares += n_read * n;
        x.n_read += n_read;
        x.n_longest = n > x.n_longest ? n : x.n_longest;
    }
    return x;
}

static void list_rows(enc_pass *s, const uint8_t *is_read)
{
    const enc_batch *b = s->batch;
    size_t n = 0;
    s->all = s->read = (rows){b->n_tokens, b->start, NULL};
    if (is_read == NULL) return;
    for (size_t i = 0; i < b->n_texts; i++) {
        s->read_start[i] = n;
        for (size_t t = b->start[i]; t < b->start[i + 1]; t++)
            if (is_read[t] != 0) s->read_at[n++] = (uint32_t)t;
    }
    s->read_start[b->n_texts] = n;
    s->read = (rows){n, s->read_start, s->read_at};
}

/* Row i of `to` = row at[i] of `from`; and back, the other rows zero. */
static void gather(float *to, const float *from, const rows *r, size_t D)
{
    for (size_t i = 0; i < r->n; i++)
        memcpy(to + i * D, from + r->at[i] * D, D * sizeof *to);
}

static void scatter(float *to, const float *from, const rows *r, size_t T, size_t D)
{
    memset(to, 0, T * D * sizeof *to);
    for (size_t i = 0; i < r->n; i++)
        memcpy(to + r->at[i] * D, from + i * D, D * sizeof *to);
}

/* y (R x N) = x (R x K) W^T; W as stored, N x K. True, as below: told to stop. */
static bool times_weight(enc_pass *s, float *y, size_t y_stride, const float *x,
                         const enc_mat *w, size_t R)
{
    const enc_gemm g = {.room = &s->room,
                        .bf16 = s->bf16,
                        .a = x,
                        .b = w->data,
                        .c = y,
                        .m = R,
                        .n = w->rows,
                        .k = w->cols,
                        .lda = w->cols,
                        .ldb = w->cols,
                        .ldc = y_stride,
                        .b_trans = true};
    return enc_gemm_run_asking(&g, s->stop);
}

typedef struct linear_back_of { /* R rows of a linear layer */
    const float *dy;            /* R x N, rows dy_stride apart */
    const float *x;             /* R x K */
    float *dx;                  /* R x K */
    size_t R, dy_stride;
    float keep;
} linear_back_of;

/* dx = dy W + keep dx; dW += dy^T x; db += rows of dy. */
static bool linear_back(enc_pass *s, const enc_linear *l, const linear_back_of *o,
                        float *grad)
{
    size_t N = l->w.rows, K = l->w.cols;
    const enc_gemm to_x = {.room = &s->room,
                           .bf16 = s->bf16,
                           .a = o->dy,
                           .b = l->w.data,
                           .c = o->dx,
                           .m = o->R,
                           .n = K,
                           .k = N,
                           .lda = o->dy_stride,
                           .ldb = K,
                           .ldc = K,
                           .keep = o->keep};
    const enc_gemm to_w = {.room = &s->room,
                           .bf16 = s->bf16,
                           .a = o->dy,
                           .b = o->x,
                           .c = enc_params_in(s->p, grad, l->w.data),
                           .m = N,
                           .n = K,
                           .k = o->R,
                           .lda = o->dy_stride,
                           .ldb = K,
                           .ldc = K,
                           .a_trans = true,
                           .keep = 1.0f};
    if (enc_gemm_run_asking(&to_x, s->stop) || enc_gemm_run_asking(&to_w, s->stop))
        return true;
    s->elem->sum_rows(enc_params_in(s->p, grad, l->b), o->dy, o->dy_stride, o->R, N);
    return false;
}

/* Token t's row of a table of segments, as encode/fwd.c takes it: a model may have one
 * for all, or none. */
static size_t segment_at(const enc_pass *s, size_t t)
{
    const enc_config *c = &s->p->config;
    return c->n_segments > 1 ? s->batch->segment[t] * c->hidden : 0;
}

static void embed(enc_pass *s)
{
    const enc_weights *w = &s->p->w;
    const enc_batch *b = s->batch;
    size_t D = s->p->config.hidden;
    const float *word = w->word.data, *position = w->position.data,
                *segment = w->segment.data;
    for (size_t i = 0; i < b->n_texts; i++)
        for (size_t t = b->start[i]; t < b->start[i + 1]; t++) {
            float *x = s->xhat0 + t * D;
            memcpy(x, word + (size_t)b->id[t] * D, D * sizeof *x);
            s->elem->add(x, position + (t - b->start[i]) * D, D);
            if (segment != NULL) s->elem->add(x, segment + segment_at(s, t), D);
        }
    s->elem->norm(s->y0, s->xhat0, s->rstd0, s->xhat0, NULL, NULL, w->emb_norm.gain,
                  w->emb_norm.bias, s->p->config.norm_eps, b->n_tokens, D);
}

static void embed_back(enc_pass *s, float *d, float *grad)
{
    const enc_weights *w = &s->p->w;
    const enc_batch *b = s->batch;
    size_t D = s->p->config.hidden;
    s->elem->norm_back(d, d, s->xhat0, s->rstd0, w->emb_norm.gain,
                       enc_params_in(s->p, grad, w->emb_norm.gain),
                       enc_params_in(s->p, grad, w->emb_norm.bias), b->n_tokens, D);
    float *word = enc_params_in(s->p, grad, w->word.data);
    float *position = enc_params_in(s->p, grad, w->position.data);
    float *segment =
        w->segment.data != NULL ? enc_params_in(s->p, grad, w->segment.data) : NULL;
    for (size_t i = 0; i < b->n_texts; i++)
        for (size_t t = b->start[i]; t < b->start[i + 1]; t++) {
            s->elem->add(word + (size_t)b->id[t] * D, d + t * D, D);
            s->elem->add(position + (t - b->start[i]) * D, d + t * D, D);
            if (segment != NULL) s->elem->add(segment + segment_at(s, t), d + t * D, D);
        }
}

static bool attend(enc_pass *s, layer_kept *k)
{
    const enc_batch *b = s->batch;
    size_t D = s->p->config.hidden, H = s->p->config.n_heads, d = D / H;
    float scale = 1.0f / sqrtf((float)d), *probs = k->probs;
    enc_gemm g = {.room = &s->room, .bf16 = s->bf16};
    for (size_t i = 0; i < b->n_texts; i++) {
        size_t n = b->start[i + 1] - b->start[i], from = k->of->start[i];
        size_t m = k->of->start[i + 1] - from;
        for (size_t h = 0; h < H; h++, probs += m * n) {
            const float *key = k->kv + b->start[i] * 2 * D + h * d;
            g.m = m;
            g.a = k->q + from * D + h * d, g.lda = D, g.k = d;
            g.b = key, g.ldb = 2 * D, g.b_trans = true;
            g.c = probs, g.ldc = g.n = n;
            if (enc_gemm_run_asking(&g, s->stop)) return true;
            s->elem->softmax(probs, scale, m, n);
            g.a = probs, g.lda = g.k = n;
            g.b = key + D, g.b_trans = false;
            g.c = k->ctx + from * D + h * d, g.ldc = D, g.n = d;
            if (enc_gemm_run_asking(&g, s->stop)) return true;
        }
    }
    return false;
}

typedef struct head { /* of one text, on the way back */
    size_t m, n;      /* its rows and its tokens */
    const float *probs, *dctx, *q, *key;
    float *dq, *dkey;
} head;

static bool head_back(enc_pass *s, const head *o, size_t D, size_t d)
{
    float scale = 1.0f / sqrtf((float)d), *dz = s->dprobs;
    size_t m = o->m, n = o->n;
    enc_gemm g = {.room = &s->room, .bf16 = s->bf16};
    g.a = o->probs, g.lda = g.m = n, g.k = m, g.a_trans = true; /* dV = S' dC */
    g.b = o->dctx, g.ldb = D, g.n = d;
    g.c = o->dkey + D, g.ldc = 2 * D;
    if (enc_gemm_run_asking(&g, s->stop)) return true;
    g.a = o->dctx, g.lda = D, g.m = m, g.k = d, g.a_trans = false; /* dS = dC V' */
    g.b = o->key + D, g.ldb = 2 * D, g.b_trans = true;
    g.c = dz, g.ldc = g.n = n;
    if (enc_gemm_run_asking(&g, s->stop)) return true;
    s->elem->softmax_back(dz, o->probs, scale, m, n);
    g.a = dz, g.lda = g.k = n; /* dQ = dZ K */
    g.b = o->key, g.b_trans = false, g.n = d;
    g.c = o->dq, g.ldc = D;
    if (enc_gemm_run_asking(&g, s->stop)) return true;
    g.m = n, g.k = m, g.a_trans = true; /* dK = dZ' Q */
    g.b = o->q, g.ldb = D;
    g.c = o->dkey, g.ldc = 2 * D;
    return enc_gemm_run_asking(&g, s->stop);
}

/* dctx (R x D) -> s->dq and s->dkv. */
static bool attend_back(enc_pass *s, const layer_kept *k, const float *dctx)
{
    const enc_batch *b = s->batch;
    size_t D = s->p->config.hidden, H = s->p->config.n_heads, d = D / H;
    const float *probs = k->probs;
    for (size_t i = 0; i < b->n_texts; i++) {
        size_t n = b->start[i + 1] - b->start[i], from = k->of->start[i];
        size_t m = k->of->start[i + 1] - from;
        for (size_t h = 0; h < H; h++, probs += m * n) {
            size_t at = from * D + h * d, at_kv = b->start[i] * 2 * D + h * d;
            const head one = {m,          n,
                              probs,      dctx + at,
                              k->q + at,  k->kv + at_kv,
                              s->dq + at, s->dkv + at_kv};
            if (head_back(s, &one, D, d)) return true;
        }
    }
    return false;
}

/* y (R x N, rows y_stride apart) = x W^T + b. */
static bool project(enc_pass *s, float *y, size_t y_stride, const float *x,
                    const enc_linear *l, size_t R)
{
    if (times_weight(s, y, y_stride, x, &l->w, R)) return true;
    for (size_t t = 0; t < R; t++) s->elem->add(y + t * y_stride, l->b, l->w.rows);
    return false;
}

/* x (T x D) at the rows of a layer: itself, or s->x_read. */
static const float *at_rows(const enc_pass *s, const rows *r, const float *x)
{
    return r->at == NULL ? x : s->x_read;
}

static bool layer_forward(enc_pass *s, const enc_layer *l, layer_kept *k, const float *x)
{
    const enc_config *c = &s->p->config;
    size_t T = s->batch->n_tokens, R = k->of->n, D = c->hidden;
    if (k->of->at != NULL) gather(s->x_read, x, k->of, D);
    const float *x_rows = at_rows(s, k->of, x);
    if (project(s, k->q, D, x_rows, &l->query, R) ||
        project(s, k->kv, 2 * D, x, &l->key, T) ||
        project(s, k->kv + D, 2 * D, x, &l->value, T) || attend(s, k) ||
        times_weight(s, k->xhat1, D, k->ctx, &l->attn_out.w, R))
        return true;
    s->elem->norm(k->y1, k->xhat1, k->rstd1, k->xhat1, l->attn_out.b, x_rows,
                  l->attn_norm.gain, l->attn_norm.bias, c->norm_eps, R, D);
    if (times_weight(s, k->u, c->inner, k->y1, &l->up.w, R)) return true;
    s->elem->gelu(k->g, k->u, l->up.b, R, c->inner);
    if (times_weight(s, k->xhat2, D, k->g, &l->down.w, R)) return true;
    s->elem->norm(k->y2, k->xhat2, k->rstd2, k->xhat2, l->down.b, k->y1, l->out_norm.gain,
                  l->out_norm.bias, c->norm_eps, R, D);
    return false;
}

/* s->d1: by the layer's output on entry (R x D), by its input x on return (T x D). */
static bool layer_back(enc_pass *s, const enc_layer *l, const layer_kept *k,
                       const float *x, float *grad)
{
    const enc_params *p = s->p;
    size_t T = s->batch->n_tokens, R = k->of->n, D = p->config.hidden,
           N = p->config.inner;
    const float *x_rows = at_rows(s, k->of, x);
    s->elem->norm_back(s->d1, s->d1, k->xhat2, k->rstd2, l->out_norm.gain,
                       enc_params_in(p, grad, l->out_norm.gain),
                       enc_params_in(p, grad, l->out_norm.bias), R, D);
    const linear_back_of down = {s->d1, k->g, s->du, R, D, 0.0f};
    if (linear_back(s, &l->down, &down, grad)) return true;
    s->elem->gelu_back(s->du, k->u, R * N);
    const linear_back_of up = {s->du, k->y1, s->d1, R, N, 1.0f};
    if (linear_back(s, &l->up, &up, grad)) return true;

    s->elem->norm_back(s->d1, s->d1, k->xhat1, k->rstd1, l->attn_norm.gain,
                       enc_params_in(p, grad, l->attn_norm.gain),
                       enc_params_in(p, grad, l->attn_norm.bias), R, D);
    const linear_back_of out = {s->d1, k->ctx, s->d2, R, D, 0.0f};
    const linear_back_of query = {s->dq, x_rows, s->d1, R, D, 1.0f};
    if (linear_back(s, &l->attn_out, &out, grad) || attend_back(s, k, s->d2) ||
        linear_back(s, &l->query, &query, grad))
        return true;
    if (k->of->at != NULL) {
        float *by_rows = s->d1;
        scatter(s->d2, by_rows, k->of, T, D);
        s->d1 = s->d2;
        s->d2 = by_rows;
    }
    const linear_back_of key = {s->dkv, x, s->d1, T, 2 * D, 1.0f};
    const linear_back_of value = {s->dkv + D, x, s->d1, T, 2 * D, 1.0f};
    return linear_back(s, &l->key, &key, grad) || linear_back(s, &l->value, &value, grad);
}

static const float *layer_input(const enc_pass *s, size_t layer)
{
    return layer == 0 ? s->y0 : s->layers[layer - 1].y2;
}

enc_rc enc_pass_forward(enc_pass *s, const enc_batch *b, const uint8_t *is_read,
                        enc_err *e)
{
    size_t L = s->p->config.n_layers, T = b->n_tokens, D = s->p->config.hidden;
    extent x = measure(b, is_read);
    enc_rc rc = make_room(s, &x, e);
    if (rc != ENC_OK) return rc;
    s->batch = b;
    list_rows(s, is_read);
    embed(s);
    for (size_t i = 0; i < L; i++)
        if (layer_forward(s, &s->p->w.layers[i], &s->layers[i], layer_input(s, i)))
            return enc_stop_rc(s->stop, e);
    if (is_read != NULL) scatter(s->hidden, layer_input(s, L), &s->read, T, D);
    memset(s->by_hidden, 0, T * D * sizeof *s->by_hidden);
    return ENC_OK;
}

const enc_batch *enc_pass_batch(const enc_pass *s)
{
    return s->batch;
}

const float *enc_pass_hidden(const enc_pass *s)
{
    return s->read.at != NULL ? s->hidden : layer_input(s, s->p->config.n_layers);
}

size_t enc_pass_width(const enc_pass *s)
{
    return s->p->config.hidden;
}

unsigned enc_pass_pooling(const enc_pass *s)
{
    return s->p->config.pooling;
}

float *enc_pass_by_hidden(enc_pass *s)
{
    return s->by_hidden;
}

enc_rc enc_pass_backward(enc_pass *s, float *grad, enc_err *e)
{
    size_t T = s->batch->n_tokens, D = s->p->config.hidden;
    if (s->read.at != NULL) gather(s->d1, s->by_hidden, &s->read, D);
    else memcpy(s->d1, s->by_hidden, T * D * sizeof *s->d1);
    for (size_t i = s->p->config.n_layers; i-- > 0;)
        if (layer_back(s, &s->p->w.layers[i], &s->layers[i], layer_input(s, i), grad))
            return enc_stop_rc(s->stop, e);
    embed_back(s, s->d1, grad);
    return ENC_OK;
}
