/* fwd.h - ids -> hidden states: the encoders of Devlin et al. 2018 (BERT) and after it.
 *
 *     x0 = norm(word[id] + position[i] + segment[s]), wider by a product where it is
 *          narrower than the layers
 *     for each layer:   a = attention(x) Wo + bo;        x = norm(x + a)
 *                       f = act(x W1 + b1) W2 + b2;      x = norm(x + f)
 *     is_prenorm:       a = attention(norm(x)) Wo + bo;  x = x + a
 *                       f = act(norm(x) W1 ..) W2 + b2;  x = x + f
 *                       and behind the last of them      x = norm(x)
 *     with a gate:      f = (act(x Wg + bg) * (x W1 + b1)) W2 + b2
 *
 * A part that the weights do not have is left out; attention knows of places what the
 * configuration says (distance.h, rotary.h, a window). Texts of a batch are laid end to
 * end: no padding, no mask. Scratch lives in an enc_work that belongs to one caller and
 * grows to the largest batch it has seen. */
#ifndef ENC_FWD_H
#define ENC_FWD_H

#include "encode/kern.h"
#include "model/model.h"

typedef struct enc_batch {
    size_t n_texts;
    size_t n_tokens;        /* T, all texts together */
    const int32_t *id;      /* T, each in [0, V) */
    const uint8_t *segment; /* T, each < n_segments; of no account to a model with one */
    const size_t *start;    /* n_texts + 1: where each text begins; start[n_texts] = T */
} enc_batch;

typedef struct enc_work enc_work;

enc_rc enc_work_new(enc_work **out, enc_err *e);
void enc_work_free(enc_work *w);

/* From now on asked while texts are tokenized in this work area, which then ends with
 * ENC_INTERRUPT; NULL: nothing is. Between layers an enc_tap is asked. */
void enc_work_ask(enc_work *w, bool (*stop)(void *arg), void *arg);

/* Looks on while a batch runs; every member may be NULL. */
typedef struct enc_tap {
    void *arg;
    /* After the embeddings (layer 0) and after each layer (1 .. L): x is T x D. */
    void (*hidden)(void *arg, size_t layer, const float *x);
    /* Softmax weights of one head of one text, n x n, row: from, column: to. layer 1 .. L
     */
    void (*attention)(void *arg, size_t layer, size_t text, size_t head, const float *w,
                      size_t n);
    bool (*stop)(void *arg); /* asked between layers; true ends with ENC_INTERRUPT */
} enc_tap;

/* *hidden is T x D in `w`, valid until its next use; NULL if T is 0. A text longer than
 * the model's positions or an id out of range is ENC_RANGE. tap may be NULL. */
enc_rc enc_fwd_run(const enc_model *m, enc_work *w, const enc_batch *b,
                   const enc_tap *tap, const float **hidden, enc_err *e);

/* Room for n floats beside the hidden states, for heads; valid until the next call. */
float *enc_work_extra(enc_work *w, size_t n);

#endif
