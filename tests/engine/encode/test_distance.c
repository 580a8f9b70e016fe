/* test_distance.c - what scores gain and lose by distance, against the papers' recipes.
 */
#include <math.h>
#include <stdlib.h>

#include "check.h"
#include "encode/distance.h"

#define FARTHEST 600
#define HEADS    6
#define BUCKETS  32

/* As T5's code says it, with a logarithm; exact at whole results it cannot be trusted. */
static size_t by_logarithm(size_t a)
{
    if (a < 8) return a;
    const size_t k = 8 + (size_t)(log((double)a / 8.0) / log(128.0 / 8.0) * 8.0);
    return k < 15 ? k : 15;
}

static void a_bucket_is_that_of_the_logarithm(void)
{
    static const size_t whole[][2] = {{8, 8}, {16, 10}, {32, 12}, {64, 14}, {128, 15}};
    for (size_t a = 0; a <= FARTHEST; a++) {
        size_t expected = by_logarithm(a);
        for (size_t i = 0; i < 5; i++)
            if (a == whole[i][0]) expected = whole[i][1];
        CHECK_SAY(enc_distance_bucket(-(ptrdiff_t)a) == expected, "%zu behind: %zu", a,
                  enc_distance_bucket(-(ptrdiff_t)a));
        if (a > 0)
            CHECK_SAY(enc_distance_bucket((ptrdiff_t)a) == 16 + expected,
                      "%zu before: %zu", a, enc_distance_bucket((ptrdiff_t)a));
    }
    CHECK(enc_distance_bucket(-1000000000) == 15);
    CHECK(enc_distance_bucket(1000000000) == 31);
}

/* Press et al. 2021: for a power of two, a geometric series that starts at its own ratio;
 * for others, that of the power below, and every second of the power above. */
static double slope_by_recipe(size_t head, size_t n)
{
    size_t power = 1;
    while (power * 2 <= n) power *= 2;
    if (power == n) return pow(pow(2.0, -8.0 / (double)n), (double)(head + 1));
    if (head < power) return slope_by_recipe(head, power);
    return slope_by_recipe(2 * (head - power), 2 * power);
}

static void slopes_are_those_of_the_paper(void)
{
    for (size_t n = 1; n <= 40; n++)
        for (size_t head = 0; head < n; head++) {
            const double expected = slope_by_recipe(head, n);
            const double off = fabs((double)enc_distance_slope(head, n) / expected - 1.0);
            CHECK_SAY(off < 1e-7, "head %zu of %zu is off by %g", head, n, off);
        }
    for (size_t head = 0; head < 8; head++)
        CHECK(enc_distance_slope(head, 8) == 1.0f / (float)(2 << head));
    CHECK(enc_distance_slope(0, 1) == 1.0f / 256.0f);
    CHECK(enc_distance_slope(8, 12) == sqrtf(0.5f));
}

static void alibi_falls_off_on_both_sides(void)
{
    const enc_config c = {.n_heads = HEADS, .has_alibi = true};
    const enc_weights w = {0};
    float bias[HEADS][2 * 50 - 1];
    enc_distance_bias(&c, &w, 50, bias[0]);
    for (size_t head = 0; head < HEADS; head++) {
        CHECK(bias[head][49] == 0.0f);
        for (size_t a = 1; a < 50; a++) {
            const float expected = -enc_distance_slope(head, HEADS) * (float)a;
            CHECK(bias[head][49 + a] == expected && bias[head][49 - a] == expected);
        }
    }
}

static void buckets_are_looked_up(void)
{
    const enc_config c = {.n_heads = HEADS, .n_buckets = BUCKETS};
    float values[BUCKETS * HEADS], scale[BUCKETS], bias[HEADS][2 * 200 - 1];
    int8_t bytes[BUCKETS * HEADS];
    enc_weights w = {.buckets = {values, ENC_F32, NULL, BUCKETS, HEADS}};
    for (size_t i = 0; i < BUCKETS; i++) scale[i] = 0.5f + (float)i;
    for (size_t i = 0; i < BUCKETS * HEADS; i++) {
        bytes[i] = (int8_t)(i % 200) - 100;
        values[i] = (float)bytes[i] * scale[i / HEADS];
    }
    for (size_t i8 = 0; i8 < 2; i8++) {
        if (i8) w.buckets = (enc_mat){bytes, ENC_I8, scale, BUCKETS, HEADS};
        enc_distance_bias(&c, &w, 200, bias[0]);
        size_t n_wrong = 0;
        for (size_t head = 0; head < HEADS; head++)
            for (ptrdiff_t d = -199; d <= 199; d++)
                n_wrong +=
                    bias[head][d + 199] != values[enc_distance_bucket(d) * HEADS + head];
        CHECK_SAY(n_wrong == 0, "%zu", n_wrong);
    }
}

static void one_token_has_one_distance(void)
{
    const enc_config c = {.n_heads = HEADS, .has_alibi = true};
    const enc_weights w = {0};
    float bias[HEADS + 1];
    bias[HEADS] = -777.0f;
    enc_distance_bias(&c, &w, 1, bias);
    for (size_t head = 0; head < HEADS; head++) CHECK(bias[head] == 0.0f);
    CHECK(bias[HEADS] == -777.0f);
}

int main(void)
{
    a_bucket_is_that_of_the_logarithm();
    slopes_are_those_of_the_paper();
    alibi_falls_off_on_both_sides();
    buckets_are_looked_up();
    one_token_has_one_distance();
    return check_done("distance");
}
