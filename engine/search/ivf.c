/* ivf.c - see ivf.h.
 *
 * Rows are split in two, and each half again, until no piece has more than
 * ENC_SEGMENT_ROWS. A split is 2-means on a sample of the piece (Lloyd's iteration, begun
 * with a random row and the farthest of a few others), then one pass over all its rows,
 * which are ordered along the line through the two centers and cut near the middle
 * between them: at a multiple of ENC_SEGMENT_ROWS, so that every segment but the last is
 * full, and with at least a quarter on either side, so that the depth is logarithmic.
 *
 * Rows are read as codes, at a weight that makes them the vector again, or its unit
 * vector for cosine; the line is a code too, and a projection an int8 dot product. That
 * is rough, and only the order depends on it. The pieces of a level are independent tasks
 * with seeds of their own: the result does not depend on the number of threads. */
#include "search/ivf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/threads.h"
#include "search/dot.h"
#include "search/topk.h"

#define SAMPLE 1024 /* rows that place the centers */
#define ROUNDS 5    /* of Lloyd's iteration */
#define FEW    16   /* candidates for the second center */

typedef struct spot { /* a row along the line */
    float at;
    size_t row;
} spot;

typedef struct piece {
    size_t begin, end; /* in spots */
    size_t cut;        /* where it was split */
    bool is_out_of_memory;
} piece;

typedef struct source { /* a row */
    const int8_t *code; /* stride */
    float weight;       /* weight * code is the vector */
} source;

typedef struct ivf {
    const enc_ivf_job *job;
    size_t stride;
    enc_dot *dot;
    source *rows;       /* n */
    spot *spots;        /* n */
    enc_segment **kept; /* copies of segments that are not resident, or NULL */
    piece *pieces, *next;
    size_t n_pieces, n_next;
} ivf;

typedef struct split { /* what one piece needs while it is split */
    float *center[2];  /* dims */
    float *line;       /* dims: from one to the other */
    int8_t *code;      /* stride: of the line */
    size_t sample[SAMPLE];
    size_t n_sample;
} split;

static float weight_of(const enc_segment *s, size_t row, enc_metric m)
{
    if (m != ENC_COSINE) return s->scale[row];
    return s->norm[row] > 0.0f ? s->scale[row] / s->norm[row] : 0.0f;
}

static void add_row(float *to, const source *r, size_t dims)
{
    for (size_t j = 0; j < dims; j++) to[j] += r->weight * (float)r->code[j];
}

static float project(const ivf *v, const split *s, size_t row)
{
    int32_t dot;
    v->dot(s->code, v->rows[row].code, v->stride, 1, &dot);
    float at = v->rows[row].weight * (float)dot;
    return isfinite(at) ? at : 0.0f; /* of bytes that lie: NaN has no place in an order */
}

/* The line through the centers as a code, and the middle between them along it. */
static double aim(const ivf *v, split *s)
{
    const size_t dims = v->job->dims;
    enc_code c;
    double middle = 0.0;
    for (size_t j = 0; j < dims; j++) s->line[j] = s->center[1][j] - s->center[0][j];
    enc_code_of(s->line, dims, s->code, &c);
    for (size_t j = 0; j < dims; j++)
        middle += (double)s->code[j] *
                  ((double)s->center[0][j] + (double)s->center[1][j]) / 2.0;
    return middle;
}

/* The first two centers: a random row, and that of a few whose product with it is least:
 * of few, so that it is seldom an odd one out. */
static void begin(const ivf *v, split *s, enc_rng *r)
{
    const size_t dims = v->job->dims;
    size_t a = s->sample[enc_rng_below(r, (uint32_t)s->n_sample)], far = a;
    enc_code c;
    float most = -INFINITY;
    memset(s->center[0], 0, dims * sizeof(float));
    memset(s->center[1], 0, dims * sizeof(float));
    add_row(s->center[0], &v->rows[a], dims);
    enc_code_of(s->center[0], dims, s->code, &c);
    for (size_t i = 0; i < FEW; i++) {
        size_t b = s->sample[enc_rng_below(r, (uint32_t)s->n_sample)];
        float away = -project(v, s, b);
        if (away > most) most = away, far = b;
    }
    add_row(s->center[1], &v->rows[far], dims);
}

