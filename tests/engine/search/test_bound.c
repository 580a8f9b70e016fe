/* test_bound.c - the distance of every row lies in its interval, and the sift stops no
 * row that is near enough. */
#include "search/bound.h"

#include "array_store.h"
#include "base/mem.h"
#include "check.h"

/* One query against a full segment; returns the sum of the intervals' widths. */
static double try_query(enc_metric m, const array_store *a, const float *q)
{
    enc_bound b;
    const enc_segment *s = a->segments[0];
    int32_t dot[ENC_SEGMENT_ROWS] = {0};
    int32_t half[ENC_SEGMENT_ROWS];
    double width = 0.0;
    if (enc_bound_init(&b, m, q, a->dims, NULL)) abort();
    enc_bound_dot(&b, s, 0, s->n, dot);
    for (size_t k = 0; k < ENC_BLOCKS; k++)
        enc_bound_dot_half(&b, s, k, s, k, half + k * ENC_SIFT_ROWS);
    for (size_t i = 0; i < s->n; i++) {
        double d = enc_vec_distance(m, q, a->v + i * a->dims, a->dims);
        enc_interval at = enc_bound_of(&b, s, i, dot[i]);
        if (isnan(d)) CHECK(isnan(at.lower) || at.upper > 1e300);
        else
            CHECK_SAY(at.lower <= d && d <= at.upper, "%.17g in %.17g .. %.17g", d,
                      at.lower, at.upper);
        if (isfinite(at.upper)) width += at.upper - at.lower;
        if (isnan(d)) continue;
        size_t block = i / ENC_SIFT_ROWS, from = block * ENC_SIFT_ROWS;
        CHECK(enc_bound_sift(&b, s, block, dot + from, d) >> (i - from) & 1);
        CHECK(enc_bound_sift_half(&b, s, block, half + from, d) >> (i - from) & 1);
    }
    enc_bound_clear(&b);
    return width;
}

static void distances_lie_in_their_intervals(void)
{
    static const size_t widths[] = {1, 2, 17, 64, 384, 1000};
    enc_rng r = {1};
    for (int kind = 0; kind < N_KINDS; kind++) {
        for (size_t w = 0; w < 6; w++) {
            size_t dims = widths[w], n = ENC_SEGMENT_ROWS;
            array_store *a =
                array_store_new(vectors_new(&r, kind, n, dims), NULL, n, dims, n);
            float *q = vectors_new(&r, kind, 4, dims);
            for (int m = 0; m < 3; m++) {
                for (size_t i = 0; i < 4; i++) try_query((enc_metric)m, a, q + i * dims);
                try_query((enc_metric)m, a, a->v); /* a row itself */
                for (size_t j = 0; j < dims; j++) q[j] = -a->v[dims + j] * 3.0f;
                try_query((enc_metric)m, a, q); /* and an opposite */
            }
            free(q);
            array_store_free(a);
        }
    }
}

static void intervals_are_narrow(void)
{
    enc_rng r = {2};
    array_store *a =
        array_store_new(vectors_new(&r, UNIT, 256, 384), NULL, 256, 384, 256);
    double width = try_query(ENC_COSINE, a, a->v + 5 * 384) / 256.0;
    CHECK_SAY(width < 0.02, "%g", width);
    array_store_free(a);
}

static void a_query_out_of_range_bounds_nothing(void)
{
    const float q[3] = {1e30f, 0.0f, 0.0f}, x[3] = {1.0f, 2.0f, 3.0f};
    enc_segment *s;
    enc_bound b;
    int32_t dot[ENC_SIFT_ROWS] = {0};
    if (enc_segment_new(&s, 3, NULL)) abort();
    enc_segment_put(s, 0, 1, x);
    CHECK(enc_bound_init(&b, ENC_L2, q, 3, NULL) == ENC_OK && b.is_unknown);
    enc_interval at = enc_bound_of(&b, s, 0, 0);
    CHECK(at.lower <= 0.0 && isinf(at.upper));
    CHECK(enc_bound_sift(&b, s, 0, dot, 0.0) == UINT32_MAX);
    enc_bound_clear(&b);
    enc_segment_free(s);
    for (size_t i = 1; i < 3; i++) {
        enc_mem_fault(i, false);
        CHECK(enc_bound_init(&b, ENC_DOT, q, 3, NULL) == ENC_NOMEM && b.code == NULL);
        enc_mem_fault(0, false);
    }
}

int main(void)
{
    distances_lie_in_their_intervals();
    intervals_are_narrow();
    a_query_out_of_range_bounds_nothing();
    CHECK(enc_mem_live() == 0);
    return check_done("bound");
}
