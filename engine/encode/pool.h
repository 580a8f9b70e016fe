/* pool.h - the hidden states of one text -> one vector, as in sentence-transformers.
 *
 * Pooling: [CLS], maximum, mean, sum by the square root of the length, mean weighted by
 * 1, 2, .. n, last token; over all tokens including [CLS] and [SEP], or, in a model that
 * says so, only over those behind the prompt. Several are concatenated. Then the model's
 * modules (dense layers and norms), the cut to the dimensions that are wanted, and the L2
 * norm if the model has it; a zero vector stays zero, and a text without tokens is one.
 */
#ifndef ENC_POOL_H
#define ENC_POOL_H

#include "encode/fwd.h"

/* The states of one text, `hidden` n x D, of which the first n_skip are a prompt's that
 * is not pooled ([CLS] before it counted in). */
typedef struct enc_pooled {
    const float *hidden;
    size_t n, n_skip;
} enc_pooled;

/* out: enc_config_dims floats. Uses enc_work_extra where the model has modules. */
enc_rc enc_pool_run(const enc_model *m, enc_work *w, const enc_pooled *text, float *out,
                    enc_err *e);

/* The mean of n >= 1 rows of D, summed in double. */
void enc_pool_mean(const float *hidden, size_t n, size_t D, float *out);

/* Divides by the L2 norm, summed in double; zero stays zero. */
void enc_vec_normalize(float *v, size_t n);

/* Cosine in [-1, 1], summed in double; NaN if either is zero. */
double enc_vec_cosine(const float *a, const float *b, size_t n);

#endif
