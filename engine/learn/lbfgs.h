/* lbfgs.h - a smooth function -> its minimum, by limited-memory BFGS.
 *
 * Liu and Nocedal, On the limited memory BFGS method for large scale optimization, 1989:
 * the two-loop recursion over the last ten steps, and a backtracking line search
 * (Armijo). Steps without positive curvature are not remembered. Deterministic. */
#ifndef ENC_LBFGS_H
#define ENC_LBFGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

typedef struct enc_lbfgs {
    size_t n; /* variables */
    /* The value at x; its gradient into g, n numbers. */
    double (*value)(void *arg, const double *x, double *g);
    void *arg;
    double noise;        /* of the value, relative to it: what its rounding may hide */
    double gradient_min; /* done when the gradient's length is at most this ... */
    double gain_min;     /* ... or five steps in a row gained less, relative to the
                          * value, and did not shorten the gradient */
    size_t steps_max;
    bool (*tick)(
        void *arg); /* after each value; true stops with ENC_INTERRUPT; may be NULL */
    void *tick_arg;
} enc_lbfgs;

/* x, n numbers, is the start and then the point reached. Reaching steps_max, or a value
 * that can no longer be lowered in its own precision, is not an error. */
enc_rc enc_lbfgs_run(const enc_lbfgs *o, double *x, enc_err *e);

#endif
