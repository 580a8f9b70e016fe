/* ivf.c - see ivf.h.
 *
 * The order is that of groups of about GROUP_ROWS rows, found by k-means in two steps, so
 * that the work grows with n^1.5 and not with n^2: first about sqrt(n / GROUP_ROWS) wide
 * groups, then in each of these the narrow ones. Means are placed with samples. At last
 * every row goes to the nearest mean of those in the few wide groups nearest to it, for
 * its own wide group may end just beside it.
 *
 * Groups follow each other without gaps, so a segment may hold the end of one and the
 * beginning of the next: its centers are found anew from its own rows.
 *
 * Rows are read as codes, at a weight that makes them the vector again, or its unit
 * vector for cosine. Tasks work on rows or groups of their own, with seeds of their own:
 * the result does not depend on the number of threads. */
#include "search/ivf.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/threads.h"
#include "search/means.h"
#include "search/topk.h"

#define GROUP_ROWS    128
#define WIDE_MAX      ENC_MEANS_SCORES
#define WIDE_SAMPLE   64 /* rows that place one wide mean, and one narrow one */
#define NARROW_SAMPLE 48
#define NEAR          8 /* wide groups a row is tried in */
#define ROWS_A_TASK   1024
#define TASKS_A_TICK  32

typedef struct place { /* of a row */
    uint32_t wide, narrow;
    size_t row;
} place;

typedef struct ivf {
    const enc_ivf_job *job;
    enc_source *rows;   /* n */
    place *places;      /* n */
    size_t *list;       /* n: rows, wide group by wide group */
    size_t *ends;       /* wide.n + 1: where a group begins in list, and the next one */
    enc_segment **kept; /* copies of segments that are not resident, or NULL */
    enc_means wide;
    enc_means *narrow;      /* wide.n */
    bool *is_out_of_memory; /* wide.n */
    size_t first;           /* the first task of those that run */
} ivf;

static float weight_of(const enc_segment *s, size_t row, enc_metric m)
{
    if (m != ENC_COSINE) return s->scale[row];
    return s->norm[row] > 0.0f ? s->scale[row] / s->norm[row] : 0.0f;
}

/* Where the rows' codes are; of segments that do not stay, copies are kept. */
static enc_rc load(ivf *v, enc_err *e)
{
    const enc_store *s = v->job->vectors;
    size_t n = 0;
    for (size_t i = 0; i < s->n_segments; i++) {
        const enc_segment *segment;
        enc_rc rc = s->segment(s->self, i, &segment, e);
        if (rc) return rc;
        if (segment->dims != v->job->dims || segment->n > v->job->n - n)
            return enc_fail(e, ENC_MISUSE,
                            "a segment of %zu x %zu among %zu rows of %zu dimensions",
                            segment->n, segment->dims, v->job->n, v->job->dims);
        if (v->kept != NULL && (segment = v->kept[i] = enc_segment_copy(segment)) == NULL)
            return enc_nomem(e);
        for (size_t row = 0; row < segment->n; row++, n++) {
            v->rows[n] = (enc_source){segment->codes + row * segment->stride,
                                      weight_of(segment, row, v->job->metric)};
            v->places[n] = (place){0, 0, n};
        }
    }
    if (n < v->job->n)
        return enc_fail(e, ENC_MISUSE, "%zu rows in the store, not %zu", n, v->job->n);
    return ENC_OK;
}

/* n tasks, some at a time. */
static enc_rc run_all(ivf *v, size_t n, enc_task *task, enc_err *e)
{
    const enc_ivf_job *job = v->job;
    for (v->first = 0; v->first < n; v->first += TASKS_A_TICK) {
        if (job->tick != NULL && job->tick(job->tick_arg))
            return enc_fail(e, ENC_INTERRUPT,
                            "interrupted while %zu rows were put in order", job->n);
        size_t left = n - v->first;
        enc_threads_run(left < TASKS_A_TICK ? left : TASKS_A_TICK, task, v);
    }
    return ENC_OK;
}

static bool place_wide(ivf *v, size_t n_wide)
{
    enc_rng r = {v->job->seed};
    size_t n = n_wide * WIDE_SAMPLE < v->job->n ? n_wide * WIDE_SAMPLE : v->job->n;
    size_t *sample = enc_mem_array(n, sizeof *sample);
    bool is_good = sample != NULL && enc_means_init(&v->wide, n_wide, v->job->dims,
                                                    v->job->metric == ENC_COSINE);
    for (size_t i = 0; i < n && is_good; i++)
        sample[i] = (size_t)(enc_rng_u64(&r) % v->job->n);
    is_good = is_good && enc_means_find(&v->wide, v->rows, sample, n, v->job->seed + 1);
    enc_mem_free(sample);
    return is_good;
}

