/* distance.c - see distance.h. H heads. */
#include "encode/distance.h"

#include <math.h>

#define BUCKETS 16 /* on each side */
#define EXACT   8  /* of them for one distance each */

size_t enc_distance_bucket(ptrdiff_t distance)
{
    const size_t side = distance > 0 ? BUCKETS : 0;
    size_t a = (size_t)(distance > 0 ? distance : -distance), k = 0;
    if (a < EXACT) return side + a;
    if (a > 128) a = 128; /* so that its square is small */
    /* The largest k with a >= 8 * 2^(k / 2), which is 8 + log(a / 8) / log(16) * 8
     * rounded down, in whole numbers: no logarithm that errs where it is whole. */
    while (k < BUCKETS - EXACT - 1 && a * a >= (size_t)(EXACT * EXACT) << (k + 1)) k++;
    return side + EXACT + k;
}

float enc_distance_slope(size_t head, size_t n_heads)
{
    size_t n = 1; /* the largest power of two that is no more than n_heads */
    while (2 * n <= n_heads) n *= 2;
    /* The heads beyond it take every second slope of twice as many. */
    const double step = head < n ? (double)(head + 1) : (double)(head - n) + 0.5;
    return (float)exp2(-8.0 * step / (double)n);
}

/* One value of a matrix, which may be stored as int8. */
static float value_at(const enc_mat *m, size_t row, size_t col)
{
    const size_t at = row * m->cols + col;
    if (m->dtype == ENC_I8) return (float)((const int8_t *)m->data)[at] * m->scale[row];
    return ((const float *)m->data)[at];
}

void enc_distance_bias(const enc_config *c, const enc_weights *w, size_t n, float *out)
{
    for (size_t head = 0; head < c->n_heads; head++, out += 2 * n - 1) {
        const float slope = c->has_alibi ? enc_distance_slope(head, c->n_heads) : 0.0f;
        for (size_t i = 0; i < 2 * n - 1; i++) {
            const ptrdiff_t distance = (ptrdiff_t)i - (ptrdiff_t)(n - 1);
            if (c->has_alibi)
                out[i] = -slope * (float)(distance < 0 ? -distance : distance);
            else out[i] = value_at(&w->buckets, enc_distance_bucket(distance), head);
        }
    }
}
