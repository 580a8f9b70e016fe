/* kern.c - the definition of what the encoder computes; see kern.h.
 *
 * Plain loops in the notation of the papers, with sums in double: what kern_fast.inc is
 * compared with, and what runs on a CPU that has no faster table. */
#include "encode/kern.h"

#include <math.h>
#include <string.h>

/* Rows of softmax a table may work on at once, and floats it may round a row up to. */
#define SCRATCH_ROWS 8
#define SCRATCH_STEP 16

static float value_at(const enc_mat *m, size_t row, size_t col)
{
    if (m->dtype == ENC_I8) return (float)((const int8_t *)m->data)[row * m->cols + col];
    return ((const float *)m->data)[row * m->cols + col];
}

/* Hendrycks and Gimpel 2016: x Phi(x), and its approximation by tanh. */
static double activate(double x, int act)
{
    switch (act) {
    case ENC_GELU: return x * 0.5 * erfc(-x * 0.70710678118654752);
    case ENC_GELU_TANH:
        return 0.5 * x * (1.0 + tanh(0.79788456080286536 * (x + 0.044715 * x * x * x)));
    case ENC_RELU: return x < 0.0 ? 0.0 : x;
    case ENC_SILU: return x / (1.0 + exp(-x));
    default: return x;
    }
}

static void product(const enc_product *p, size_t row0, size_t row1, size_t col0,
                    size_t col1)
{
    for (size_t t = row0; t < row1; t++) {
        const float *x = p->x + t * p->x_stride;
        for (size_t i = col0; i < col1; i++) {
            double sum = 0.0;
            for (size_t k = 0; k < p->w->cols; k++)
                sum += (double)x[k] * (double)value_at(p->w, i, k);
            if (p->w->dtype == ENC_I8) sum *= (double)p->w->scale[i];
            if (p->b != NULL) sum += (double)p->b[i];
            sum = activate(sum, p->act);
            if (p->add != NULL) sum += (double)p->add[t * p->y_stride + i];
            p->y[t * p->y_stride + i] = (float)sum;
        }
    }
}

static void layernorm(float *y, const float *x, const enc_layernorm *norm, float eps,
                      size_t T, size_t D)
{
    for (size_t t = 0; t < T; t++, x += D, y += D) {
        double mean = 0.0, variance = 0.0;
        for (size_t i = 0; i < D; i++) mean += (double)x[i] / (double)D;
        for (size_t i = 0; i < D; i++)
            variance += ((double)x[i] - mean) * ((double)x[i] - mean) / (double)D;
        double r = 1.0 / sqrt(variance + (double)eps);
        for (size_t i = 0; i < D; i++)
            y[i] = (float)(((double)x[i] - mean) * r * (double)norm->gain[i] +
                           (double)norm->bias[i]);
    }
}

static float dot(const float *a, const float *b, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
    return (float)sum;
}

static void attention(const enc_attn *a)
{
    for (size_t i = 0; i < a->n; i++) {
        float *w = a->weights != NULL ? a->weights + i * a->n : a->scratch;
        float *out = a->out + i * a->out_stride;
        float top = -INFINITY;
        double sum = 0.0;
        for (size_t j = 0; j < a->n; j++) {
            w[j] =
                dot(a->q + i * a->stride, a->k + j * a->stride, a->head_dims) * a->scale;
            top = w[j] > top ? w[j] : top;
        }
        for (size_t j = 0; j < a->n; j++) {
            w[j] = (float)exp((double)w[j] - (double)top);
            sum += (double)w[j];
        }
        for (size_t j = 0; j < a->n; j++) w[j] = (float)((double)w[j] / sum);
        for (size_t d = 0; d < a->head_dims; d++) {
            double mixed = 0.0;
            for (size_t j = 0; j < a->n; j++)
                mixed += (double)w[j] * (double)a->v[j * a->stride + d];
            out[d] = (float)mixed;
        }
    }
}

const enc_kern enc_kern_plain = {.name = "plain",
                                 .product = product,
                                 .layernorm = layernorm,
                                 .attention = attention,
                                 .dot = dot};

size_t enc_attn_scratch(size_t n, size_t head_dims)
{
    size_t row = (n + SCRATCH_STEP - 1) / SCRATCH_STEP * SCRATCH_STEP;
    return (head_dims + SCRATCH_ROWS) * row;
}

void enc_mat_row(const enc_mat *m, size_t row, float *out)
{
    if (m->dtype != ENC_I8) {
        memcpy(out, (const float *)m->data + row * m->cols, m->cols * sizeof *out);
        return;
    }
    const int8_t *q = (const int8_t *)m->data + row * m->cols;
    for (size_t i = 0; i < m->cols; i++) out[i] = (float)q[i] * m->scale[row];
}
