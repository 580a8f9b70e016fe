/* scan.c - enc_scan_run of scan.h, in two phases.
 *
 * Sift: segments are dealt to parts, which may run on several threads. Together they keep
 * the k least upper bounds seen in `bounds`; the largest of them is a distance that k
 * rows are known not to exceed, so a row whose lower bound is over it is let go. What
 * stays goes into the part's `found` with its lower bound in place of a distance. Only
 * rows that the filter is sure to let through may put a bound into the heap.
 *
 * Rows are sifted a block at a time, first by the halves of their codes. What these say
 * is likely to be near is compared by its codes at once, for that lowers the limit; what
 * only may be near waits until the whole batch of segments has been seen, and then most
 * of it is known to be far. Many queries may share the reading: each segment is sifted
 * for one after the other while it is in the cache.
 *
 * Measure: what all parts found, by lower bound. The first k must be measured whatever
 * comes (in the order of storage, since there may be many); then each next one until its
 * lower bound is behind the k-th hit. A row known to be at distance NaN is not read.
 *
 * The hits do not depend on the parts, nor on when one hears of another's bounds: a part
 * only lets go what cannot be a hit. */
#include "search/scan.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/threads.h"
#include "search/bound.h"
#include "search/topk.h"

#define GROUP        1024               /* segments between two ticks */
#define PARTS        8                  /* for each thread, so that none waits long */
#define PARTS_MAX    128                /* altogether */
#define ROWS_TO_DEAL ((size_t)16 << 10) /* fewer are not worth waking threads for */
#define TICK_ROWS    512                /* rows measured between two ticks */
#define TICK_SORTED  16384              /* hits put in order between two */
#define FEW          4                  /* 1 in so many rows: take them one by one */

typedef struct later { /* rows of a block that may be near and hardly are */
    size_t group, block;
    uint32_t rows;
    int32_t dot[ENC_SIFT_ROWS]; /* of their halves */
} later;

typedef struct part {
    enc_hit *found; /* .distance: the lower bound, NaN where the distance is NaN */
    size_t n_found, n_room;
    later *later;
    size_t n_later, later_room;
    size_t n_scanned;
    bool is_out_of_memory;
} part;

typedef struct batch { /* segments at hand, and their numbers */
    const enc_segment *segments[GROUP];
    size_t numbers[GROUP];
    size_t n;
} batch;

typedef struct scan {
    const enc_store *store;
    const enc_scan_query *q;
    enc_bound bound;
    _Atomic double farthest; /* no hit is: by the filter, and by the bounds */
    atomic_bool is_full;     /* k rows are known not to exceed it */
    double *bounds; /* a heap of at most k_bounds: see above; with the lock held */
    size_t n_bounds;
    pthread_mutex_t lock;
    bool is_by_id;   /* the filter may let rows out by their ids */
    size_t k_bounds; /* k, or 0 where k rows cannot be exceeded */
    part *parts;
    size_t n_parts;
    const batch *batch;
    enc_hit *hits;
    size_t n_hits;
    float *v; /* dims */
    enc_scan_stats stats;
} scan;

typedef struct crowd { /* scans that read the same segments, each once for all */
    scan *scans;
    size_t n, n_parts;
    batch batch;
} crowd;

/* The distance that no hit exceeds, as far as is known. */
static double limit_of(const scan *s)
{
    return atomic_load_explicit(&s->farthest, memory_order_relaxed);
}

/* One more row is known to be no farther than this. */
static void add_bound(scan *s, double upper)
{
    if (s->k_bounds == 0 || (s->is_full && upper >= limit_of(s))) return;
    pthread_mutex_lock(&s->lock);
    s->n_bounds = enc_topk_add_bound(s->bounds, s->n_bounds, s->k_bounds, upper);
    if (s->n_bounds == s->k_bounds) {
        if (s->bounds[0] < limit_of(s)) s->farthest = s->bounds[0];
        s->is_full = true;
    }
    pthread_mutex_unlock(&s->lock);
}

