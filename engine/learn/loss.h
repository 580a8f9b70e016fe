/* loss.h - what training minimizes: masked words, next sentence, and pairs of vectors.
 *
 * Masked words and next sentence are BERT's (Devlin et al. 2018, section 3.1). Pairs that
 * belong together are contrasted with all others of the batch (InfoNCE, van den Oord et
 * al. 2018; symmetric as in CLIP); pairs with scores are ranked (CoSENT, Su 2022: log(1 +
 * sum exp((cos_j - cos_i) / t)) over all i scored above j).
 *
 * Each adds the derivative by the hidden states to the pass and by the head's own
 * parameters to grad. Losses are sums; the caller divides. */
#ifndef ENC_LOSS_H
#define ENC_LOSS_H

#include "learn/grad.h"

typedef struct enc_loss enc_loss; /* one thread's scratch */

enc_rc enc_loss_new(enc_loss **out, const enc_params *p, const enc_elem *elem, bool bf16,
                    enc_err *e);
void enc_loss_free(enc_loss *l);

/* Heeds stop from now on, as enc_pass_heed: then a loss may end with ENC_INTERRUPT. */
void enc_loss_heed(enc_loss *l, enc_stop *stop);

typedef struct enc_loss_sum { /* what was seen, summed */
    double loss;
    size_t n, n_right; /* examples, and those whose best guess was right */
} enc_loss_sum;

/* at[i] is a token of the batch whose true id is label[i]; every loss counts `weight`. */
enc_rc enc_loss_masked(enc_loss *l, enc_pass *s, const uint32_t *at, const int32_t *label,
                       size_t n, float weight, float *grad, enc_loss_sum *sum,
                       enc_err *e);

/* is_random[i]: the second part of text i does not follow its first. */
enc_rc enc_loss_next(enc_loss *l, enc_pass *s, const uint8_t *is_random, float weight,
                     float *grad, enc_loss_sum *sum, enc_err *e);

/* Texts -> vectors, pooled as the model is and of length 1: vector n_texts x D, length
 * n_texts (before the division). And back: by_vector (n_texts x D) into the pass. A model
 * that is pooled otherwise than can_pool says is taken for one of the mean. */
bool enc_loss_can_pool(unsigned pooling);
void enc_loss_vectors(const enc_pass *s, float *vector, float *length);
void enc_loss_vectors_back(enc_pass *s, const float *vector, const float *length,
                           const float *by_vector);

typedef struct enc_contrast {
    const float *a, *b;  /* n x D each */
    const uint64_t *key; /* n: names the text of b[i] */
    size_t n;
    float temperature, weight;
} enc_contrast;

/* by_a and by_b, n x D each, are overwritten. Both directions are averaged. Rows of one
 * key are not each other's negatives. */
enc_rc enc_loss_contrast(enc_loss *l, const enc_contrast *c, float *by_a, float *by_b,
                         enc_loss_sum *sum, enc_err *e);

/* The same with scores, n of them; the loss counts once for the batch. */
enc_rc enc_loss_ranked(enc_loss *l, const enc_contrast *c, const float *score,
                       float *by_a, float *by_b, enc_loss_sum *sum, enc_err *e);

#endif
