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

typedef struct layer_kept {    /* what one layer keeps for the way back */
    float *qkv;                /* T x 3D */
    float *probs;              /* for each text and head n x n, end to end */
    float *ctx;                /* T x D: the heads' outputs */
    float *xhat1, *rstd1, *y1; /* T x D, T, T x D: after attention */
    float *u, *g;              /* T x inner: before and after GELU */
    float *xhat2, *rstd2,
        *y2; /* after the feed-forward layer; y2 is the layer's output */
} layer_kept;

struct enc_pass {
    const enc_params *p;
    const enc_elem *elem;
    const enc_batch *batch;
    enc_gemm_room *room, own_room; /* room is NULL or &own_room */
    size_t n_floats;               /* of block */
    float *block;                  /* everything below */
    float *xhat0, *rstd0, *y0;     /* the embeddings' norm and output */
    layer_kept layers[ENC_LAYERS_MAX];
    float *by_hidden; /* T x D */
    float *d1, *d2;   /* T x D: derivatives on the way */
    float *du;        /* T x inner */
    float *dqkv;      /* T x 3D */
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
    s->room = bf16 ? &s->own_room : NULL;
    if (p->config.act != ENC_GELU)
        return enc_fail(e, ENC_UNSUPPORTED, "training needs hidden_act gelu");
    return enc_gemm_open(e);
}

void enc_pass_free(enc_pass *s)
{
    if (s == NULL) return;
    enc_mem_free(s->block);
    enc_gemm_room_clear(&s->own_room);
    enc_mem_free(s);
}

/* Hands out pieces of one block; with base NULL it only counts. */
typedef struct carver {
    float *base;
    size_t used;
} carver;

static float *carve(carver *c, size_t n)
{
    float *at = c->base != NULL ? c->base + c->used : NULL;
    c->used += (n + 15) & ~(size_t)15;
    return at;
}

static void carve_all(enc_pass *s, carver *c)
{
    const enc_config *k = &s->p->config;
    const enc_batch *b = s->batch;
    size_t T = b->n_tokens, D = k->hidden, n_probs = 0, n_max = 0;
    for (size_t i = 0; i < b->n_texts; i++) {
        size_t n = b->start[i + 1] - b->start[i];
        n_probs += k->n_heads * n * n;
        n_max = n > n_max ? n : n_max;
    }
    s->xhat0 = carve(c, T * D);
    s->rstd0 = carve(c, T);
    s->y0 = carve(c, T * D);
    for (size_t i = 0; i < k->n_layers; i++)
        s->layers[i] = (layer_kept){
            .qkv = carve(c, T * 3 * D),
            .probs = carve(c, n_probs),
            .ctx = carve(c, T * D),
            .xhat1 = carve(c, T * D),
            .rstd1 = carve(c, T),
            .y1 = carve(c, T * D),
            .u = carve(c, T * k->inner),
            .g = carve(c, T * k->inner),
            .xhat2 = carve(c, T * D),
            .rstd2 = carve(c, T),
            .y2 = carve(c, T * D),
        };
    s->by_hidden = carve(c, T * D);
    s->d1 = carve(c, T * D);
    s->d2 = carve(c, T * D);
    s->du = carve(c, T * k->inner);
    s->dqkv = carve(c, T * 3 * D);
    s->dprobs = carve(c, n_max * n_max);
}

static enc_rc make_room(enc_pass *s, enc_err *e)
{
    carver c = {NULL, 0};
    carve_all(s, &c);
    if (c.used > s->n_floats) {
        enc_mem_free(s->block);
        s->n_floats = 0;
        s->block = enc_mem_array(c.used, sizeof *s->block);
        if (s->block == NULL) return enc_nomem(e);
        s->n_floats = c.used;
    }
    c = (carver){s->block, 0};
    carve_all(s, &c);
    return ENC_OK;
}

/* y (T x N) = x (T x K) W^T; W as stored, N x K. */
static void times_weight(enc_pass *s, float *y, size_t y_stride, const float *x,
                         const enc_mat *w, size_t T)
{
    enc_gemm_run(&(enc_gemm){.room = s->room,
                             .a = x,
                             .b = w->data,
                             .c = y,
                             .m = T,
                             .n = w->rows,
                             .k = w->cols,
                             .lda = w->cols,
                             .ldb = w->cols,
                             .ldc = y_stride,
                             .b_trans = true});
}