/* Lets go of what is behind `limit`. Rows at NaN are behind any k that are not. */
static void prune(const scan *s, part *p)
{
    double limit = limit_of(s);
    bool is_full = s->is_full;
    size_t n = 0;
    for (size_t i = 0; i < p->n_found; i++) {
        double lower = p->found[i].distance;
        if (isnan(lower) ? !is_full : lower <= limit) p->found[n++] = p->found[i];
    }
    p->n_found = n;
}

static void find(const scan *s, part *p, enc_hit h)
{
    if (p->n_found == p->n_room) {
        prune(s, p);
        void *found = p->found;
        if (p->n_found >= p->n_room / 2 &&
            !enc_mem_reserve(&found, &p->n_room, p->n_room + 1, sizeof *p->found))
            p->is_out_of_memory = true;
        p->found = found;
        if (p->is_out_of_memory) return;
    }
    p->found[p->n_found++] = h;
}

/* One row that the filter on ids has passed and the sift has not stopped. */
static void consider(scan *s, part *p, size_t group, size_t row, int32_t dot)
{
    const enc_segment *segment = s->batch->segments[group];
    const enc_filter *f = s->q->filter;
    enc_metric m = s->q->metric;
    enc_interval at = enc_bound_of(&s->bound, segment, row, dot);
    if (isnan(at.lower) ? s->is_full : at.lower > limit_of(s)) return;
    if (!enc_filter_may_have(f, m, at.lower, at.upper)) return;
    if (at.upper < (double)INFINITY && enc_filter_must_have(f, m, at.lower, at.upper))
        add_bound(s, at.upper);
    find(s, p, (enc_hit){segment->ids[row], s->batch->numbers[group], row, at.lower});
}

/* The rows of a segment that the filter on ids lets through, a bit each; returns how
 * many. */
static size_t rows_of(const scan *s, const enc_segment *segment, uint32_t *rows)
{
    size_t n = 0;
    for (size_t i = 0; i < ENC_BLOCKS; i++) {
        size_t from = i * ENC_SIFT_ROWS, left = segment->n > from ? segment->n - from : 0;
        rows[i] = left < ENC_SIFT_ROWS ? ((uint32_t)1 << left) - 1 : UINT32_MAX;
    }
    if (!s->is_by_id) return segment->n;
    for (size_t i = 0; i < segment->n; i++) {
        bool is_in = enc_filter_has_id(s->q->filter, segment->ids[i]);
        rows[i / ENC_SIFT_ROWS] &= ~((uint32_t)!is_in << i % ENC_SIFT_ROWS);
        n += is_in;
    }
    return n;
}

/* The codes of some rows of a block, and what they let through. */
static void sift_block(scan *s, part *p, size_t group, size_t block, uint32_t rows)
{
    const enc_segment *segment = s->batch->segments[group];
    size_t first = block * ENC_SIFT_ROWS;
    int32_t dot[ENC_SIFT_ROWS];
    double limit = limit_of(s);
    if (__builtin_popcount(rows) < ENC_SIFT_ROWS / FEW) {
        for (uint32_t left = rows; left != 0; left &= left - 1) {
            int i = __builtin_ctz(left);
            enc_bound_dot(&s->bound, segment, first + (size_t)i, 1, &dot[i]);
        }
    } else {
        enc_bound_dot(&s->bound, segment, first, ENC_SIFT_ROWS, dot);
        if (limit < (double)INFINITY)
            rows &= enc_bound_sift(&s->bound, segment, block, dot, limit);
    }
    for (; rows != 0; rows &= rows - 1) {
        int i = __builtin_ctz(rows);
        consider(s, p, group, first + (size_t)i, dot[i]);
    }
}

/* The halves of the codes of some rows of a block. What they promise to be near is looked
 * at now, for it lowers the limit; the rest waits until the limit is low. */
