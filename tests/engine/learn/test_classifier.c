/* A head is the optimum of its formula, is chosen by what it does to examples held out,
 * and as bytes is either whole or refused. */
#include "learn/classifier.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/threads.h"
#include "check.h"

static const enc_bytes names[] = {{(const uint8_t *)"red", 3},
                                  {(const uint8_t *)"\xeb\xb9\xa8\xea\xb0\x95", 6},
                                  {NULL, 0}};

/* The twelve points of tests/ref/logistic.py. */
static float x12[36];
static const uint32_t y12[12] = {0, 1, 2, 0, 1, 0, 0, 2, 1, 0, 0, 2};

static void make_points(void)
{
    for (size_t i = 0; i < 12; i++)
        for (size_t k = 0; k < 3; k++)
            x12[3 * i + k] = (float)((i * 7 + k * 5 + i * k * 3) % 11) / 5.0f - 1.0f;
}

static enc_fit fit12(void)
{
    return (enc_fit){.x = x12,
                     .label = y12,
                     .n = 12,
                     .dims = 3,
                     .n_labels = 3,
                     .labels = names,
                     .folds = 1,
                     .l2 = 0.5,
                     .seed = 1,
                     .fingerprint = {1, 2, 3}};
}

static float f32_of(const uint8_t *p)
{
    float v;
    memcpy(&v, p, sizeof v);
    return v;
}

static uint32_t cell(const enc_classifier *c, size_t row, size_t col)
{
    const uint8_t *p = c->confusion + 4 * (row * c->n_labels + col);
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
           (uint32_t)p[3] << 24;
}

static void compare(const enc_fit *f, const double *w, const double *b)
{
    enc_wr out;
    enc_classifier c;
    enc_err e;
    double worst = 0.0, mean = 0.0;

    enc_err_clear(&e);
    enc_wr_init(&out);
    CHECK_SAY(enc_classifier_fit(f, &out, &e) == ENC_OK, "%s", e.text);
    CHECK_SAY(enc_classifier_read(&c, (enc_bytes){out.at, out.n}, &e) == ENC_OK, "%s",
              e.text);
    if (e.rc == ENC_OK) {
        for (size_t i = 0; i < 3; i++) mean += (double)f32_of(c.b + 4 * i) / 3.0;
        for (size_t i = 0; i < 9; i++)
            worst = fmax(worst, fabs((double)f32_of(c.w + 4 * i) - w[i]));
        for (size_t i = 0; i < 3; i++)
            worst = fmax(worst, fabs((double)f32_of(c.b + 4 * i) - mean - b[i]));
        CHECK_SAY(worst < 2e-5, "a weight is off by %g", worst);
    }
    enc_wr_clear(&out);
}

static void the_optimum_is_that_of_newtons_method(void)
{
    const double w[] = {0.9265724,  0.3005784,  0.9983168, -0.1209498, -0.4736557,
                        -0.6168046, -0.8056226, 0.1730774, -0.3815122};
    const double b[] = {0.4849510, -0.1708305, -0.3141206};
    const double wb[] = {0.8937977,  0.3051757,  0.9213121, -0.0720601, -0.4822799,
                         -0.5824685, -0.8217376, 0.1771042, -0.3388436};
    const double bb[] = {0.0891763, 0.0361300, -0.1253063};
    enc_fit f = fit12();

    compare(&f, w, b);
    f.balanced = true;
    compare(&f, wb, bb);
}

static void what_is_written_is_read(void)
{
    enc_fit f = fit12();
    enc_wr out;
    enc_classifier c;
    enc_err e;

    enc_err_clear(&e);
    enc_wr_init(&out);
    CHECK(enc_classifier_fit(&f, &out, &e) == ENC_OK);
    CHECK(out.n == 12 + 4 + 16 + 8 + 16 + (2 + 3 + 2 + 6 + 2) + 36 + 36 + 12);
    CHECK(enc_classifier_read(&c, (enc_bytes){out.at, out.n}, &e) == ENC_OK);
    CHECK(c.n_labels == 3 && c.dims == 3 && c.n_examples == 12 && c.n_folds == 1);
    CHECK(c.l2 == 0.5 && c.accuracy == -1.0 && cell(&c, 0, 0) == 0);
    CHECK(c.fingerprint[0] == 1 && c.fingerprint[2] == 3 && c.fingerprint[15] == 0);
    for (size_t i = 0; i < 3; i++) {
        enc_bytes name = enc_classifier_label(&c, i);
        CHECK(name.n == names[i].n &&
              (name.n == 0 || !memcmp(name.at, names[i].at, name.n)));
    }
    enc_wr_clear(&out);
}

