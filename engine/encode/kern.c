/* kern.c - the definition of what the encoder computes; see kern.h.
 *
 * Plain loops in the notation of the papers, with sums in double: what kern_fast.inc is
 * compared with, and what runs on a CPU that has no faster table. */
#include "encode/kern.h"

#include <math.h>
#include <string.h>

#include "encode/act.h"

#define ATTN_STEP 16 /* keys and dimensions are rounded up to this in scratch */

static double value_at(const enc_mat *m, size_t row, size_t col)
{
    if (m->dtype == ENC_I8) return (double)((const int8_t *)m->data)[row * m->cols + col];
    return (double)((const float *)m->data)[row * m->cols + col];
}

static void product(const enc_product *p, size_t row0, size_t row1, size_t col0,
                    size_t col1)
{
    for (size_t t = row0; t < row1; t++) {
        const float *x = p->x + t * p->x_stride;
        for (size_t i = col0; i < col1; i++) {
            double sum = 0.0;
            for (size_t k = 0; k < p->w->cols; k++)
                sum += (double)x[k] * value_at(p->w, i, k);
            if (p->w->dtype == ENC_I8) sum *= (double)p->w->scale[i];
            if (p->b != NULL) sum += (double)p->b[i];
            sum = enc_act_of(sum, p->act);
            if (p->add != NULL) sum += (double)p->add[t * p->y_stride + i];
            p->y[t * p->y_stride + i] = (float)sum;
        }
    }
}

/* The weight of output i for input k, in units of its scale. */
static double weight_at(const enc_panels *w, size_t i, size_t k)
{
    const size_t size = enc_dtype_size(w->dtype), each = 4 / size;
    const uint8_t *at = w->data + (i / ENC_PANEL * w->n_steps + k / each) * ENC_STEP +
                        i % ENC_PANEL * 4 + k % each * size;
    if (w->dtype == ENC_I8) return (double)(int8_t)*at;
    if (w->dtype == ENC_BF16) {
        uint16_t h;
        memcpy(&h, at, sizeof h);
        return (double)enc_bf16_to_f32(h);
    }
    float f;
    memcpy(&f, at, sizeof f);
    return (double)f;
}

static double left_at(const enc_left *x, enc_dtype dtype, size_t row, size_t k)
{
    const uint8_t *at = (const uint8_t *)x->at + row * x->stride;
    if (dtype == ENC_I8) return (double)at[k];
    if (dtype == ENC_BF16)
        return (double)enc_bf16_to_f32(((const uint16_t *)(const void *)at)[k]);
    return (double)((const float *)(const void *)at)[k];
}

static void affine(const enc_affine *a, size_t panel0, size_t panel1)
{
    const enc_panels *w = a->w;
    const size_t end = panel1 * ENC_PANEL < w->n ? panel1 * ENC_PANEL : w->n;
    for (size_t t = 0; t < a->n_rows; t++) {
        for (size_t i = panel0 * ENC_PANEL; i < end; i++) {
            double sum = 0.0;
            for (size_t k = 0; k < w->k; k++)
                sum += left_at(&a->x, w->dtype, t, k) * weight_at(w, i, k);
            if (w->dtype == ENC_I8)
                sum = sum * (double)a->x.scale[t] * (double)w->scale[i] +
                      (double)a->x.least[t] * (double)w->sum[i];
            sum = enc_act_of(sum + (double)w->bias[i], a->act);
            if (a->mul != NULL) sum *= (double)a->mul[t * a->y_stride + i];
            if (a->add != NULL) sum += (double)a->add[t * a->y_stride + i];
            a->y[t * a->y_stride + i] = (float)sum;
        }
    }
}

static void to_bf16(uint16_t *out, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] = enc_bf16_of(x[i]);
}

static void to_u8(uint8_t *out, const float *x, size_t n, float *scale, float *least)
{
    float low = INFINITY, high = -INFINITY, poison = 0.0f;
    for (size_t i = 0; i < n; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
        poison += x[i] * 0.0f; /* NaN if x is not finite */
    }
    const float inverse = high > low ? 255.0f / (high - low) : 0.0f;
    for (size_t i = 0; i < n; i++) {
        float q = (x[i] - low) * inverse;
        out[i] = q >= 0.0f && q <= 255.5f ? (uint8_t)fminf(rintf(q), 255.0f) : 0;
    }
    *scale = (high - low) / 255.0f + poison;
    *least = low;
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

/* The softmax of query i over the keys it sees. */
static void soften(const enc_attn *a, size_t i, enc_keys seen, float *w)
{
    float top = -INFINITY;
    double sum = 0.0;
    for (size_t j = seen.first; j < seen.last; j++) {
        w[j] = dot(a->q + i * a->stride, a->k + j * a->stride, a->head_dims) * a->scale;
        if (a->bias != NULL) w[j] += a->bias[(ptrdiff_t)j - (ptrdiff_t)i];
        top = w[j] > top ? w[j] : top;
    }
    for (size_t j = seen.first; j < seen.last; j++) {
        w[j] = (float)exp((double)w[j] - (double)top);
        sum += (double)w[j];
    }
    for (size_t j = seen.first; j < seen.last; j++) w[j] = (float)((double)w[j] / sum);
}

static void attention(const enc_attn *a)
{
    for (size_t i = 0; i < a->n; i++) {
        float *w = a->weights != NULL ? a->weights + i * a->n : a->scratch;
        const enc_keys seen = enc_attn_keys(a, i, 1);
        if (a->weights != NULL) memset(w, 0, a->n * sizeof *w);
        soften(a, i, seen, w);
        for (size_t d = 0; d < a->head_dims; d++) {
            double mixed = 0.0;
            for (size_t j = seen.first; j < seen.last; j++)
                mixed += (double)w[j] * (double)a->v[j * a->stride + d];
            a->out[i * a->out_stride + d] = (float)mixed;
        }
    }
}

const enc_kern enc_kern_plain = {.name = "plain",
                                 .affine_f32 = affine,
                                 .affine_bf16 = affine,
                                 .affine_i8 = affine,
                                 .to_bf16 = to_bf16,
                                 .to_u8 = to_u8,
                                 .product = product,
                                 .layernorm = layernorm,
                                 .attention = attention,
                                 .dot = dot};

void enc_affine_run(const enc_kern *k, const enc_affine *a, size_t panel0, size_t panel1)
{
    enc_affine_fn *run = a->w->dtype == ENC_I8     ? k->affine_i8
                         : a->w->dtype == ENC_BF16 ? k->affine_bf16
                                                   : k->affine_f32;
    run(a, panel0, panel1);
}

enc_keys enc_attn_keys(const enc_attn *a, size_t row, size_t rows)
{
    const size_t last = row + rows, w = a->window;
    if (w == 0) return (enc_keys){0, a->n};
    return (enc_keys){row > w ? row - w : 0, a->n - last > w ? last + w : a->n};
}

size_t enc_attn_scratch(size_t n, size_t head_dims)
{
    size_t keys = (n + ATTN_STEP - 1) / ATTN_STEP * ATTN_STEP;
    size_t dims = (head_dims + ATTN_STEP - 1) / ATTN_STEP * ATTN_STEP;
    return keys * (head_dims + dims + ENC_ATTN_ROWS) + ENC_ATTN_ROWS * ATTN_STEP;
}