static void sift_halves(scan *s, part *p, size_t group, size_t block, uint32_t rows,
                        size_t next)
{
    const enc_segment *segment = s->batch->segments[group],
                      *to = s->batch->segments[next];
    int32_t dot[ENC_SIFT_ROWS];
    double limit = limit_of(s);
    enc_bound_dot_half(&s->bound, segment, block, block + 1 < ENC_BLOCKS ? segment : to,
                       (block + 1) % ENC_BLOCKS, dot);
    rows &= enc_bound_sift_half(&s->bound, segment, block, dot, limit);
    if (rows == 0) return;
    uint32_t now = rows & enc_bound_guess_half(&s->bound, segment, block, dot, limit);
    if (now != 0) sift_block(s, p, group, block, now);
    if (now == rows) return;
    void *all = p->later;
    if (!enc_mem_reserve(&all, &p->later_room, p->n_later + 1, sizeof *p->later)) {
        p->is_out_of_memory = true;
        return;
    }
    p->later = all;
    later *l = &p->later[p->n_later++];
    *l = (later){group, block, rows & ~now, {0}};
    memcpy(l->dot, dot, sizeof dot);
}

static void sift_segment(scan *s, part *p, size_t group, size_t next)
{
    const enc_segment *segment = s->batch->segments[group];
    uint32_t rows[ENC_BLOCKS];
    size_t n = rows_of(s, segment, rows);
    bool has_limit = limit_of(s) < (double)INFINITY;
    p->n_scanned += n;
    for (size_t i = 0; i < ENC_BLOCKS; i++) {
        if (rows[i] == 0) continue;
        if (has_limit && n >= segment->n / FEW)
            sift_halves(s, p, group, i, rows[i], next);
        else sift_block(s, p, group, i, rows[i]);
    }
}

/* An enc_task: part i takes its share of the batch. */
static void sift_part(void *arg, size_t i)
{
    crowd *c = arg;
    size_t end = c->batch.n * (i + 1) / c->n_parts;
    for (size_t j = c->batch.n * i / c->n_parts; j < end; j++)
        for (size_t k = 0; k < c->n; k++) {
            scan *s = &c->scans[k];
            sift_segment(s, &s->parts[i], j, j + 1 < end ? j + 1 : j);
        }
}

/* An enc_task: what waits in part i, by the limit of now. */
static void sift_later(void *arg, size_t i)
{
    crowd *c = arg;
    for (scan *s = c->scans; s < c->scans + c->n; s++) {
        part *p = &s->parts[i];
        for (size_t j = 0; j < p->n_later; j++) {
            const later *l = &p->later[j];
            uint32_t rows =
                l->rows & enc_bound_sift_half(&s->bound, s->batch->segments[l->group],
                                              l->block, l->dot, limit_of(s));
            if (rows != 0) sift_block(s, p, l->group, l->block, rows);
        }
        p->n_later = 0;
    }
}

static bool is_out_of_memory(const crowd *c)
{
    for (size_t k = 0; k < c->n; k++)
        for (size_t i = 0; i < c->n_parts; i++)
            if (c->scans[k].parts[i].is_out_of_memory) return true;
    return false;
}

static enc_rc sift(crowd *c, size_t n_segments, enc_err *e)
{
    const enc_store *store = c->scans[0].store;
    const enc_scan_query *q = c->scans[0].q;
    batch *b = &c->batch;
    enc_rc rc;
    for (size_t done = 0; done < n_segments;) {
        if (q->tick != NULL && q->tick(q->tick_arg))
            return enc_fail(e, ENC_INTERRUPT, "interrupted after %zu of %zu segments",
                            done, n_segments);
        /* A segment that is not resident is gone when the next one comes. */
        size_t n_here = store->is_resident ? GROUP : 1;
        for (b->n = 0; b->n < n_here && done < n_segments; done++) {
            size_t i = b->numbers[b->n] = q->only != NULL ? q->only[done] : done;
            if ((rc = enc_scan_segment(store, q, i, &b->segments[b->n++], e))) return rc;
        }
        enc_threads_run(c->n_parts, sift_part, c);
        enc_threads_run(c->n_parts, sift_later, c);
        if (is_out_of_memory(c)) return enc_nomem(e);
    }
    for (size_t k = 0; k < c->n; k++) c->scans[k].stats.n_segments = n_segments;
    return ENC_OK;
}

