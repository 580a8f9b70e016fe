/* panel.c - see panel.h. */
#include "encode/panel.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define LEVELS 127 /* two magnitudes of a pair add up to this before they are rounded */
#define BLOCK  64  /* inputs that are converted before they are dealt out */
/* 1.5 x 2^23. A sum of it and a small number is rounded to a whole one, the lowest byte
 * of whose bits is that number's. */
#define WHOLE      12582912.0f
#define WHOLE_BITS 0x4b400000

size_t enc_panel_steps(enc_dtype dtype, size_t k)
{
    size_t each = ENC_STEP / ENC_PANEL / enc_dtype_size(dtype);
    return (k + each - 1) / each;
}

static size_t round_up(size_t n)
{
    return (n + ENC_PANEL - 1) / ENC_PANEL * ENC_PANEL;
}

size_t enc_panels_size(enc_dtype dtype, size_t n, size_t k)
{
    size_t wide = round_up(n), n_vectors = dtype == ENC_I8 ? 3 : 1;
    return wide * (enc_panel_steps(dtype, k) * 4 + n_vectors * sizeof(float));
}

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

uint16_t enc_bf16_of(float x)
{
    uint32_t bits = bits_of(x);
    if (x != x) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* The row's scale: see panel.h. Zero for a row that is nothing but noise under FLT_MIN.
 * Magnitudes are compared as integers, which order them alike and make vectors. */
static float scale_of(const float *w, size_t k)
{
    int32_t most_bits = 0;
    float most;
    for (size_t i = 0; i + 1 < k; i += 2) {
        int32_t pair = (int32_t)bits_of(fabsf(w[i]) + fabsf(w[i + 1]));
        most_bits = pair > most_bits ? pair : most_bits;
    }
    memcpy(&most, &most_bits, sizeof most);
    if (k % 2 == 1 && fabsf(w[k - 1]) > most) most = fabsf(w[k - 1]);
    return most / LEVELS < FLT_MIN ? 0.0f : most / LEVELS;
}

/* Whole steps of converted inputs, four bytes each, to one output's places from `at` on.
 */
static void deal(uint8_t *at, const void *bytes, size_t n_steps)
{
    for (size_t i = 0; i < n_steps; i++)
        memcpy(at + i * ENC_STEP, (const uint8_t *)bytes + i * 4, 4);
}

/* Returns the sum of the row's int8. */
static int32_t put_i8(uint8_t *at, const float *w, size_t k, float scale)
{
    const float inverse = scale > 0.0f ? 1.0f / scale : 0.0f;
    int32_t sum = 0;
    for (size_t i = 0; i < k; i += BLOCK, at += BLOCK / 4 * ENC_STEP) {
        const size_t n = k - i < BLOCK ? k - i : BLOCK;
        uint8_t q[BLOCK] = {0};
        for (size_t j = 0; j < n; j++) {
            uint32_t bits = bits_of(w[i + j] * inverse + WHOLE);
            q[j] = (uint8_t)bits;
            sum += (int32_t)bits - WHOLE_BITS;
        }
        deal(at, q, (n + 3) / 4);
    }
    return sum;
}

static void put_bf16(uint8_t *at, const float *w, size_t k)
{
    for (size_t i = 0; i < k; i += BLOCK, at += BLOCK / 2 * ENC_STEP) {
        const size_t n = k - i < BLOCK ? k - i : BLOCK;
        uint16_t h[BLOCK] = {0};
        for (size_t j = 0; j < n; j++) h[j] = enc_bf16_of(w[i + j]);
        deal(at, h, (n + 1) / 2);
    }
}

/* Output by output within a block of inputs, so that its steps stay near. */
static void put_f32(uint8_t *at, const float *w, size_t n_rows, size_t k)
{
    for (size_t i = 0; i < k; i += BLOCK, at += BLOCK * ENC_STEP)
        for (size_t r = 0; r < n_rows; r++)
            deal(at + r * 4, w + r * k + i, k - i < BLOCK ? k - i : BLOCK);
}

typedef struct target { /* what is packed into */
    enc_dtype dtype;
    size_t k, n_steps;
    uint8_t *data;
    float *bias, *scale, *sum; /* the last two for ENC_I8 only */
} target;

/* Weights of outputs i, i + 1, .. within a panel. */
static void put_rows(const target *t, size_t i, const float *w, size_t n_rows)
{
    const size_t k = t->k;
    uint8_t *at =
        t->data + i / ENC_PANEL * t->n_steps * ENC_STEP + i % ENC_PANEL * sizeof(float);
    if (t->dtype == ENC_F32) {
        put_f32(at, w, n_rows, k);
        return;
    }
    for (size_t last = i + n_rows; i < last; i++, at += 4, w += k) {
        if (t->scale == NULL) { /* ENC_BF16 */
            put_bf16(at, w, k);
            continue;
        }
        t->scale[i] = scale_of(w, k);
        t->sum[i] = t->scale[i] * (float)put_i8(at, w, k, t->scale[i]);
    }
}

void enc_panels_pack(enc_panels *out, enc_dtype dtype, const enc_linear *const *parts,
                     size_t n_parts, void *room, float *row)
{
    const size_t k = parts[0]->w.cols, n_steps = enc_panel_steps(dtype, k);
    size_t n = 0, i = 0;
    for (size_t p = 0; p < n_parts; p++) n += parts[p]->w.rows;
    const size_t wide = round_up(n);
    target t = {.dtype = dtype, .k = k, .n_steps = n_steps, .data = room};
    t.bias = (float *)(void *)(t.data + wide * n_steps * 4);
    if (dtype == ENC_I8) {
        t.scale = t.bias + wide;
        t.sum = t.scale + wide;
    }
    for (size_t p = 0; p < n_parts; p++) {
        const enc_linear *l = parts[p];
        for (size_t r = 0, n_rows; r < l->w.rows; r += n_rows, i += n_rows) {
            const float *w = (const float *)l->w.data + r * k;
            const size_t left = l->w.rows - r, lanes = ENC_PANEL - i % ENC_PANEL;
            n_rows = left < lanes ? left : lanes;
            if (l->w.dtype == ENC_I8) {
                enc_mat_row(&l->w, r, row);
                w = row;
                n_rows = 1;
            }
            put_rows(&t, i, w, n_rows);
            if (l->b != NULL) memcpy(t.bias + i, l->b + r, n_rows * sizeof *t.bias);
        }
    }
    *out = (enc_panels){dtype,  n,       k,    wide / ENC_PANEL, n_steps, t.data,
                        t.bias, t.scale, t.sum};
}
