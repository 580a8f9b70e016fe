/* vec.h - how far two vectors are from each other: the definition of a distance.
 *
 * Sums run in double over eight interleaved partial sums, added as a tree at the end: one
 * fixed order, which a compiler can still vectorize. Every exact distance of the library
 * is one of these, so results can be compared to the bit.
 *
 *     cosine   1 - a.b / (|a| |b|), held in 0..2; NaN if either is the zero vector
 *     dot      -(a.b)
 *     l2       |a - b| */
#ifndef ENC_VEC_H
#define ENC_VEC_H

#include <stddef.h>

typedef enum enc_metric { ENC_COSINE, ENC_DOT, ENC_L2 } enc_metric;

double enc_vec_distance(enc_metric m, const float *a /* n */, const float *b /* n */,
                        size_t n);

/* The same fact, larger for nearer: 1 - d, -d or 1 / (1 + d). NaN stays NaN. Monotone: a
 * smaller distance never has a smaller similarity. */
double enc_vec_similarity(enc_metric m, double distance);

#endif
