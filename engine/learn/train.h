/* train.h - documents and pairs -> a model: pre-training, and going on from a model.
 *
 * A trainer takes rows as they stream from a query, then runs. Documents are trained on
 * as BERT was (15 % masked words, 80/10/10; next sentence) and give unsupervised pairs
 * (title with lead, neighbouring paragraphs, halves of one paragraph, a sentence with
 * what surrounds it) for in-batch contrastive learning, and pairs of sentences that share
 * some words, ranked by how many. Labelled pairs are trained on with their scores. All
 * losses share one body, and any mix of rows is legal: fine-tuning on pairs may rehearse
 * documents at the same time.
 *
 * Deterministic for a seed, a machine and a number of threads; a run resumed from its
 * checkpoint gives the same numbers as one that was never interrupted. */
#ifndef ENC_TRAIN_H
#define ENC_TRAIN_H

#include "model/model.h"

typedef struct enc_trainer enc_trainer;

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

typedef struct enc_train_report { /* what a tick sees */
    const char *phase;            /* "read", "vocabulary", "train" */
    size_t done, total;
    double loss_mlm, loss_nsp, loss_contrast, loss_score; /* running means; 0: none yet */
    double right_mlm, right_nsp, right_contrast;          /* fraction guessed right */
    double tokens_per_second, seconds, eta_seconds, learning_rate;
} enc_train_report;

typedef bool enc_train_tick(void *arg, const enc_train_report *r); /* true: stop */

void enc_train_defaults(enc_train_options *o, bool from_nothing);

/* `from` is copied into training memory, and may be NULL: a model from nothing. */
enc_rc enc_trainer_new(enc_trainer **out, const enc_model *from,
                       const enc_train_options *o, enc_train_tick *tick, void *tick_arg,
                       enc_err *e);

/* A document: its first line may be a title ("# ..."), each line a paragraph. */
enc_rc enc_trainer_add_document(enc_trainer *t, enc_bytes text, enc_err *e);

/* A labelled pair. score in [0, 1], or NaN: the two belong together, nothing else known.
 */
enc_rc enc_trainer_add_pair(enc_trainer *t, enc_bytes a, enc_bytes b, float score,
                            enc_err *e);

/* Runs all steps. With options.checkpoint it resumes from that file if it is there and
 * fits (else ENC_MISUSE, naming what differs), writes it now and then and when stopped.
 */
enc_rc enc_trainer_run(enc_trainer *t, enc_err *e);

/* The model as a blob (files.h), f32. */
enc_rc enc_trainer_save(enc_trainer *t, enc_wr *out, enc_err *e);
void enc_trainer_free(enc_trainer *t);

#endif
