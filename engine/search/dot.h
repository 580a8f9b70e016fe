/* dot.h - the arithmetic of a search, as a table of functions.
 *
 * dot.c is the definition. Faster files fill the same table (one source, dot_fast.inc,
 * compiled for each) and are chosen by what the CPU reports. Sums of codes are integers,
 * and what is computed in doubles has one order, so every table gives the same numbers;
 * the test compares them. Codes lie in -127..127, so no 32-bit sum of ENC_DIMS_MAX
 * products overflows. */
#ifndef ENC_DOT_H
#define ENC_DOT_H

#include <stddef.h>
#include <stdint.h>

#include "search/vec.h"

#define ENC_SIFT_ROWS 32 /* at once: a bit each */

/* Which rows may be near enough: those where
 *
 *     scale (step dot + offset) + coded loss - (by_norm + by_square norm) norm  >=  base
 *
 * and those whose loss is at least `unknown`. bound.c says what this means. */
typedef struct enc_sift {
    double step, offset, coded, by_norm, by_square, base;
    float unknown;
} enc_sift;

/* What a sift knows of ENC_SIFT_ROWS rows. */
typedef struct enc_sift_rows {
    const int32_t *dot;
    const float *scale, *loss, *norm;
} enc_sift_rows;

typedef struct enc_dot {
    const char *name;
    /* out[i] = sum over `stride` bytes of q[j] * codes[i * stride + j], for i < n. q
     * holds stride codes, stride is a multiple of 64, and both q and codes are aligned
     * to 64. */
    void (*codes)(const int8_t *q, const int8_t *codes, size_t stride, size_t n,
                  int32_t *out);
    /* The same for rows of halves, 0..15: two a byte, stride / 2 bytes a row, aligned to
     * 32. Of each 32 bytes the lower halves belong to 32 values, the upper ones to the
     * next 32. `next` are the n rows asked for next: they are fetched into the cache
     * meanwhile, for the hardware does not look past a page of 4 KB. */
    void (*halves)(const int8_t *q, const uint8_t *halves, size_t stride, size_t n,
                   const uint8_t *next, int32_t *out);
    /* Bit i tells of row i. */
    uint32_t (*sift)(const enc_sift *s, const enc_sift_rows *rows);
    /* enc_vec_distance, to the bit. */
    double (*distance)(enc_metric m, const float *a /* n */, const float *b /* n */,
                       size_t n);
} enc_dot;

extern const enc_dot enc_dot_plain;
extern const enc_dot *const enc_dot_avx2; /* NULL: not built for such a CPU */
extern const enc_dot *const enc_dot_avx2_vnni;
extern const enc_dot *const enc_dot_avx512;
extern const enc_dot *const enc_dot_avx512_vnni;

/* The fastest that this CPU runs; $ENCODER_KERNEL = plain | avx2 | avx2-vnni | avx512 |
 * avx512-vnni lowers it. */
const enc_dot *enc_dot_pick(void);
const enc_dot *enc_dot_find(const char *name); /* NULL: unknown, or this CPU cannot */

#endif
