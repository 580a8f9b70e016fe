/* ivf.h - segments as clusters: a table searched without reading all of it.
 *
 * Rows are put in an order in which neighbours in space are neighbours in storage, so
 * that each run of ENC_SEGMENT_ROWS consecutive rows is a few tight clusters, of which
 * ENC_IVF_CENTERS centers tell. A query then reads the segments that have the nearest
 * centers (enc_scan_query.only): an approximate answer, exact if all are read. */
#ifndef ENC_IVF_H
#define ENC_IVF_H

#include "search/scan.h"

#define ENC_IVF_CENTERS 8 /* of a segment */

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

/* The centers of a segment's rows (unit vectors for cosine); zeros if it is empty. */
enc_rc enc_ivf_centers(const enc_segment *s, enc_metric metric,
                       float *out /* ENC_IVF_CENTERS x dims */, enc_err *e);

typedef struct enc_ivf_map {     /* where segments are */
    enc_segment *const *centers; /* n; a row is a center, its id the segment's number */
    size_t n, n_segments, dims;
    enc_metric metric;
} enc_ivf_map;

/* The n_probe segments of the map (all, if it has fewer) that have the nearest centers to
 * q, the nearest first, into out; *n_out is how many. */
enc_rc enc_ivf_probe(const enc_ivf_map *map, const float *q, size_t n_probe, size_t *out,
                     size_t *n_out, enc_err *e);

#endif
