/* quant.c - see quant.h for the formats.
 *
 * The bits of a half, a scale and a value together fit into a float, but for a bit in
 * Q6_K: whatever the order, a result is rounded once, so every compiler gives the same.
 * The loops have no branches and fixed lengths: compilers make vectors of them. */
#include "model/quant.h"

#define SMALL  32  /* values in a block of the older types ... */
#define LARGE  256 /* ... and of the newer ones */
#define PARTS  8   /* of a large block, 32 values each */
#define SCALES 12  /* bytes that hold scales and least values of the parts */

static float half_at(const uint8_t *at)
{
    return enc_f16_to_f32((uint16_t)(at[0] | at[1] << 8));
}

static uint32_t u32_at(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
           (uint32_t)at[3] << 24;
}

static void q8_0(const uint8_t *at, float *out)
{
    const float d = half_at(at);

    for (size_t i = 0; i < SMALL; i++) out[i] = d * (float)(int8_t)at[2 + i];
}

/* 4 bits and a fifth one of h. */
static void small_values(const uint8_t *at, uint32_t h, int q[SMALL])
{
    for (size_t i = 0; i < SMALL / 2; i++) {
        q[i] = at[i] & 15;
        q[i + SMALL / 2] = at[i] >> 4;
    }
    for (size_t i = 0; i < SMALL; i++) q[i] |= (int)(h >> i & 1) << 4;
}

static void scale_around(int zero, float d, const int q[SMALL], float *out)
{
    for (size_t i = 0; i < SMALL; i++) out[i] = d * (float)(q[i] - zero);
}

static void scale_from(float m, float d, const int q[SMALL], float *out)
{
    for (size_t i = 0; i < SMALL; i++) out[i] = d * (float)q[i] + m;
}

static void q4_0(const uint8_t *at, float *out)
{
    int q[SMALL];

    small_values(at + 2, 0, q);
    scale_around(8, half_at(at), q, out);
}

static void q4_1(const uint8_t *at, float *out)
{
    int q[SMALL];

    small_values(at + 4, 0, q);
    scale_from(half_at(at + 2), half_at(at), q, out);
}

static void q5_0(const uint8_t *at, float *out)
{
    int q[SMALL];

    small_values(at + 6, u32_at(at + 2), q);
    scale_around(16, half_at(at), q, out);
}

static void q5_1(const uint8_t *at, float *out)
{
    int q[SMALL];

    small_values(at + 8, u32_at(at + 4), q);
    scale_from(half_at(at + 2), half_at(at), q, out);
}

/* The scale and the least value of part j. */
static void part_scales(const uint8_t s[SCALES], size_t j, int *scale, int *least)
{
    if (j < 4) {
        *scale = s[j] & 63;
        *least = s[4 + j] & 63;
    } else {
        *scale = (s[4 + j] & 15) | (s[j - 4] >> 6) << 4;
        *least = s[4 + j] >> 4 | (s[j] >> 6) << 4;
    }
}

/* Q4_K (h NULL) and Q5_K behind their scales. */
static void parts(const uint8_t *at, const uint8_t *h, const uint8_t *q, float *out)
{
    const float d = half_at(at), m = half_at(at + 2);

    for (size_t j = 0; j < PARTS; j++) {
        const uint8_t *low = q + 32 * (j / 2);
        const unsigned shift = j % 2 == 0 ? 0 : 4;
        int of_part, least;

        part_scales(at + 4, j, &of_part, &least);
        const float ds = d * (float)of_part, ml = m * (float)least;
        if (h == NULL)
            for (size_t i = 0; i < 32; i++)
                out[i] = ds * (float)(low[i] >> shift & 15) - ml;
        else
            for (size_t i = 0; i < 32; i++)
                out[i] = ds * (float)((low[i] >> shift & 15) | (h[i] >> j & 1) << 4) - ml;
        out += 32;
    }
}

static void q4_k(const uint8_t *at, float *out)
{
    parts(at, NULL, at + 4 + SCALES, out);
}

static void q5_k(const uint8_t *at, float *out)
{
    const uint8_t *h = at + 4 + SCALES;

    parts(at, h, h + LARGE / 8, out);
}

static void q6_k(const uint8_t *at, float *out)
{
    const uint8_t *low = at, *high = at + LARGE / 2, *scales = high + LARGE / 4;
    const float d = half_at(scales + LARGE / 16);

    for (size_t g = 0; g < 8; g++) {
        const uint8_t *l = low + 64 * (g / 4) + 32 * (g % 2), *h = high + 32 * (g / 4);
        const unsigned shift = g % 4 < 2 ? 0 : 4, h_shift = 2 * (unsigned)(g % 4);

        for (size_t k = 0; k < 2; k++) {
            const float ds = d * (float)(int8_t)scales[2 * g + k];

            for (size_t i = 16 * k; i < 16 * k + 16; i++)
                out[32 * g + i] =
                    ds *
                    (float)(((l[i] >> shift & 15) | (h[i] >> h_shift & 3) << 4) - 32);
        }
    }
}

const enc_quant *enc_quant_find(enc_dtype t)
{
    static const enc_quant kinds[ENC_OTHER] = {
        [ENC_Q4_0] = {SMALL, 2 + SMALL / 2, q4_0},
        [ENC_Q4_1] = {SMALL, 4 + SMALL / 2, q4_1},
        [ENC_Q5_0] = {SMALL, 6 + SMALL / 2, q5_0},
        [ENC_Q5_1] = {SMALL, 8 + SMALL / 2, q5_1},
        [ENC_Q8_0] = {SMALL, 2 + SMALL, q8_0},
        [ENC_Q4_K] = {LARGE, 4 + SCALES + LARGE / 2, q4_k},
        [ENC_Q5_K] = {LARGE, 4 + SCALES + LARGE / 8 + LARGE / 2, q5_k},
        [ENC_Q6_K] = {LARGE, LARGE / 2 + LARGE / 4 + LARGE / 16 + 2, q6_k},
    };

    return t < ENC_OTHER && kinds[t].to_f32 != NULL ? &kinds[t] : NULL;
}
