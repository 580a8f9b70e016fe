/* test_kern.c - every table against the plain one, and against itself in other tilings.
 *
 * Tolerances are bounds, not guesses. A sum of K products in sixteen lanes and a tree
 * errs by at most (K / 16 + 6) u S, where u = 2^-24 and S is the sum of absolute values;
 * scale, bias and residual round once each. Activations have a slope under 1.13 and their
 * own stated error of 2e-7 (absolute, relative above 1). Inputs are allocated to the
 * byte, by malloc, so that sanitizers see any access beside them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/env.h"
#include "check.h"
#include "engine/encode/tables.h"

#define U 0x1p-24

static const enc_kern *kerns[TABLES_MAX]; /* [0] is plain */
static size_t n_kerns, n_own;

static int8_t *random_bytes(enc_rng *r, size_t n)
{
    int8_t *q = exact(n, 1);
    for (size_t i = 0; i < n; i++) q[i] = (int8_t)((int)enc_rng_below(r, 255) - 127);
    return q;
}

/* A product and all its arrays. */
typedef struct problem {
    size_t T, K, N;
    float *x, *w, *scale, *b, *add;
    int8_t *q;
    enc_mat mat;
    enc_product p; /* y is set by the user of it */
} problem;

static problem problem_new(enc_rng *r, size_t T, size_t K, size_t N, bool is_i8)
{
    problem o = {.T = T, .K = K, .N = N};
    o.x = random_floats(r, T * K);
    o.b = random_floats(r, N);
    o.add = random_floats(r, T * N);
    o.scale = random_floats(r, N);
    if (is_i8) o.q = random_bytes(r, N * K);
    else o.w = random_floats(r, N * K);
    for (size_t i = 0; i < N; i++) o.scale[i] = fabsf(o.scale[i]) / 100.0f + 1e-4f;
    o.mat.rows = N;
    o.mat.cols = K;
    o.p = (enc_product){.x = o.x, .x_stride = K, .b = o.b, .y_stride = N, .act = -1};
    return o;
}

/* The struct must stay where it is while it is used. */
static void problem_aim(problem *o)
{
    o->mat.data = o->q != NULL ? (const void *)o->q : o->w;
    o->mat.dtype = o->q != NULL ? ENC_I8 : ENC_F32;
    o->mat.scale = o->q != NULL ? o->scale : NULL;
    o->p.w = &o->mat;
}

static void problem_clear(problem *o)
{
    free(o->x), free(o->w), free(o->scale), free(o->b), free(o->add), free(o->q);
}

static double magnitude(const problem *o, size_t t, size_t i)
{
    double s = 0.0;
    for (size_t k = 0; k < o->K; k++)
        s += fabs((double)o->x[t * o->K + k] * (o->q != NULL
                                                    ? (double)o->q[i * o->K + k]
                                                    : (double)o->w[i * o->K + k]));
    if (o->q != NULL) s *= (double)o->scale[i];
    return s + fabs((double)o->b[i]) + fabs((double)o->add[t * o->N + i]);
}

/* The largest |fast - plain| in units of its bound. */
static double worst_ratio(const problem *o, const float *fast, const float *plain,
                          int act)
{
    double worst = 0.0;
    for (size_t t = 0; t < o->T; t++) {
        for (size_t i = 0; i < o->N; i++) {
            double y = (double)plain[t * o->N + i], s = magnitude(o, t, i);
            double bound = ((double)o->K / 16.0 + 10.0) * U * s * 1.13;
            if (act != ENC_ACT_NONE) bound += 2e-7 * fmax(1.0, s);
            double off = fabs((double)fast[t * o->N + i] - y) / bound;
            if (!(off <= worst)) worst = off;
        }
    }
    return worst;
}

static double compare_product(const enc_kern *k, problem *o, int act, bool has_add)
{
    float *fast = exact(o->T * o->N, sizeof *fast),
          *plain = exact(o->T * o->N, sizeof *fast);
    problem_aim(o);
    o->p.act = act;
    o->p.add = has_add ? o->add : NULL;
    o->p.y = fast;
    k->product(&o->p, 0, o->T, 0, o->N);
    o->p.y = plain;
    enc_kern_plain.product(&o->p, 0, o->T, 0, o->N);
    double worst = worst_ratio(o, fast, plain, act);
    free(fast), free(plain);
    return worst;
}

