/* lbfgs.c - see lbfgs.h. One block holds the point, the trial point, their gradients, the
 * direction, and the remembered steps: differences of points (s) and of gradients (y). */
#include "learn/lbfgs.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

#define MEMORY   10   /* steps remembered */
#define ARMIJO   1e-4 /* of the decrease that the slope promises */
#define SHRINKS  24   /* halvings before a direction is given up */
#define IDLE_MAX 5

typedef struct state {
    const enc_lbfgs *o;
    double *all; /* the block */
    double *trial, *g, *trial_g, *direction;
    double *s[MEMORY], *y[MEMORY], inverse[MEMORY]; /* inverse: 1 / s.y */
    size_t n_kept, newest;
    double f;
    bool is_stopped;
    double shortest; /* gradient seen: it falls on where f is rounding */
} state;

/* Four sums side by side: one would wait for itself. */
static double dot(const double *a, const double *b, size_t n)
{
    double sum[4] = {0.0, 0.0, 0.0, 0.0};
    size_t i = 0;

    for (; i + 4 <= n; i += 4)
        for (size_t j = 0; j < 4; j++) sum[j] += a[i + j] * b[i + j];
    for (; i < n; i++) sum[0] += a[i] * b[i];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static void add(double *a, double scale, const double *b, size_t n)
{
    for (size_t i = 0; i < n; i++) a[i] += scale * b[i];
}

static bool make_room(state *st)
{
    size_t n = st->o->n, total;

    if (!enc_mem_mul(n, 4 + 2 * MEMORY, &total)) return false;
    st->all = enc_mem_array(total, sizeof *st->all);
    if (st->all == NULL) return false;
    double *at = st->all;
    double **const four[] = {&st->trial, &st->g, &st->trial_g, &st->direction};
    for (size_t i = 0; i < 4; i++, at += n) *four[i] = at;
    for (size_t i = 0; i < MEMORY; i++, at += 2 * n) {
        st->s[i] = at;
        st->y[i] = at + n;
    }
    return true;
}

/* direction = -H g; algorithm 7.4 of Nocedal and Wright, Numerical Optimization, 2006. */
static void find_direction(state *st)
{
    size_t n = st->o->n;
    double *d = st->direction, a[MEMORY];

    for (size_t i = 0; i < n; i++) d[i] = -st->g[i];
    for (size_t k = 0; k < st->n_kept; k++) {
        size_t i = (st->newest + MEMORY - k) % MEMORY;
        a[i] = st->inverse[i] * dot(st->s[i], d, n);
        add(d, -a[i], st->y[i], n);
    }
    double scale = st->n_kept > 0 ? 1.0 / (st->inverse[st->newest] *
                                           dot(st->y[st->newest], st->y[st->newest], n))
                                  : 1.0 / sqrt(dot(st->g, st->g, n));
    for (size_t i = 0; i < n; i++) d[i] *= scale;
    for (size_t k = st->n_kept; k-- > 0;) {
        size_t i = (st->newest + MEMORY - k) % MEMORY;
        add(d, a[i] - st->inverse[i] * dot(st->y[i], d, n), st->s[i], n);
    }
}

/* Asks whether to stop: what the last value was worth depends on it. */
static bool ask(state *st)
{
    const enc_lbfgs *o = st->o;
    if (o->tick != NULL && o->tick(o->tick_arg)) st->is_stopped = true;
    return st->is_stopped;
}

/* Goes along the direction until the value falls; false: it does not. Near the minimum
 * the fall drowns in the value's rounding while the gradient still says where to go;
 * there the approximate condition of Hager and Zhang 2005, equation 4.1, judges by the
 * slope. */
static bool search_line(state *st, const double *x, double *f_trial)
{
    size_t n = st->o->n;
    double slope = dot(st->direction, st->g, n), step = 1.0;
    double noise = st->o->noise * fabs(st->f);

    if (!(slope < 0.0)) return false;
    for (int i = 0; i < SHRINKS; i++, step *= 0.5) {
        memcpy(st->trial, x, n * sizeof *x);
        add(st->trial, step, st->direction, n);
        *f_trial = st->o->value(st->o->arg, st->trial, st->trial_g);
        if (ask(st)) return false;
        if (*f_trial <= st->f + ARMIJO * step * slope) return true;
        if (*f_trial <= st->f + noise &&
            dot(st->direction, st->trial_g, n) <= (2.0 * ARMIJO - 1.0) * slope)
            return true;
    }
    return false;
}

static void remember(state *st, const double *x)
{
    size_t n = st->o->n, at = st->n_kept == 0 ? 0 : (st->newest + 1) % MEMORY;

    for (size_t i = 0; i < n; i++) {
        st->s[at][i] = st->trial[i] - x[i];
        st->y[at][i] = st->trial_g[i] - st->g[i];
    }
    double sy = dot(st->s[at], st->y[at], n), yy = dot(st->y[at], st->y[at], n);
    if (!(sy > 1e-12 * yy) || yy == 0.0) return;
    st->inverse[at] = 1.0 / sy;
    st->newest = at;
    if (st->n_kept < MEMORY) st->n_kept++;
}

/* The gradient at the trial point is clearly the shortest so far. */
static bool is_flatter(state *st)
{
    double length = sqrt(dot(st->trial_g, st->trial_g, st->o->n));
    if (length > 0.9 * st->shortest) return false;
    st->shortest = length;
    return true;
}

static enc_rc interrupted(size_t n_steps, enc_err *e)
{
    return enc_fail(e, ENC_INTERRUPT, "interrupted after %zu steps of L-BFGS", n_steps);
}

static enc_rc take_steps(state *st, double *x, enc_err *e)
{
    const enc_lbfgs *o = st->o;
    size_t n_idle = 0;

    st->f = o->value(o->arg, x, st->g);
    if (ask(st)) return interrupted(0, e);
    st->shortest = sqrt(dot(st->g, st->g, o->n));
    for (size_t step = 0; step < o->steps_max && n_idle < IDLE_MAX; step++) {
        double f_new;
        if (sqrt(dot(st->g, st->g, o->n)) <= o->gradient_min) return ENC_OK;
        find_direction(st);
        bool is_lower = search_line(st, x, &f_new);
        if (st->is_stopped) return interrupted(step, e);
        if (!is_lower) {
            if (st->n_kept == 0) return ENC_OK;
            st->n_kept = 0; /* the memory misleads: once more, straight downhill */
            continue;
        }
        n_idle =
            st->f - f_new > o->gain_min * fabs(f_new) || is_flatter(st) ? 0 : n_idle + 1;
        remember(st, x);
        memcpy(x, st->trial, o->n * sizeof *x);
        double *g = st->g;
        st->g = st->trial_g;
        st->trial_g = g;
        st->f = f_new;
    }
    return ENC_OK;
}

enc_rc enc_lbfgs_run(const enc_lbfgs *o, double *x, enc_err *e)
{
    state st = {.o = o};

    if (!make_room(&st)) return enc_nomem(e);
    enc_rc rc = take_steps(&st, x, e);
    enc_mem_free(st.all);
    return rc;
}
