/* test_ivf.c - an order is a permutation, the same on any number of threads; near rows
 * come together; and probing everything is exact. */
#include "search/ivf.h"

#include "array_store.h"
#include "base/mem.h"
#include "base/threads.h"
#include "check.h"

static size_t *order_of(const array_store *a, enc_metric m)
{
    size_t *order = malloc((a->n + 1) * sizeof *order);
    enc_ivf_job job = {
        .vectors = &a->store, .n = a->n, .dims = a->dims, .metric = m, .seed = 7};
    CHECK(enc_ivf_order(&job, order, NULL) == ENC_OK);
    return order;
}

static bool is_permutation(const size_t *order, size_t n)
{
    bool *seen = calloc(n + 1, sizeof *seen), is_one = true;
    for (size_t i = 0; i < n && is_one; i++) {
        is_one = order[i] < n && !seen[order[i]];
        if (is_one) seen[order[i]] = true;
    }
    free(seen);
    return is_one;
}

static void an_order_is_a_permutation_whatever_the_rows(void)
{
    static const size_t counts[] = {0, 1, 256, 257, 511, 513, 3000};
    enc_rng r = {1};
    for (int kind = 0; kind < N_KINDS; kind++) {
        for (size_t i = 0; i < 7; i++) {
            array_store *a = array_store_new(vectors_new(&r, kind, counts[i], 20), NULL,
                                             counts[i], 20, 100);
            size_t *orders[3];
            for (size_t t = 0; t < 3; t++) {
                enc_threads_set(t + 1);
                a->store.is_resident = t < 2;
                orders[t] = order_of(a, (enc_metric)(i % 3));
                CHECK(is_permutation(orders[t], a->n));
                CHECK(memcmp(orders[0], orders[t], a->n * sizeof(size_t)) == 0);
            }
            enc_threads_set(0);
            for (size_t t = 0; t < 3; t++) free(orders[t]);
            array_store_free(a);
        }
    }
}

/* The same rows in the order of ivf; their ids are where they were. */
static array_store *in_order(const array_store *a, enc_metric m)
{
    size_t *order = order_of(a, m);
    int64_t *ids = malloc(a->n * sizeof *ids);
    float *v = floats_new(a->n * a->dims);
    for (size_t i = 0; i < a->n; i++) {
        memcpy(v + i * a->dims, a->v + order[i] * a->dims, a->dims * sizeof *v);
        ids[i] = (int64_t)order[i];
    }
    array_store *b = array_store_new(v, ids, a->n, a->dims, ENC_SEGMENT_ROWS);
    free(order), free(ids);
    return b;
}

/* How many of the 10 nearest ids are the same; *n_read rows were read for them. */
static size_t same_ids(const array_store *a, const array_store *b, enc_metric m,
                       const float *q, size_t n_probe, size_t *n_read)
{
    enc_hit exact[10], found[10];
    size_t n_exact, n_found, n_only, same = 0, n_segments = b->store.n_segments;
    size_t *only = malloc(n_segments * sizeof *only);
    float *at = floats_new(ENC_IVF_CENTERS * b->dims);
    enc_segment *centers[1];
    enc_scan_stats stats = {0};
    if (enc_segment_new(&centers[0], b->dims, NULL)) abort();
    for (size_t i = 0; i < n_segments; i++) {
        CHECK(enc_ivf_centers(b->segments[i], m, at, NULL) == ENC_OK);
        for (size_t j = 0; j < ENC_IVF_CENTERS; j++)
            enc_segment_put(centers[0], centers[0]->n, (int64_t)i, at + j * b->dims);
    }
    enc_ivf_map map = {centers, 1, n_segments, b->dims, m};
    CHECK(enc_ivf_probe(&map, q, n_probe, only, &n_only, NULL) == ENC_OK);
    CHECK(n_only == (n_probe < n_segments ? n_probe : n_segments));
    enc_scan_query query = {.metric = m, .q = q, .dims = a->dims, .k = 10};
    CHECK(enc_scan_plain(&a->store, &query, exact, &n_exact, NULL, NULL) == ENC_OK);
    query.only = only, query.n_only = n_only;
    CHECK(enc_scan_run(&b->store, &query, found, &n_found, &stats, NULL) == ENC_OK);
    for (size_t i = 0; i < n_exact; i++)
        for (size_t j = 0; j < n_found; j++) same += exact[i].id == found[j].id ? 1 : 0;
    *n_read = stats.n_scanned;
    free(only), free(at);
    enc_segment_free(centers[0]);
    return same;
}

