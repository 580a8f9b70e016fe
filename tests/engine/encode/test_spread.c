/* test_spread.c - every output is computed exactly once, whatever the parts. */
#include <math.h>
#include <string.h>

#include "base/threads.h"
#include "check.h"
#include "encode/spread.h"

/* A table that counts: y goes up by one where it would be computed. */
static void count_product(const enc_product *p, size_t row0, size_t row1, size_t col0,
                          size_t col1)
{
    for (size_t t = row0; t < row1; t++)
        for (size_t i = col0; i < col1; i++) p->y[t * p->y_stride + i] += 1.0f;
}

static void count_norm(float *y, const float *x, const enc_layernorm *norm, float eps,
                       size_t T, size_t D)
{
    (void)x, (void)norm, (void)eps;
    for (size_t i = 0; i < T * D; i++) y[i] += 1.0f;
}

static const enc_kern counting = {
    .name = "counting", .product = count_product, .layernorm = count_norm};

static size_t count_other_than_one(const float *y, size_t n)
{
    size_t n_other = 0;
    for (size_t i = 0; i < n; i++) n_other += y[i] != 1.0f;
    return n_other;
}

static void every_output_is_computed_once(size_t T, size_t N, size_t K, size_t n)
{
    const enc_mat m = {NULL, ENC_F32, NULL, N, K};
    float *y = enc_mem_zero_array(T * N * n, sizeof *y);
    enc_product p[ENC_SPREAD_MAX];
    if (y == NULL) return;
    for (size_t i = 0; i < n; i++)
        p[i] = (enc_product){.w = &m, .y = y + i * N, .y_stride = n * N};
    enc_spread_products(&counting, p, n, T);
    CHECK_SAY(count_other_than_one(y, T * N * n) == 0, "%zu products %zu x %zu x %zu", n,
              T, N, K);
    memset(y, 0, T * N * n * sizeof *y);
    enc_spread_norm(&counting, y, NULL, 0.0f, T, N * n);
    CHECK(count_other_than_one(y, T * N * n) == 0);
    enc_mem_free(y);
}

static void small_work_stays_on_its_caller(void)
{
    CHECK(enc_spread_parts(100, 1e3) == 1);
    CHECK(enc_spread_parts(1, 1e12) == 1);
    CHECK(enc_spread_parts(0, 1e12) == 1);
    enc_threads_set(1);
    CHECK(enc_spread_parts(100, 1e12) == 1);
    enc_threads_set(4);
    CHECK(enc_spread_parts(100, 1e12) > 1);
    CHECK(enc_spread_parts(3, 1e12) <= 3);
}

int main(void)
{
    static const size_t T[] = {0, 1, 2, 8, 47, 48, 49, 200, 1024};
    static const size_t N[] = {1, 63, 64, 65, 384, 1000};
    for (size_t threads = 1; threads <= 4; threads++) {
        enc_threads_set(threads);
        for (size_t t = 0; t < sizeof T / sizeof *T; t++)
            for (size_t i = 0; i < sizeof N / sizeof *N; i++)
                every_output_is_computed_once(T[t], N[i], 1536,
                                              1 + (t + i) % ENC_SPREAD_MAX);
    }
    every_output_is_computed_once(8, 30000, 65536, 1);
    small_work_stays_on_its_caller();
    return check_done("spread");
}
