/* panel.c - see panel.h. */
#include "encode/panel.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define LEVELS 127 /* two magnitudes of a pair add up to this before they are rounded */

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

uint16_t enc_bf16_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if (x != x) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* The row's scale: see panel.h. Zero for a row that is nothing but noise under FLT_MIN.
 */
static float scale_of(const float *w, size_t k)
{
    float most = 0.0f;
    for (size_t i = 0; i + 1 < k; i += 2) {
        float pair = fabsf(w[i]) + fabsf(w[i + 1]);
        most = pair > most ? pair : most;
    }
    if (k % 2 == 1 && fabsf(w[k - 1]) > most) most = fabsf(w[k - 1]);
    return most / LEVELS < FLT_MIN ? 0.0f : most / LEVELS;
}

/* One output's weights into its four bytes of every step from `at` on; returns the sum of
 * its int8. */
static int32_t put_i8(uint8_t *at, const float *w, size_t k, float scale)
{
    int32_t sum = 0;
    float inverse = scale > 0.0f ? 1.0f / scale : 0.0f;
    for (size_t i = 0; i < k; i++) {
        int32_t q = (int32_t)rintf(w[i] * inverse);
        at[i / 4 * ENC_STEP + i % 4] = (uint8_t)q;
        sum += q;
    }
    return sum;
}

static void put_bf16(uint8_t *at, const float *w, size_t k)
{
    for (size_t i = 0; i < k; i++) {
        uint16_t h = enc_bf16_of(w[i]);
        memcpy(at + i / 2 * ENC_STEP + i % 2 * sizeof h, &h, sizeof h);
    }
}

static void put_f32(uint8_t *at, const float *w, size_t k)
{
    for (size_t i = 0; i < k; i++) memcpy(at + i * ENC_STEP, &w[i], sizeof *w);
}

void enc_panels_pack(enc_panels *out, enc_dtype dtype, const enc_linear *const *parts,
                     size_t n_parts, void *room, float *row)
{
    const size_t k = parts[0]->w.cols, n_steps = enc_panel_steps(dtype, k);
    size_t n = 0, i = 0;
    for (size_t p = 0; p < n_parts; p++) n += parts[p]->w.rows;
    const size_t wide = round_up(n);
    uint8_t *data = room;
    float *bias = (float *)(void *)(data + wide * n_steps * 4);
    float *scale = bias + wide, *sum = scale + wide;

    for (size_t p = 0; p < n_parts; p++) {
        const enc_linear *l = parts[p];
        for (size_t r = 0; r < l->w.rows; r++, i++) {
            uint8_t *at = data + i / ENC_PANEL * n_steps * ENC_STEP + i % ENC_PANEL * 4;
            const float *w = (const float *)l->w.data + r * k;
            if (l->w.dtype == ENC_I8) {
                enc_mat_row(&l->w, r, row);
                w = row;
            }
            if (l->b != NULL) bias[i] = l->b[r];
            if (dtype == ENC_I8) {
                scale[i] = scale_of(w, k);
                sum[i] = scale[i] * (float)put_i8(at, w, k, scale[i]);
            } else if (dtype == ENC_BF16) {
                put_bf16(at, w, k);
            } else {
                put_f32(at, w, k);
            }
        }
    }
    *out = (enc_panels){dtype, n, k, wide / ENC_PANEL, n_steps, data, bias, NULL, NULL};
    if (dtype == ENC_I8) out->scale = scale, out->sum = sum;
}