static void probing_everything_is_exact_and_little_is_good(void)
{
    enc_rng r = {2};
    size_t n = 8000, dims = 48, n_read;
    array_store *a = array_store_new(vectors_new(&r, UNIT, n, dims), NULL, n, dims, 256);
    for (int m = 0; m < 3; m++) {
        array_store *b = in_order(a, (enc_metric)m);
        size_t same = 0;
        for (size_t i = 0; i < 20; i++) {
            float *q = vectors_new(&r, UNIT, 1, dims);
            for (size_t j = 0; j < dims; j++) q[j] = a->v[i * 311 * dims + j] * 1.01f;
            CHECK(same_ids(a, b, (enc_metric)m, q, 1000, &n_read) == 10 && n_read == n);
            same += same_ids(a, b, (enc_metric)m, q, 4, &n_read);
            CHECK(n_read <= 4 * ENC_SEGMENT_ROWS);
            free(q);
        }
        printf("metric %d: %zu of 200 nearest in 4 of %zu segments\n", m, same,
               b->store.n_segments);
        array_store_free(b);
    }
    array_store_free(a);
}

static void centers_are_means_of_what_lies_together(void)
{
    const float v[4][2] = {{3.0f, 4.0f}, {3.2f, 4.0f}, {0.0f, -2.0f}, {0.0f, 0.0f}};
    enc_segment *s;
    float c[ENC_IVF_CENTERS * 2];
    if (enc_segment_new(&s, 2, NULL)) abort();
    CHECK(enc_ivf_centers(s, ENC_COSINE, c, NULL) == ENC_OK);
    for (size_t i = 0; i < ENC_IVF_CENTERS * 2; i++) CHECK(fabsf(c[i]) <= 0.0f);
    for (size_t i = 0; i < ENC_SEGMENT_ROWS; i++) enc_segment_put(s, i, 0, v[i % 4]);
    for (int m = 0; m < 3; m++) {
        CHECK(enc_ivf_centers(s, (enc_metric)m, c, NULL) == ENC_OK);
        for (size_t i = 0; i < 4; i++) { /* each row has a center near */
            double best = INFINITY;
            for (size_t j = 0; j < ENC_IVF_CENTERS; j++) {
                double d = enc_vec_distance((enc_metric)m, v[i], c + 2 * j, 2);
                if (d < best) best = d;
            }
            CHECK(m == ENC_COSINE && i == 3 ? isinf(best) : best < 0.15);
        }
    }
    enc_segment_free(s);
}

static bool at_once(void *arg)
{
    (void)arg;
    return true;
}

static void it_may_be_stopped_and_may_fail(void)
{
    enc_rng r = {3};
    array_store *a = array_store_new(vectors_new(&r, UNIT, 700, 9), NULL, 700, 9, 256);
    size_t order[700], live = enc_mem_live();
    enc_err e = {0};
    enc_ivf_job job = {.vectors = &a->store, .n = 700, .dims = 9, .tick = at_once};
    CHECK(enc_ivf_order(&job, order, NULL) == ENC_INTERRUPT);
    job.tick = NULL, job.n = 701;
    CHECK(enc_ivf_order(&job, order, &e) == ENC_MISUSE);
    CHECK(strcmp(e.text, "700 rows in the store, not 701") == 0);
    job.n = 600, enc_err_clear(&e);
    CHECK(enc_ivf_order(&job, order, &e) == ENC_MISUSE);
    job.n = 700;
    enc_rc rc = ENC_NOMEM;
    for (size_t i = 1; rc == ENC_NOMEM && i < 100; i++) {
        enc_mem_fault(i, false);
        rc = enc_ivf_order(&job, order, NULL);
        enc_mem_fault(0, false);
        CHECK(enc_mem_live() == live && (rc == ENC_OK || rc == ENC_NOMEM));
    }
    CHECK(rc == ENC_OK && is_permutation(order, 700));
    a->calls_left = 1;
    CHECK(enc_ivf_order(&job, order, NULL) == ENC_IO && enc_mem_live() == live);
    array_store_free(a);
}

int main(void)
{
    an_order_is_a_permutation_whatever_the_rows();
    probing_everything_is_exact_and_little_is_good();
    centers_are_means_of_what_lies_together();
    it_may_be_stopped_and_may_fail();
    return check_done("ivf");
}
