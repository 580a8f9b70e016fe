/* The loss is what its formula says, and its gradient is its slope, for all examples and
 * without one fold, over one block and many, on any number of threads. */
#include "learn/logistic.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/threads.h"
#include "check.h"

#define N      1300 /* three blocks and a part of one */
#define DIMS   21
#define LABELS 5
#define FOLDS  3
#define SIZE   (LABELS * (DIMS + 1))
#define L2     3.0

static float x[N * DIMS];
static uint32_t label[N], fold[N];
static const double weight[LABELS] = {1.0, 0.5, 2.0, 1.5, 0.25};
static double p[SIZE];

static void make_data(void)
{
    enc_rng r = {7};

    for (size_t i = 0; i < N; i++) {
        label[i] = enc_rng_below(&r, LABELS);
        fold[i] = enc_rng_below(&r, FOLDS);
        for (size_t k = 0; k < DIMS; k++)
            x[i * DIMS + k] = 2.0f + enc_rng_normal(&r) + (k == label[i] ? 1.0f : 0.0f);
    }
    for (size_t i = 0; i < SIZE; i++) p[i] = 0.3 * (double)enc_rng_normal(&r);
}

static enc_logistic *new_of(size_t n, bool has_folds)
{
    enc_examples d = {.x = x,
                      .label = label,
                      .fold = has_folds ? fold : NULL,
                      .weight = weight,
                      .n = n,
                      .dims = DIMS,
                      .n_labels = LABELS,
                      .n_folds = has_folds ? FOLDS : 1};
    enc_logistic *g;
    enc_err e;

    enc_err_clear(&e);
    CHECK(enc_logistic_new(&g, &d, &e) == ENC_OK && enc_logistic_size(g) == SIZE);
    return g;
}

/* The formula of logistic.h in double, for parameters of vectors as they came. */
static double by_definition(const double *q, size_t n, bool has_folds, uint32_t held)
{
    double f = 0.0;
    size_t used = 0;

    for (size_t i = 0; i < n; i++) {
        double z[LABELS], sum = 0.0;
        if (has_folds && fold[i] == held) continue;
        used++;
        for (size_t l = 0; l < LABELS; l++) {
            z[l] = q[LABELS * DIMS + l];
            for (size_t k = 0; k < DIMS; k++)
                z[l] += q[l * DIMS + k] * (double)x[i * DIMS + k];
            sum += exp(z[l]);
        }
        f += weight[label[i]] * (log(sum) - z[label[i]]);
    }
    for (size_t i = 0; i < LABELS * DIMS; i++) f += 0.5 * L2 * q[i] * q[i];
    return f / (double)used;
}

static void the_loss_is_its_formula(void)
{
    static double g[SIZE], q[SIZE];
    const size_t sizes[] = {1, 2, 17, 512, 513, N};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        enc_logistic *l = new_of(sizes[i], false);
        enc_logistic_aim(l, L2, ENC_NO_FOLD);
        double f = enc_logistic_value(l, p, g);
        memcpy(q, p, sizeof q);
        enc_logistic_uncentre(l, q);
        double expected = by_definition(q, sizes[i], false, 0);
        CHECK_SAY(fabs(f - expected) < 1e-6 * expected, "n %zu: %.9f, expected %.9f",
                  sizes[i], f, expected);
        enc_logistic_free(l);
    }
}

static void a_held_fold_is_left_out(void)
{
    static double g[SIZE], q[SIZE];
    enc_logistic *l = new_of(N, true);

    memcpy(q, p, sizeof q);
    enc_logistic_uncentre(l, q);
    for (uint32_t held = 0; held < FOLDS; held++) {
        enc_logistic_aim(l, L2, held);
        double f = enc_logistic_value(l, p, g),
               expected = by_definition(q, N, true, held);
        CHECK_SAY(fabs(f - expected) < 1e-6 * expected, "fold %u: %.9f, expected %.9f",
                  held, f, expected);
    }
    enc_logistic_free(l);
}

