/* Minima that are known in closed form are found, and stopping is what was asked for. */
#include "learn/lbfgs.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "check.h"

#define N 200

/* sum k (x_k - k)^2: curvatures from 1 to 200, minimum 0 at x_k = k. */
static double quadratic(void *calls, const double *x, double *g)
{
    double f = 0.0;

    ++*(size_t *)calls;
    for (size_t i = 0; i < N; i++) {
        double k = (double)i + 1.0, d = x[i] - k;
        f += k * d * d;
        g[i] = 2.0 * k * d;
    }
    return f;
}

/* Rosenbrock 1960: a curved valley, minimum 0 at (1, 1). */
static double valley(void *calls, const double *x, double *g)
{
    double a = 1.0 - x[0], b = x[1] - x[0] * x[0];

    ++*(size_t *)calls;
    g[0] = -2.0 * a - 400.0 * b * x[0];
    g[1] = 200.0 * b;
    return a * a + 100.0 * b * b;
}

static void a_quadratic_is_solved(void)
{
    size_t calls = 0, wrong = 0;
    double x[N] = {0.0};
    enc_lbfgs o = {.n = N,
                   .value = quadratic,
                   .arg = &calls,
                   .gradient_min = 1e-9,
                   .steps_max = 1000};
    enc_err e;

    enc_err_clear(&e);
    CHECK(enc_lbfgs_run(&o, x, &e) == ENC_OK);
    for (size_t i = 0; i < N; i++) wrong += fabs(x[i] - (double)(i + 1)) > 1e-9;
    CHECK_SAY(wrong == 0, "%zu of %d coordinates are off", wrong, N);
    CHECK_SAY(calls < 300, "%zu evaluations", calls);
}

/* The same, its value in f32: below 1e-7 of it every fall is rounding. */
static double rounded(void *calls, const double *x, double *g)
{
    return (double)(float)(1000.0 + quadratic(calls, x, g));
}

static void a_rounded_value_does_not_end_it_early(void)
{
    size_t calls = 0;
    double x[N] = {0.0}, worst = 0.0;
    enc_lbfgs o = {.n = N,
                   .value = rounded,
                   .arg = &calls,
                   .noise = 1e-7,
                   .gradient_min = 1e-6,
                   .steps_max = 1000};
    enc_err e;

    enc_err_clear(&e);
    CHECK(enc_lbfgs_run(&o, x, &e) == ENC_OK);
    for (size_t i = 0; i < N; i++) worst = fmax(worst, fabs(x[i] - (double)(i + 1)));
    CHECK_SAY(worst < 1e-6, "off by %g after %zu evaluations", worst, calls);
}

static void a_curved_valley_is_followed(void)
{
    size_t calls = 0;
    double x[2] = {-1.2, 1.0};
    enc_lbfgs o = {
        .n = 2, .value = valley, .arg = &calls, .gradient_min = 1e-8, .steps_max = 1000};
    enc_err e;

    enc_err_clear(&e);
    CHECK(enc_lbfgs_run(&o, x, &e) == ENC_OK);
    CHECK_SAY(fabs(x[0] - 1.0) < 1e-7 && fabs(x[1] - 1.0) < 1e-7, "%.9f %.9f", x[0],
              x[1]);
    CHECK_SAY(calls < 120, "%zu evaluations", calls);
}

static void a_minimum_is_left_alone(void)
{
    size_t calls = 0;
    double x[2] = {1.0, 1.0};
    enc_lbfgs o = {.n = 2, .value = valley, .arg = &calls, .steps_max = 1000};
    enc_err e;

    enc_err_clear(&e);
    CHECK(enc_lbfgs_run(&o, x, &e) == ENC_OK);
    CHECK(calls == 1 && x[0] == 1.0 && x[1] == 1.0);
}

static void steps_and_gains_are_limits(void)
{
    size_t calls = 0;
    double x[2] = {-1.2, 1.0}, g[2];
    enc_lbfgs o = {.n = 2, .value = valley, .arg = &calls, .steps_max = 3};
    enc_err e;

    enc_err_clear(&e);
    double before = valley(&calls, x, g);
    CHECK(enc_lbfgs_run(&o, x, &e) == ENC_OK);
    double after = valley(&calls, x, g);
    CHECK(after < before && after > 1e-3);

    o.steps_max = 1000; /* no step but the last gains a millionfold: five, and the end */
    o.gain_min = 1e6;
    calls = 0;
    x[0] = -1.2;
    x[1] = 1.0;
    CHECK(enc_lbfgs_run(&o, x, &e) == ENC_OK);
    CHECK_SAY(calls < 40 && valley(&calls, x, g) > 1e-3, "%zu evaluations", calls);
}

static bool third_time(void *n)
{
    return ++*(int *)n == 3;
}

static void a_tick_stops_it(void)
{
    size_t calls = 0;
    int ticks = 0;
    double x[2] = {-1.2, 1.0};
    enc_lbfgs o = {.n = 2,
                   .value = valley,
                   .arg = &calls,
                   .steps_max = 1000,
                   .tick = third_time,
                   .tick_arg = &ticks};
    enc_err e;

    enc_err_clear(&e);
    CHECK(enc_lbfgs_run(&o, x, &e) == ENC_INTERRUPT);
    CHECK(ticks == 3 && calls == 3);
    CHECK_SAY(strncmp(e.text, "interrupted after ", 18) == 0, "%s", e.text);
}

static void no_memory_is_said(void)
{
    size_t calls = 0;
    double x[2] = {0.0, 0.0};
    enc_lbfgs o = {.n = 2, .value = valley, .arg = &calls, .steps_max = 9};
    enc_err e;

    enc_err_clear(&e);
    enc_mem_fault(1, false);
    CHECK(enc_lbfgs_run(&o, x, &e) == ENC_NOMEM);
    enc_mem_fault(0, false);
    CHECK(calls == 0);
    enc_err_clear(&e);
    o.n = SIZE_MAX / 8;
    CHECK(enc_lbfgs_run(&o, x, &e) == ENC_NOMEM);
}

int main(void)
{
    a_quadratic_is_solved();
    a_rounded_value_does_not_end_it_early();
    a_curved_valley_is_followed();
    a_minimum_is_left_alone();
    steps_and_gains_are_limits();
    a_tick_stops_it();
    no_memory_is_said();
    CHECK(enc_mem_live() == 0);
    return check_done("lbfgs");
}
