/* classifier.h - vectors and labels -> a linear head: transfer learning by features.
 *
 * Multinomial logistic regression with an L2 penalty on the weights (not the biases):
 *
 *     minimize  sum_i c(y_i) * -log softmax(W x_i + b)[y_i]  +  l2/2 |W|^2
 *
 * by L-BFGS (Liu and Nocedal 1989) with a backtracking line search. l2 is chosen by
 * k-fold cross-validation over a grid unless given. Deterministic for a seed.
 *
 * A head is bytes, little-endian:
 *   "ENCH" u16 version=1 u16 problem  u32 n_labels u32 dims  f64 l2  f64 accuracy
 *   u32 n_examples u32 n_folds   16 bytes fingerprint of the model the vectors came from
 *   (zero: unknown)   n_labels x (u16 length, bytes)
 *   n_labels x n_labels u32 confusion, row: truth, column: predicted, cross-validated
 *   n_labels x dims f32 W, n_labels f32 b */
#ifndef ENC_CLASSIFIER_H
#define ENC_CLASSIFIER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rd.h"
#include "base/wr.h"

typedef struct enc_fit {
    const float *x;        /* n x dims */
    const uint32_t *label; /* n, each < n_labels */
    size_t n, dims, n_labels;
    const enc_bytes *labels; /* n_labels names */
    uint32_t folds;          /* 0: 5, or fewer if a class is small; 1: no validation */
    double l2;               /* < 0: by cross-validation */
    bool balanced;           /* class weights n / (n_labels * n_c) */
    uint64_t seed;
    uint8_t fingerprint[16];
    bool (*tick)(void *arg); /* true stops with ENC_INTERRUPT; may be NULL */
    void *tick_arg;
} enc_fit;

/* Writes the head's bytes to out. Fewer than two labels or examples is ENC_RANGE, a value
 * that is not finite too. */
enc_rc enc_classifier_fit(const enc_fit *fit, enc_wr *out, enc_err *e);

typedef struct enc_classifier { /* a decoded head; everything borrowed from its bytes */
    uint32_t n_labels, dims, n_examples, n_folds;
    double l2, accuracy; /* accuracy < 0: not measured */
    uint8_t fingerprint[16];
    const uint8_t *names;     /* n_labels x (u16, bytes) */
    const uint8_t *confusion; /* n_labels x n_labels u32 */
    const uint8_t *w, *b;     /* f32, unaligned */
} enc_classifier;

enc_rc enc_classifier_read(enc_classifier *c, enc_bytes blob, enc_err *e);
enc_bytes enc_classifier_label(const enc_classifier *c, size_t i);
void enc_classifier_scores(const enc_classifier *c, const float *x /* dims */,
                           float *scores /* n_labels, softmax */);

#endif
