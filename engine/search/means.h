/* means.h - k-means over rows of codes.
 *
 * Rows and means are codes with a weight, and every comparison is an int8 dot product:
 * rough, but only the choice of a group depends on it. A row belongs to the mean of the
 * greatest score,
 *
 *     x.m - |m|^2 / 2,        the nearest one; for unit means the one of least angle,
 *
 * and of equal scores to the first. */
#ifndef ENC_MEANS_H
#define ENC_MEANS_H

#include <stdbool.h>

#include "search/code.h"
#include "search/dot.h"

typedef struct enc_source { /* a row: weight * code is the vector */
    const int8_t *code;     /* stride, aligned to 64 */
    float weight;
} enc_source;

typedef struct enc_means {
    size_t n, dims, stride;
    bool is_unit;  /* means are made unit vectors */
    int8_t *code;  /* n x stride */
    float *weight; /* n */
    float *half;   /* n: |m|^2 / 2 */
    const enc_dot *kernels;
} enc_means;

#define ENC_MEANS_SCORES 256 /* scores asked for at once, at most */

/* n means, none yet. The struct is the caller's; it holds memory until cleared. False: no
 * memory, and nothing to clear. */
bool enc_means_init(enc_means *m, size_t n, size_t dims, bool is_unit);
void enc_means_clear(enc_means *m); /* zeroed storage is fine */

/* Lloyd's iteration over n rows, rows[which[i]], begun with some of them. The same for
 * the same rows and seed. False: no memory. */
bool enc_means_find(enc_means *m, const enc_source *rows, const size_t *which, size_t n,
                    uint64_t seed);

/* Scores of the n means from `from` on. */
void enc_means_score(const enc_means *m, const enc_source *row, size_t from, size_t n,
                     float *out);
size_t enc_means_nearest(const enc_means *m, const enc_source *row, float *score);

/* Mean i as floats. */
void enc_means_get(const enc_means *m, size_t i, float *out /* dims */);

#endif
