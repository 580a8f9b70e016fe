/* test_pool.c - pooling, and what follows it, by hand-made numbers. */
#include <math.h>
#include <stdlib.h>

#include "check.h"
#include "encode/pool.h"

static const float states[6] = {1.0f, -2.0f, 3.0f, 4.0f, 5.0f, -8.0f}; /* 3 x 2 */

static enc_work *work;

/* The vector of n states, the first n_skip left out. */
static void pool(const enc_model *m, const float *x, size_t n, size_t n_skip, float *v)
{
    const enc_pooled text = {x, n, n_skip};
    CHECK(enc_pool_run(m, work, &text, v, NULL) == ENC_OK);
}

static bool is_near(float a, double b)
{
    return fabs((double)a - b) < 1e-6;
}

static void each_pooling_is_what_it_says(void)
{
    static const struct {
        unsigned mode;
        double x, y;
    } cases[] = {
        {ENC_POOL_CLS, 1.0, -2.0},
        {ENC_POOL_MAX, 5.0, 4.0},
        {ENC_POOL_MEAN, 3.0, -2.0},
        {ENC_POOL_MEAN_SQRT, 9.0 / 1.7320508075688772, -6.0 / 1.7320508075688772},
        {ENC_POOL_WEIGHTED_MEAN, (1.0 + 2 * 3.0 + 3 * 5.0) / 6.0,
         (-2.0 + 2 * 4.0 - 3 * 8.0) / 6.0},
        {ENC_POOL_LAST, 5.0, -8.0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enc_model m = {.config = {.hidden = 2, .pooling = cases[i].mode}};
        float v[2];
        pool(&m, states, 3, 0, v);
        CHECK_SAY(is_near(v[0], cases[i].x) && is_near(v[1], cases[i].y), "%u: %g %g",
                  cases[i].mode, (double)v[0], (double)v[1]);
    }
}

/* Trap: Pooling with several modes, in sentence-transformers' fixed order. */
static void several_poolings_stand_side_by_side(void)
{
    enc_model m = {.config = {.hidden = 2, .pooling = 63}};
    float v[12];
    CHECK(enc_config_dims(&m.config) == 12);
    pool(&m, states, 3, 0, v);
    CHECK(v[0] == 1.0f && v[1] == -2.0f && v[2] == 5.0f && v[3] == 4.0f);
    CHECK(v[4] == 3.0f && v[5] == -2.0f && is_near(v[6], 9.0 / sqrt(3.0)));
    CHECK(is_near(v[8], 22.0 / 6.0) && v[10] == 5.0f && v[11] == -8.0f);
    m.config.normalize = true;
    pool(&m, states, 3, 0, v);
    double square = 0.0;
    for (size_t i = 0; i < 12; i++) square += (double)v[i] * (double)v[i];
    CHECK(fabs(square - 1.0) < 1e-6);
    CHECK(v[4] / v[0] > 2.999f && v[4] / v[0] < 3.001f);
}

/* As sentence-transformers masks them: [CLS] is taken all the same, and the weights of a
 * weighted mean count from the beginning of the text. */
static void a_prompt_can_be_left_out(void)
{
    static const struct {
        unsigned mode;
        double x, y;
    } cases[] = {
        {ENC_POOL_CLS, 1.0, -2.0},
        {ENC_POOL_MAX, 5.0, 4.0},
        {ENC_POOL_MEAN, 4.0, -2.0},
        {ENC_POOL_MEAN_SQRT, 8.0 / 1.4142135623730951, -4.0 / 1.4142135623730951},
        {ENC_POOL_WEIGHTED_MEAN, (2 * 3.0 + 3 * 5.0) / 5.0, (2 * 4.0 - 3 * 8.0) / 5.0},
        {ENC_POOL_LAST, 5.0, -8.0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enc_model m = {.config = {.hidden = 2, .pooling = cases[i].mode}};
        float v[2];
        pool(&m, states, 3, 1, v);
        CHECK_SAY(is_near(v[0], cases[i].x) && is_near(v[1], cases[i].y), "%u: %g %g",
                  cases[i].mode, (double)v[0], (double)v[1]);
    }
}

static void nothing_to_pool_is_zero(void)
{
    enc_model m = {.config = {.hidden = 2, .pooling = 63, .normalize = true}};
    float v[12];
    pool(&m, NULL, 0, 0, v);
    for (size_t i = 0; i < 12; i++) CHECK(v[i] == 0.0f);
    pool(&m, states, 3, 3, v);
    for (size_t i = 0; i < 12; i++) CHECK(v[i] == 0.0f);
}

static void a_wide_state_is_pooled_in_every_dimension(void)
{
    enc_model m = {.config = {.hidden = 150, .pooling = ENC_POOL_MEAN}};
    float x[300], v[150];
    size_t n_other = 0;
    for (size_t i = 0; i < 300; i++) x[i] = (float)i;
    pool(&m, x, 2, 0, v);
    for (size_t i = 0; i < 150; i++) n_other += v[i] != (float)i + 75.0f;
    CHECK(n_other == 0);
}

static void one_token_is_its_own_mean(void)
{
    enc_model m = {.config = {.hidden = 2, .pooling = ENC_POOL_MEAN}};
    float v[2];
    pool(&m, states, 1, 0, v);
    CHECK(v[0] == 1.0f && v[1] == -2.0f);
}

/* ---- modules ---- */

static const float matrix[6] = {1.0f, 0.5f, -1.0f, 2.0f, 0.0f, 3.0f}; /* 3 x 2 */
static const float bias[3] = {0.25f, -0.5f, 1.0f};

static const enc_module dense = {ENC_MODULE_DENSE, "2_Dense", 3, 2, true, ENC_TANH};
static const enc_module norm = {ENC_MODULE_NORM, "3_LayerNorm", 3, 3, false, -1};
static const enc_module unit = {ENC_MODULE_NORMALIZE, "", 2, 2, false, -1};

/* The mean of the states is (3, -2). */
static void expect_dense(double x, double y, double out[3])
{
    for (size_t i = 0; i < 3; i++)
        out[i] = tanh((double)matrix[2 * i] * x + (double)matrix[2 * i + 1] * y +
                      (double)bias[i]);
}

static void a_dense_module_is_a_layer_of_its_own(void)
{
    const enc_module_weights w = {.dense = {{matrix, ENC_F32, NULL, 3, 2}, bias}};
    enc_model m = {.config = {.hidden = 2,
                              .pooling = ENC_POOL_MEAN,
                              .n_modules = 1,
                              .modules = &dense},
                   .modules = &w};
    double expected[3];
    float v[3];
    CHECK(enc_config_dims(&m.config) == 3);
    pool(&m, states, 3, 0, v);
    expect_dense(3.0, -2.0, expected);
    for (size_t i = 0; i < 3; i++) CHECK(is_near(v[i], expected[i]));
    m.config.normalize = true; /* Dense, then Normalize */
    pool(&m, states, 3, 0, v);
    double length = sqrt(expected[0] * expected[0] + expected[1] * expected[1] +
                         expected[2] * expected[2]);
    for (size_t i = 0; i < 3; i++) CHECK(is_near(v[i], expected[i] / length));
}

/* Trap: Normalize anywhere in the chain. */
static void the_order_of_modules_matters(void)
{
    const enc_module chain[2] = {unit, dense};
    const enc_module_weights w[2] = {{.norm = {NULL, NULL}},
                                     {.dense = {{matrix, ENC_F32, NULL, 3, 2}, bias}}};
    enc_model m = {.config = {.hidden = 2,
                              .pooling = ENC_POOL_MEAN,
                              .n_modules = 2,
                              .modules = chain},
                   .modules = w};
    double expected[3], length = sqrt(13.0);
    float v[3];
    pool(&m, states, 3, 0, v);
    expect_dense(3.0 / length, -2.0 / length, expected);
    for (size_t i = 0; i < 3; i++) CHECK(is_near(v[i], expected[i]));
}

static void a_norm_module_is_a_layernorm(void)
{
    static const float gain[3] = {2.0f, 1.0f, 0.5f};
    const enc_module chain[2] = {dense, norm};
    const enc_module_weights w[2] = {{.dense = {{matrix, ENC_F32, NULL, 3, 2}, bias}},
                                     {.norm = {gain, bias}}};
    enc_model m = {.config = {.hidden = 2,
                              .pooling = ENC_POOL_MEAN,
                              .n_modules = 2,
                              .modules = chain},
                   .modules = w};
    double x[3], mean = 0.0, variance = 0.0;
    float v[3];
    pool(&m, states, 3, 0, v);
    expect_dense(3.0, -2.0, x);
    for (size_t i = 0; i < 3; i++) mean += x[i] / 3.0;
    for (size_t i = 0; i < 3; i++) variance += (x[i] - mean) * (x[i] - mean) / 3.0;
    for (size_t i = 0; i < 3; i++)
        CHECK(is_near(v[i], (x[i] - mean) / sqrt(variance + 1e-5) * (double)gain[i] +
                                (double)bias[i]));
}

/* Matryoshka: the first values, normalized again if the model normalizes. */
static void a_vector_can_be_cut(void)
{
    enc_model m = {
        .config = {.hidden = 2, .pooling = ENC_POOL_CLS | ENC_POOL_LAST, .dims = 3}};
    float v[4] = {0.0f, 0.0f, 0.0f, 77.0f};
    CHECK(enc_config_dims(&m.config) == 3);
    pool(&m, states, 3, 0, v);
    CHECK(v[0] == 1.0f && v[1] == -2.0f && v[2] == 5.0f && v[3] == 77.0f);
    m.config.normalize = true;
    pool(&m, states, 3, 0, v);
    CHECK(is_near(v[0], 1.0 / sqrt(30.0)) && is_near(v[2], 5.0 / sqrt(30.0)));
}

static void a_failing_allocation_is_reported(void)
{
    enc_model m = {.config = {.hidden = 2, .pooling = ENC_POOL_CLS, .dims = 1}};
    const enc_pooled text = {states, 3, 0};
    enc_work *w;
    float v[2];
    if (enc_work_new(&w, NULL)) abort();
    enc_mem_fault(1, false);
    CHECK(enc_pool_run(&m, w, &text, v, NULL) == ENC_NOMEM);
    enc_mem_fault(0, false);
    enc_work_free(w);
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
    if (enc_work_new(&work, NULL)) abort();
    each_pooling_is_what_it_says();
    several_poolings_stand_side_by_side();
    a_prompt_can_be_left_out();
    nothing_to_pool_is_zero();
    a_wide_state_is_pooled_in_every_dimension();
    one_token_is_its_own_mean();
    a_dense_module_is_a_layer_of_its_own();
    the_order_of_modules_matters();
    a_norm_module_is_a_layernorm();
    a_vector_can_be_cut();
    a_failing_allocation_is_reported();
    zero_stays_zero();
    huge_vectors_do_not_overflow();
    cosines_stay_in_range();
    enc_work_free(work);
    return check_done("pool");
}
