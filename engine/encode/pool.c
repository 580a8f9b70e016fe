/* pool.c - see pool.h. Sums run in double over the tokens in order, a block of dimensions
 * at a time so that rows are read as they lie. D width, n tokens. */
#include "encode/pool.h"

#include <math.h>
#include <string.h>

#include "encode/act.h"
#include "encode/head.h"
#include "encode/work.h"

#define BLOCK 64

/* The sum of rows first .. n - 1, times share; is_rising: row t counts t + 1 times. */
static void sum_rows(const float *hidden, size_t first, size_t n, size_t D, double share,
                     bool is_rising, float *out)
{
    for (size_t d0 = 0; d0 < D; d0 += BLOCK) {
        double sum[BLOCK] = {0.0};
        size_t m = D - d0 < BLOCK ? D - d0 : BLOCK;
        for (size_t t = first; t < n; t++) {
            const double times = is_rising ? (double)(t + 1) : 1.0;
            for (size_t d = 0; d < m; d++)
                sum[d] += times * (double)hidden[t * D + d0 + d];
        }
        for (size_t d = 0; d < m; d++) out[d0 + d] = (float)(sum[d] * share);
    }
}

void enc_pool_mean(const float *hidden, size_t n, size_t D, float *out)
{
    sum_rows(hidden, 0, n, D, 1.0 / (double)n, false, out);
}

static void max_rows(const float *hidden, size_t first, size_t n, size_t D, float *out)
{
    memcpy(out, hidden + first * D, D * sizeof *out);
    for (size_t t = first + 1; t < n; t++)
        for (size_t d = 0; d < D; d++)
            if (hidden[t * D + d] > out[d]) out[d] = hidden[t * D + d];
}

/* One way of pooling n >= 1 tokens, all but the first n_skip of them. [CLS] is the first
 * token even where a prompt's are left out. */
static void pool_by(enc_pooling mode, const enc_pooled *text, size_t D, float *out)
{
    const float *x = text->hidden;
    const size_t n = text->n, first = text->n_skip;
    const double count = (double)(n - first);
    const double rising =
        ((double)n * (double)(n + 1) - (double)first * (double)(first + 1)) / 2.0;
    switch (mode) {
    case ENC_POOL_CLS: memcpy(out, x, D * sizeof *out); break;
    case ENC_POOL_MAX: max_rows(x, first, n, D, out); break;
    case ENC_POOL_MEAN: sum_rows(x, first, n, D, 1.0 / count, false, out); break;
    case ENC_POOL_MEAN_SQRT:
        sum_rows(x, first, n, D, 1.0 / sqrt(count), false, out);
        break;
    case ENC_POOL_WEIGHTED_MEAN: sum_rows(x, first, n, D, 1.0 / rising, true, out); break;
    case ENC_POOL_LAST: memcpy(out, x + (n - 1) * D, D * sizeof *out); break;
    }
}

static size_t pool(const enc_config *c, const enc_pooled *text, float *out)
{
    size_t n = 0;
    for (unsigned mode = ENC_POOL_CLS; mode <= ENC_POOL_LAST; mode <<= 1) {
        if ((c->pooling & mode) == 0) continue;
        if (text->n > text->n_skip) pool_by((enc_pooling)mode, text, c->hidden, out + n);
        else memset(out + n, 0, c->hidden * sizeof *out);
        n += c->hidden;
    }
    return n;
}

/* The vector x of n values through a module: in place, or into y. The result. */
static float *take_module(const enc_model *m, size_t i, float *x, float *y)
{
    const enc_module *s = &m->config.modules[i];
    const enc_module_weights *w = &m->modules[i];
    switch (s->kind) {
    case ENC_MODULE_NORMALIZE: enc_vec_normalize(x, s->rows); return x;
    case ENC_MODULE_NORM:
        enc_kern_of(m)->layernorm(x, x, &w->norm, ENC_MODULE_EPS, 1, s->rows);
        return x;
    case ENC_MODULE_DENSE:
        enc_head_apply(m, &w->dense, x, y);
        enc_act_run(s->act, y, s->rows);
        return y;
    }
    return x;
}

enc_rc enc_pool_run(const enc_model *m, enc_work *w, const enc_pooled *text, float *out,
                    enc_err *e)
{
    const enc_config *c = &m->config;
    const size_t dims = enc_config_dims(c);
    size_t n = enc_config_pooled(c), most = n;
    if (n == dims && c->n_modules == 0) {
        pool(c, text, out);
    } else {
        for (size_t i = 0; i < c->n_modules; i++)
            if (c->modules[i].rows > most) most = c->modules[i].rows;
        float *x = enc_work_extra(w, 2 * most);
        if (x == NULL) return enc_nomem(e);
        float *y = x + most;
        pool(c, text, x);
        for (size_t i = 0; i < c->n_modules; i++)
            if (take_module(m, i, x, y) == y) {
                float *was = x;
                x = y, y = was;
            }
        memcpy(out, x, dims * sizeof *out);
    }
    if (c->normalize) enc_vec_normalize(out, dims);
    return ENC_OK;
}

void enc_vec_normalize(float *v, size_t n)
{
    double square = 0.0;
    for (size_t i = 0; i < n; i++) square += (double)v[i] * (double)v[i];
    if (square <= 0.0) return;
    double norm = sqrt(square);
    for (size_t i = 0; i < n; i++) v[i] = (float)((double)v[i] / norm);
}

double enc_vec_cosine(const float *a, const float *b, size_t n)
{
    double dot = 0.0, aa = 0.0, bb = 0.0;
    for (size_t i = 0; i < n; i++) {
        dot += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    if (aa <= 0.0 || bb <= 0.0) return (double)NAN;
    double cosine = dot / (sqrt(aa) * sqrt(bb));
    return cosine > 1.0 ? 1.0 : cosine < -1.0 ? -1.0 : cosine;
}
