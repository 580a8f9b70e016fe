/* sets.c - see sets.h. */
#include "lib/sets.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* One line of a file into its cells; returns where the next begins. */
static size_t split(enc_bytes file, size_t at, enc_bytes *cell, size_t n_cols)
{
    const uint8_t *end = memchr(file.at + at, '\n', file.n - at);
    size_t stop = end != NULL ? (size_t)(end - file.at) : file.n;

    for (size_t i = 0; i < n_cols; i++) {
        const uint8_t *tab = memchr(file.at + at, '\t', stop - at);
        size_t to = tab != NULL && i + 1 < n_cols ? (size_t)(tab - file.at) : stop;
        cell[i] = (enc_bytes){file.at + at, to - at};
        at = to < stop ? to + 1 : stop;
    }
    return stop + 1;
}

enc_rc sets_read(sets_rows *r, const char *path, size_t n_cols, size_t part, enc_err *e)
{
    size_t n = 0, row = 0, at, cells;
    enc_bytes none = {NULL, 0};
    enc_rc rc;

    *r = (sets_rows){.n_cols = n_cols};
    if ((rc = enc_map_open(&r->map, path, (size_t)1 << 30, e))) return rc;
    enc_bytes file = enc_map_bytes(r->map);
    for (size_t i = 0; i < file.n; i++) n += file.at[i] == '\n' || i + 1 == file.n;
    if (n > 0) n--; /* the header */
    size_t keep = part > 0 && part < n ? part : n;
    if (!enc_mem_mul(keep + 1, n_cols, &cells) || /* one more: a row to pass over */
        (r->cell = enc_mem_array(cells, sizeof none)) == NULL) {
        sets_free(r);
        return enc_nomem(e);
    }
    for (at = file.n > 0 ? split(file, 0, r->cell, n_cols) : 0; at < file.n; row++) {
        at = split(file, at, r->cell + r->n * n_cols, n_cols);
        if (r->n < keep && row * keep / n >= r->n) r->n++;
    }
    return ENC_OK;
}

void sets_free(sets_rows *r)
{
    enc_map_close(r->map);
    enc_mem_free(r->cell);
    *r = (sets_rows){0};
}

enc_bytes sets_cell(const sets_rows *r, size_t row, size_t col)
{
    return r->cell[row * r->n_cols + col];
}

double sets_number(enc_bytes cell)
{
    char text[64];
    snprintf(text, sizeof text, "%.*s", (int)(cell.n < 63 ? cell.n : 63),
             (const char *)cell.at);
    return strtod(text, NULL);
}

typedef struct ranked {
    double value;
    size_t index;
} ranked;

static int by_value(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->value != y->value) return x->value < y->value ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static bool to_ranks(double *v, size_t n)
{
    ranked *r = enc_mem_array(n, sizeof *r);

    if (r == NULL) return false;
    for (size_t i = 0; i < n; i++) r[i] = (ranked){v[i], i};
    qsort(r, n, sizeof *r, by_value);
    for (size_t i = 0, to; i < n; i = to) {
        for (to = i + 1; to < n && r[to].value == r[i].value;) to++;
        for (size_t k = i; k < to; k++) v[r[k].index] = (double)(i + to - 1) / 2.0;
    }
    enc_mem_free(r);
    return true;
}

bool sets_spearman(double *x, double *y, size_t n, double *out)
{
    double mean = ((double)n - 1.0) / 2.0, xy = 0.0, xx = 0.0, yy = 0.0;

    if (!to_ranks(x, n) || !to_ranks(y, n)) return false;
    for (size_t i = 0; i < n; i++) {
        xy += (x[i] - mean) * (y[i] - mean);
        xx += (x[i] - mean) * (x[i] - mean);
        yy += (y[i] - mean) * (y[i] - mean);
    }
    *out = xy / sqrt(xx * yy);
    return true;
}

size_t sets_best(const double *score, size_t n, size_t best[SETS_BEST])
{
    size_t n_best = 0;

    for (size_t i = 0; i < n; i++) {
        size_t at = n_best;
        while (at > 0 && score[best[at - 1]] < score[i]) at--;
        if (at == SETS_BEST) continue;
        if (n_best < SETS_BEST) n_best++;
        memmove(best + at + 1, best + at, (n_best - 1 - at) * sizeof *best);
        best[at] = i;
    }
    return n_best;
}

double sets_ndcg(const bool *is_relevant, size_t n, size_t n_relevant)
{
    double got = 0.0, ideal = 0.0;

    for (size_t k = 0; k < SETS_BEST; k++) {
        double gain = 1.0 / log2((double)k + 2.0);
        if (k < n_relevant) ideal += gain;
        if (k < n && is_relevant[k]) got += gain;
    }
    return ideal > 0.0 ? got / ideal : 0.0;
}
