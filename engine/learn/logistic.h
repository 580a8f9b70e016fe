/* logistic.h - vectors and labels -> the loss of a linear softmax, and its gradient.
 *
 *     f(W, b) = 1/n ( sum_i c(y_i) * -log softmax(W x_i + b)[y_i]  +  l2/2 |W|^2 )
 *
 * over the examples that are not in one fold. Divided by the number n of those, so that
 * tolerances mean the same for few and for many.
 *
 * Vectors are copied, in the order of their folds, with their mean taken away: as b is
 * not penalized the minimum is the same, and the way there is far shorter when, as
 * encoders do, all vectors share a direction. Both products, scores W X^T and gradient
 * R^T X, are ones of kern.h (which wants rows on both sides, hence a second copy of the
 * vectors on its side), of some hundred examples at a time; sums over those are in
 * double. So the result does not depend on threads, and is the same on every CPU whose
 * table has the same bits. */
#ifndef ENC_LOGISTIC_H
#define ENC_LOGISTIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/stop.h"

typedef struct enc_logistic enc_logistic;

typedef struct enc_examples {
    const float *x;        /* n x dims, finite */
    const uint32_t *label; /* n, each < n_labels */
    const uint32_t *fold;  /* n, each < n_folds; NULL: all in fold 0 */
    const double *weight;  /* n_labels: c(label) */
    size_t n, dims, n_labels, n_folds;
    enc_stop
        *stop; /* heeded by all below, whose answers are then worth nothing; or NULL */
} enc_examples;

enc_rc enc_logistic_new(enc_logistic **out, const enc_examples *d, enc_err *e);
void enc_logistic_free(enc_logistic *g);

/* Parameters: W, n_labels x dims, then b, n_labels; for centred vectors. */
size_t enc_logistic_size(const enc_logistic *g);

#define ENC_NO_FOLD UINT32_MAX

/* What enc_logistic_value needs to know; `held` is left out, ENC_NO_FOLD: none is. */
void enc_logistic_aim(enc_logistic *g, double l2, uint32_t held);

/* f at p and its gradient; arg is the enc_logistic: a function for lbfgs.h. */
double enc_logistic_value(void *arg, const double *p, double *gradient);

/* The most probable label of each example of one fold into out[i], i as given to _new;
 * the lower of equals. out has n places; the others are left alone. */
void enc_logistic_predict(enc_logistic *g, const double *p, uint32_t fold, uint32_t *out);

/* Takes the centring out of b, in place: parameters for vectors as they came. */
void enc_logistic_uncentre(const enc_logistic *g, double *p);

#endif