static void every_shape_agrees_with_the_definition(const enc_kern *k)
{
    static const size_t cols[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,
                                  15, 16, 17, 31, 33, 64, 65, 131};
    static const size_t deep[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10,  11,  12,  13,
                                  14, 15, 16, 17, 31, 32, 33, 47, 64, 100, 384, 1537};
    enc_rng r = {1};
    for (size_t i8 = 0; i8 < 2; i8++) {
        for (size_t c = 0; c < sizeof cols / sizeof *cols; c++) {
            for (size_t d = 0; d < sizeof deep / sizeof *deep; d++) {
                size_t most = deep[d] > 100 ? 3 : 14;
                double worst = 0.0;
                for (size_t T = 1; T <= most; T++) {
                    problem o = problem_new(&r, T, deep[d], cols[c], i8);
                    double one = compare_product(k, &o, (int)(T % 5) - 1, T % 2 == 0);
                    if (!(one <= worst)) worst = one;
                    problem_clear(&o);
                }
                CHECK_SAY(worst <= 1.0, "%s %s N %zu K %zu: %g of the bound", k->name,
                          i8 ? "int8" : "f32", cols[c], deep[d], worst);
            }
        }
    }
}

static float activated(const enc_kern *k, float x, int act)
{
    const float one = 1.0f;
    const enc_mat m = {&one, ENC_F32, NULL, 1, 1};
    float y;
    enc_product p = {.x = &x, .x_stride = 1, .w = &m, .y = &y, .y_stride = 1, .act = act};
    k->product(&p, 0, 1, 0, 1);
    return y;
}

static void activations_keep_their_stated_error(const enc_kern *k)
{
    for (int act = ENC_GELU; act <= ENC_SILU; act++) {
        double worst = 0.0;
        for (int i = -60000; i <= 60000; i++) {
            float x = (float)i / 4000.0f;
            double y = (double)activated(&enc_kern_plain, x, act);
            double off = fabs((double)activated(k, x, act) - y) / fmax(1.0, fabs(y));
            if (!(off <= worst)) worst = off;
        }
        CHECK_SAY(worst <= 2e-7, "%s: activation %d is off by %g", k->name, act, worst);
        CHECK(isnan(activated(k, NAN, act)));
        CHECK(activated(k, 1e4f, act) == 1e4f);
        CHECK(fabsf(activated(k, -1e4f, act)) < 1e-7f);
        CHECK(activated(k, 0.0f, act) == 0.0f);
    }
}

static void definitions_are_those_of_the_papers(void)
{
    /* Values from tables of the normal distribution: x Phi(x). */
    CHECK(fabsf(activated(&enc_kern_plain, 1.0f, ENC_GELU) - 0.8413447461f) < 1e-7f);
    CHECK(fabsf(activated(&enc_kern_plain, -2.0f, ENC_GELU) + 0.0455002639f) < 1e-8f);
    CHECK(fabsf(activated(&enc_kern_plain, 1.0f, ENC_GELU_TANH) - 0.8411919906f) < 1e-7f);
    CHECK(activated(&enc_kern_plain, -3.0f, ENC_RELU) == 0.0f);
    CHECK(activated(&enc_kern_plain, 3.0f, ENC_RELU) == 3.0f);
    CHECK(fabsf(activated(&enc_kern_plain, 1.0f, ENC_SILU) - 0.7310585786f) < 1e-7f);
}

/* Runs one product cut in every way that row_step and col_step give. */
static bool is_same_in_pieces(const enc_kern *k, const problem *o, const float *whole,
                              size_t row_step, size_t col_step)
{
    float *y = exact(o->T * o->N, sizeof *y);
    enc_product p = o->p;
    p.y = y;
    for (size_t row = 0; row < o->T; row += row_step)
        for (size_t col = 0; col < o->N; col += col_step)
            k->product(&p, row, row + row_step < o->T ? row + row_step : o->T, col,
                       col + col_step < o->N ? col + col_step : o->N);
    bool is_same = memcmp(y, whole, o->T * o->N * sizeof *y) == 0;
    free(y);
    return is_same;
}

