/* bound.c - see bound.h.
 *
 * The margins. Lengths of the query are in double, and good to 2^-36 whatever its
 * dimensions. For a row, relative to |q| norm:
 *
 *   2^-24   the rounding of scale: x' is not quite orthogonal to the error
 *   2^-37   the sums of enc_vec_distance, n / 8 + 8 roundings of 2^-53 for n <= 65536
 *   2^-50   the few operations of P and E
 *
 * MARGIN covers their sum. NORM_MARGIN covers norm being up to 2^-22 over |x| where a
 * formula divides by it or squares it: 2^-22 of a cosine that is at most 3 before it is
 * held in -1..1, and 2^-21 of |x|^2. In |x'|^2 = norm^2 - loss^2 the same rounding of
 * norm and loss and twice x'.(x - x') add up to less than SQUARE_MARGIN norm^2. */
#include "search/bound.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

#define MARGIN        0x1p-23
#define NORM_MARGIN   0x1p-20
#define SQUARE_MARGIN 0x1p-19
#define UP            (1.0 + 0x1p-30) /* rounds up what double arithmetic gave */

/* Lengths of q', of s1 c1 and of what they lose. */
static void measure(enc_bound *b, const float *q, size_t dims)
{
    double lost = 0.0, first = 0.0, both = 0.0;
    for (size_t i = 0; i < dims; i++) {
        double x1 = b->scale[0] * (double)b->code[i];
        double x2 = b->scale[1] * (double)b->code[b->stride + i];
        double d = (double)q[i] - x1 - x2;
        lost += d * d;
        first += x1 * x1;
        both += (x1 + x2) * (x1 + x2);
    }
    b->loss[1] = sqrt(lost) * UP;
    b->coded[0] = sqrt(first) * UP;
    b->coded[1] = sqrt(both) * UP;
}

enc_rc enc_bound_init(enc_bound *b, enc_metric m, const float *q, size_t dims, enc_err *e)
{
    enc_code c;
    *b = (enc_bound){.metric = m, .kernels = enc_dot_pick()};
    b->stride = (dims + 63) & ~(size_t)63;
    b->code = enc_mem_zero_array(2, b->stride);
    float *rest = enc_mem_array(dims, sizeof *rest);
    if (b->code == NULL || rest == NULL) {
        enc_mem_free(rest);
        enc_bound_clear(b);
        return enc_nomem(e);
    }
    enc_code_of(q, dims, b->code, &c);
    b->is_unknown = c.loss >= ENC_LOSS_UNKNOWN;
    b->scale[0] = (double)c.scale;
    b->loss[0] = (double)c.loss;
    double square = 0.0;
    for (size_t i = 0; i < dims; i++) {
        square += (double)q[i] * (double)q[i];
        rest[i] = (float)((double)q[i] - b->scale[0] * (double)b->code[i]);
        b->sum += (double)b->code[i];
    }
    b->norm = sqrt(square);
    if (!b->is_unknown) {
        enc_code_of(rest, dims, b->code + b->stride, &c);
        b->scale[1] = (double)c.scale;
    }
    measure(b, q, dims);
    enc_mem_free(rest);
    return ENC_OK;
}

void enc_bound_clear(enc_bound *b)
{
    enc_mem_free(b->code);
    b->code = NULL;
}

void enc_bound_dot(const enc_bound *b, const enc_segment *s, size_t i, size_t n,
                   int32_t *dot)
{
    b->kernels->codes(b->code, s->codes + i * s->stride, s->stride, n, dot);
}

/* A row can be no farther than `farthest` only if its greatest q.x is at least
 * base + by_norm norm + by_square norm^2: each metric solved for q.x. The product of the
 * codes is step dot + offset. */
static enc_sift sift_of(const enc_bound *b, double farthest, double step, double offset)
{
    enc_sift s = {.step = b->scale[0] * step,
                  .offset = b->scale[0] * offset,
                  .coded = b->coded[0],
                  .unknown = b->is_unknown ? 0.0f : ENC_LOSS_UNKNOWN};
    switch (b->metric) {
    case ENC_DOT: s.base = -farthest; break;
    case ENC_COSINE: s.by_norm = (1.0 - farthest - NORM_MARGIN) * b->norm; break;
    case ENC_L2:
        s.by_square = (1.0 - NORM_MARGIN) / 2.0;
        s.base = s.by_square * b->norm * b->norm - farthest * farthest / 2.0;
        break;
    }
    s.by_norm -= b->loss[0] + MARGIN * b->norm;
    return s;
}

