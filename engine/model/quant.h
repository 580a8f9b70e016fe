/* quant.h - blocks of small integers -> floats: the quantized types of ggml.
 *
 * A row is cut into blocks of 32 or 256 values. All is little-endian; d and m are halves.
 * Value i of a block of 32, whose q is 4 bits of byte i % 16, the low ones for i < 16,
 * and a fifth bit, bit i of h:
 *
 *   Q8_0   d, int8 q[32]               d q
 *   Q4_0   d, 16 bytes                 d (q - 8)
 *   Q4_1   d, m, 16 bytes              d q + m
 *   Q5_0   d, u32 h, 16 bytes          d (q - 16)
 *   Q5_1   d, m, u32 h, 16 bytes       d q + m
 *
 * Blocks of 256 are eight parts of 32 (Q6_K: sixteen of 16) with a scale each. Value i of
 * part j, whose q is 4 bits of byte 32 (j / 2) + i, the low ones for even j, and a fifth
 * bit, bit j of h[i]:
 *
 *   Q4_K   d, m, u8 s[12], 128 bytes               d scale(j) q - m least(j)
 *   Q5_K   d, m, u8 s[12], u8 h[32], 128 bytes     the same
 *
 * scale(j) and least(j) are 6 bits: those of s[j] and s[4 + j] for j < 4; above, the low
 * and the high 4 bits of s[4 + j], and over them the top 2 bits of s[j - 4] and s[j].
 *
 *   Q6_K   128 bytes, u8 h[64], int8 s[16], d      d s[i / 16] (q - 32)
 *
 * of two halves with 64 of the bytes and 32 of h each: value 32 g + i of a half has 4
 * bits of its byte 32 (g % 2) + i, the low ones for g < 2, and bits 2g, 2g + 1 of its
 * h[i]. */
#ifndef ENC_QUANT_H
#define ENC_QUANT_H

#include "model/tensor.h"

/* How a type cuts a row; NULL if it is not one of the above. */
typedef struct enc_quant {
    size_t n_values;                               /* in a block */
    size_t n_bytes;                                /* of a block */
    void (*to_f32)(const uint8_t *at, float *out); /* converts one */
} enc_quant;

const enc_quant *enc_quant_find(enc_dtype t);

#endif