static void bits_do_not_depend_on_tiling(const enc_kern *k)
{
    static const size_t sizes[][3] = {
        {37, 50, 70}, {19, 64, 33}, {8, 384, 100}, {23, 7, 9}};
    enc_rng r = {2};
    for (size_t s = 0; s < 4; s++) {
        for (size_t i8 = 0; i8 < 2; i8++) {
            problem o = problem_new(&r, sizes[s][0], sizes[s][1], sizes[s][2], i8);
            float *whole = exact(o.T * o.N, sizeof *whole);
            size_t n_other = 0;
            problem_aim(&o);
            o.p.act = ENC_GELU;
            o.p.add = o.add;
            o.p.y = whole;
            k->product(&o.p, 0, o.T, 0, o.N);
            for (size_t rows = 1; rows <= o.T; rows++)
                for (size_t cols = 1; cols <= o.N; cols += rows == 1 ? 1 : 7)
                    n_other += !is_same_in_pieces(k, &o, whole, rows, cols);
            CHECK_SAY(n_other == 0, "%s: %zu tilings gave other bits", k->name, n_other);
            free(whole);
            problem_clear(&o);
        }
    }
}

static void a_product_writes_its_block_only(const enc_kern *k)
{
    enc_rng r = {3};
    problem o = problem_new(&r, 20, 20, 40, false);
    float y[20 * 44];
    size_t n_touched = 0, n_left = 0;
    problem_aim(&o);
    for (size_t i = 0; i < 20 * 44; i++) y[i] = -777.0f;
    o.p.y = y;
    o.p.y_stride = 44;
    k->product(&o.p, 3, 17, 5, 39);
    for (size_t t = 0; t < 20; t++) {
        for (size_t i = 0; i < 44; i++) {
            bool is_inside = t >= 3 && t < 17 && i >= 5 && i < 39;
            bool is_written = y[t * 44 + i] != -777.0f;
            n_touched += !is_inside && is_written;
            n_left += is_inside && !is_written;
        }
    }
    CHECK(n_touched == 0);
    CHECK(n_left == 0);
    problem_clear(&o);
}

static void a_residual_may_be_the_output(const enc_kern *k)
{
    enc_rng r = {4};
    problem o = problem_new(&r, 9, 33, 21, true);
    float *apart = exact(o.T * o.N, sizeof *apart),
          *in_place = exact(o.T * o.N, sizeof *apart);
    problem_aim(&o);
    memcpy(in_place, o.add, o.T * o.N * sizeof *apart);
    o.p.add = o.add, o.p.y = apart;
    k->product(&o.p, 0, o.T, 0, o.N);
    o.p.add = o.p.y = in_place;
    k->product(&o.p, 0, o.T, 0, o.N);
    CHECK(memcmp(apart, in_place, o.T * o.N * sizeof *apart) == 0);
    free(apart), free(in_place);
    problem_clear(&o);
}

/* The largest |fast - plain| of one row in units of its bound. The mean errs by at most
 * (D / 16 + 8) u M, where M is the largest |x|; so does a difference from it, and the
 * deviation by as much once more. */
static double norm_ratio(const float *x, const float *fast, const float *plain,
                         const enc_layernorm *norm, size_t D)
{
    double mean = 0.0, square = 0.0, most = 0.0, worst = 0.0;
    for (size_t i = 0; i < D; i++) mean += (double)x[i] / (double)D;
    for (size_t i = 0; i < D; i++) {
        square += ((double)x[i] - mean) * ((double)x[i] - mean) / (double)D;
        most = fmax(most, fabs((double)x[i]));
    }
    double deviation = sqrt(square + 1e-5), u = ((double)D / 16.0 + 10.0) * U;
    for (size_t i = 0; i < D; i++) {
        double y = fabs(((double)x[i] - mean) / deviation),
               gain = fabs((double)norm->gain[i]);
        double bound = u * (most / deviation * (1.0 + 2.0 * y) * gain + y * gain +
                            fabs((double)norm->bias[i]));
        double off = fabs((double)fast[i] - (double)plain[i]) / bound;
        if (!(off <= worst)) worst = off;
    }
    return worst;
}

