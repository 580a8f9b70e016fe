/* scan.c - enc_scan_run of scan.h, in two phases.
 *
 * Sift: segments are dealt to parts, which may run on several threads. Together they keep
 * the k least upper bounds seen in `bounds`; the largest of them is a distance that k
 * rows are known not to exceed, so a row whose lower bound is over it is let go. What
 * stays goes into the part's `found` with its lower bound in place of a distance. Only
 * rows that the filter is sure to let through may put a bound into the heap.
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
#define FEW          4                  /* 1 in so many rows: take them one by one */

typedef struct part {
    enc_hit *found; /* .distance: the lower bound, NaN where the distance is NaN */
    size_t n_found, n_room;
    size_t n_scanned;
    bool is_out_of_memory;
} part;

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
    const enc_segment *group[GROUP]; /* segments at hand, and their numbers */
    size_t number[GROUP];
    size_t n_group;
    enc_hit *hits;
    size_t n_hits;
    float *v; /* dims */
    enc_scan_stats stats;
} scan;

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
    const enc_segment *segment = s->group[group];
    const enc_filter *f = s->q->filter;
    enc_metric m = s->q->metric;
    enc_interval at = enc_bound_of(&s->bound, segment, row, dot);
    if (isnan(at.lower) ? s->is_full : at.lower > limit_of(s)) return;
    if (!enc_filter_may_have(f, m, at.lower, at.upper)) return;
    if (at.upper < (double)INFINITY && enc_filter_must_have(f, m, at.lower, at.upper))
        add_bound(s, at.upper);
    find(s, p, (enc_hit){segment->ids[row], s->number[group], row, at.lower});
}

/* The rows of a segment that the filter on ids lets through; returns how many. */
static size_t rows_of(const scan *s, const enc_segment *segment, uint16_t *rows)
{
    size_t n = 0;
    if (!s->is_by_id) {
        for (; n < segment->n; n++) rows[n] = (uint16_t)n;
        return n;
    }
    for (size_t i = 0; i < segment->n; i++)
        if (enc_filter_has_id(s->q->filter, segment->ids[i])) rows[n++] = (uint16_t)i;
    return n;
}

/* Keeps those of n rows that may enter; returns how many. Mostly none, which is soon
 * told by eights. */
static size_t keep(uint16_t *rows, size_t n, const bool *may_enter)
{
    static const bool none[8] = {false};
    size_t n_kept = 0, first = 0;
    while (first + 8 <= ENC_SEGMENT_ROWS && memcmp(may_enter + first, none, 8) == 0)
        first += 8;
    if (first == ENC_SEGMENT_ROWS) return 0;
    for (size_t i = 0; i < n; i++) {
        rows[n_kept] = rows[i];
        n_kept += may_enter[rows[i]];
    }
    return n_kept;
}

/* First the halves of the codes, then the codes of what they let through. */
static void sift_segment(scan *s, part *p, size_t group)
{
    const enc_segment *segment = s->group[group];
    uint16_t rows[ENC_SEGMENT_ROWS];
    int32_t dot[ENC_SEGMENT_ROWS] = {0};
    bool may_enter[ENC_SEGMENT_ROWS];
    double limit = limit_of(s);
    bool is_sifted = limit < (double)INFINITY;
    size_t n = rows_of(s, segment, rows);
    p->n_scanned += n;
    if (is_sifted && n > 0 && n >= segment->n / FEW) {
        enc_bound_sift_half(&s->bound, segment, limit, may_enter);
        n = keep(rows, n, may_enter);
    }
    if (n == 0) return;
    if (n >= segment->n / FEW) enc_bound_dot(&s->bound, segment, 0, segment->n, dot);
    else
        for (size_t i = 0; i < n; i++)
            enc_bound_dot(&s->bound, segment, rows[i], 1, &dot[rows[i]]);
    if (is_sifted && n >= segment->n / FEW) {
        enc_bound_sift(&s->bound, segment, dot, limit, may_enter);
        n = keep(rows, n, may_enter);
    }
    for (size_t i = 0; i < n; i++) consider(s, p, group, rows[i], dot[rows[i]]);
}

