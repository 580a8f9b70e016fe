/* panel.h - the weights of a linear layer, in the order in which the fast products read.
 *
 * Outputs are dealt into panels of sixteen. A panel is a row of steps; a step is 64
 * bytes, four for each of its outputs: one f32, two bf16 or four int8 weights, of 1, 2 or
 * 4 inputs that follow one another. A product walks along the steps with one accumulator
 * of 32 bits for each output, whatever the type. Behind the last input and the last
 * output are zeros.
 *
 *     data[panel][step][output % 16][input % (4 / size)]
 *
 * int8 weights have a scale for each output, chosen so that the magnitudes of two
 * neighbouring inputs' weights add up to at most 128. Products with unsigned bytes then
 * fit the 16 bits in which CPUs without VNNI add two of them, and the integers that come
 * out are the same on every CPU. It costs a quarter of a bit against a scale that looks
 * at the largest weight only. */
#ifndef ENC_PANEL_H
#define ENC_PANEL_H

#include "model/weights.h"

#define ENC_PANEL 16 /* outputs in a panel */
#define ENC_STEP  64 /* bytes in a step */

typedef struct enc_panels {
    enc_dtype dtype;     /* ENC_F32, ENC_BF16 or ENC_I8 */
    size_t n, k;         /* outputs and inputs */
    size_t n_panels;     /* n / 16, rounded up */
    size_t n_steps;      /* in a panel */
    const uint8_t *data; /* n_panels x n_steps x 64 bytes */
    const float *bias;   /* n_panels x 16; zeros if the layer has none */
    const float *scale;  /* n_panels x 16, ENC_I8 only: value = scale x int8 */
    const float *sum;    /* n_panels x 16, ENC_I8 only: of an output's weights */
} enc_panels;

/* Steps that k inputs take: ceil(k / 1, 2 or 4). A row of inputs takes four bytes each.
 */
size_t enc_panel_steps(enc_dtype dtype, size_t k);

/* Bytes that enc_panels_pack needs for n outputs of k inputs, a multiple of 64. Bounds in
 * limits.h keep it far from overflow. */
size_t enc_panels_size(enc_dtype dtype, size_t n, size_t k);

/* Packs layers of the same inputs side by side into `room`, 64-byte aligned and zeroed.
 * `row` is scratch, k floats. */
void enc_panels_pack(enc_panels *out, enc_dtype dtype, const enc_linear *const *parts,
                     size_t n_parts, void *room, float *row);

/* To the nearest, ties to even; NaN stays NaN. */
uint16_t enc_bf16_of(float x);

#endif
