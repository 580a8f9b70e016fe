/* ivf.h - segments as clusters: a table searched without reading all of it.
 *
 * Rows are put in an order in which neighbours in space are neighbours in storage, so
 * that each run of ENC_SEGMENT_ROWS consecutive rows is one tight cluster. A query then
 * reads the segments whose centroids are nearest (enc_scan_query.only): an approximate
 * answer, exact if all are read. */
#ifndef ENC_IVF_H
#define ENC_IVF_H

#include "search/scan.h"

typedef struct enc_ivf_job {
    const enc_store *vectors; /* rows are counted through its segments; codes suffice */
    size_t n, dims;           /* n: rows of all segments together */
    enc_metric metric;
    uint64_t seed;
    bool (*tick)(void *arg); /* now and then; true stops: ENC_INTERRUPT; may be NULL */
    void *tick_arg;
} enc_ivf_job;

/* order[place] = which row (0 .. n-1, in the order of the store) comes at that place. The
 * same for the same rows and seed, whatever the number of threads. */
enc_rc enc_ivf_order(const enc_ivf_job *job, size_t *order /* n */, enc_err *e);

/* The mean of a segment's rows (of their unit vectors for cosine); zeros if it is empty.
 */
void enc_ivf_centroid(const enc_segment *s, enc_metric metric, float *out /* dims */);

typedef struct enc_ivf_centroids {
    const float *at; /* n_segments x dims */
    size_t n_segments, dims;
    enc_metric metric;
} enc_ivf_centroids;

/* The n_probe segments (n_segments if that is less) whose centroids are nearest to q, the
 * nearest first, into out; *n_out is how many. */
enc_rc enc_ivf_probe(const enc_ivf_centroids *c, const float *q, size_t n_probe,
                     size_t *out, size_t *n_out, enc_err *e);

#endif