/* An enc_task: part i takes its share of the group. */
static void sift_part(void *arg, size_t i)
{
    scan *s = arg;
    size_t end = s->n_group * (i + 1) / s->n_parts;
    for (size_t j = s->n_group * i / s->n_parts; j < end; j++)
        sift_segment(s, &s->parts[i], j);
}

static enc_rc sift(scan *s, size_t n_segments, enc_err *e)
{
    const enc_scan_query *q = s->q;
    enc_rc rc;
    for (size_t done = 0; done < n_segments;) {
        if (q->tick != NULL && q->tick(q->tick_arg))
            return enc_fail(e, ENC_INTERRUPT, "interrupted after %zu of %zu segments",
                            done, n_segments);
        /* A segment that is not resident is gone when the next one comes. */
        size_t n_here = s->store->is_resident ? GROUP : 1;
        for (s->n_group = 0; s->n_group < n_here && done < n_segments; done++) {
            size_t i = s->number[s->n_group] = q->only != NULL ? q->only[done] : done;
            rc = enc_scan_segment(s->store, q, i, &s->group[s->n_group++], e);
            if (rc) return rc;
        }
        enc_threads_run(s->n_parts, sift_part, s);
        for (size_t i = 0; i < s->n_parts; i++)
            if (s->parts[i].is_out_of_memory) return enc_nomem(e);
    }
    s->stats.n_segments = n_segments;
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
        h.distance = enc_vec_distance(q->metric, q->q, s->v, q->dims);
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
    qsort(found, n, sizeof *found, by_distance);
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

/* Parts, and room for the bounds. */
static bool parts_new(scan *s, size_t n_segments)
{
    size_t rows;
    bool is_large = !enc_mem_mul(n_segments, ENC_SEGMENT_ROWS, &rows) || rows > s->q->k;
    s->k_bounds = is_large ? s->q->k : 0;
    s->n_parts = 1;
    if (s->store->is_resident && n_segments > ROWS_TO_DEAL / ENC_SEGMENT_ROWS) {
        size_t n = enc_threads_count();
        s->n_parts = n == 1 ? 1 : PARTS * n < PARTS_MAX ? PARTS * n : PARTS_MAX;
    }
    s->parts = enc_mem_zero_array(s->n_parts, sizeof *s->parts);
    s->bounds = enc_mem_array(s->k_bounds, sizeof *s->bounds);
    return s->parts != NULL && s->bounds != NULL;
}

static void clear(scan *s)
{
    for (size_t i = 0; s->parts != NULL && i < s->n_parts; i++)
        enc_mem_free(s->parts[i].found);
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

enc_rc enc_scan_run(const enc_store *store, const enc_scan_query *q, enc_hit *hits,
                    size_t *n_hits, enc_scan_stats *stats, enc_err *e)
{
    enc_rc rc;
    size_t n_segments = q->only != NULL ? q->n_only : store->n_segments;
    scan s = {.store = store, .q = q, .hits = hits, .lock = PTHREAD_MUTEX_INITIALIZER};

    *n_hits = 0;
    if (q->k == 0) return ENC_OK;
    s.farthest = enc_filter_farthest(q->filter, q->metric);
    s.is_by_id = enc_filter_is_by_id(q->filter);
    if ((rc = enc_bound_init(&s.bound, q->metric, q->q, q->dims, e))) goto done;
    s.v = enc_mem_array(q->dims, sizeof *s.v);
    if (s.v == NULL || !parts_new(&s, n_segments)) {
        rc = enc_nomem(e);
        goto done;
    }
    if ((rc = sift(&s, n_segments, e))) goto done;
    if (!gather(&s)) {
        rc = enc_nomem(e);
        goto done;
    }
    if ((rc = measure(&s, e))) goto done;
    enc_topk_sort(hits, s.n_hits);
    *n_hits = s.n_hits;
    enc_scan_stats_add(stats, &s.stats);
done:
    clear(&s);
    return rc;
}
