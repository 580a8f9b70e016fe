/* test_scan.c - what enc_scan_run gives is what enc_scan_plain gives, to the bit. */
#include "search/scan.h"

#include "array_store.h"
#include "base/mem.h"
#include "base/threads.h"
#include "check.h"

static enc_hit *hits_new(size_t k)
{
    enc_hit *h = calloc(k + 1, sizeof *h);
    if (h == NULL) abort();
    return h;
}

/* The number of hits if both scans agree to the bit, else SIZE_MAX. */
static size_t same_hits(const array_store *a, const enc_scan_query *q)
{
    enc_hit *run = hits_new(q->k), *plain = hits_new(q->k);
    size_t n_run = 7, n_plain = 8;
    bool is_same = enc_scan_run(&a->store, q, run, &n_run, NULL, NULL) == ENC_OK &&
                   enc_scan_plain(&a->store, q, plain, &n_plain, NULL, NULL) == ENC_OK &&
                   n_run == n_plain;
    for (size_t i = 0; is_same && i < n_run; i++) {
        /* A NaN has many bit patterns and only one meaning. */
        is_same = run[i].id == plain[i].id && run[i].segment == plain[i].segment &&
                  run[i].row == plain[i].row &&
                  ((isnan(run[i].distance) && isnan(plain[i].distance)) ||
                   memcmp(&run[i].distance, &plain[i].distance, sizeof(double)) == 0);
    }
    free(run), free(plain);
    return is_same ? n_run : SIZE_MAX;
}

static const enc_filter open_filter = {INT64_MIN,
                                       INT64_MAX,
                                       NULL,
                                       NULL,
                                       {-(double)INFINITY, (double)INFINITY},
                                       {-(double)INFINITY, (double)INFINITY}};

/* A distance that some row has, to put a border there. */
static double some_distance(enc_rng *r, const array_store *a, const enc_scan_query *q)
{
    const float *v = a->v + enc_rng_below(r, (uint32_t)a->n) * a->dims;
    return enc_vec_distance(q->metric, q->q, v, a->dims);
}

static enc_filter random_filter(enc_rng *r, const array_store *a, const enc_scan_query *q,
                                const enc_idset *set)
{
    enc_filter f = open_filter;
    unsigned how = enc_rng_below(r, 256);
    if (how & 1) f.id_min = (int64_t)enc_rng_below(r, (uint32_t)a->n);
    if (how & 2) f.id_max = (int64_t)enc_rng_below(r, (uint32_t)a->n);
    if ((how & 12) == 4) f.in = set;
    if ((how & 12) == 8) f.not_in = set;
    if ((how & 48) == 16) f.distance.max = some_distance(r, a, q);
    if ((how & 48) == 32) f.distance.min = some_distance(r, a, q);
    if ((how & 192) == 64)
        f.similarity.min = enc_vec_similarity(q->metric, some_distance(r, a, q));
    if ((how & 192) == 128)
        f.similarity.max = enc_vec_similarity(q->metric, some_distance(r, a, q));
    return f;
}

static enc_idset *random_set(enc_rng *r, size_t n)
{
    enc_idset *set = enc_idset_new();
    size_t n_in = enc_rng_below(r, 2) == 0 ? 5 : n / 2;
    for (size_t i = 0; i < n_in; i++)
        if (!enc_idset_add(set, (int64_t)enc_rng_below(r, (uint32_t)n))) abort();
    return set;
}

/* Some queries against one table. */
static void try_table(enc_rng *r, int kind, size_t n, size_t dims)
{
    static const size_t sizes[] = {256, 256, 100, 1};
    int64_t *ids = malloc(n * sizeof *ids);
    for (size_t i = 0; i < n; i++) ids[i] = (int64_t)enc_rng_below(r, (uint32_t)n);
    array_store *a = array_store_new(vectors_new(r, kind, n, dims), ids, n, dims,
                                     sizes[enc_rng_below(r, n < 600 ? 4 : 3)]);
    float *queries = vectors_new(r, kind, 8, dims);
    enc_idset *set = random_set(r, n);
    size_t *only = malloc(a->store.n_segments * sizeof *only), n_only = 0;
    for (size_t i = a->store.n_segments; i-- > 0;)
        if (enc_rng_below(r, 2) == 0) only[n_only++] = i;
    for (int t = 0; t < 24; t++) {
        const size_t ks[] = {1, 10, n / 3 + 1, n, n + 5, 2};
        enc_scan_query q = {.metric = (enc_metric)(t % 3),
                            .q = queries + t % 8 * (int)dims,
                            .dims = dims,
                            .k = ks[enc_rng_below(r, 6)]};
        if (enc_rng_below(r, 3) == 0) q.q = a->v + enc_rng_below(r, (uint32_t)n) * dims;
        enc_filter f = random_filter(r, a, &q, set);
        if (enc_rng_below(r, 3) > 0) q.filter = &f;
        if (enc_rng_below(r, 4) == 0) q.only = only, q.n_only = n_only;
        a->store.is_resident = enc_rng_below(r, 2) == 0;
        CHECK_SAY(same_hits(a, &q) != SIZE_MAX,
                  "kind %d, %zu x %zu, metric %d, k %zu, filter %d: different hits", kind,
                  n, dims, (int)q.metric, q.k, q.filter != NULL);
    }
    enc_idset_free(set);
    array_store_free(a);
    free(ids), free(queries), free(only);
}

