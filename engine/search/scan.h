/* scan.h - the exact k nearest rows, read at the price of their codes.
 *
 * Every row is kept twice: as it came (f32) and as a code (code.h), which bounds its
 * distance from both sides. A row whose lower bound is over the k-th least upper bound
 * cannot be in the answer. The rest are few and are measured again in f32, in the order
 * of their lower bounds, until no lower bound can enter.
 *
 * Hits come by ascending distance, NaN last, ties by id, then by segment and row. What
 * enc_scan_run gives is what enc_scan_plain gives, which measures every row: to the bit
 * and in the same order, on any number of threads. The test compares them.
 *
 * Where rows live is not known here: they come through an enc_store. */
#ifndef ENC_SCAN_H
#define ENC_SCAN_H

#include "search/code.h"
#include "search/filter.h"

typedef struct enc_store {
    void *self;
    size_t n_segments;
    bool is_resident; /* segments stay valid while the store lives; any thread may read */
    /* Segment i; valid until the next call of this function unless resident. Called on
     * the caller's thread, as is the next. */
    enc_rc (*segment)(void *self, size_t i, const enc_segment **out, enc_err *e);
    /* The vector of row `row` of segment i: dims floats. */
    enc_rc (*vector)(void *self, size_t i, size_t row, float *out, enc_err *e);
} enc_store;

typedef struct enc_scan_query {
    enc_metric metric;
    const float *q; /* dims */
    size_t dims, k;
    const enc_filter *filter; /* NULL: none */
    bool (*tick)(void *arg);  /* now and then; true stops: ENC_INTERRUPT; may be NULL */
    void *tick_arg;
    const size_t *only; /* segments to look at, each once; or NULL: all */
    size_t n_only;
} enc_scan_query;

typedef struct enc_hit {
    int64_t id;
    size_t segment, row;
    double distance;
} enc_hit;

typedef struct enc_scan_stats {
    size_t n_scanned;  /* rows that passed the filter on ids */
    size_t n_rescored; /* rows measured in f32 */
    size_t n_segments; /* segments read */
} enc_scan_stats;

/* Segment i, checked against the query: what both scans begin with. */
enc_rc enc_scan_segment(const enc_store *s, const enc_scan_query *q, size_t i,
                        const enc_segment **out, enc_err *e);
void enc_scan_stats_add(enc_scan_stats *to,
                        const enc_scan_stats *from); /* to may be NULL */

/* The k nearest rows into hits, which has room for k; *n_hits is how many there were.
 * stats may be NULL; it is added to. Fails as the store fails, and with ENC_NOMEM,
 * ENC_INTERRUPT, or ENC_MISUSE if a segment has other dims than the query. */
enc_rc enc_scan_run(const enc_store *s, const enc_scan_query *q, enc_hit *hits,
                    size_t *n_hits, enc_scan_stats *stats, enc_err *e);

/* The same for n queries that differ in q alone, 1 at least: each segment is read once
 * for all of them. hits[i] and n_hits[i] belong to queries[i]. */
enc_rc enc_scan_run_many(const enc_store *s, const enc_scan_query *queries, size_t n,
                         enc_hit *const *hits, size_t *n_hits, enc_scan_stats *stats,
                         enc_err *e);

/* The same as enc_scan_run. */
enc_rc enc_scan_plain(const enc_store *s, const enc_scan_query *q, enc_hit *hits,
                      size_t *n_hits, enc_scan_stats *stats, enc_err *e);

#endif
