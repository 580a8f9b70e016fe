/* test_vec.c - distances are what their formulas say, and the odd ones are defined. */
#include "search/vec.h"

#include <math.h>

#include "base/rng.h"
#include "check.h"

#define N_MAX 70

/* The formula, summed plainly in long double. */
static double by_formula(enc_metric m, const float *a, const float *b, size_t n)
{
    long double ab = 0, aa = 0, bb = 0, dd = 0;
    for (size_t i = 0; i < n; i++) {
        long double x = (long double)a[i], y = (long double)b[i];
        ab += x * y, aa += x * x, bb += y * y, dd += (x - y) * (x - y);
    }
    return (double)(m == ENC_DOT  ? -ab
                    : m == ENC_L2 ? sqrtl(dd)
                                  : 1.0L - ab / sqrtl(aa * bb));
}

static void distances_follow_the_formulas_at_every_length(void)
{
    enc_rng r = {1};
    float a[N_MAX], b[N_MAX];
    for (size_t n = 1; n <= N_MAX; n++) {
        for (size_t i = 0; i < n; i++) {
            a[i] = enc_rng_normal(&r);
            b[i] = enc_rng_normal(&r);
        }
        for (int m = 0; m < 3; m++) {
            double d = enc_vec_distance((enc_metric)m, a, b, n);
            CHECK(fabs(d - by_formula((enc_metric)m, a, b, n)) < 1e-13 * (double)n);
            CHECK(d >= enc_vec_distance((enc_metric)m, b, a, n) &&
                  d <= enc_vec_distance((enc_metric)m, b, a, n));
        }
    }
}

static void a_zero_vector_has_no_cosine(void)
{
    const float zero[3] = {0.0f, -0.0f, 0.0f}, one[3] = {1.0f, 2.0f, 2.0f};
    CHECK(isnan(enc_vec_distance(ENC_COSINE, zero, one, 3)));
    CHECK(isnan(enc_vec_distance(ENC_COSINE, one, zero, 3)));
    CHECK(fabs(enc_vec_distance(ENC_L2, zero, one, 3) - 3.0) < 1e-15);
    CHECK(fabs(enc_vec_distance(ENC_DOT, zero, one, 3)) <= 0.0);
    CHECK(isnan(enc_vec_similarity(ENC_COSINE, (double)NAN)));
    CHECK(isnan(enc_vec_similarity(ENC_DOT, (double)NAN)));
    CHECK(isnan(enc_vec_similarity(ENC_L2, (double)NAN)));
}

static void a_cosine_distance_stays_in_0_to_2(void)
{
    enc_rng r = {2};
    for (int t = 0; t < 2000; t++) {
        float a[9], b[9], c[9];
        float by = ldexpf(1.0f + enc_rng_unit(&r), (int)enc_rng_below(&r, 60) - 30);
        for (size_t i = 0; i < 9; i++) {
            a[i] = enc_rng_normal(&r);
            b[i] = a[i] * by;
            c[i] = -b[i];
        }
        double near = enc_vec_distance(ENC_COSINE, a, b, 9);
        double far = enc_vec_distance(ENC_COSINE, a, c, 9);
        CHECK(near >= 0.0 && near < 1e-12 && far <= 2.0 && far > 2.0 - 1e-12);
    }
}

static void nearer_is_never_less_similar(void)
{
    double before[3] = {(double)INFINITY, (double)INFINITY, (double)INFINITY};
    for (int i = 0; i <= 1000; i++) {
        for (int m = 0; m < 3; m++) {
            double d = m == ENC_DOT ? i / 250.0 - 2.0 : i / 500.0;
            double s = enc_vec_similarity((enc_metric)m, d);
            CHECK(s <= before[m]);
            before[m] = s;
        }
    }
    CHECK(fabs(enc_vec_similarity(ENC_COSINE, 0.25) - 0.75) < 1e-15);
    CHECK(fabs(enc_vec_similarity(ENC_DOT, -3.0) - 3.0) < 1e-15);
    CHECK(fabs(enc_vec_similarity(ENC_L2, 3.0) - 0.25) < 1e-15);
}

static void a_metric_that_is_none_has_no_similarity(void)
{
    volatile int none = 3;
    CHECK(isnan(enc_vec_similarity((enc_metric)none, 0.5)));
}

int main(void)
{
    distances_follow_the_formulas_at_every_length();
    a_zero_vector_has_no_cosine();
    a_cosine_distance_stays_in_0_to_2();
    nearer_is_never_less_similar();
    a_metric_that_is_none_has_no_similarity();
    return check_done("vec");
}