/* 2-means on the sample; returns the middle between the centers along s->code. */
static double place_centers(const ivf *v, split *s, enc_rng *r)
{
    const size_t dims = v->job->dims;
    begin(v, s, r);
    double middle = aim(v, s);
    for (int round = 0; round < ROUNDS; round++) {
        size_t n[2] = {0, 0};
        memset(s->center[0], 0, dims * sizeof(float));
        memset(s->center[1], 0, dims * sizeof(float));
        for (size_t i = 0; i < s->n_sample; i++) {
            size_t side = (double)project(v, s, s->sample[i]) > middle ? 1 : 0;
            add_row(s->center[side], &v->rows[s->sample[i]], dims);
            n[side]++;
        }
        for (size_t side = 0; side < 2; side++)
            for (size_t j = 0; j < dims; j++)
                s->center[side][j] /= (float)(n[side] > 0 ? n[side] : 1);
        middle = aim(v, s);
    }
    return middle;
}

static bool is_before(const spot *a, const spot *b)
{
    return a->at < b->at || (a->at <= b->at && a->row < b->row);
}

/* Hoare's selection: afterwards the k least of n spots come first. 0 < k < n. */
static void select_least(spot *s, size_t n, size_t k)
{
    while (n > 1) {
        spot pivot = s[n / 2];
        size_t i = 0, j = n - 1;
        for (;;) {
            while (is_before(&s[i], &pivot)) i++;
            while (is_before(&pivot, &s[j])) j--;
            if (i >= j) break;
            spot t = s[i];
            s[i++] = s[j], s[j--] = t;
        }
        /* s[0..i) <= pivot <= s[i..n), and both are shorter than n. */
        if (k < i) n = i;
        else if (k > i) s += i, n -= i, k -= i;
        else return;
    }
}

/* Where to cut n rows of which n_left lie on the left: see the file's head. */
static size_t cut_of(size_t n, size_t n_left)
{
    size_t leaves = (n + ENC_SEGMENT_ROWS - 1) / ENC_SEGMENT_ROWS;
    size_t least = leaves / 4 > 0 ? leaves / 4 : 1;
    size_t left = (n_left + ENC_SEGMENT_ROWS / 2) / ENC_SEGMENT_ROWS;
    if (left < least) left = least;
    if (left > leaves - least) left = leaves - least;
    return left * ENC_SEGMENT_ROWS;
}

/* Orders the rows of p along a line and cuts it. */
static void split_piece(const ivf *v, piece *p, split *s)
{
    size_t n = p->end - p->begin, n_left = 0;
    spot *spots = v->spots + p->begin;
    enc_rng r = {v->job->seed ^ (p->begin * 0x9e3779b97f4a7c15u) ^ (p->end << 1)};
    s->n_sample = n < SAMPLE ? n : SAMPLE;
    for (size_t i = 0; i < s->n_sample; i++)
        s->sample[i] = spots[n <= SAMPLE ? i : (size_t)(enc_rng_u64(&r) % n)].row;
    double middle = place_centers(v, s, &r);
    for (size_t i = 0; i < n; i++) {
        spots[i].at = project(v, s, spots[i].row);
        if ((double)spots[i].at <= middle) n_left++;
    }
    size_t cut = cut_of(n, n_left);
    select_least(spots, n, cut);
    p->cut = p->begin + cut;
}

static int by_row(const void *a, const void *b)
{
    const spot *x = a, *y = b;
    return x->row < y->row ? -1 : x->row > y->row ? 1 : 0;
}

/* An enc_task: one piece of the level. One that fits a segment is put in order of rows.
 */
static void do_piece(void *arg, size_t i)
{
    const ivf *v = arg;
    piece *p = &v->pieces[i];
    const size_t dims = v->job->dims;
    p->cut = p->begin;
    if (p->end - p->begin <= ENC_SEGMENT_ROWS) {
        qsort(v->spots + p->begin, p->end - p->begin, sizeof(spot), by_row);
        return;
    }
    split *s = enc_mem_alloc(sizeof *s);
    float *floats = enc_mem_array(3 * dims, sizeof *floats);
    int8_t *code = enc_mem_zero(v->stride);
    p->is_out_of_memory = s == NULL || floats == NULL || code == NULL;
    if (!p->is_out_of_memory) {
        s->center[0] = floats;
        s->center[1] = floats + dims;
        s->line = floats + 2 * dims;
        s->code = code;
        split_piece(v, p, s);
    }
    enc_mem_free(s);
    enc_mem_free(floats);
    enc_mem_free(code);
}

