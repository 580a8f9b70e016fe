/* pool.h - the hidden states of one text -> one vector.
 *
 * Pooling as in sentence-transformers: [CLS], maximum, mean, mean by square root of the
 * length, over all tokens including [CLS] and [SEP]; several are concatenated. Then the
 * L2 norm if the model has it; a zero vector stays zero. */
#ifndef ENC_POOL_H
#define ENC_POOL_H

#include "model/config.h"

/* out: enc_config_dims(c) floats. hidden: n x D, n >= 1. */
void enc_pool_run(const enc_config *c, const float *hidden, size_t n, float *out);

/* Divides by the L2 norm, summed in double; zero stays zero. */
void enc_vec_normalize(float *v, size_t n);

/* Cosine in [-1, 1], summed in double; NaN if either is zero. */
double enc_vec_cosine(const float *a, const float *b, size_t n);

#endif
