/* head.h - hidden states -> decisions: pooler, classifier, next sentence, cross-encoder.
 *
 * pooled = tanh(W h[CLS] + b), outputs[1] of Hugging Face's BertModel. */
#ifndef ENC_HEAD_H
#define ENC_HEAD_H

#include "encode/fwd.h"

/* Each takes the n x D hidden states of one text; a model without that head is
 * ENC_UNSUPPORTED and the sentence says which tensors are missing. */
enc_rc enc_head_pooled(const enc_model *m, const float *hidden, float *out /* D */,
                       enc_err *e);

/* n_labels scores: softmax, or a sigmoid each where the model is multi-label, or the raw
 * value of a regression. */
enc_rc enc_head_classify(const enc_model *m, const float *hidden, float *scores,
                         enc_err *e);

/* Probability that the second text follows the first (row 0 of cls.seq_relationship). */
enc_rc enc_head_next(const enc_model *m, const float *hidden, float *probability,
                     enc_err *e);

/* A cross-encoder's score: one label; sigmoid by sentence-transformers' rule. */
enc_rc enc_head_rerank(const enc_model *m, const float *hidden, float *score, enc_err *e);

void enc_softmax(float *x, size_t n); /* in place; sums in double */

#endif
