/* dot_cases.h - a table of dot.h gives the numbers of the plain one: for test_dot.c, and
 * for the tests of tables that the CPU here need not run. */
#ifndef DOT_CASES_H
#define DOT_CASES_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/rng.h"
#include "check.h"
#include "search/code.h"
#include "search/dot.h"

#define ROWS_MAX 300

enum { ANY, GREATEST, LEAST, N_VALUES }; /* what a query may hold */

/* Exactly n bytes, so that a sanitizer sees any access beside them. */
static int8_t *bytes_new(size_t n)
{
    int8_t *p = aligned_alloc(64, n);
    if (p == NULL) abort();
    return p;
}

static int8_t *query_new(size_t stride, int values, enc_rng *r)
{
    int8_t *q = bytes_new(stride);
    for (size_t i = 0; i < stride; i++)
        q[i] = (int8_t)(values == ANY        ? (int)enc_rng_below(r, 255) - 127
                        : values == GREATEST ? 127
                                             : -127);
    return q;
}

static void check_same(const enc_dot *t, const char *what, const int32_t *a,
                       const int32_t *b, size_t n, size_t stride)
{
    CHECK_SAY(memcmp(a, b, n * sizeof *a) == 0, "%s: %zu rows of %zu %s", t->name, n,
              stride, what);
    CHECK(b[n] == 0x02020202); /* nothing behind them */
}

static void compare_codes(const enc_dot *t, size_t stride, size_t n, int values,
                          enc_rng *r)
{
    int8_t *q = query_new(stride, values, r), *codes = bytes_new(stride * n);
    int32_t a[ROWS_MAX], b[ROWS_MAX];
    for (size_t i = 0; i < stride * n; i++)
        codes[i] = (int8_t)(values == ANY ? (int)enc_rng_below(r, 255) - 127 : 127);
    memset(a, 1, sizeof a), memset(b, 2, sizeof b);
    enc_dot_plain.codes(q, codes, stride, n, a);
    t->codes(q, codes, stride, n, b);
    check_same(t, "codes", a, b, n, stride);
    if (values != ANY)
        CHECK(a[0] == (values == GREATEST ? 1 : -1) * 127 * 127 * (int32_t)stride);
    free(q), free(codes);
}

/* Halves of all there are, or the greatest, which tries the sums of 16 bits. */
static void compare_halves(const enc_dot *t, size_t stride, size_t n, int values,
                           enc_rng *r)
{
    size_t bytes = stride / 2 * n;
    int8_t *q = query_new(stride, values, r);
    uint8_t *halves = (uint8_t *)bytes_new((bytes + 63) & ~(size_t)63);
    int32_t a[ROWS_MAX], b[ROWS_MAX];
    for (size_t i = 0; i < bytes; i++)
        halves[i] = (uint8_t)(values == ANY ? enc_rng_below(r, 256) : 255);
    memset(a, 1, sizeof a), memset(b, 2, sizeof b);
    enc_dot_plain.halves(q, halves, stride, n, halves, a);
    t->halves(q, halves, stride, n, halves, b);
    check_same(t, "halves", a, b, n, stride);
    if (values != ANY)
        CHECK(a[0] == (values == GREATEST ? 1 : -1) * 127 * 15 * (int32_t)stride);
    free(q), free(halves);
}

/* Rows about as many of which pass as do not, and some of which nothing is known. */
static void compare_sift(const enc_dot *t, enc_rng *r)
{
    int32_t dot[ENC_SIFT_ROWS];
    float scale[ENC_SIFT_ROWS], loss[ENC_SIFT_ROWS], norm[ENC_SIFT_ROWS];
    const enc_sift_rows rows = {dot, scale, loss, norm};
    for (size_t i = 0; i < ENC_SIFT_ROWS; i++) {
        dot[i] = (int32_t)enc_rng_below(r, 200000) - 100000;
        scale[i] = enc_rng_unit(r) * 1e-2f;
        loss[i] = enc_rng_below(r, 16) == 0 ? ENC_LOSS_UNKNOWN : enc_rng_unit(r);
        norm[i] = enc_rng_unit(r) * 2.0f;
    }
    const enc_sift s = {.step = 0.02,
                        .offset = (double)enc_rng_normal(r),
                        .coded = 1.0,
                        .by_norm = (double)enc_rng_normal(r),
                        .by_square = enc_rng_below(r, 2) == 0 ? 0.0 : 0.5,
                        .base = (double)enc_rng_normal(r),
                        .unknown = ENC_LOSS_UNKNOWN};
    uint32_t plain = enc_dot_plain.sift(&s, &rows), fast = t->sift(&s, &rows);
    CHECK_SAY(plain == fast, "%s: rows %x, not %x", t->name, fast, plain);
    enc_sift edge = s; /* one row exactly at the border is let through */
    edge.base = (double)scale[3] * (s.step * (double)dot[3] + s.offset) +
                s.coded * (double)loss[3] -
                (s.by_norm + s.by_square * (double)norm[3]) * (double)norm[3];
    CHECK((t->sift(&edge, &rows) >> 3 & 1) == 1);
    CHECK(t->sift(&edge, &rows) == enc_dot_plain.sift(&edge, &rows));
    edge.unknown = 0.0f;
    CHECK(t->sift(&edge, &rows) == UINT32_MAX);
}

static void compare_distances(const enc_dot *t, size_t n, enc_rng *r)
{
    float *a = malloc(n * sizeof *a), *b = malloc(n * sizeof *b);
    if (a == NULL || b == NULL) abort();
    for (size_t i = 0; i < n; i++) a[i] = enc_rng_normal(r), b[i] = enc_rng_normal(r);
    for (int m = ENC_COSINE; m <= ENC_L2; m++) {
        double plain = enc_vec_distance((enc_metric)m, a, b, n);
        double fast = t->distance((enc_metric)m, a, b, n);
        CHECK_SAY(memcmp(&plain, &fast, sizeof plain) == 0,
                  "%s: metric %d, %zu: %a, not %a", t->name, m, n, fast, plain);
    }
    free(a), free(b);
}

static void dot_cases_compare(const enc_dot *t)
{
    enc_rng r = {1};
    for (int values = 0; values < N_VALUES; values++) {
        for (size_t stride = 64; stride <= 832; stride += 64)
            for (size_t n = 1; n < 10; n++) {
                compare_codes(t, stride, n, values, &r);
                compare_halves(t, stride, n, values, &r);
            }
        compare_codes(t, 384, 256, values, &r);
        compare_halves(t, 384, 256, values, &r);
        compare_codes(t, ENC_DIMS_MAX, 5, values, &r);
        compare_halves(t, ENC_DIMS_MAX, 5, values, &r);
    }
    for (int i = 0; i < 1000; i++) compare_sift(t, &r);
    for (size_t n = 1; n < 70; n++) compare_distances(t, n, &r);
    compare_distances(t, 384, &r);
}

#endif