/* Everything found into the first part. */
static bool gather(scan *s)
{
    part *to = &s->parts[0];
    double limit = limit_of(s);
    prune(s, to);
    for (size_t i = 0; i < s->n_parts; i++) s->stats.n_scanned += s->parts[i].n_scanned;
    for (size_t i = 1; i < s->n_parts; i++) {
        for (size_t j = 0; j < s->parts[i].n_found && !to->is_out_of_memory; j++)
            if (!(s->parts[i].found[j].distance > limit))
                find(s, to, s->parts[i].found[j]);
    }
    return !to->is_out_of_memory;
}

static int by_distance(const void *a, const void *b)
{
    return enc_hit_before(a, b) ? -1 : enc_hit_before(b, a) ? 1 : 0;
}

static int by_place(const void *a, const void *b)
{
    const enc_hit *x = a, *y = b;
    if (x->segment != y->segment) return x->segment < y->segment ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row ? 1 : 0;
}

/* The distance of h itself; then h among the hits, if the filter has it. */
static enc_rc measure_row(scan *s, enc_hit h, enc_err *e)
{
    const enc_scan_query *q = s->q;
    if (!isnan(h.distance)) {
        enc_rc rc = s->store->vector(s->store->self, h.segment, h.row, s->v, e);
        if (rc) return rc;
        h.distance = s->bound.kernels->distance(q->metric, q->q, s->v, q->dims);
        s->stats.n_rescored++;
    }
    if (enc_filter_has(q->filter, q->metric, h.distance))
        s->n_hits = enc_topk_add(s->hits, s->n_hits, q->k, h);
    return ENC_OK;
}

static enc_rc measure(scan *s, enc_err *e)
{
    const enc_scan_query *q = s->q;
    enc_hit *found = s->parts[0].found;
    size_t n = s->parts[0].n_found, first = q->k < n ? q->k : n;
    enc_rc rc;
    if (n == 0) return ENC_OK;
    if (first < n) qsort(found, n, sizeof *found, by_distance);
    qsort(found, first, sizeof *found, by_place);
    for (size_t i = 0; i < n; i++) {
        if (i >= first && s->n_hits == q->k && enc_hit_before(&s->hits[0], &found[i]))
            break;
        if (i % TICK_ROWS == TICK_ROWS - 1 && q->tick != NULL && q->tick(q->tick_arg))
            return enc_fail(e, ENC_INTERRUPT,
                            "interrupted after measuring %zu of %zu rows", i, n);
        if ((rc = measure_row(s, found[i], e))) return rc;
    }
    return ENC_OK;
}

static size_t parts_for(const enc_store *store, size_t n_segments)
{
    size_t n = enc_threads_count();
    if (!store->is_resident || n == 1 || n_segments <= ROWS_TO_DEAL / ENC_SEGMENT_ROWS)
        return 1;
    return PARTS * n < PARTS_MAX ? PARTS * n : PARTS_MAX;
}

/* What a scan needs until it is cleared, whether this succeeds or not. */
static enc_rc begin(scan *s, size_t n_segments, enc_err *e)
{
    const enc_scan_query *q = s->q;
    size_t rows;
    bool is_large = !enc_mem_mul(n_segments, ENC_SEGMENT_ROWS, &rows) || rows > q->k;
    s->k_bounds = is_large ? q->k : 0;
    s->farthest = enc_filter_farthest(q->filter, q->metric);
    s->is_by_id = enc_filter_is_by_id(q->filter);
    pthread_mutex_init(&s->lock, NULL);
    enc_rc rc = enc_bound_init(&s->bound, q->metric, q->q, q->dims, e);
    if (rc) return rc;
    s->v = enc_mem_array(q->dims, sizeof *s->v);
    s->parts = enc_mem_zero_array(s->n_parts, sizeof *s->parts);
    s->bounds = enc_mem_array(s->k_bounds, sizeof *s->bounds);
    return s->v == NULL || s->parts == NULL || s->bounds == NULL ? enc_nomem(e) : ENC_OK;
}