/* An enc_task: some rows to their wide groups. */
static void find_wide(void *arg, size_t task)
{
    ivf *v = arg;
    float score;
    size_t i = (v->first + task) * ROWS_A_TASK;
    for (size_t end = i + ROWS_A_TASK; i < end && i < v->job->n; i++)
        v->places[i].wide = (uint32_t)enc_means_nearest(&v->wide, &v->rows[i], &score);
}

/* The rows of each wide group together. */
static void fill_list(ivf *v)
{
    size_t at = 0;
    for (size_t i = 0; i < v->job->n; i++) v->ends[v->places[i].wide + 1]++;
    for (size_t g = 0; g <= v->wide.n; g++) at = v->ends[g] += at;
    for (size_t i = 0; i < v->job->n; i++) v->list[v->ends[v->places[i].wide]++] = i;
    for (size_t g = v->wide.n; g > 0; g--) v->ends[g] = v->ends[g - 1];
    v->ends[0] = 0;
}

/* An enc_task: the narrow means of one wide group, from rows at equal distances. */
static void place_narrow(void *arg, size_t task)
{
    ivf *v = arg;
    size_t g = v->first + task, from = v->ends[g], n = v->ends[g + 1] - from;
    size_t n_means = (n + GROUP_ROWS - 1) / GROUP_ROWS,
           n_sample = n_means * NARROW_SAMPLE;
    if (n == 0) return;
    if (n_sample > n) n_sample = n;
    size_t *sample = enc_mem_array(n_sample, sizeof *sample);
    for (size_t i = 0; i < n_sample && sample != NULL; i++)
        sample[i] = v->list[from + i * n / n_sample];
    v->is_out_of_memory[g] =
        sample == NULL ||
        !enc_means_init(&v->narrow[g], n_means, v->wide.dims, v->wide.is_unit) ||
        !enc_means_find(&v->narrow[g], v->rows, sample, n_sample, v->job->seed + 2 + g);
    enc_mem_free(sample);
}

/* An enc_task: some rows to their narrow groups. */
static void find_narrow(void *arg, size_t task)
{
    ivf *v = arg;
    float scores[WIDE_MAX], score;
    size_t i = (v->first + task) * ROWS_A_TASK;
    for (size_t end = i + ROWS_A_TASK; i < end && i < v->job->n; i++) {
        float most = -INFINITY;
        enc_means_score(&v->wide, &v->rows[i], 0, v->wide.n, scores);
        for (int turn = 0; turn < NEAR; turn++) {
            size_t g = 0;
            for (size_t j = 1; j < v->wide.n; j++)
                if (scores[j] > scores[g]) g = j;
            scores[g] = -INFINITY;
            size_t at = enc_means_nearest(&v->narrow[g], &v->rows[i], &score);
            if (score > most) {
                most = score;
                v->places[i].wide = (uint32_t)g;
                v->places[i].narrow = (uint32_t)at;
            }
        }
    }
}

static int by_group(const void *a, const void *b)
{
    const place *x = a, *y = b;
    if (x->wide != y->wide) return x->wide < y->wide ? -1 : 1;
    if (x->narrow != y->narrow) return x->narrow < y->narrow ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row ? 1 : 0;
}

static enc_rc put_in_groups(ivf *v, enc_err *e)
{
    size_t n = v->job->n, n_tasks = (n + ROWS_A_TASK - 1) / ROWS_A_TASK;
    size_t n_wide = (size_t)ceil(sqrt((double)n / GROUP_ROWS));
    enc_rc rc;
    if (n_wide > WIDE_MAX) n_wide = WIDE_MAX;
    v->ends = enc_mem_zero_array(n_wide + 2, sizeof *v->ends);
    v->narrow = enc_mem_zero_array(n_wide, sizeof *v->narrow);
    v->is_out_of_memory = enc_mem_zero_array(n_wide, sizeof *v->is_out_of_memory);
    if (v->ends == NULL || v->narrow == NULL || v->is_out_of_memory == NULL ||
        !place_wide(v, n_wide))
        return enc_nomem(e);
    if ((rc = run_all(v, n_tasks, find_wide, e))) return rc;
    fill_list(v);
    if ((rc = run_all(v, n_wide, place_narrow, e))) return rc;
    for (size_t g = 0; g < n_wide; g++)
        if (v->is_out_of_memory[g]) return enc_nomem(e);
    if ((rc = run_all(v, n_tasks, find_narrow, e))) return rc;
    qsort(v->places, n, sizeof *v->places, by_group);
    return ENC_OK;
}