/* One level of splits; v->pieces become those that are left to do. */
static enc_rc do_level(ivf *v, enc_err *e)
{
    const enc_ivf_job *job = v->job;
    if (job->tick != NULL && job->tick(job->tick_arg))
        return enc_fail(e, ENC_INTERRUPT, "interrupted while %zu rows were put in order",
                        job->n);
    enc_threads_run(v->n_pieces, do_piece, v);
    v->n_next = 0;
    for (size_t i = 0; i < v->n_pieces; i++) {
        const piece *p = &v->pieces[i];
        if (p->is_out_of_memory) return enc_nomem(e);
        if (p->cut == p->begin) continue;
        v->next[v->n_next++] = (piece){.begin = p->begin, .end = p->cut};
        v->next[v->n_next++] = (piece){.begin = p->cut, .end = p->end};
    }
    piece *t = v->pieces;
    v->pieces = v->next, v->n_pieces = v->n_next, v->next = t;
    return ENC_OK;
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
            v->rows[n] = (source){segment->codes + row * segment->stride,
                                  weight_of(segment, row, v->job->metric)};
            v->spots[n] = (spot){0.0f, n};
        }
    }
    if (n < v->job->n)
        return enc_fail(e, ENC_MISUSE, "%zu rows in the store, not %zu", n, v->job->n);
    return ENC_OK;
}

static void clear(ivf *v)
{
    for (size_t i = 0; v->kept != NULL && i < v->job->vectors->n_segments; i++)
        enc_segment_free(v->kept[i]);
    enc_mem_free(v->kept);
    enc_mem_free(v->rows);
    enc_mem_free(v->spots);
    enc_mem_free(v->pieces);
    enc_mem_free(v->next);
}

enc_rc enc_ivf_order(const enc_ivf_job *job, size_t *order, enc_err *e)
{
    enc_rc rc;
    ivf v = {.job = job, .stride = (job->dims + 63) & ~(size_t)63, .dot = enc_dot_pick()};
    size_t n = job->n, n_leaves = n / ENC_SEGMENT_ROWS + 1;

    if (!job->vectors->is_resident)
        v.kept = enc_mem_zero_array(job->vectors->n_segments, sizeof(enc_segment *));
    v.rows = enc_mem_array(n, sizeof *v.rows);
    v.spots = enc_mem_array(n, sizeof *v.spots);
    v.pieces = enc_mem_zero_array(n_leaves, sizeof *v.pieces);
    v.next = enc_mem_zero_array(n_leaves, sizeof *v.next);
    if ((v.kept == NULL && !job->vectors->is_resident) || v.rows == NULL ||
        v.spots == NULL || v.pieces == NULL || v.next == NULL) {
        rc = enc_nomem(e);
        goto done;
    }
    if ((rc = load(&v, e))) goto done;
    v.pieces[0].end = n;
    v.n_pieces = 1;
    while (v.n_pieces > 0)
        if ((rc = do_level(&v, e))) goto done;
    for (size_t i = 0; i < n; i++) order[i] = v.spots[i].row;
done:
    clear(&v);
    return rc;
}

void enc_ivf_centroid(const enc_segment *s, enc_metric metric, float *out)
{
    memset(out, 0, s->dims * sizeof *out);
    for (size_t i = 0; i < s->n; i++) {
        source row = {s->codes + i * s->stride, weight_of(s, i, metric) / (float)s->n};
        add_row(out, &row, s->dims);
    }
}

enc_rc enc_ivf_probe(const enc_ivf_centroids *c, const float *q, size_t n_probe,
                     size_t *out, size_t *n_out, enc_err *e)
{
    size_t k = n_probe < c->n_segments ? n_probe : c->n_segments, n = 0;
    enc_hit *hits = enc_mem_array(k, sizeof *hits);

    *n_out = 0;
    if (hits == NULL) return enc_nomem(e);
    for (size_t i = 0; i < c->n_segments; i++) {
        double d = enc_vec_distance(c->metric, q, c->at + i * c->dims, c->dims);
        n = enc_topk_add(hits, n, k, (enc_hit){(int64_t)i, i, 0, d});
    }
    enc_topk_sort(hits, n);
    for (size_t i = 0; i < n; i++) out[i] = hits[i].segment;
    enc_mem_free(hits);
    *n_out = n;
    return ENC_OK;
}
