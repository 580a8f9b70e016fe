/* train_options.h - how a model is trained: shape, amount, losses, and what they may be.
 */
#ifndef ENC_TRAIN_OPTIONS_H
#define ENC_TRAIN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef struct enc_train_options { /* enc_train_defaults() fills it */
    /* shape, for a model from nothing */
    size_t n_vocab, hidden, n_layers, n_heads, inner, n_positions;
    /* amount */
    size_t steps;        /* optimizer steps; 0: by epochs */
    double epochs;       /* over the documents, or the pairs if there are none */
    size_t batch_tokens; /* tokens of running text in a step */
    size_t batch_pairs;  /* pairs in a step */
    size_t max_tokens;   /* of one text of running text */
    size_t pair_tokens;  /* of one side of a pair */
    double mask_rate;    /* of the words of running text */
    /* losses; 0 switches one off */
    double weight_mlm, weight_nsp, weight_contrast, weight_score;
    double temperature;   /* of the contrastive softmax, and of ranked scores */
    double contrast_from; /* unsupervised pairs join after this fraction of the steps */
    /* AdamW (Loshchilov and Hutter 2019) */
    double learning_rate, weight_decay, beta1, beta2, clip_norm;
    double warmup; /* fraction of the steps; then linear decay to zero */
    bool bf16;     /* products in bfloat16 where the CPU has it, sums in f32 */
    uint64_t seed;
    size_t vocab_bytes;     /* text read before the vocabulary is made */
    bool hold_out;          /* leave out what heldout.h says: for measuring afterwards */
    const char *checkpoint; /* path, or NULL; written every checkpoint_seconds */
    double checkpoint_seconds;
} enc_train_options;

void enc_train_defaults(enc_train_options *o, bool from_nothing);

/* Whether each is in its range; ENC_RANGE names the first that is not. The shape counts
 * for a model from nothing only. */
enc_rc enc_train_check(const enc_train_options *o, bool from_nothing, enc_err *e);

#endif
