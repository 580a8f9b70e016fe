/* means.c - see means.h. */
#include "search/means.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

#define ROUNDS 6

bool enc_means_init(enc_means *m, size_t n, size_t dims, bool is_unit)
{
    *m = (enc_means){.n = n, .dims = dims, .is_unit = is_unit, .kernels = enc_dot_pick()};
    m->stride = (dims + 63) & ~(size_t)63;
    m->code = enc_mem_zero_array(n, m->stride);
    m->weight = enc_mem_zero_array(n, sizeof *m->weight);
    m->half = enc_mem_zero_array(n, sizeof *m->half);
    if (m->code != NULL && m->weight != NULL && m->half != NULL) return true;
    enc_means_clear(m);
    return false;
}

void enc_means_clear(enc_means *m)
{
    enc_mem_free(m->code);
    enc_mem_free(m->weight);
    enc_mem_free(m->half);
    *m = (enc_means){0};
}

void enc_means_score(const enc_means *m, const enc_source *row, size_t from, size_t n,
                     float *out)
{
    int32_t dot[ENC_MEANS_SCORES];
    m->kernels->codes(row->code, m->code + from * m->stride, m->stride, n, dot);
    for (size_t i = 0; i < n; i++)
        out[i] = row->weight * m->weight[from + i] * (float)dot[i] - m->half[from + i];
}

size_t enc_means_nearest(const enc_means *m, const enc_source *row, float *score)
{
    float scores[ENC_MEANS_SCORES];
    size_t best = 0;
    *score = -INFINITY;
    for (size_t from = 0; from < m->n; from += ENC_MEANS_SCORES) {
        size_t n = m->n - from < ENC_MEANS_SCORES ? m->n - from : ENC_MEANS_SCORES;
        enc_means_score(m, row, from, n, scores);
        for (size_t i = 0; i < n; i++)
            if (scores[i] > *score) *score = scores[i], best = from + i;
    }
    return best;
}

void enc_means_get(const enc_means *m, size_t i, float *out)
{
    for (size_t j = 0; j < m->dims; j++)
        out[j] = m->weight[i] * (float)m->code[i * m->stride + j];
}

/* Mean i becomes v / by. */
static void set_mean(enc_means *m, size_t i, float *v, float by)
{
    enc_code c;
    for (size_t j = 0; j < m->dims; j++) v[j] /= by;
    enc_code_of(v, m->dims, m->code + i * m->stride, &c);
    m->weight[i] = m->is_unit && c.norm > 0.0f ? c.scale / c.norm : c.scale;
    m->half[i] = m->is_unit ? 0.0f : c.norm * c.norm / 2.0f;
}

static void add_row(float *to, const enc_source *r, size_t dims)
{
    for (size_t j = 0; j < dims; j++) to[j] += r->weight * (float)r->code[j];
}

/* One row from each of m->n equal stretches of the list. */
static void begin(enc_means *m, const enc_source *rows, const size_t *which, size_t n,
                  enc_rng *r, float *sum)
{
    for (size_t i = 0; i < m->n; i++) {
        size_t from = i * n / m->n, to = (i + 1) * n / m->n;
        size_t pick = to > from ? from + (size_t)(enc_rng_u64(r) % (to - from)) : from;
        memset(sum, 0, m->dims * sizeof *sum);
        add_row(sum, &rows[which[pick]], m->dims);
        set_mean(m, i, sum, 1.0f);
    }
}

bool enc_means_find(enc_means *m, const enc_source *rows, const size_t *which, size_t n,
                    uint64_t seed)
{
    enc_rng r = {seed};
    float score, *sums = enc_mem_array(m->n * m->dims, sizeof *sums);
    size_t *counts = enc_mem_array(m->n, sizeof *counts);
    bool is_good = sums != NULL && counts != NULL;
    if (is_good && n > 0) begin(m, rows, which, n, &r, sums);
    for (int round = 0; is_good && n > 0 && m->n > 1 && round < ROUNDS; round++) {
        memset(sums, 0, m->n * m->dims * sizeof *sums);
        memset(counts, 0, m->n * sizeof *counts);
        for (size_t i = 0; i < n; i++) {
            const enc_source *row = &rows[which[i]];
            size_t to = enc_means_nearest(m, row, &score);
            add_row(sums + to * m->dims, row, m->dims);
            counts[to]++;
        }
        for (size_t i = 0; i < m->n; i++) /* one that nobody is near to stays */
            if (counts[i] > 0) set_mean(m, i, sums + i * m->dims, (float)counts[i]);
    }
    enc_mem_free(sums);
    enc_mem_free(counts);
    return is_good;
}
