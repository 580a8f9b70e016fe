/* scan_plain.c - enc_scan_plain of scan.h: every row measured. The definition of an
 * answer, which enc_scan_run must give too. */
#include "search/scan.h"

#include "base/mem.h"
#include "search/topk.h"

typedef struct plain {
    const enc_store *store;
    const enc_scan_query *q;
    float *v; /* dims */
    enc_hit *hits;
    size_t n_hits;
    enc_scan_stats stats;
} plain;

static enc_rc scan_segment(plain *p, size_t i, enc_err *e)
{
    const enc_store *s = p->store;
    const enc_scan_query *q = p->q;
    const enc_segment *segment;
    enc_rc rc = enc_scan_segment(s, q, i, &segment, e);
    if (rc) return rc;
    for (size_t row = 0; row < segment->n; row++) {
        enc_hit h = {.id = segment->ids[row], .segment = i, .row = row};
        if (!enc_filter_has_id(q->filter, h.id)) continue;
        if ((rc = s->vector(s->self, i, row, p->v, e))) return rc;
        h.distance = enc_vec_distance(q->metric, q->q, p->v, q->dims);
        p->stats.n_scanned++;
        p->stats.n_rescored++;
        if (enc_filter_has(q->filter, q->metric, h.distance))
            p->n_hits = enc_topk_add(p->hits, p->n_hits, q->k, h);
    }
    p->stats.n_segments++;
    return ENC_OK;
}

enc_rc enc_scan_plain(const enc_store *s, const enc_scan_query *q, enc_hit *hits,
                      size_t *n_hits, enc_scan_stats *stats, enc_err *e)
{
    enc_rc rc = ENC_OK;
    plain p = {.store = s, .q = q, .hits = hits};
    size_t n = q->only != NULL ? q->n_only : s->n_segments;

    *n_hits = 0;
    if ((p.v = enc_mem_array(q->dims, sizeof *p.v)) == NULL) return enc_nomem(e);
    for (size_t i = 0; i < n && rc == ENC_OK; i++) {
        if (q->tick != NULL && q->tick(q->tick_arg))
            rc =
                enc_fail(e, ENC_INTERRUPT, "interrupted after %zu of %zu segments", i, n);
        else rc = scan_segment(&p, q->only != NULL ? q->only[i] : i, e);
    }
    enc_mem_free(p.v);
    if (rc) return rc;
    enc_topk_sort(hits, p.n_hits);
    *n_hits = p.n_hits;
    enc_scan_stats_add(stats, &p.stats);
    return ENC_OK;
}
