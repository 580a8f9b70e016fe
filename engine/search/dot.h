/* dot.h - int8 dot products of one query with the rows of a segment, and the same with
 * the upper halves of their codes.
 *
 * dot.c is the definition. The sums are integers, so every kernel gives the same numbers;
 * the test compares them. Codes lie in -127..127, so no 32-bit sum of ENC_DIMS_MAX
 * products overflows. */
#ifndef ENC_DOT_H
#define ENC_DOT_H

#include <stddef.h>
#include <stdint.h>

/* out[i] = sum over `stride` bytes of q[j] * codes[i * stride + j], for i < n. q holds
 * stride codes, stride is a multiple of 64, and both q and codes are aligned to 64. */
typedef void enc_dot(const int8_t *q, const int8_t *codes, size_t stride, size_t n,
                     int32_t *out);

/* The same for rows of halves, 0..15: two a byte, stride / 2 bytes a row, aligned to 32.
 * Of each 32 bytes the lower halves belong to 32 values, the upper ones to the next 32.
 */
typedef void enc_dot_half(const int8_t *q, const uint8_t *halves, size_t stride, size_t n,
                          int32_t *out);

extern enc_dot enc_dot_plain;
extern enc_dot_half enc_dot_half_plain;
extern enc_dot *const enc_dot_avx2; /* NULL: not built for such a CPU */
extern enc_dot_half *const enc_dot_half_avx2;

/* The fastest that this CPU runs; $ENCODER_KERNEL=plain asks for the plain one. */
enc_dot *enc_dot_pick(void);
enc_dot_half *enc_dot_half_pick(void);

#endif