static void scores_are_a_softmax(void)
{
    enc_fit f = fit12();
    enc_wr out;
    enc_classifier c;
    enc_err e;
    float scores[3];
    double z[3], sum = 0.0;

    enc_err_clear(&e);
    enc_wr_init(&out);
    CHECK(enc_classifier_fit(&f, &out, &e) == ENC_OK);
    CHECK(enc_classifier_read(&c, (enc_bytes){out.at, out.n}, &e) == ENC_OK);
    enc_classifier_scores(&c, x12 + 6, scores);
    for (size_t i = 0; i < 3; i++) {
        z[i] = (double)f32_of(c.b + 4 * i);
        for (size_t k = 0; k < 3; k++)
            z[i] += (double)f32_of(c.w + 4 * (3 * i + k)) * (double)x12[6 + k];
        sum += exp(z[i]);
    }
    for (size_t i = 0; i < 3; i++)
        CHECK_SAY(fabs((double)scores[i] - exp(z[i]) / sum) < 1e-6, "score %zu is %f", i,
                  (double)scores[i]);
    enc_wr_clear(&out);
}

/* Two clouds, apart or not; label i of every three is rarer in `skewed`. */
static void make_clouds(float *x, uint32_t *y, size_t n, float distance, enc_rng *r)
{
    for (size_t i = 0; i < n; i++) {
        y[i] = i % 2;
        x[2 * i] = 5.0f + enc_rng_normal(r) + (y[i] ? distance : 0.0f);
        x[2 * i + 1] = enc_rng_normal(r);
    }
}

static enc_classifier fit_clouds(enc_fit *f, enc_wr *out)
{
    enc_classifier c;
    enc_err e;

    enc_err_clear(&e);
    enc_wr_init(out);
    CHECK_SAY(enc_classifier_fit(f, out, &e) == ENC_OK, "%s", e.text);
    CHECK_SAY(enc_classifier_read(&c, (enc_bytes){out->at, out->n}, &e) == ENC_OK, "%s",
              e.text);
    return c;
}

static void separable_clouds_are_separated(void)
{
    static float x[400];
    static uint32_t y[200];
    enc_rng r = {3};
    enc_wr out;
    enc_fit f = {.x = x,
                 .label = y,
                 .n = 200,
                 .dims = 2,
                 .n_labels = 2,
                 .labels = names,
                 .l2 = -1.0,
                 .seed = 5};
    float scores[2];

    make_clouds(x, y, 200, 12.0f, &r);
    enc_classifier c = fit_clouds(&f, &out);
    CHECK(c.n_folds == 5 && c.accuracy == 1.0 && c.l2 > 0.0);
    CHECK(cell(&c, 0, 0) == 100 && cell(&c, 1, 1) == 100 && cell(&c, 0, 1) == 0);
    for (size_t i = 0; i < 200; i++) {
        enc_classifier_scores(&c, x + 2 * i, scores);
        CHECK(scores[y[i]] > 0.5f);
    }
    enc_wr_clear(&out);
}

static void held_out_accuracy_is_that_of_unseen_examples(void)
{
    static float x[4000];
    static uint32_t y[2000];
    enc_rng r = {11};
    enc_wr out;
    enc_fit f = {.x = x,
                 .label = y,
                 .n = 2000,
                 .dims = 2,
                 .n_labels = 2,
                 .labels = names,
                 .l2 = -1.0,
                 .seed = 5};

    make_clouds(x, y, 2000, 2.0f, &r); /* Bayes: Phi(1) = 0.841 */
    enc_classifier c = fit_clouds(&f, &out);
    CHECK_SAY(fabs(c.accuracy - 0.841) < 0.025, "accuracy %f", c.accuracy);
    CHECK(cell(&c, 0, 0) + cell(&c, 0, 1) == 1000 &&
          cell(&c, 1, 0) + cell(&c, 1, 1) == 1000);
    CHECK(fabs((cell(&c, 0, 0) + cell(&c, 1, 1)) / 2000.0 - c.accuracy) < 1e-12);
    enc_wr_clear(&out);

    make_clouds(x, y, 2000, 0.0f, &r); /* nothing to learn: no better than a coin */
    c = fit_clouds(&f, &out);
    CHECK_SAY(fabs(c.accuracy - 0.5) < 0.05, "accuracy %f", c.accuracy);
    enc_wr_clear(&out);
}