/* dx (T x K) = dy (T x N) W + keep dx; dW += dy^T x; db += rows of dy. */
static void linear_back(enc_pass *s, const enc_linear *l, const float *dy,
                        size_t dy_stride, const float *x, float *dx, float *grad,
                        float keep)
{
    size_t T = s->batch->n_tokens, N = l->w.rows, K = l->w.cols;
    enc_gemm_run(&(enc_gemm){.room = s->room,
                             .a = dy,
                             .b = l->w.data,
                             .c = dx,
                             .m = T,
                             .n = K,
                             .k = N,
                             .lda = dy_stride,
                             .ldb = K,
                             .ldc = K,
                             .keep = keep});
    enc_gemm_run(&(enc_gemm){.room = s->room,
                             .a = dy,
                             .b = x,
                             .c = enc_params_in(s->p, grad, l->w.data),
                             .m = N,
                             .n = K,
                             .k = T,
                             .lda = dy_stride,
                             .ldb = K,
                             .ldc = K,
                             .a_trans = true,
                             .keep = 1.0f});
    float *db = enc_params_in(s->p, grad, l->b);
    for (size_t t = 0; t < T; t++) s->elem->add(db, dy + t * dy_stride, N);
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
            s->elem->add(x, segment + b->segment[t] * D, D);
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
    float *segment = enc_params_in(s->p, grad, w->segment.data);
    for (size_t i = 0; i < b->n_texts; i++)
        for (size_t t = b->start[i]; t < b->start[i + 1]; t++) {
            s->elem->add(word + (size_t)b->id[t] * D, d + t * D, D);
            s->elem->add(position + (t - b->start[i]) * D, d + t * D, D);
            s->elem->add(segment + b->segment[t] * D, d + t * D, D);
        }
}

static void attend(enc_pass *s, layer_kept *k)
{
    const enc_batch *b = s->batch;
    size_t D = s->p->config.hidden, H = s->p->config.n_heads, d = D / H;
    float scale = 1.0f / sqrtf((float)d), *probs = k->probs;
    for (size_t i = 0; i < b->n_texts; i++) {
        size_t n = b->start[i + 1] - b->start[i];
        for (size_t h = 0; h < H; h++, probs += n * n) {
            const float *q = k->qkv + b->start[i] * 3 * D + h * d;
            enc_gemm_run(&(enc_gemm){.room = s->room,
                                     .a = q,
                                     .b = q + D,
                                     .c = probs,
                                     .m = n,
                                     .n = n,
                                     .k = d,
                                     .lda = 3 * D,
                                     .ldb = 3 * D,
                                     .ldc = n,
                                     .b_trans = true});
            s->elem->softmax(probs, scale, n);
            enc_gemm_run(&(enc_gemm){.room = s->room,
                                     .a = probs,
                                     .b = q + 2 * D,
                                     .c = k->ctx + b->start[i] * D + h * d,
                                     .m = n,
                                     .n = d,
                                     .k = n,
                                     .lda = n,
                                     .ldb = 3 * D,
                                     .ldc = D});
        }
    }
}

/* dctx (T x D) -> s->dqkv. */
static void attend_back(enc_pass *s, const layer_kept *k, const float *dctx)
{
    const enc_batch *b = s->batch;
    size_t D = s->p->config.hidden, H = s->p->config.n_heads, d = D / H;
    float scale = 1.0f / sqrtf((float)d), *dz = s->dprobs;
    const float *probs = k->probs;
    for (size_t i = 0; i < b->n_texts; i++) {
        size_t n = b->start[i + 1] - b->start[i];
        for (size_t h = 0; h < H; h++, probs += n * n) {
            const float *q = k->qkv + b->start[i] * 3 * D + h * d;
            const float *dc = dctx + b->start[i] * D + h * d;
            float *dq = s->dqkv + b->start[i] * 3 * D + h * d;
            enc_gemm_run(&(enc_gemm){.room = s->room,
                                     .a = probs,
                                     .b = dc,
                                     .c = dq + 2 * D,
                                     .m = n,
                                     .n = d,
                                     .k = n,
                                     .lda = n,
                                     .ldb = D,
                                     .ldc = 3 * D,
                                     .a_trans = true});
            enc_gemm_run(&(enc_gemm){.room = s->room,
                                     .a = dc,
                                     .b = q + 2 * D,
                                     .c = dz,
                                     .m = n,
                                     .n = n,
                                     .k = d,
                                     .lda = D,
                                     .ldb = 3 * D,
                                     .ldc = n,
                                     .b_trans = true});
            s->elem->softmax_back(dz, probs, scale, n);
            enc_gemm_run(&(enc_gemm){.room = s->room,
                                     .a = dz,
                                     .b = q + D,
                                     .c = dq,
                                     .m = n,
                                     .n = d,
                                     .k = n,
                                     .lda = n,
                                     .ldb = 3 * D,
                                     .ldc = 3 * D});
            enc_gemm_run(&(enc_gemm){.room = s->room,
                                     .a = dz,
                                     .b = q,
                                     .c = dq + D,
                                     .m = n,
                                     .n = d,
                                     .k = n,
                                     .lda = n,
                                     .ldb = 3 * D,
                                     .ldc = 3 * D,
                                     .a_trans = true});
        }
    }
}

