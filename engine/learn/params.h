/* params.h - the parameters being trained: one flat array of f32 and the names in it.
 *
 * Gradients, and the moments of the optimizer, are arrays of the same layout, so that the
 * derivative by any parameter lies at the same distance from the start. */
#ifndef ENC_PARAMS_H
#define ENC_PARAMS_H

#include "base/rng.h"
#include "base/ask.h"
#include "model/model.h"

typedef struct enc_params {
    enc_arena arena;
    enc_config config;
    enc_weights w;   /* views into value; all f32 */
    enc_slot *slots; /* n_slots, those this model has, the tied decoder left out */
    size_t *offset;  /* n_slots + 1: where each slot begins in value */
    size_t n_slots;
    float *value; /* n */
    size_t n;
} enc_params;

/* A fresh BERT with pooler, masked-word and next-sentence heads. Tables are normal with
 * deviation 0.02 (Devlin et al. 2018), positions sinusoids of the same; other matrices
 * have deviation 0.64/sqrt(inputs): at a width of 256 that is 0.04, where BERT's 0.02,
 * meant for 768, would leave a new layer hardly any say beside its residual. Biases are
 * 0, gains 1. ask may be NULL. */
enc_rc enc_params_new(enc_params **out, const enc_config *c, uint64_t seed, enc_ask *ask,
                      enc_err *e);

/* A copy of a model's parameters, int8 ones as the f32 they stand for. */
enc_rc enc_params_of(enc_params **out, const enc_model *m, enc_err *e);
void enc_params_free(enc_params *p);

/* Where the derivative by *parameter lies in an array of the same layout. */
static inline float *enc_params_in(const enc_params *p, float *array,
                                   const void *parameter)
{
    return array + ((const float *)parameter - p->value);
}

#endif
