/* bench_data.h - vectors for bench_search.c, queries, and what is nearest to them.
 *
 * Unit vectors around centres, CLUSTER to each, in no order; a query is one more of them.
 * The same everywhere and whatever the number of threads. */
#ifndef BENCH_DATA_H
#define BENCH_DATA_H

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/threads.h"
#include "search/vec.h"

#define DIMS    ((size_t)384)
#define K       ((size_t)10)
#define CLUSTER ((size_t)100) /* vectors around one centre */
#define SPREAD  0.7f          /* how long the way from the centre is */
#define QUERIES ((size_t)100)
#define PARTS   100 /* the filter lets one in so many through */
#define PART    7

typedef struct data {
    size_t n;
    float *x, *q;             /* n x DIMS, QUERIES x DIMS */
    sqlite3_int64 *near;      /* QUERIES x K: the exact answer */
    sqlite3_int64 *near_part; /* the same of PART alone */
} data;

static void *room(size_t n, size_t size)
{
    void *at = enc_mem_zero_array(n, size);
    if (at == NULL) {
        fprintf(stderr, "bench: no memory for %zu times %zu bytes\n", n, size);
        exit(1);
    }
    return at;
}

static void unit(float *v)
{
    double square = 0.0;
    for (size_t i = 0; i < DIMS; i++) square += (double)v[i] * (double)v[i];
    for (size_t i = 0; i < DIMS; i++) v[i] = (float)((double)v[i] / sqrt(square));
}

/* Vector i around its centre; a query is a vector of another number. */
static void make_vector(size_t i, size_t n_centres, float *v)
{
    enc_rng centre = {i % n_centres * 2}, own = {(i + 1) * 1000003};
    for (size_t j = 0; j < DIMS; j++) v[j] = enc_rng_normal(&centre);
    for (size_t j = 0; j < DIMS; j++) v[j] += SPREAD * enc_rng_normal(&own);
    unit(v);
}

/* An enc_task: a hundredth of the vectors. */
static void make_part(void *arg, size_t part)
{
    data *d = arg;
    for (size_t i = d->n * part / 100; i < d->n * (part + 1) / 100; i++)
        make_vector(i * 7919 % d->n, d->n / CLUSTER, d->x + i * DIMS);
}

/* The K nearest to query number i, among all or among PART, the nearest first. */
static void find_near(const data *d, size_t i, bool is_part, sqlite3_int64 *near)
{
    double best[K + 1];
    size_t n = 0;
    for (size_t r = is_part ? PART : 0; r < d->n; r += is_part ? PARTS : 1) {
        double at = enc_vec_distance(ENC_DOT, d->q + i * DIMS, d->x + r * DIMS, DIMS);
        if (n == K && at >= best[K - 1]) continue;
        size_t place = n < K ? n++ : K - 1;
        for (; place > 0 && best[place - 1] > at; place--) {
            best[place] = best[place - 1];
            near[place] = near[place - 1];
        }
        best[place] = at;
        near[place] = (sqlite3_int64)r + 1;
    }
}

static void answer_query(void *arg, size_t i)
{
    data *d = arg;
    find_near(d, i, false, d->near + i * K);
    find_near(d, i, true, d->near_part + i * K);
}

static void make_data(data *d, size_t n)
{
    *d = (data){n, room(n * DIMS, sizeof(float)), room(QUERIES * DIMS, sizeof(float)),
                room(QUERIES * K, sizeof(sqlite3_int64)),
                room(QUERIES * K, sizeof(sqlite3_int64))};
    enc_threads_run(100, make_part, d);
    for (size_t i = 0; i < QUERIES; i++)
        make_vector(n + i * 13, n / CLUSTER, d->q + i * DIMS);
    enc_threads_run(QUERIES, answer_query, d);
}

static void clear_data(data *d)
{
    enc_mem_free(d->x);
    enc_mem_free(d->q);
    enc_mem_free(d->near);
    enc_mem_free(d->near_part);
}

#endif