static void clear(ivf *v)
{
    for (size_t i = 0; v->kept != NULL && i < v->job->vectors->n_segments; i++)
        enc_segment_free(v->kept[i]);
    for (size_t g = 0; v->narrow != NULL && g < v->wide.n; g++)
        enc_means_clear(&v->narrow[g]);
    enc_means_clear(&v->wide);
    enc_mem_free(v->kept);
    enc_mem_free(v->rows);
    enc_mem_free(v->places);
    enc_mem_free(v->list);
    enc_mem_free(v->ends);
    enc_mem_free(v->narrow);
    enc_mem_free(v->is_out_of_memory);
}

enc_rc enc_ivf_order(const enc_ivf_job *job, size_t *order, enc_err *e)
{
    enc_rc rc;
    ivf v = {.job = job};
    size_t n = job->n;

    if (!job->vectors->is_resident)
        v.kept = enc_mem_zero_array(job->vectors->n_segments, sizeof(enc_segment *));
    v.rows = enc_mem_array(n, sizeof *v.rows);
    v.places = enc_mem_array(n, sizeof *v.places);
    v.list = enc_mem_array(n, sizeof *v.list);
    if ((v.kept == NULL && !job->vectors->is_resident) || v.rows == NULL ||
        v.places == NULL || v.list == NULL) {
        rc = enc_nomem(e);
        goto done;
    }
    if ((rc = load(&v, e))) goto done;
    if (n > ENC_SEGMENT_ROWS && (rc = put_in_groups(&v, e))) goto done;
    for (size_t i = 0; i < n; i++) order[i] = v.places[i].row;
done:
    clear(&v);
    return rc;
}

enc_rc enc_ivf_centers(const enc_segment *s, enc_metric metric, float *out, enc_err *e)
{
    enc_source rows[ENC_SEGMENT_ROWS];
    size_t which[ENC_SEGMENT_ROWS];
    enc_means m;
    if (!enc_means_init(&m, ENC_IVF_CENTERS, s->dims, metric == ENC_COSINE))
        return enc_nomem(e);
    for (size_t i = 0; i < s->n; i++) {
        rows[i] = (enc_source){s->codes + i * s->stride, weight_of(s, i, metric)};
        which[i] = i;
    }
    bool is_good = enc_means_find(&m, rows, which, s->n, 1);
    for (size_t i = 0; i < ENC_IVF_CENTERS && is_good; i++)
        enc_means_get(&m, i, out + i * s->dims);
    enc_means_clear(&m);
    return is_good ? ENC_OK : enc_nomem(e);
}

/* How near the centers of one part of the map are: best[segment], the greatest of each.
 */
static void look(const enc_ivf_map *map, const enc_dot *kernels, const enc_segment *s,
                 const int8_t *q, const enc_code *c, double *best)
{
    int32_t dot[ENC_SEGMENT_ROWS];
    kernels->codes(q, s->codes, s->stride, s->n, dot);
    for (size_t i = 0; i < s->n; i++) {
        double norm = (double)s->norm[i], near;
        size_t segment = (size_t)s->ids[i];
        near = (double)c->scale * (double)s->scale[i] * (double)dot[i];
        if (map->metric == ENC_L2) near -= norm * norm / 2.0;
        if (segment < map->n_segments && near > best[segment]) best[segment] = near;
    }
}

enc_rc enc_ivf_probe(const enc_ivf_map *map, const float *q, size_t n_probe, size_t *out,
                     size_t *n_out, enc_err *e)
{
    size_t k = n_probe < map->n_segments ? n_probe : map->n_segments, n = 0;
    enc_hit *hits = enc_mem_array(k, sizeof *hits);
    double *best = enc_mem_array(map->n_segments, sizeof *best);
    int8_t *code = enc_mem_zero((map->dims + 63) & ~(size_t)63);
    const enc_dot *kernels = enc_dot_pick();
    enc_code c;

    *n_out = 0;
    if (hits != NULL && best != NULL && code != NULL) {
        enc_code_of(q, map->dims, code, &c);
        for (size_t i = 0; i < map->n_segments; i++) best[i] = (double)-INFINITY;
        for (size_t i = 0; i < map->n; i++)
            look(map, kernels, map->centers[i], code, &c, best);
        for (size_t i = 0; i < map->n_segments; i++)
            if (best[i] > -(double)INFINITY)
                n = enc_topk_add(hits, n, k, (enc_hit){(int64_t)i, i, 0, -best[i]});
        enc_topk_sort(hits, n);
        for (size_t i = 0; i < n; i++) out[i] = hits[i].segment;
        *n_out = n;
    }
    bool is_good = hits != NULL && best != NULL && code != NULL;
    enc_mem_free(hits);
    enc_mem_free(best);
    enc_mem_free(code);
    return is_good ? ENC_OK : enc_nomem(e);
}
