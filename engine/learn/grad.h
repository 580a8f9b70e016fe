/* grad.h - the encoder forward with everything kept, and the way back.
 *
 * The forward computes what encode/fwd.h computes, by the products of gemm.h, and keeps
 * each layer's activations; the backward walks them in reverse and adds to the gradient.
 * A pass belongs to one thread. Letters: T tokens, D width, H heads, n tokens of one
 * text. */
#ifndef ENC_GRAD_H
#define ENC_GRAD_H

#include "base/stop.h"
#include "encode/fwd.h"
#include "learn/elem.h"
#include "learn/params.h"

typedef struct enc_pass enc_pass;

/* p and elem are borrowed. With bf16 the products are rounded as gemm.h says. */
enc_rc enc_pass_new(enc_pass **out, const enc_params *p, const enc_elem *elem, bool bf16,
                    enc_err *e);
void enc_pass_free(enc_pass *s);

/* Heeds stop from now on; NULL: nothing. It is borrowed. */
void enc_pass_heed(enc_pass *s, enc_stop *stop);

/* Room for every batch of up to n_tokens, in texts of up to n_longest: a forward of such
 * a batch allocates nothing. */
enc_rc enc_pass_plan(enc_pass *s, size_t n_tokens, size_t n_longest, enc_err *e);

/* Runs a batch, whose arrays are borrowed until the backward is done. is_read[t] says
 * that the loss reads token t's hidden state, NULL that it reads all: the last layer is
 * computed for these alone, which for masked words saves a tenth of the work.
 * ENC_INTERRUPT: told to stop, and then there are no hidden states. */
enc_rc enc_pass_forward(enc_pass *s, const enc_batch *b, const uint8_t *is_read,
                        enc_err *e);

const enc_batch *enc_pass_batch(const enc_pass *s);
const float *enc_pass_hidden(const enc_pass *s); /* T x D: the last layer, where read */
size_t enc_pass_width(const enc_pass *s);        /* D */
unsigned enc_pass_pooling(const enc_pass *s);    /* bits of enc_pooling */

/* T x D: the derivative of the loss by the hidden states. Zero after the forward; heads
 * add to it, where they read. */
float *enc_pass_by_hidden(enc_pass *s);

/* Adds the derivative by every parameter of the body to grad, which has p's layout.
 * ENC_INTERRUPT: told to stop, and grad has a part of them. It fails in no other way. */
enc_rc enc_pass_backward(enc_pass *s, float *grad, enc_err *e);

#endif
