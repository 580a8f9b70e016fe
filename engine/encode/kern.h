/* kern.h - the arithmetic of inference, as a table of functions.
 *
 * kern.c is the definition: loops one can compare with the paper. Faster files fill the
 * same table (kern_avx2.c, kern_avx512.c: one source, kern_fast.inc, compiled for each)
 * and are chosen when a model is opened, by what the CPU reports. Within one table the
 * value of every output depends only on its own inputs, summed in one fixed order: not on
 * the rows around it, not on the batch, not on the number of threads. */
#ifndef ENC_KERN_H
#define ENC_KERN_H

#include "model/weights.h"

/* y = act(x W^T + b) + add, for rows [row0, row1) of x and columns [col0, col1) of y. */
typedef struct enc_product {
    const float *x; /* T x K, rows x_stride apart */
    size_t x_stride;
    const enc_mat *w; /* N x K, f32 or int8 with a scale per row */
    const float *b;   /* N, or NULL */
    const float *add; /* T x N, rows y_stride apart: the residual; or NULL; may be y */
    float *y;         /* T x N, rows y_stride apart */
    size_t y_stride;
    int act; /* an enc_act, or ENC_ACT_NONE */
} enc_product;

#define ENC_ACT_NONE (-1)

/* One head of one text: out[i] = sum_j softmax_j(q_i . k_j * scale) v_j; Vaswani et al.
 * 2017, eq. 1. */
typedef struct enc_attn {
    const float *q, *k, *v; /* n rows of head_dims, `stride` floats apart */
    float *out;             /* n rows of head_dims, `out_stride` floats apart */
    size_t n, head_dims, stride, out_stride;
    float scale;    /* > 0 */
    float *weights; /* n x n: the softmax is kept here; NULL: it is not kept */
    float *scratch; /* enc_attn_scratch(n, head_dims) floats */
} enc_attn;

typedef struct enc_kern {
    const char *name; /* "plain", "avx2", "avx512" */
    void (*product)(const enc_product *p, size_t row0, size_t row1, size_t col0,
                    size_t col1);
    /* y = (x - mean) / sqrt(variance + eps) * gain + bias; Ba, Kiros, Hinton 2016. y may
     * be x. */
    void (*layernorm)(float *y, const float *x, const enc_layernorm *n, float eps,
                      size_t T, size_t D);
    void (*attention)(const enc_attn *a);
    float (*dot)(const float *a, const float *b, size_t n);
} enc_kern;

extern const enc_kern enc_kern_plain;
extern const enc_kern *const enc_kern_avx2;   /* NULL: not built for such a CPU */
extern const enc_kern *const enc_kern_avx512; /* the same bits as enc_kern_avx2 */

/* The fastest that this CPU runs; $ENCODER_KERNEL = plain | avx2 | avx512 lowers it. */
const enc_kern *enc_kern_pick(void);
const enc_kern *enc_kern_find(const char *name); /* NULL: unknown, or this CPU cannot */

/* Floats of scratch for any table's attention: room for keys turned on their side and a
 * block of softmax rows. */
size_t enc_attn_scratch(size_t n, size_t head_dims);

/* One row of a matrix as f32: an embedding lookup. */
void enc_mat_row(const enc_mat *m, size_t row, float *out);

#endif
