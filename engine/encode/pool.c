/* pool.c - see pool.h. Sums run in double over the tokens in order, a block of dimensions
 * at a time so that rows are read as they lie. */
#include "encode/pool.h"

#include <math.h>

#define BLOCK 64

static void sum_tokens(const float *hidden, size_t n, size_t D, double share, float *out)
{
    for (size_t d0 = 0; d0 < D; d0 += BLOCK) {
        double sum[BLOCK] = {0.0};
        size_t m = D - d0 < BLOCK ? D - d0 : BLOCK;
        for (size_t t = 0; t < n; t++)
            for (size_t d = 0; d < m; d++) sum[d] += (double)hidden[t * D + d0 + d];
        for (size_t d = 0; d < m; d++) out[d0 + d] = (float)(sum[d] * share);
    }
}

void enc_pool_run(const enc_config *c, const float *hidden, size_t n, float *out)
{
    const size_t D = c->hidden;
    float *to = out;
    if (c->pooling & ENC_POOL_CLS) {
        for (size_t d = 0; d < D; d++) to[d] = hidden[d];
        to += D;
    }
    if (c->pooling & ENC_POOL_MAX) {
        for (size_t d = 0; d < D; d++) to[d] = hidden[d];
        for (size_t t = 1; t < n; t++)
            for (size_t d = 0; d < D; d++)
                if (hidden[t * D + d] > to[d]) to[d] = hidden[t * D + d];
        to += D;
    }
    if (c->pooling & ENC_POOL_MEAN) {
        sum_tokens(hidden, n, D, 1.0 / (double)n, to);
        to += D;
    }
    if (c->pooling & ENC_POOL_MEAN_SQRT)
        sum_tokens(hidden, n, D, 1.0 / sqrt((double)n), to);
    if (c->normalize) enc_vec_normalize(out, enc_config_dims(c));
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