/* More values than examples, labels by two of them: without a penalty it must overfit. */
static void cross_validation_finds_a_penalty(void)
{
    enum { n = 120, dims = 100 };
    static float x[n * dims];
    static uint32_t y[n];
    enc_rng r = {19};
    enc_wr out;
    enc_fit f = {.x = x,
                 .label = y,
                 .n = n,
                 .dims = dims,
                 .n_labels = 2,
                 .labels = names,
                 .l2 = -1.0,
                 .seed = 5};

    for (size_t i = 0; i < n * dims; i++) x[i] = enc_rng_normal(&r);
    for (size_t i = 0; i < n; i++) y[i] = x[i * dims] + x[i * dims + 1] > 0.0f;
    enc_classifier chosen = fit_clouds(&f, &out);
    double best = chosen.accuracy, l2 = chosen.l2;
    enc_wr_clear(&out);
    f.l2 = 0.0001 * dims; /* the weak end of the grid */
    double weak = fit_clouds(&f, &out).accuracy;
    enc_wr_clear(&out);
    CHECK_SAY(best > weak && l2 > f.l2, "l2 %g: %f, l2 %g: %f", l2, best, f.l2, weak);
}

static void balancing_helps_the_rare_class(void)
{
    static float x[2000];
    static uint32_t y[1000];
    enc_rng r = {23};
    enc_wr out;
    enc_fit f = {.x = x,
                 .label = y,
                 .n = 1000,
                 .dims = 2,
                 .n_labels = 2,
                 .labels = names,
                 .l2 = 1.0,
                 .seed = 5};

    for (size_t i = 0; i < 1000; i++) {
        y[i] = i % 20 == 0;
        x[2 * i] = enc_rng_normal(&r) + (y[i] ? 1.5f : 0.0f);
        x[2 * i + 1] = enc_rng_normal(&r);
    }
    enc_classifier c = fit_clouds(&f, &out);
    uint32_t plain = cell(&c, 1, 1);
    enc_wr_clear(&out);
    f.balanced = true;
    c = fit_clouds(&f, &out);
    CHECK_SAY(cell(&c, 1, 1) > plain + 15, "%u of 50, before %u", cell(&c, 1, 1), plain);
    enc_wr_clear(&out);
}

static void folds_adapt_to_the_smallest_class(void)
{
    static const struct {
        uint32_t asked, rare, expected;
    } cases[] = {{0, 9, 5}, {0, 3, 3}, {0, 1, 2}, {7, 3, 7}};
    static float x[80];
    static uint32_t y[40];
    enc_rng r = {29};
    enc_wr out;

    make_clouds(x, y, 40, 3.0f, &r);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enc_fit f = {.x = x,
                     .label = y,
                     .n = 40,
                     .dims = 2,
                     .n_labels = 2,
                     .labels = names,
                     .folds = cases[i].asked,
                     .l2 = 1.0};
        for (size_t k = 0; k < 40; k++) y[k] = k < cases[i].rare;
        CHECK(fit_clouds(&f, &out).n_folds == cases[i].expected);
        enc_wr_clear(&out);
    }
}

static void the_seed_decides_everything(void)
{
    static float x[600];
    static uint32_t y[300];
    enc_rng r = {31};
    enc_wr a, b, c;
    enc_fit f = {.x = x,
                 .label = y,
                 .n = 300,
                 .dims = 2,
                 .n_labels = 2,
                 .labels = names,
                 .l2 = 1.0,
                 .seed = 5};

    make_clouds(x, y, 300, 1.0f, &r);
    fit_clouds(&f, &a);
    fit_clouds(&f, &b);
    f.seed = 6;
    fit_clouds(&f, &c);
    CHECK(a.n == b.n && memcmp(a.at, b.at, a.n) == 0);
    CHECK(a.n == c.n && memcmp(a.at, c.at, a.n) != 0);
    enc_wr_clear(&a);
    enc_wr_clear(&b);
    enc_wr_clear(&c);
}

static void refuse(const enc_fit *f, enc_rc expected, const char *sentence)
{
    enc_wr out;
    enc_err e;

    enc_err_clear(&e);
    enc_wr_init(&out);
    enc_rc rc = enc_classifier_fit(f, &out, &e);
    CHECK_SAY(rc == expected && !strcmp(e.text, sentence), "%d \"%s\", expected \"%s\"",
              rc, e.text, sentence);
    enc_wr_clear(&out);
}

