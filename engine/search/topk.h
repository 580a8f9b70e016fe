/* topk.h - the k best of many, in a heap whose worst is on top.
 *
 * Two heaps: of hits, in the order of scan.h, kept in the caller's array; and of bare
 * bounds, of which only the k-th least is ever asked for. */
#ifndef ENC_TOPK_H
#define ENC_TOPK_H

#include "search/scan.h"

/* Whether a comes before b: distance, NaN last, id, segment, row. */
bool enc_hit_before(const enc_hit *a, const enc_hit *b);

/* Adds h to the n <= k hits of the heap if it is among the k best, and returns the new n.
 * hits[0] is the worst of them. */
size_t enc_topk_add(enc_hit *hits, size_t n, size_t k, enc_hit h);
void enc_topk_sort(enc_hit *hits, size_t n); /* the heap, best first; in place */

/* A part of that: the worst of the heap in their places, best first, until `left` (1 or
 * more) are a heap yet. */
void enc_topk_sort_from(enc_hit *hits, size_t n, size_t left);

/* The same for numbers (none NaN): the k least, worst[0] the largest of them. */
size_t enc_topk_add_bound(double *bounds, size_t n, size_t k, double bound);

#endif
