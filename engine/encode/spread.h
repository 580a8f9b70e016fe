/* spread.h - one piece of work -> parts for threads, where it is large enough to pay.
 *
 * Parts write to disjoint outputs, and a table's outputs do not depend on their
 * neighbours, so the result is the same bits on any number of threads. */
#ifndef ENC_SPREAD_H
#define ENC_SPREAD_H

#include "encode/kern.h"

/* All rows and columns of n products (at most ENC_SPREAD_MAX) over T rows each. */
#define ENC_SPREAD_MAX 3
void enc_spread_products(const enc_kern *k, const enc_product *p, size_t n, size_t T);

/* y = norm(y), T x D. */
void enc_spread_norm(const enc_kern *k, float *y, const enc_layernorm *norm, float eps,
                     size_t T, size_t D);

/* Into how many parts to cut n items that cost `flop` altogether: 1, or a few a thread.
 */
size_t enc_spread_parts(size_t n, double flop);

#endif
