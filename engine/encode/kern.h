/* kern.h - the arithmetic of inference, as a table of functions.
 *
 * kern.c is the definition: loops one can compare with the paper. Faster files fill the
 * same table (kern_avx2.c, kern_avx512.c: one source, kern_fast.inc, compiled for each;
 * the files behind them know one more instruction) and are chosen when a model is opened,
 * by what the CPU reports. Within one table the value of every output depends only on its
 * own inputs, summed in one fixed order: not on the rows around it, not on the batch, not
 * on the number of threads. */
#ifndef ENC_KERN_H
#define ENC_KERN_H

#include "encode/panel.h"

/* The same with the weights where a file has them, for layers that are used for a row or
 * two or that change: heads, and the classifier while it learns. For rows [row0, row1) of
 * x and columns [col0, col1) of y. */
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

/* Rows of inputs in the type of the weights they meet, four bytes for each step of a
 * panel (panel.h). What lies behind the last input meets zeros. */
typedef struct enc_left {
    const void *at; /* f32, bf16, or unsigned bytes q with value = least + scale x q */
    size_t stride;  /* bytes from row to row */
    const float *scale, *least; /* of each row; NULL but for bytes */
} enc_left;

/* y = act(x W^T + b) * mul + add for a few rows: the linear layers of the encoder. */
typedef struct enc_affine {
    enc_left x;
    size_t n_rows;
    const enc_panels *w;
    const float *mul; /* n_rows x N, rows y_stride apart: what is gated, or NULL ... */
    const float *add; /* ... and the residual, or NULL; each may be y */
    float *y;         /* n_rows x N, rows y_stride apart */
    size_t y_stride;
    int act; /* an enc_act, or ENC_ACT_NONE */
} enc_affine;

typedef void enc_affine_fn(const enc_affine *a, size_t panel0, size_t panel1);

/* One head of one text: out[i] = sum_j softmax_j(q_i . k_j * scale + bias[j - i]) v_j;
 * Vaswani et al. 2017, eq. 1. Keys beyond the window are not there: their weight is zero,
 * and the cost grows with the window, not with n. */
typedef struct enc_attn {
    const float *q, *k, *v; /* n rows of head_dims, `stride` floats apart */
    float *out;             /* n rows of head_dims, `out_stride` floats apart */
    size_t n, head_dims, stride, out_stride;
    float scale;       /* > 0 */
    const float *bias; /* the middle of 2 n - 1, by distance j - i; NULL: none */
    size_t window;     /* |i - j| is at most this; 0: any */
    float *weights;    /* n x n: the softmax is kept here; NULL: it is not kept */
    float *scratch;    /* enc_attn_scratch(n, head_dims) floats */
} enc_attn;

typedef struct enc_keys { /* [first, last) of a text */
    size_t first, last;
} enc_keys;

/* The keys that at least one of the queries [row, row + rows) sees, rows > 0. */
enc_keys enc_attn_keys(const enc_attn *a, size_t row, size_t rows);

typedef struct enc_kern {
    const char *name;
    /* Outputs [16 panel0, 16 panel1) of an affine layer, by the type of its panels. */
    enc_affine_fn *affine_f32, *affine_bf16, *affine_i8;
    /* n values of a row as the left side of such a layer: bf16, to the nearest; or bytes
     * from the row's least value in 255 equal steps. A value that is not finite makes the
     * scale NaN. */
    void (*to_bf16)(uint16_t *out, const float *x, size_t n);
    void (*to_u8)(uint8_t *out, const float *x, size_t n, float *scale, float *least);
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
/* NULL: not built for such a CPU (the Makefile says HAS_AVX2 and so on where it is). All
 * but bf16 gives the same bits in each of these. */
extern const enc_kern *const enc_kern_avx2;
extern const enc_kern *const enc_kern_avx2_vnni;
extern const enc_kern *const enc_kern_avx512;
extern const enc_kern *const enc_kern_avx512_vnni;
extern const enc_kern *const enc_kern_avx512_bf16; /* and VNNI */

/* The fastest that this CPU runs; $ENCODER_KERNEL = plain | avx2 | avx2-vnni | avx512 |
 * avx512-vnni | avx512-bf16 lowers it. */
const enc_kern *enc_kern_pick(void);
const enc_kern *enc_kern_find(const char *name); /* NULL: unknown, or this CPU cannot */

/* The layer in the type of its panels. */
void enc_affine_run(const enc_kern *k, const enc_affine *a, size_t panel0, size_t panel1);

#define ENC_ATTN_ROWS 24 /* queries whose softmax is worked on at once */

/* Floats of scratch for any table's attention: room for the keys and the values as panels
 * and for a block of softmax rows, a window's sixteen longer. */
size_t enc_attn_scratch(size_t n, size_t head_dims);

#endif