static void the_gradient_is_the_slope(void)
{
    static double g[SIZE], unused[SIZE], q[SIZE];
    const double h =
        1e-2; /* scores are f32: a smaller step would measure their rounding */
    enc_logistic *l = new_of(N, true);
    double worst = 0.0;

    enc_logistic_aim(l, L2, 1);
    enc_logistic_value(l, p, g);
    for (size_t i = 0; i < SIZE; i++) {
        double f[4];
        const double at[4] = {-2.0, -1.0, 1.0, 2.0};
        for (size_t k = 0; k < 4; k++) {
            memcpy(q, p, sizeof q);
            q[i] += at[k] * h;
            f[k] = enc_logistic_value(l, q, unused);
        }
        double slope = (f[0] - 8.0 * f[1] + 8.0 * f[2] - f[3]) / (12.0 * h);
        double error = fabs(slope - g[i]);
        if (error > worst) worst = error;
    }
    CHECK_SAY(worst < 2e-6, "gradient off by up to %g", worst);
    enc_logistic_free(l);
}

static void threads_change_no_bit(void)
{
    static double one[SIZE], four[SIZE];
    enc_logistic *l = new_of(N, true);

    enc_logistic_aim(l, L2, 2);
    enc_threads_set(1);
    double f1 = enc_logistic_value(l, p, one);
    enc_threads_set(4);
    double f4 = enc_logistic_value(l, p, four);
    enc_threads_set(0);
    CHECK(f1 == f4 && memcmp(one, four, sizeof one) == 0);
    enc_logistic_free(l);
}

static void predictions_are_of_one_fold_and_by_the_highest_score(void)
{
    static uint32_t out[N];
    static double q[SIZE];
    enc_logistic *l = new_of(N, true);
    size_t wrong = 0, touched = 0;

    memset(out, 0xff, sizeof out);
    enc_logistic_predict(l, p, 1, out);
    memcpy(q, p, sizeof q);
    enc_logistic_uncentre(l, q);
    for (size_t i = 0; i < N; i++) {
        double best = -1e9, own = 0.0;
        if (fold[i] != 1) {
            touched += out[i] != UINT32_MAX;
            continue;
        }
        for (uint32_t c = 0; c < LABELS; c++) {
            double z = q[LABELS * DIMS + c];
            for (size_t k = 0; k < DIMS; k++)
                z += q[c * DIMS + k] * (double)x[i * DIMS + k];
            if (z > best) best = z;
            if (c == out[i]) own = z;
        }
        wrong += out[i] >= LABELS || own < best - 1e-5;
    }
    CHECK_SAY(wrong == 0 && touched == 0, "%zu wrong, %zu of other folds", wrong,
              touched);
    enc_logistic_free(l);
}

static void every_failed_allocation_is_reported(void)
{
    enc_examples d = {.x = x,
                      .label = label,
                      .weight = weight,
                      .n = 9,
                      .dims = DIMS,
                      .n_labels = LABELS,
                      .n_folds = 1};
    size_t live = enc_mem_live(), nth = 1;

    for (;; nth++) {
        enc_logistic *l;
        enc_err e;
        enc_err_clear(&e);
        enc_mem_fault(nth, false);
        enc_rc rc = enc_logistic_new(&l, &d, &e);
        enc_mem_fault(0, false);
        enc_logistic_free(l);
        CHECK_SAY(enc_mem_live() == live, "allocation %zu failed and something leaked",
                  nth);
        if (rc == ENC_OK) break;
        CHECK(rc == ENC_NOMEM && l == NULL);
    }
    CHECK_SAY(nth > 10, "only %zu allocations", nth);
}

int main(void)
{
    make_data();
    the_loss_is_its_formula();
    a_held_fold_is_left_out();
    the_gradient_is_the_slope();
    threads_change_no_bit();
    predictions_are_of_one_fold_and_by_the_highest_score();
    every_failed_allocation_is_reported();
    return check_done("logistic");
}