static void layer_forward(enc_pass *s, const enc_layer *l, layer_kept *k, const float *x)
{
    const enc_config *c = &s->p->config;
    size_t T = s->batch->n_tokens, D = c->hidden;
    const enc_linear *in[3] = {&l->query, &l->key, &l->value};
    for (size_t i = 0; i < 3; i++) {
        times_weight(s, k->qkv + i * D, 3 * D, x, &in[i]->w, T);
        for (size_t t = 0; t < T; t++)
            s->elem->add(k->qkv + t * 3 * D + i * D, in[i]->b, D);
    }
    attend(s, k);
    times_weight(s, k->xhat1, D, k->ctx, &l->attn_out.w, T);
    s->elem->norm(k->y1, k->xhat1, k->rstd1, k->xhat1, l->attn_out.b, x,
                  l->attn_norm.gain, l->attn_norm.bias, c->norm_eps, T, D);
    times_weight(s, k->u, c->inner, k->y1, &l->up.w, T);
    s->elem->gelu(k->g, k->u, l->up.b, T, c->inner);
    times_weight(s, k->xhat2, D, k->g, &l->down.w, T);
    s->elem->norm(k->y2, k->xhat2, k->rstd2, k->xhat2, l->down.b, k->y1, l->out_norm.gain,
                  l->out_norm.bias, c->norm_eps, T, D);
}

/* s->d1: by the layer's output on entry, by its input x on return. */
static void layer_back(enc_pass *s, const enc_layer *l, const layer_kept *k,
                       const float *x, float *grad)
{
    const enc_params *p = s->p;
    size_t T = s->batch->n_tokens, D = p->config.hidden;
    const enc_linear *in[3] = {&l->query, &l->key, &l->value};
    s->elem->norm_back(s->d1, s->d1, k->xhat2, k->rstd2, l->out_norm.gain,
                       enc_params_in(p, grad, l->out_norm.gain),
                       enc_params_in(p, grad, l->out_norm.bias), T, D);
    linear_back(s, &l->down, s->d1, D, k->g, s->du, grad, 0.0f);
    s->elem->gelu_back(s->du, k->u, T * p->config.inner);
    linear_back(s, &l->up, s->du, p->config.inner, k->y1, s->d1, grad, 1.0f);

    s->elem->norm_back(s->d1, s->d1, k->xhat1, k->rstd1, l->attn_norm.gain,
                       enc_params_in(p, grad, l->attn_norm.gain),
                       enc_params_in(p, grad, l->attn_norm.bias), T, D);
    linear_back(s, &l->attn_out, s->d1, D, k->ctx, s->d2, grad, 0.0f);
    attend_back(s, k, s->d2);
    for (size_t i = 0; i < 3; i++)
        linear_back(s, in[i], s->dqkv + i * D, 3 * D, x, s->d1, grad, 1.0f);
}

static const float *layer_input(const enc_pass *s, size_t layer)
{
    return layer == 0 ? s->y0 : s->layers[layer - 1].y2;
}

enc_rc enc_pass_forward(enc_pass *s, const enc_batch *b, enc_err *e)
{
    size_t L = s->p->config.n_layers;
    s->batch = b;
    enc_rc rc = make_room(s, e);
    if (rc != ENC_OK) return rc;
    embed(s);
    for (size_t i = 0; i < L; i++)
        layer_forward(s, &s->p->w.layers[i], &s->layers[i], layer_input(s, i));
    memset(s->by_hidden, 0, b->n_tokens * s->p->config.hidden * sizeof *s->by_hidden);
    return ENC_OK;
}

const enc_batch *enc_pass_batch(const enc_pass *s)
{
    return s->batch;
}

const float *enc_pass_hidden(const enc_pass *s)
{
    return layer_input(s, s->p->config.n_layers);
}

size_t enc_pass_width(const enc_pass *s)
{
    return s->p->config.hidden;
}

float *enc_pass_by_hidden(enc_pass *s)
{
    return s->by_hidden;
}

void enc_pass_backward(enc_pass *s, float *grad)
{
    memcpy(s->d1, s->by_hidden, s->batch->n_tokens * s->p->config.hidden * sizeof *s->d1);
    for (size_t i = s->p->config.n_layers; i-- > 0;)
        layer_back(s, &s->p->w.layers[i], &s->layers[i], layer_input(s, i), grad);
    embed_back(s, s->d1, grad);
}
