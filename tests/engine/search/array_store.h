/* array_store.h - an enc_store made of arrays, for the tests of this room. */
#ifndef ARRAY_STORE_H
#define ARRAY_STORE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "search/scan.h"

typedef struct array_store {
    enc_store store; /* first */
    size_t n, dims;
    float *v; /* n x dims, in the order of the segments */
    enc_segment **segments;
    enc_segment *lent;  /* a copy, for a store that is not resident */
    size_t calls_left;  /* until a call fails; SIZE_MAX: never */
    size_t per_segment; /* rows in all segments but the last */
} array_store;

static inline enc_rc array_segment(void *self, size_t i, const enc_segment **out,
                                   enc_err *e)
{
    array_store *a = self;
    if (a->calls_left != SIZE_MAX && a->calls_left-- == 0)
        return enc_fail(e, ENC_IO, "no segment %zu", i);
    *out = a->segments[i];
    if (a->store.is_resident) return ENC_OK;
    /* The one lent before is gone: a sanitizer sees who still reads it. */
    enc_segment_free(a->lent);
    *out = a->lent = enc_segment_copy(a->segments[i]);
    return a->lent == NULL ? enc_nomem(e) : ENC_OK;
}

static inline enc_rc array_vector(void *self, size_t i, size_t row, float *out,
                                  enc_err *e)
{
    array_store *a = self;
    if (a->calls_left != SIZE_MAX && a->calls_left-- == 0)
        return enc_fail(e, ENC_IO, "no row %zu of segment %zu", row, i);
    memcpy(out, a->v + (i * a->per_segment + row) * a->dims, a->dims * sizeof *out);
    return ENC_OK;
}

/* Takes v (malloc). Row i has the id ids[i], or i if ids is NULL. */
static inline array_store *array_store_new(float *v, const int64_t *ids, size_t n,
                                           size_t dims, size_t per_segment)
{
    array_store *a = calloc(1, sizeof *a);
    if (a == NULL) abort();
    a->n = n, a->dims = dims, a->v = v, a->per_segment = per_segment;
    a->calls_left = SIZE_MAX;
    a->store = (enc_store){a, (n + per_segment - 1) / per_segment, true, array_segment,
                           array_vector};
    a->segments = calloc(a->store.n_segments + 1, sizeof(enc_segment *));
    for (size_t i = 0; i < n; i++) {
        enc_segment **s = &a->segments[i / per_segment];
        if (*s == NULL && enc_segment_new(s, dims, NULL)) abort();
        enc_segment_put(*s, (*s)->n, ids != NULL ? ids[i] : (int64_t)i, v + i * dims);
    }
    return a;
}

static inline void array_store_free(array_store *a)
{
    for (size_t i = 0; i < a->store.n_segments; i++) enc_segment_free(a->segments[i]);
    enc_segment_free(a->lent);
    free(a->segments), free(a->v), free(a);
}

static inline float *floats_new(size_t n)
{
    float *v = malloc((n > 0 ? n : 1) * sizeof *v);
    if (v == NULL) abort();
    return v;
}

/* What vectors may look like. */
enum { GAUSSIAN, CLUSTERED, UNIT, TIES, EXTREME, N_KINDS };

static inline float *vectors_new(enc_rng *r, int kind, size_t n, size_t dims)
{
    float *v = floats_new(n * dims), *center = floats_new(16 * dims);
    for (size_t i = 0; i < 16 * dims; i++) center[i] = enc_rng_normal(r);
    for (size_t i = 0; i < n; i++) {
        float *x = v + i * dims, size = 1.0f;
        size_t of = enc_rng_below(r, 16);
        double square = 0.0;
        for (size_t j = 0; j < dims; j++) {
            x[j] = enc_rng_normal(r);
            if (kind == CLUSTERED || kind == UNIT)
                x[j] = center[of * dims + j] + 0.3f * x[j];
            if (kind == TIES) x[j] = (float)((int)enc_rng_below(r, 3) - 1);
            square += (double)x[j] * (double)x[j];
        }
        if (kind == UNIT && square > 0.0) size = (float)(1.0 / sqrt(square));
        if (kind == EXTREME) size = ldexpf(1.0f, (int)enc_rng_below(r, 240) - 130);
        for (size_t j = 0; j < dims; j++) x[j] *= size;
        if (enc_rng_below(r, 20) == 0) memset(x, 0, dims * sizeof *x);
        if (i > 0 && enc_rng_below(r, 10) == 0)
            memcpy(x, v + enc_rng_below(r, (uint32_t)i) * dims, dims * sizeof *x);
    }
    free(center);
    return v;
}

#endif
