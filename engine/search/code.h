/* code.h - a segment: up to ENC_SEGMENT_ROWS vectors as int8 codes with a proven bound.
 *
 * A row x is kept as scale * code, code in -127..127, with two lengths beside it:
 *
 *     norm = |x|                   rounded up, by less than one part in 2^22
 *     loss = |x - scale * code|    rounded up
 *
 * For a query q with code q' = sum of scaled codes and loss |q - q'|, Cauchy-Schwarz
 * gives
 *
 *     | q.x - q'.x' |  <=  |q'| loss(x) + loss(q) |x|,      x' = scale * code
 *
 * and more: scale is the least-squares one, x.code / code.code, so the error x - x' is
 * orthogonal to x' (but for the rounding of scale, at most 2^-24 |x|), and only the part
 * of q' that is orthogonal to x' can meet it:
 *
 *     | q.x - q'.x' |  <=  |q'| sin(q', x') loss(x) + loss(q) |x| + 2^-24 |q'| |x|
 *
 * where |x'|^2 = norm^2 - loss^2 by Pythagoras. bound.c adds a margin for the rounding of
 * norm, of scale and of its own arithmetic, and derives all three metrics from this.
 *
 * These hold while nothing under- or overflows. A row whose norm is not 0 and not within
 * ENC_NORM_MIN..ENC_NORM_MAX, or not finite, has loss = ENC_LOSS_UNKNOWN: nothing is
 * known of it, norm included, and it is always measured itself. norm is 0 for the zero
 * vector and no other.
 *
 * Of every code the upper half stands apart as well, two a byte: h = (code + 128) >> 4,
 * which tells that the code is 16 h - 120.5, give or take 7.5. Reading these instead is
 * half the work, and the bound, wider, still tells most rows from the near ones:
 *
 *     half_loss = |x - scale * (16 h - 120.5)|    at most, rounded up
 *
 * They follow from the codes and are not among the bytes.
 *
 * The bytes, little-endian, without padding:
 *
 *     u32 magic "ESEG"   u16 version 1   u16 n, 0..256   u32 dims
 *     i64 ids[n]   f32 scale[n]   f32 loss[n]   f32 norm[n]   i8 codes[n * dims]
 *
 * where floats are 0..ENC_LOSS_UNKNOWN and no code is -128.
 */
#ifndef ENC_CODE_H
#define ENC_CODE_H

#include "base/err.h"
#include "base/rd.h"
#include "base/wr.h"

#define ENC_SEGMENT_ROWS 256
#define ENC_NORM_MIN     0x1p-60f
#define ENC_NORM_MAX     0x1p+60f
#define ENC_LOSS_UNKNOWN 0x1p+100f

typedef struct enc_segment {
    size_t n;         /* rows, at most ENC_SEGMENT_ROWS: there is room for so many */
    size_t dims;      /* 1..ENC_DIMS_MAX */
    size_t stride;    /* bytes between code rows, a multiple of 64 */
    size_t size;      /* bytes of this object altogether */
    int64_t *ids;     /* n */
    float *scale;     /* n, >= 0 */
    float *loss;      /* n, >= 0 */
    float *norm;      /* n, >= 0 */
    float *half_loss; /* n, >= loss */
    int8_t *codes;    /* n x stride, aligned to 64; bytes past dims are 0 */
    uint8_t *halves;  /* n x stride / 2, aligned to 64, in the order of dot.h */
} enc_segment;

#define ENC_HALF_STEP   16
#define ENC_HALF_MIDDLE 120.5

/* What stands beside a code. */
typedef struct enc_code {
    float scale, loss, norm;
} enc_code;

/* The code of one vector, and what stands beside it; for rows and queries alike. */
void enc_code_of(const float *v, size_t n, int8_t *code /* n */, enc_code *c);

/* Empty, with room for ENC_SEGMENT_ROWS. ENC_RANGE if dims is 0 or over ENC_DIMS_MAX. */
enc_rc enc_segment_new(enc_segment **out, size_t dims, enc_err *e);
void enc_segment_free(enc_segment *s);               /* NULL is fine */
enc_segment *enc_segment_copy(const enc_segment *s); /* NULL: no memory */

/* Row i becomes v (dims floats); i <= n, and i == n appends. */
void enc_segment_put(enc_segment *s, size_t i, int64_t id, const float *v);

/* Row i of `to` becomes row j of `from`, of the same dims; i <= to->n, i == n appends. */
void enc_segment_move(enc_segment *to, size_t i, const enc_segment *from, size_t j);
void enc_segment_cut(enc_segment *s, size_t n); /* keeps the first n rows */

void enc_segment_write(const enc_segment *s, enc_wr *w);

/* ENC_CORRUPT if the bytes are not a segment of `dims` in this format and of exactly that
 * length, ENC_UNSUPPORTED if their version is unknown. */
enc_rc enc_segment_read(enc_segment **out, enc_bytes b, size_t dims, enc_err *e);

#endif