static void layer_norm_agrees_and_rows_are_alone(const enc_kern *k)
{
    enc_rng r = {5};
    for (size_t D = 1; D <= 70; D++) {
        float *x = random_floats(&r, 3 * D), *gain = random_floats(&r, D);
        float *bias = random_floats(&r, D), *a = exact(3 * D, 4), *b = exact(3 * D, 4);
        const enc_layernorm norm = {gain, bias};
        for (size_t i = 0; i < 3 * D; i++) x[i] += 3.0f; /* a mean to be taken away */
        k->layernorm(a, x, &norm, 1e-5f, 3, D);
        enc_kern_plain.layernorm(b, x, &norm, 1e-5f, 3, D);
        for (size_t t = 0; t < 3 * D; t += D) {
            double worst = norm_ratio(x + t, a + t, b + t, &norm, D);
            CHECK_SAY(worst <= 1.0, "%s D %zu: %g of the bound", k->name, D, worst);
        }
        k->layernorm(b, x + 2 * D, &norm, 1e-5f, 1, D);
        CHECK(memcmp(a + 2 * D, b, D * sizeof *a) == 0);
        k->layernorm(x, x, &norm, 1e-5f, 3, D);
        CHECK(memcmp(a, x, 3 * D * sizeof *a) == 0);
        free(x), free(gain), free(bias), free(a), free(b);
    }
}

/* One head of one text. */
typedef struct text {
    size_t n, dims, window;
    float *qkv;  /* n x 3 dims */
    float *bias; /* 2 n - 1 */
    bool is_biased;
} text;

static text text_new(enc_rng *r, size_t n, size_t dims)
{
    text t = {.n = n, .dims = dims};
    t.qkv = random_floats(r, n * 3 * dims);
    t.bias = random_floats(r, 2 * n - 1);
    return t;
}

static void text_clear(text *t)
{
    free(t->qkv), free(t->bias);
}

/* Attention of a table over a text; returns out (n x dims), fills weights. */
static float *attend(const enc_kern *k, const text *t, float *weights)
{
    const size_t n = t->n, dims = t->dims;
    float *out = exact(n * (dims + 3), sizeof *out);
    float *scratch = exact(enc_attn_scratch(n, dims), sizeof *scratch);
    enc_attn a = {.q = t->qkv,
                  .k = t->qkv + dims,
                  .v = t->qkv + 2 * dims,
                  .out = out,
                  .n = n,
                  .head_dims = dims,
                  .stride = 3 * dims,
                  .out_stride = dims + 3,
                  .scale = (float)(1.0 / sqrt((double)dims)),
                  .bias = t->is_biased ? t->bias + n - 1 : NULL,
                  .window = t->window,
                  .weights = weights,
                  .scratch = scratch};
    for (size_t i = 0; i < n * (dims + 3); i++) out[i] = -777.0f;
    k->attention(&a);
    free(scratch);
    return out;
}

static bool is_seen(const text *t, size_t i, size_t j)
{
    return t->window == 0 || (i > j ? i - j : j - i) <= t->window;
}

/* Scores of 1 or so err by under (dims + 6) u each; e^score and its share by that much
 * and 4e-7; mixing n values of up to 5 by (n + 4) u more. */