uint32_t enc_bound_sift(const enc_bound *b, const enc_segment *s, size_t block,
                        const int32_t *dot, double farthest)
{
    size_t i = block * ENC_SIFT_ROWS;
    const enc_sift line = sift_of(b, farthest, 1.0, 0.0);
    const enc_sift_rows rows = {dot, s->scale + i, s->loss + i, s->norm + i};
    return b->kernels->sift(&line, &rows);
}

/* What the sift of a block reads beside its codes. */
static void fetch(const enc_segment *s, size_t i)
{
    for (size_t j = 0; j < ENC_SIFT_ROWS; j += 16) { /* floats of a cache line */
        __builtin_prefetch(s->scale + i + j);
        __builtin_prefetch(s->half_loss + i + j);
        __builtin_prefetch(s->norm + i + j);
    }
}

void enc_bound_dot_half(const enc_bound *b, const enc_segment *s, size_t block,
                        const enc_segment *to, size_t next, int32_t *dot)
{
    const size_t bytes = ENC_SIFT_ROWS * (s->stride / 2);
    fetch(to, next * ENC_SIFT_ROWS);
    b->kernels->halves(b->code, s->halves + block * bytes, s->stride, ENC_SIFT_ROWS,
                       to->halves + next * bytes, dot);
}

static uint32_t sift_half(const enc_bound *b, const enc_sift *line, const enc_segment *s,
                          size_t block, const int32_t *dot)
{
    size_t i = block * ENC_SIFT_ROWS;
    const enc_sift_rows rows = {dot, s->scale + i, s->half_loss + i, s->norm + i};
    return b->kernels->sift(line, &rows);
}

uint32_t enc_bound_sift_half(const enc_bound *b, const enc_segment *s, size_t block,
                             const int32_t *dot, double farthest)
{
    const enc_sift line = sift_of(b, farthest, ENC_HALF_STEP, -ENC_HALF_MIDDLE * b->sum);
    return sift_half(b, &line, s, block, dot);
}

uint32_t enc_bound_guess_half(const enc_bound *b, const enc_segment *s, size_t block,
                              const int32_t *dot, double farthest)
{
    enc_sift line = sift_of(b, farthest, ENC_HALF_STEP, -ENC_HALF_MIDDLE * b->sum);
    line.coded = 0.0;
    return sift_half(b, &line, s, block, dot);
}

static double held(double x, double min, double max)
{
    return x < min ? min : x > max ? max : x;
}

/* What is known of the distance if q.x lies in p - error .. p + error. */
static enc_interval interval_of(const enc_bound *b, double norm, double p, double error)
{
    enc_interval out = {-(p + error), -(p - error)};
    if (b->metric == ENC_COSINE) {
        double lengths = b->norm * norm;
        out.lower = held(1.0 - (p + error) / lengths - NORM_MARGIN, 0.0, 2.0);
        out.upper = held(1.0 - (p - error) / lengths + NORM_MARGIN, 0.0, 2.0);
    } else if (b->metric == ENC_L2) {
        double squares = b->norm * b->norm + norm * norm, slack = NORM_MARGIN * squares;
        out.lower =
            sqrt(held(squares - slack - 2.0 * (p + error), 0.0, (double)INFINITY));
        out.upper =
            sqrt(held(squares + slack - 2.0 * (p - error), 0.0, (double)INFINITY));
    }
    return out;
}

enc_interval enc_bound_of(const enc_bound *b, const enc_segment *s, size_t i, int32_t dot)
{
    double norm = (double)s->norm[i], loss = (double)s->loss[i];
    int32_t second;
    if (b->is_unknown || s->loss[i] >= ENC_LOSS_UNKNOWN)
        return (enc_interval){b->metric == ENC_DOT ? -(double)INFINITY : 0.0,
                              (double)INFINITY};
    if (b->metric == ENC_COSINE && !(b->norm > 0.0 && norm > 0.0))
        return (enc_interval){(double)NAN, (double)NAN};
    b->kernels->codes(b->code + b->stride, s->codes + i * s->stride, s->stride, 1,
                      &second);
    double p =
        (double)s->scale[i] * (b->scale[0] * (double)dot + b->scale[1] * (double)second);
    double square =
        norm * norm * (1.0 + SQUARE_MARGIN) - loss * loss; /* |x'|^2, at most */
    double lengths = square * b->coded[1] * b->coded[1];
    double sine =
        lengths > 0.0 ? sqrt(held(1.0 + MARGIN - p * p / lengths, 0.0, 1.0)) : 1.0;
    double error =
        b->coded[1] * sine * loss + b->loss[1] * norm + MARGIN * b->norm * norm;
    return interval_of(b, norm, p, error);
}
