/* bound.h - a query as codes, and between which distances a row of codes must lie.
 *
 * The query q is coded twice: q' = s1 c1 + s2 c2, where c2 is the code of what c1 lost.
 * The first code alone, with the first bound of code.h, tells most rows from those that
 * can be near: one comparison a row. For the others the second code and the second bound
 * give an interval about half as wide, and narrower the nearer the row is.
 *
 * With P = q'.x' (exact integers, times scales), q.x lies in P +- E,
 *
 *     E = |q'| sin(q', x') loss(x) + |q - q'| norm(x) + MARGIN |q| norm(x),
 *
 * and the distances follow:
 *
 *     dot      -q.x
 *     cosine   1 - q.x / (|q| |x|)
 *     l2       sqrt(|q|^2 + |x|^2 - 2 q.x) */
#ifndef ENC_BOUND_H
#define ENC_BOUND_H

#include "search/code.h"
#include "search/dot.h"
#include "search/vec.h"

#define ENC_BLOCKS (ENC_SEGMENT_ROWS / ENC_SIFT_ROWS) /* of a segment */

typedef struct enc_bound {
    enc_metric metric;
    bool is_unknown; /* the query is out of range or not finite: nothing can be said */
    double norm;     /* |q| */
    double scale[2];
    double loss[2];  /* |q - s1 c1|, |q - q'|; rounded up */
    double coded[2]; /* |s1 c1|, |q'|; rounded up */
    int8_t *code;    /* 2 x stride */
    size_t stride;
    double sum; /* of the values of c1 */
    const enc_dot *kernels;
} enc_bound;

typedef struct enc_interval {
    double lower, upper; /* both NaN: the distance is NaN; INFINITY above: it may be */
} enc_interval;

/* The struct is the caller's; it holds memory until cleared. */
enc_rc enc_bound_init(enc_bound *b, enc_metric m, const float *q, size_t dims,
                      enc_err *e);
void enc_bound_clear(enc_bound *b); /* zeroed storage is fine */

/* c1 with the codes of n rows from row i on. */
void enc_bound_dot(const enc_bound *b, const enc_segment *s, size_t i, size_t n,
                   int32_t *dot);

/* Which rows of a block may be near enough, a bit each: it is 0 only if the row is
 * farther than `farthest`, which is finite. dot is from enc_bound_dot, for the whole
 * block; past s->n nothing is promised. */
uint32_t enc_bound_sift(const enc_bound *b, const enc_segment *s, size_t block,
                        const int32_t *dot, double farthest);

/* c1 with the halves of a block, at half the price; those of block `next` of segment `to`
 * are asked for next, and fetched meanwhile. */
void enc_bound_dot_half(const enc_bound *b, const enc_segment *s, size_t block,
                        const enc_segment *to, size_t next, int32_t *dot);

/* As enc_bound_sift, from enc_bound_dot_half: lets more rows through. */
uint32_t enc_bound_sift_half(const enc_bound *b, const enc_segment *s, size_t block,
                             const int32_t *dot, double farthest);

/* Which rows are likely to be near enough, as far as halves tell: a guess. */
uint32_t enc_bound_guess_half(const enc_bound *b, const enc_segment *s, size_t block,
                              const int32_t *dot, double farthest);

/* Between what and what the distance of row i lies, as enc_vec_distance computes it. */
enc_interval enc_bound_of(const enc_bound *b, const enc_segment *s, size_t i,
                          int32_t dot);

#endif
