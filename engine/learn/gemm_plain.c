/* gemm_plain.c - products as plain loops, see gemm.h: for a CPU that has no kernel of
 * ours, in a process that cannot have OpenBLAS. */
#include "learn/gemm.h"

#include <string.h>

static float dot(const float *a, size_t a_step, const float *b, size_t k)
{
    float sum = 0.0f;
    if (a_step == 1)
        for (size_t p = 0; p < k; p++) sum += a[p] * b[p];
    else
        for (size_t p = 0; p < k; p++) sum += a[p * a_step] * b[p];
    return sum;
}

static void add_scaled(float *c, float scale, const float *b, size_t n)
{
    for (size_t j = 0; j < n; j++) c[j] += scale * b[j];
}

void enc_gemm_plain(const enc_gemm *g)
{
    const size_t row = g->a_trans ? 1 : g->lda, step = g->a_trans ? g->lda : 1;

    for (size_t i = 0; i < g->m; i++) {
        const float *a = g->a + i * row; /* a[p * step] is A's (i, p) */
        float *c = g->c + i * g->ldc;
        if (g->keep == 0.0f) memset(c, 0, g->n * sizeof *c);
        for (size_t j = 0; g->b_trans && j < g->n; j++)
            c[j] += dot(a, step, g->b + j * g->ldb, g->k);
        for (size_t p = 0; !g->b_trans && p < g->k; p++)
            add_scaled(c, a[p * step], g->b + p * g->ldb, g->n);
    }
}
