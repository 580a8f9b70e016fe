/* distance.h - what attention adds to a score for the distance between two tokens.
 *
 * The distance is j - i, of a key from a query; the bias is a head's own and the same in
 * all layers. */
#ifndef ENC_DISTANCE_H
#define ENC_DISTANCE_H

#include "model/weights.h"

/* The bucket of a distance, 0 .. 31: 0 .. 15 behind the query or at it, 16 .. 31 before
 * it. Raffel et al. 2020 (T5), as MPNet uses it: distances under 8 have one each, longer
 * ones one for every factor of sqrt 2, all from 91 on share the last. */
size_t enc_distance_bucket(ptrdiff_t distance);

/* What one of n_heads loses for each token of distance: Press et al. 2021 (ALiBi). */
float enc_distance_slope(size_t head, size_t n_heads);

/* The biases of a model that has alibi or buckets, for texts of up to n > 0 tokens. */
void enc_distance_bias(const enc_config *c, const enc_weights *w, size_t n,
                       float *out /* H x (2 n - 1), the middle of a row: distance 0 */);

#endif
