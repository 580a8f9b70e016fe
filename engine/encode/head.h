/* head.h - hidden states -> decisions: pooler, classifiers, next sentence, cross-encoder.
 *
 * A text's state h is that of [CLS], or the mean of all tokens. Before a classifier of
 * texts stands, by the model's own design, one of
 *
 *     x = tanh(W h + b)             BERT's pooler: outputs[1] of Hugging Face's BertModel
 *     x = norm(act(W h + b))        the classifier's own dense layer; mostly no norm
 *
 * Labels of tokens and the two ends of an answer are read from each token's state itself,
 * or, where a norm stands behind the dense layer (ModernBERT), from that. */
#ifndef ENC_HEAD_H
#define ENC_HEAD_H

#include "encode/fwd.h"

/* Each takes the n x D hidden states of one text; a model without that head is
 * ENC_UNSUPPORTED and the sentence says which tensor is missing. */
enc_rc enc_head_pooled(const enc_model *m, const float *hidden, float *out /* D */,
                       enc_err *e);

/* n_labels values of the classifier as they are. */
enc_rc enc_head_logits(const enc_model *m, const float *hidden, size_t n, float *logits,
                       enc_err *e);

/* n_labels scores: softmax, or a sigmoid each where the model is multi-label, or the raw
 * value of a regression. */
enc_rc enc_head_classify(const enc_model *m, const float *hidden, size_t n, float *scores,
                         enc_err *e);

/* n x n_labels scores, a softmax for each token. */
enc_rc enc_head_tokens(const enc_model *m, const float *hidden, size_t n, float *scores,
                       enc_err *e);

/* n x 2 values as they are: that an answer begins with this token, that it ends there. */
enc_rc enc_head_answer(const enc_model *m, const float *hidden, size_t n, float *logits,
                       enc_err *e);

/* Probability that the second text follows the first (row 0 of cls.seq_relationship). */
enc_rc enc_head_next(const enc_model *m, const float *hidden, float *probability,
                     enc_err *e);

/* A cross-encoder's score: one label; sigmoid by sentence-transformers' rule. */
enc_rc enc_head_rerank(const enc_model *m, const float *hidden, size_t n, float *score,
                       enc_err *e);

/* Fails with the name of the tensor that the architecture keeps that part in: "the model
 * has no classifier: classifier.weight is missing". */
enc_rc enc_head_missing(const enc_model *m, enc_part part, enc_err *e);

/* y = W x + b for one row. */
void enc_head_apply(const enc_model *m, const enc_linear *l, const float *x, float *y);

void enc_softmax(float *x, size_t n); /* in place; sums in double */

#endif
