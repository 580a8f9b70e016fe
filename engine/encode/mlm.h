/* mlm.h - a hidden state -> a distribution over the vocabulary: BERT's masked-word task.
 *
 *     t = norm(act(W h + b));   logits = word t + bias
 *
 * t is as wide as the embeddings, which are narrower than h in a few models. */
#ifndef ENC_MLM_H
#define ENC_MLM_H

#include "encode/fwd.h"

typedef struct enc_guess {
    int32_t id;
    float score; /* probability */
} enc_guess;

/* The k most probable pieces at one position (h: D floats), best first, ties by id; k is
 * lowered to the vocabulary. ENC_UNSUPPORTED if the model has no masked-word head. */
enc_rc enc_mlm_guess(const enc_model *m, enc_work *w, const float *h, enc_guess *out,
                     size_t *k, enc_err *e);

#endif
