/* elem.h - what training does between its big products: element-wise and row-wise loops,
 * each forward beside its backward, as a table compiled for several CPUs.
 *
 * Letters: T rows, D columns. A name ending in _back takes the derivative of the loss by
 * the outputs and gives it by the inputs; sums into parameters are added, not stored. */
#ifndef ENC_ELEM_H
#define ENC_ELEM_H

#include <stddef.h>
#include <stdint.h>

typedef struct enc_adamw { /* one step of AdamW, Loshchilov and Hutter 2019, algorithm 2
                            */
    float rate, beta1, beta2, eps, decay;
    float correct1, correct2; /* 1 / (1 - beta^t) */
    float scale;              /* on the gradient: the clipped norm */
} enc_adamw;

typedef struct enc_elem {
    const char *name;
    /* u = u + bias by row; g = gelu(u), exact erf to 2e-7; u is kept for the way back. */
    void (*gelu)(float *g, float *u, const float *bias, size_t T, size_t D);
    void (*gelu_back)(float *d, const float *u, size_t n); /* d *= gelu'(u) */

    /* x = a + bias + residual; xhat = (x - mean) * rstd; y = xhat * gain + shift. a is
     * T x D and may be xhat; bias and residual may be NULL. */
    void (*norm)(float *y, float *xhat, float *rstd, const float *a, const float *bias,
                 const float *residual, const float *gain, const float *shift, float eps,
                 size_t T, size_t D);
    /* dx from dy, which may be the same; dgain and dshift are added to. */
    void (*norm_back)(float *dx, const float *dy, const float *xhat, const float *rstd,
                      const float *gain, float *dgain, float *dshift, size_t T, size_t D);

    /* Rows, T x n: w = softmax(w * scale), and back: d = w * (d - sum(d w)) * scale. */
    void (*softmax)(float *w, float scale, size_t T, size_t n);
    void (*softmax_back)(float *d, const float *w, float scale, size_t T, size_t n);

    /* One row of V logits -> d loss / d logits * weight, in place. Returns the loss,
     * -log softmax[label]; *is_top says whether label has the largest logit. */
    float (*cross_entropy)(float *logits, size_t V, size_t label, float weight,
                           int *is_top);

    void (*add_rows)(float *x, const float *bias, size_t T, size_t D); /* x += bias */
    /* sum += rows of x, which are `stride` apart */
    void (*sum_rows)(float *sum, const float *x, size_t stride, size_t T, size_t D);
    void (*add)(float *y, const float *x, size_t n); /* y += x */
    void (*adamw)(float *p, const float *g, float *m, float *v, size_t n,
                  const enc_adamw *o);
    double (*square_sum)(const float *x, size_t n);
} enc_elem;

const enc_elem *enc_elem_pick(void); /* the widest that this CPU runs */

extern const enc_elem enc_elem_plain;
extern const enc_elem enc_elem_avx2;
extern const enc_elem enc_elem_avx512;

#endif
