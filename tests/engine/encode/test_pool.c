/* test_pool.c - pooling by hand-made numbers. */
#include <math.h>

#include "check.h"
#include "encode/pool.h"

static const float states[6] = {1.0f, -2.0f, 3.0f, 4.0f, 5.0f, -8.0f}; /* 3 x 2 */

static void each_pooling_is_what_it_says(void)
{
    enc_config c = {.hidden = 2};
    float v[8];
    c.pooling = ENC_POOL_CLS;
    enc_pool_run(&c, states, 3, v);
    CHECK(v[0] == 1.0f && v[1] == -2.0f);
    c.pooling = ENC_POOL_MAX;
    enc_pool_run(&c, states, 3, v);
    CHECK(v[0] == 5.0f && v[1] == 4.0f);
    c.pooling = ENC_POOL_MEAN;
    enc_pool_run(&c, states, 3, v);
    CHECK(v[0] == 3.0f && v[1] == -2.0f);
    c.pooling = ENC_POOL_MEAN_SQRT;
    enc_pool_run(&c, states, 3, v);
    CHECK(fabs((double)v[0] - 9.0 / sqrt(3.0)) < 1e-6);
    CHECK(fabs((double)v[1] + 6.0 / sqrt(3.0)) < 1e-6);
}

static void several_poolings_stand_side_by_side(void)
{
    enc_config c = {.hidden = 2, .pooling = 15};
    float v[8];
    enc_pool_run(&c, states, 3, v);
    CHECK(v[0] == 1.0f && v[1] == -2.0f && v[2] == 5.0f && v[3] == 4.0f);
    CHECK(v[4] == 3.0f && v[5] == -2.0f);
    c.normalize = true;
    enc_pool_run(&c, states, 3, v);
    double square = 0.0;
    for (size_t i = 0; i < 8; i++) square += (double)v[i] * (double)v[i];
    CHECK(fabs(square - 1.0) < 1e-6);
    CHECK(v[4] / v[0] > 2.999f && v[4] / v[0] < 3.001f);
}

static void a_wide_state_is_pooled_in_every_dimension(void)
{
    enc_config c = {.hidden = 150, .pooling = ENC_POOL_MEAN};
    float x[300], v[150];
    size_t n_other = 0;
    for (size_t i = 0; i < 300; i++) x[i] = (float)i;
    enc_pool_run(&c, x, 2, v);
    for (size_t i = 0; i < 150; i++) n_other += v[i] != (float)i + 75.0f;
    CHECK(n_other == 0);
}

static void one_token_is_its_own_mean(void)
{
    enc_config c = {.hidden = 2, .pooling = ENC_POOL_MEAN};
    float v[2];
    enc_pool_run(&c, states, 1, v);
    CHECK(v[0] == 1.0f && v[1] == -2.0f);
}

static void zero_stays_zero(void)
{
    float v[3] = {0.0f, 0.0f, 0.0f}, one[1] = {-5.0f};
    enc_vec_normalize(v, 3);
    CHECK(v[0] == 0.0f && v[1] == 0.0f && v[2] == 0.0f);
    enc_vec_normalize(one, 1);
    CHECK(one[0] == -1.0f);
    enc_vec_normalize(one, 0);
    CHECK(one[0] == -1.0f);
}

static void huge_vectors_do_not_overflow(void)
{
    float v[2] = {3e38f, 3e38f};
    enc_vec_normalize(v, 2);
    CHECK(fabs((double)v[0] - sqrt(0.5)) < 1e-7);
}

static void cosines_stay_in_range(void)
{
    const float a[2] = {1.0f, 2.0f}, b[2] = {-2.0f, -4.0f}, c[2] = {2.0f, -1.0f};
    const float zero[2] = {0.0f, 0.0f};
    CHECK(fabs(enc_vec_cosine(a, a, 2) - 1.0) < 1e-15);
    CHECK(fabs(enc_vec_cosine(a, b, 2) + 1.0) < 1e-15);
    CHECK(enc_vec_cosine(a, c, 2) == 0.0);
    CHECK(isnan(enc_vec_cosine(a, zero, 2)));
    CHECK(isnan(enc_vec_cosine(zero, a, 2)));
    for (int i = 1; i < 1000; i++) {
        const float x[3] = {0.1f * (float)i, 0.7f, -0.3f * (float)i};
        double self = enc_vec_cosine(x, x, 3);
        if (!(self <= 1.0 && self > 0.999999))
            CHECK_SAY(false, "cosine with itself %g", self);
    }
}

int main(void)
{
    each_pooling_is_what_it_says();
    several_poolings_stand_side_by_side();
    a_wide_state_is_pooled_in_every_dimension();
    one_token_is_its_own_mean();
    zero_stays_zero();
    huge_vectors_do_not_overflow();
    cosines_stay_in_range();
    return check_done("pool");
}