static void what_cannot_be_fitted_is_refused(void)
{
    static const uint32_t same[12] = {0}, high[12] = {0, 3};
    static const enc_bytes wide[] = {{(const uint8_t *)"a", 1}, {NULL, 70000}, {NULL, 0}};
    enc_fit f = fit12();

    f.n = 1;
    refuse(&f, ENC_RANGE, "1 examples, expected 2 to 4294967295");
    f = fit12();
    f.n_labels = 1;
    refuse(&f, ENC_RANGE, "1 labels, expected 2 to 65536");
    f = fit12();
    f.dims = 0;
    refuse(&f, ENC_RANGE, "vectors of 0 values, expected 1 to 65536");
    f = fit12();
    f.folds = 13;
    refuse(&f, ENC_RANGE, "13 folds for 12 examples, at most 12");
    f = fit12();
    f.l2 = -1.0;
    refuse(&f, ENC_MISUSE,
           "choosing l2 needs at least 2 folds, not 1: state l2 or folds");
    f.l2 = (double)NAN;
    refuse(&f, ENC_RANGE, "l2 is not a finite number");
    f = fit12();
    f.label = high;
    refuse(&f, ENC_RANGE, "example 1 has label 3 of 3");
    f.label = same;
    refuse(&f, ENC_RANGE, "all 12 examples have one label, expected at least 2");
    f = fit12();
    f.labels = wide;
    refuse(&f, ENC_RANGE, "label 1 has 70000 bytes, at most 65535");
    f = fit12();
    float kept = x12[7];
    x12[7] = INFINITY;
    refuse(&f, ENC_RANGE, "value 1 of example 2 is not finite");
    x12[7] = kept;
}

static bool stop_now(void *unused)
{
    (void)unused;
    return true;
}

static void a_tick_stops_it(void)
{
    enc_fit f = fit12();
    enc_wr out;
    enc_err e;

    enc_err_clear(&e);
    enc_wr_init(&out);
    f.tick = stop_now;
    CHECK(enc_classifier_fit(&f, &out, &e) == ENC_INTERRUPT);
    enc_wr_clear(&out);
}

static enc_rc read_rc(const uint8_t *bytes, size_t n)
{
    enc_classifier c;
    enc_err e;

    enc_err_clear(&e);
    /* A block of exactly n bytes: a sanitizer sees any look beyond it. */
    uint8_t *copy = malloc(n > 0 ? n : 1);
    if (n > 0) memcpy(copy, bytes, n);
    enc_rc rc = enc_classifier_read(&c, (enc_bytes){copy, n}, &e);
    if (rc == ENC_OK) {
        float x[3] = {0.0f, 0.0f, 0.0f}, scores[3];
        if (c.dims == 3 && c.n_labels == 3) enc_classifier_scores(&c, x, scores);
        for (size_t i = 0; i < c.n_labels; i++) enc_classifier_label(&c, i);
    }
    free(copy);
    return rc;
}

static void every_truncation_is_noticed(void)
{
    enc_fit f = fit12();
    enc_wr out;
    enc_err e;

    enc_err_clear(&e);
    enc_wr_init(&out);
    CHECK(enc_classifier_fit(&f, &out, &e) == ENC_OK);
    CHECK(read_rc(out.at, out.n) == ENC_OK);
    for (size_t n = 0; n < out.n; n++)
        CHECK_SAY(read_rc(out.at, n) == ENC_CORRUPT, "%zu of %zu bytes", n, out.n);
    enc_wr_u8(&out, 0);
    CHECK(read_rc(out.at, out.n) == ENC_CORRUPT);
    enc_wr_clear(&out);
}