static void compare_attention(const enc_kern *k, const text *t)
{
    const size_t n = t->n, dims = t->dims;
    float *wf = exact(n * n, 4), *wp = exact(n * n, 4);
    float *fast = attend(k, t, wf);
    float *plain = attend(&enc_kern_plain, t, wp);
    float *quiet = attend(k, t, NULL);
    double weight_bound = ((double)dims + 6.0) * U * 2.0 * 6.0 + 1e-6, worst_w = 0.0,
           worst = 0.0;
    size_t n_beside = 0, n_unfair = 0, n_unseen = 0;
    for (size_t i = 0; i < n; i++) {
        double sum = 0.0;
        for (size_t j = 0; j < n; j++) {
            n_unseen +=
                !is_seen(t, i, j) && (wf[i * n + j] != 0.0f || wp[i * n + j] != 0.0f);
            double off = fabs((double)wf[i * n + j] - (double)wp[i * n + j]);
            if (!(off <= worst_w)) worst_w = off;
            sum += (double)wf[i * n + j];
        }
        n_unfair += !(fabs(sum - 1.0) < 1e-6);
        for (size_t d = 0; d < dims + 3; d++) {
            double off = fabs((double)fast[i * (dims + 3) + d] -
                              (double)plain[i * (dims + 3) + d]);
            if (d < dims && !(off <= worst)) worst = off;
            n_beside += d >= dims && fast[i * (dims + 3) + d] != -777.0f;
        }
    }
    CHECK_SAY(worst_w <= weight_bound, "%s n %zu dims %zu window %zu: weights off by %g",
              k->name, n, dims, t->window, worst_w);
    CHECK_SAY(worst <= weight_bound * 5.0 + ((double)n + 4.0) * U * 5.0,
              "%s n %zu dims %zu window %zu: output off by %g", k->name, n, dims,
              t->window, worst);
    CHECK(n_unfair == 0);
    CHECK_SAY(n_unseen == 0, "%s n %zu window %zu: %zu weights of keys beyond it",
              k->name, n, t->window, n_unseen);
    CHECK(n_beside == 0);
    CHECK(memcmp(fast, quiet, n * (dims + 3) * sizeof *fast) == 0);
    free(wf), free(wp), free(fast), free(plain), free(quiet);
}

/* With all keys and with some, without and with a bias. */
static void compare_all(const enc_kern *k, enc_rng *r, size_t n, size_t dims)
{
    const size_t windows[] = {0, 1, 2, 7, 16, 40, n, 3 * n};
    text t = text_new(r, n, dims);
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        t.window = windows[i];
        t.is_biased = false;
        compare_attention(k, &t);
        t.is_biased = true;
        compare_attention(k, &t);
    }
    text_clear(&t);
}

static void attention_agrees_with_the_definition(const enc_kern *k)
{
    enc_rng r = {6};
    for (size_t n = 1; n <= 40; n++) compare_all(k, &r, n, 1 + n * 7 % 41);
    for (size_t dims = 1; dims <= 70; dims++) compare_all(k, &r, 1 + dims * 5 % 37, dims);
    compare_all(k, &r, 512, 32);
    compare_all(k, &r, 129, 64);
}

/* Bits: a window that holds the text is none, and a bias of zeros rounds nothing but the
 * scores' scale. */
static void a_wide_window_is_none(const enc_kern *k)
{
    enc_rng r = {12};
    for (size_t n = 1; n <= 100; n += 11) {
        text t = text_new(&r, n, 16); /* whose scale is a power of two */
        float *all = attend(k, &t, NULL);
        for (size_t window = n > 1 ? n - 1 : 1; window < n + 2; window++) {
            t.window = window;
            float *some = attend(k, &t, NULL);
            CHECK(memcmp(all, some, n * 19 * sizeof *all) == 0);
            free(some);
        }
        memset(t.bias, 0, (2 * n - 1) * sizeof *t.bias);
        t.is_biased = true;
        float *biased = attend(k, &t, NULL);
        CHECK(memcmp(all, biased, n * 19 * sizeof *all) == 0);
        free(all), free(biased);
        text_clear(&t);
    }
}

/* What is far from all queries of a block may be anything. */
static void keys_far_beyond_the_window_are_not_touched(const enc_kern *k)
{
    enc_rng r = {13};
    text t = text_new(&r, 300, 20);
    t.window = 20;
    float *clean = attend(k, &t, NULL);
    for (size_t i = 0; i < 60; i++) t.qkv[150 * 60 + i] = NAN;
    float *spoilt = attend(k, &t, NULL);
    const size_t near = 20 + ENC_ATTN_ROWS + 16, width = 23;
    CHECK(memcmp(clean, spoilt, (150 - near) * width * sizeof *clean) == 0);
    CHECK(memcmp(clean + (150 + near) * width, spoilt + (150 + near) * width,
                 (150 - near) * width * sizeof *clean) == 0);
    for (size_t i = 130; i <= 170; i++) CHECK(isnan(spoilt[i * width]));
    free(clean), free(spoilt);
    text_clear(&t);
}