static void run_and_plain_agree_on_everything(void)
{
    static const size_t counts[] = {1, 2, 255, 256, 257, 900, 2500};
    static const size_t widths[] = {1, 2, 3, 63, 64, 65, 384};
    enc_rng r = {1};
    for (int kind = 0; kind < N_KINDS; kind++)
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
            try_table(&r, kind, counts[i], widths[(i + (size_t)kind) % 7]);
}

static void queries_that_are_no_direction_agree(void)
{
    enc_rng r = {2};
    array_store *a = array_store_new(vectors_new(&r, TIES, 700, 20), NULL, 700, 20, 256);
    static const float odd[] = {0.0f, -0.0f, INFINITY, NAN, 1e38f, 1e-44f, 1e30f, 1e-30f};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        for (int m = 0; m < 3; m++) {
            float q[20] = {odd[i], odd[i], odd[0]};
            enc_scan_query query = {.metric = (enc_metric)m, .q = q, .dims = 20, .k = 30};
            CHECK_SAY(same_hits(a, &query) == 30, "%g, metric %d", (double)odd[i], m);
        }
    }
    a->v[20] = NAN; /* rows that are none */
    a->v[777] = -INFINITY;
    enc_segment_put(a->segments[0], 1, 1, a->v + 20);
    enc_segment_put(a->segments[0], 38, 38, a->v + 760);
    for (int m = 0; m < 3; m++) {
        enc_scan_query query = {.metric = (enc_metric)m, .q = a->v, .dims = 20, .k = 700};
        CHECK(same_hits(a, &query) == 700);
        query.k = 5;
        CHECK(same_hits(a, &query) == 5);
    }
    array_store_free(a);
}

static void ties_break_by_id_then_by_place(void)
{
    enum { N = 600 };
    float *v = floats_new(N * 2);
    int64_t ids[N];
    for (size_t i = 0; i < N; i++) {
        v[2 * i] = v[2 * i + 1] = 0.6f;
        ids[i] = i % 2 == 0 ? 5 : -(int64_t)i;
    }
    array_store *a = array_store_new(v, ids, N, 2, 256);
    const float q[2] = {1.0f, 0.1f};
    enc_scan_query query = {.metric = ENC_L2, .q = q, .dims = 2, .k = 302};
    enc_hit hits[302];
    size_t n;
    CHECK(enc_scan_run(&a->store, &query, hits, &n, NULL, NULL) == ENC_OK && n == 302);
    CHECK(hits[0].id == -599 && hits[1].id == -597 && hits[299].id == -1);
    CHECK(hits[300].id == 5 && hits[300].segment == 0 && hits[300].row == 0);
    CHECK(hits[301].id == 5 && hits[301].segment == 0 && hits[301].row == 2);
    CHECK(same_hits(a, &query) == 302);
    array_store_free(a);
}

static void the_number_of_threads_does_not_matter(void)
{
    enc_rng r = {3};
    size_t n = 20000, dims = 32;
    array_store *a =
        array_store_new(vectors_new(&r, UNIT, n, dims), NULL, n, dims, ENC_SEGMENT_ROWS);
    for (int m = 0; m < 3; m++) {
        enc_scan_query q = {.metric = (enc_metric)m,
                            .q = a->v + 77 * dims,
                            .dims = dims,
                            .k = m == 2 ? 5000 : 10};
        enc_scan_stats stats[3] = {{0}};
        enc_hit *hits = hits_new(q.k);
        size_t n_hits;
        for (size_t t = 0; t < 3; t++) {
            enc_threads_set(t + 1);
            CHECK(same_hits(a, &q) == q.k);
            enc_scan_run(&a->store, &q, hits, &n_hits, &stats[t], NULL);
        }
        enc_threads_set(0);
        CHECK(stats[0].n_scanned == n && stats[0].n_segments == a->store.n_segments);
        CHECK_SAY(m == 2 || stats[0].n_rescored < n / 10, "%zu rows measured",
                  stats[0].n_rescored);
        CHECK(memcmp(&stats[0], &stats[1], sizeof *stats) == 0 &&
              memcmp(&stats[0], &stats[2], sizeof *stats) == 0);
        free(hits);
    }
    array_store_free(a);
}