static void clear(scan *s)
{
    for (size_t i = 0; s->parts != NULL && i < s->n_parts; i++) {
        enc_mem_free(s->parts[i].found);
        enc_mem_free(s->parts[i].later);
    }
    enc_mem_free(s->parts);
    enc_mem_free(s->bounds);
    pthread_mutex_destroy(&s->lock);
    enc_mem_free(s->v);
    enc_bound_clear(&s->bound);
}

enc_rc enc_scan_segment(const enc_store *s, const enc_scan_query *q, size_t i,
                        const enc_segment **out, enc_err *e)
{
    if (i >= s->n_segments)
        return enc_fail(e, ENC_MISUSE, "segment %zu of %zu", i, s->n_segments);
    enc_rc rc = s->segment(s->self, i, out, e);
    if (rc == ENC_OK && (*out)->dims != q->dims)
        return enc_fail(e, ENC_MISUSE, "a query of %zu dimensions and a segment of %zu",
                        q->dims, (*out)->dims);
    return rc;
}

void enc_scan_stats_add(enc_scan_stats *to, const enc_scan_stats *from)
{
    if (to == NULL) return;
    to->n_scanned += from->n_scanned;
    to->n_rescored += from->n_rescored;
    to->n_segments += from->n_segments;
}

/* The hits, of which there may be as many as rows. */
static enc_rc put_in_order(scan *s, enc_err *e)
{
    const enc_scan_query *q = s->q;
    for (size_t n = s->n_hits, left; n > 1; n = left) {
        if (q->tick != NULL && q->tick(q->tick_arg))
            return enc_fail(e, ENC_INTERRUPT,
                            "interrupted while %zu rows were put in order", s->n_hits);
        left = n > TICK_SORTED ? n - TICK_SORTED : 1;
        enc_topk_sort_from(s->hits, n, left);
    }
    return ENC_OK;
}

/* The hits of a scan that has seen all segments. */
static enc_rc finish(scan *s, size_t *n_hits, enc_scan_stats *stats, enc_err *e)
{
    if (!gather(s)) return enc_nomem(e);
    enc_rc rc = measure(s, e);
    if (rc) return rc;
    if ((rc = put_in_order(s, e))) return rc;
    *n_hits = s->n_hits;
    enc_scan_stats_add(stats, &s->stats);
    return ENC_OK;
}

enc_rc enc_scan_run_many(const enc_store *store, const enc_scan_query *queries, size_t n,
                         enc_hit *const *hits, size_t *n_hits, enc_scan_stats *stats,
                         enc_err *e)
{
    enc_rc rc = ENC_OK;
    const enc_scan_query *q = queries;
    size_t n_segments = q->only != NULL ? q->n_only : store->n_segments, n_begun = 0;
    crowd c = {.n = n, .n_parts = parts_for(store, n_segments)};

    memset(n_hits, 0, n * sizeof *n_hits);
    if (q->k == 0) return ENC_OK;
    c.scans = enc_mem_zero_array(n, sizeof *c.scans);
    if (c.scans == NULL) return enc_nomem(e);
    while (n_begun < n && rc == ENC_OK) {
        scan *s = &c.scans[n_begun];
        s->store = store;
        s->q = &queries[n_begun];
        s->hits = hits[n_begun++];
        s->batch = &c.batch;
        s->n_parts = c.n_parts;
        rc = begin(s, n_segments, e);
    }
    if (rc == ENC_OK) rc = sift(&c, n_segments, e);
    for (size_t i = 0; i < n && rc == ENC_OK; i++)
        rc = finish(&c.scans[i], &n_hits[i], stats, e);
    for (size_t i = 0; i < n_begun; i++) clear(&c.scans[i]);
    enc_mem_free(c.scans);
    return rc;
}

enc_rc enc_scan_run(const enc_store *store, const enc_scan_query *q, enc_hit *hits,
                    size_t *n_hits, enc_scan_stats *stats, enc_err *e)
{
    return enc_scan_run_many(store, q, 1, &hits, n_hits, stats, e);
}