static void a_dot_product_agrees(const enc_kern *k)
{
    enc_rng r = {7};
    for (size_t n = 0; n <= 200; n++) {
        float *a = random_floats(&r, n), *b = random_floats(&r, n);
        double sum = 0.0, size = 0.0;
        for (size_t i = 0; i < n; i++) {
            sum += (double)a[i] * (double)b[i];
            size += fabs((double)a[i] * (double)b[i]);
        }
        CHECK(fabs((double)k->dot(a, b, n) - sum) <=
              ((double)n / 16.0 + 10.0) * U * size);
        free(a), free(b);
    }
}

static void fast_tables_give_the_same_bits(const enc_kern *a, const enc_kern *b)
{
    enc_rng r = {8};
    for (size_t T = 1; T <= 20; T++) {
        problem o = problem_new(&r, T, 5 * T + 300, 3 * T + 40, T % 2);
        float *y = exact(T * o.N, 4), *z = exact(T * o.N, 4);
        problem_aim(&o);
        o.p.act = (int)(T % 5) - 1;
        o.p.y = y;
        a->product(&o.p, 0, T, 0, o.N);
        o.p.y = z;
        b->product(&o.p, 0, T, 0, o.N);
        CHECK(memcmp(y, z, T * o.N * sizeof *y) == 0);
        const enc_layernorm norm = {o.b, o.b};
        a->layernorm(y, y, &norm, 1e-12f, T, o.N);
        b->layernorm(z, z, &norm, 1e-12f, T, o.N);
        CHECK(memcmp(y, z, T * o.N * sizeof *y) == 0);
        CHECK(a->dot(o.x, y, o.N) == b->dot(o.x, z, o.N));
        text t = text_new(&r, 5 * T, 24);
        t.window = T % 3 * 9;
        t.is_biased = T % 2 == 0;
        float *out = attend(a, &t, NULL), *other = attend(b, &t, NULL);
        CHECK(memcmp(out, other, t.n * 27 * sizeof *out) == 0);
        free(y), free(z), free(out), free(other);
        text_clear(&t);
        problem_clear(&o);
    }
}

static void the_environment_lowers_the_choice(void)
{
    setenv("ENCODER_KERNEL", "plain", 1);
    enc_env_read();
    CHECK(enc_kern_pick() == &enc_kern_plain);
    setenv("ENCODER_KERNEL", "abacus", 1);
    enc_env_read();
    CHECK(enc_kern_pick() == kerns[n_own - 1]);
    unsetenv("ENCODER_KERNEL");
    enc_env_read();
    CHECK(enc_kern_pick() == kerns[n_own - 1]);
    CHECK(enc_kern_find("abacus") == NULL);
    CHECK(enc_kern_find("plain") == &enc_kern_plain);
}

int main(void)
{
    n_kerns = list_tables(kerns, &n_own);
    definitions_are_those_of_the_papers();
    for (size_t i = 0; i < n_kerns; i++) {
        if (i > 0) {
            every_shape_agrees_with_the_definition(kerns[i]);
            activations_keep_their_stated_error(kerns[i]);
        }
        bits_do_not_depend_on_tiling(kerns[i]);
        a_product_writes_its_block_only(kerns[i]);
        a_residual_may_be_the_output(kerns[i]);
        layer_norm_agrees_and_rows_are_alone(kerns[i]);
        attention_agrees_with_the_definition(kerns[i]);
        a_wide_window_is_none(kerns[i]);
        keys_far_beyond_the_window_are_not_touched(kerns[i]);
        a_dot_product_agrees(kerns[i]);
    }
    for (size_t i = 2; i < n_kerns; i++)
        fast_tables_give_the_same_bits(kerns[1], kerns[i]);
    the_environment_lowers_the_choice();
    return check_done("kern");
}