static void wrong_numbers_are_refused(void)
{
    static const struct {
        size_t at;
        uint8_t value;
        enc_rc expected;
    } cases[] = {{0, 'e', ENC_CORRUPT},   /* magic */
                 {4, 2, ENC_UNSUPPORTED}, /* version */
                 {6, 1, ENC_UNSUPPORTED}, /* problem */
                 {8, 1, ENC_CORRUPT},     /* labels: too few */
                 {8, 4, ENC_CORRUPT},     /* more than there are */
                 {11, 255, ENC_CORRUPT},  /* absurdly many */
                 {12, 0, ENC_CORRUPT},    /* dims */
                 {14, 255, ENC_CORRUPT},  /* over the limit */
                 {23, 0xff, ENC_CORRUPT}, /* l2: negative */
                 {31, 0x7f, ENC_CORRUPT}, /* accuracy: far above 1 */
                 {56, 200, ENC_CORRUPT}}; /* length of the first name */
    enc_fit f = fit12();
    enc_wr out;
    enc_err e;

    enc_err_clear(&e);
    enc_wr_init(&out);
    CHECK(enc_classifier_fit(&f, &out, &e) == ENC_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t kept = out.at[cases[i].at];
        out.at[cases[i].at] = cases[i].value;
        CHECK_SAY(read_rc(out.at, out.n) == cases[i].expected, "byte %zu as %u gives %d",
                  cases[i].at, cases[i].value, read_rc(out.at, out.n));
        out.at[cases[i].at] = kept;
    }
    memset(out.at + out.n - 4, 0xff, 4); /* the last bias: NaN */
    CHECK(read_rc(out.at, out.n) == ENC_CORRUPT);
    enc_wr_clear(&out);
}

static void every_failed_allocation_is_reported(void)
{
    size_t live = enc_mem_live(), nth = 1;
    enc_fit f = fit12();

    f.folds = 2;
    for (;; nth++) {
        enc_wr out;
        enc_err e;
        enc_err_clear(&e);
        enc_wr_init(&out);
        enc_mem_fault(nth, false);
        enc_rc rc = enc_classifier_fit(&f, &out, &e);
        enc_mem_fault(0, false);
        enc_wr_clear(&out);
        CHECK_SAY(enc_mem_live() == live, "allocation %zu failed and something leaked",
                  nth);
        if (rc == ENC_OK) break;
        CHECK_SAY(rc == ENC_NOMEM, "allocation %zu gave %d", nth, rc);
    }
    CHECK_SAY(nth > 20, "only %zu allocations", nth);
}

typedef struct patience { /* of one who is asked */
    size_t n_asked, n_max;
} patience;

static bool is_over(void *arg)
{
    patience *p = arg;
    return ++p->n_asked == p->n_max;
}

/* It asks from the first look at the vectors to the last fit; whoever says stop is not
 * asked again. */
static void any_answer_can_stop_it(void)
{
    enum { N = 20000, DIMS = 64 };
    float *x = malloc(sizeof *x * N * DIMS);
    uint32_t *y = malloc(sizeof *y * N);
    patience all = {0};
    enc_fit f = fit12();
    enc_rng rng = {7};
    enc_err e = {0};
    enc_wr out;

    for (size_t i = 0; i < N; i++) y[i] = (uint32_t)(i % 3);
    for (size_t i = 0; i < (size_t)N * DIMS; i++)
        x[i] = enc_rng_normal(&rng) + (float)y[i / DIMS] / 8.0f;
    f.x = x, f.label = y, f.n = N, f.dims = DIMS;
    f.folds = 0, f.l2 = -1.0;
    f.tick = is_over, f.tick_arg = &all;
    enc_threads_set(1); /* so that as much is asked each time */
    enc_wr_init(&out);
    CHECK_SAY(enc_classifier_fit(&f, &out, &e) == ENC_OK, "%s", e.text);
    enc_wr_clear(&out);
    CHECK_SAY(all.n_asked > 6, "asked %zu times", all.n_asked);
    for (size_t k = 1; k < all.n_asked; k += 1 + all.n_asked / 8) {
        patience some = {.n_max = k};
        f.tick_arg = &some;
        enc_err_clear(&e);
        CHECK(enc_classifier_fit(&f, &out, &e) == ENC_INTERRUPT && out.n == 0);
        CHECK_SAY(some.n_asked == k, "asked %zu times, not %zu", some.n_asked, k);
        CHECK_SAY(strncmp(e.text, "interrupted", 11) == 0, "%s", e.text);
    }
    enc_threads_set(0);
    free(x);
    free(y);
}

int main(void)
{
    make_points();
    the_optimum_is_that_of_newtons_method();
    what_is_written_is_read();
    scores_are_a_softmax();
    separable_clouds_are_separated();
    held_out_accuracy_is_that_of_unseen_examples();
    cross_validation_finds_a_penalty();
    balancing_helps_the_rare_class();
    folds_adapt_to_the_smallest_class();
    the_seed_decides_everything();
    what_cannot_be_fitted_is_refused();
    a_tick_stops_it();
    any_answer_can_stop_it();
    every_truncation_is_noticed();
    wrong_numbers_are_refused();
    every_failed_allocation_is_reported();
    return check_done("classifier");
}
