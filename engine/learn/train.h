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

#include "learn/train_options.h"
#include "model/model.h"

typedef struct enc_trainer enc_trainer;

typedef struct enc_train_report { /* what a tick sees */
    const char *phase;            /* "read", "vocabulary", "train" */
    size_t done, total;
    double loss_mlm, loss_nsp, loss_contrast, loss_score; /* running means; 0: none yet */
    double right_mlm, right_nsp, right_contrast;          /* fraction guessed right */
    double tokens_per_second, seconds, eta_seconds, learning_rate;
} enc_train_report;

typedef bool enc_train_tick(void *arg, const enc_train_report *r); /* true: stop */

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