static void many_at_once_are_as_one_by_one(void)
{
    enum { N = 7, DIMS = 32, N_ROWS = 18000 };
    enc_rng r = {6};
    array_store *a =
        array_store_new(vectors_new(&r, UNIT, N_ROWS, DIMS), NULL, N_ROWS, DIMS, 256);
    for (size_t k = 1; k <= 3000; k += 2999) {
        for (int turn = 0; turn < 4; turn++) {
            enc_scan_query q[N];
            enc_hit *hits[N], *alone = hits_new(k);
            enc_scan_stats many = {0}, one = {0};
            size_t n[N], n_alone;
            for (size_t i = 0; i < N; i++) {
                q[i] = (enc_scan_query){.metric = ENC_COSINE,
                                        .q = a->v + (i * 900 + (size_t)turn) * DIMS,
                                        .dims = DIMS,
                                        .k = k};
                hits[i] = hits_new(k);
            }
            enc_threads_set(turn % 2 == 0 ? 1 : 3);
            a->store.is_resident = turn < 2;
            CHECK(enc_scan_run_many(&a->store, q, N, hits, n, &many, NULL) == ENC_OK);
            for (size_t i = 0; i < N; i++) {
                enc_scan_plain(&a->store, &q[i], alone, &n_alone, NULL, NULL);
                CHECK(n[i] == k && n_alone == k &&
                      memcmp(hits[i], alone, k * sizeof *alone) == 0);
                enc_scan_run(&a->store, &q[i], alone, &n_alone, &one, NULL);
                free(hits[i]);
            }
            CHECK(memcmp(&many, &one, sizeof many) == 0);
            free(alone);
        }
    }
    enc_threads_set(0);
    array_store_free(a);
}

static bool third_time(void *arg)
{
    return ++*(int *)arg == 3;
}

static void a_tick_stops_it_and_misuse_is_named(void)
{
    enc_rng r = {4};
    array_store *a = array_store_new(vectors_new(&r, TIES, 3000, 4), NULL, 3000, 4, 200);
    enc_hit *hits = hits_new(3000);
    size_t n, wrong = 15;
    int ticks = 0;
    enc_err e = {0};
    enc_scan_query q = {.metric = ENC_DOT,
                        .q = a->v,
                        .dims = 4,
                        .k = 3000,
                        .tick = third_time,
                        .tick_arg = &ticks};
    CHECK(enc_scan_run(&a->store, &q, hits, &n, NULL, &e) == ENC_INTERRUPT && n == 0);
    ticks = 0, a->store.is_resident = false;
    CHECK(enc_scan_run(&a->store, &q, hits, &n, NULL, &e) == ENC_INTERRUPT && ticks == 3);
    q.tick = NULL, q.dims = 5, enc_err_clear(&e);
    CHECK(enc_scan_run(&a->store, &q, hits, &n, NULL, &e) == ENC_MISUSE);
    CHECK(strcmp(e.text, "a query of 5 dimensions and a segment of 4") == 0);
    q.dims = 4, q.only = &wrong, q.n_only = 1, enc_err_clear(&e);
    CHECK(enc_scan_run(&a->store, &q, hits, &n, NULL, &e) == ENC_MISUSE);
    CHECK(strcmp(e.text, "segment 15 of 15") == 0);
    q.k = 0;
    CHECK(enc_scan_run(&a->store, &q, hits, &n, NULL, NULL) == ENC_OK && n == 0);
    array_store_free(a);
    free(hits);
}

static void every_allocation_and_every_call_may_fail(void)
{
    enc_rng r = {5};
    array_store *a = array_store_new(vectors_new(&r, TIES, 600, 4), NULL, 600, 4, 256);
    enc_hit hits[20];
    size_t n, before = enc_mem_live();
    enc_scan_query q = {.metric = ENC_COSINE, .q = a->v + 8, .dims = 4, .k = 20};
    enc_scan_query both[2] = {q, q};
    enc_hit more[20], *all[2] = {hits, more};
    size_t n_all[2];
    enc_rc rc = ENC_NOMEM;
    for (size_t i = 1; rc == ENC_NOMEM && i < 100; i++) {
        enc_mem_fault(i, false);
        rc = enc_scan_run_many(&a->store, both, 2, all, n_all, NULL, NULL);
        enc_mem_fault(0, false);
        CHECK(enc_mem_live() == before && (rc == ENC_OK || rc == ENC_NOMEM));
    }
    CHECK(rc == ENC_OK && n_all[0] == 20 && n_all[1] == 20);
    rc = ENC_NOMEM;
    for (size_t i = 1; rc == ENC_NOMEM && i < 100; i++) {
        enc_mem_fault(i, false);
        rc = enc_scan_run(&a->store, &q, hits, &n, NULL, NULL);
        enc_mem_fault(0, false);
        CHECK(enc_mem_live() == before && (rc == ENC_OK || rc == ENC_NOMEM));
    }
    CHECK(rc == ENC_OK && n == 20);
    rc = ENC_IO;
    for (size_t i = 0; rc == ENC_IO && i < 1000; i++) {
        a->calls_left = i;
        rc = enc_scan_run(&a->store, &q, hits, &n, NULL, NULL);
        CHECK(enc_mem_live() == before && (rc == ENC_OK || rc == ENC_IO));
    }
    CHECK(rc == ENC_OK && n == 20);
    array_store_free(a);
}

int main(void)
{
    run_and_plain_agree_on_everything();
    queries_that_are_no_direction_agree();
    ties_break_by_id_then_by_place();
    the_number_of_threads_does_not_matter();
    many_at_once_are_as_one_by_one();
    a_tick_stops_it_and_misuse_is_named();
    every_allocation_and_every_call_may_fail();
    return check_done("scan");
}
