/* topk.c - see topk.h. Binary heaps; what is worse stands above what is better. */
#include "search/topk.h"

#include <math.h>

bool enc_hit_before(const enc_hit *a, const enc_hit *b)
{
    if (a->distance < b->distance) return true;
    if (a->distance > b->distance) return false;
    if (isnan(a->distance) != isnan(b->distance)) return isnan(b->distance);
    if (a->id != b->id) return a->id < b->id;
    if (a->segment != b->segment) return a->segment < b->segment;
    return a->row < b->row;
}

/* h into the hole at i, which moves down while something below is worse than h. */
static void sink(enc_hit *hits, size_t n, size_t i, enc_hit h)
{
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= n) break;
        if (child + 1 < n && enc_hit_before(&hits[child], &hits[child + 1])) child++;
        if (!enc_hit_before(&h, &hits[child])) break;
        hits[i] = hits[child];
        i = child;
    }
    hits[i] = h;
}

size_t enc_topk_add(enc_hit *hits, size_t n, size_t k, enc_hit h)
{
    if (n == k) {
        if (k > 0 && enc_hit_before(&h, &hits[0])) sink(hits, n, 0, h);
        return n;
    }
    size_t i = n;
    while (i > 0 && enc_hit_before(&hits[(i - 1) / 2], &h)) {
        hits[i] = hits[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    hits[i] = h;
    return n + 1;
}

void enc_topk_sort_from(enc_hit *hits, size_t n, size_t left)
{
    while (n > left) {
        enc_hit last = hits[--n];
        hits[n] = hits[0];
        sink(hits, n, 0, last);
    }
}

void enc_topk_sort(enc_hit *hits, size_t n)
{
    enc_topk_sort_from(hits, n, 1);
}

size_t enc_topk_add_bound(double *bounds, size_t n, size_t k, double bound)
{
    size_t i = n;
    if (n < k) {
        for (; i > 0 && bounds[(i - 1) / 2] < bound; i = (i - 1) / 2)
            bounds[i] = bounds[(i - 1) / 2];
        bounds[i] = bound;
        return n + 1;
    }
    if (k == 0 || bound >= bounds[0]) return n;
    i = 0;
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && bounds[child] < bounds[child + 1]) child++;
        if (bound >= bounds[child]) break;
        bounds[i] = bounds[child];
    }
    bounds[i] = bound;
    return n;
}
