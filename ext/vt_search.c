/* vt_search.c - a query -> hits, batch by batch, in order.
 *
 * Each batch is a search for as many rows as have been given so far and some more, from
 * which those already given are left out. The first batch is as large as k, or as LIMIT
 * suggests; later ones grow eightfold, so that reading to the end costs a few scans.
 *
 *   exact    all segments: batches continue each other, the order is that of the oracle
 *   ivf      the first batch looks only into the segments nearest to the query; what it
 *            does not give follows from all of them, so the stream is complete
 *   hybrid   the first batch fuses two rankings (vt_lexical.c); the rest follows by
 *            distance
 *
 * A document with several stretches counts once, with its nearest. */
#include "vt.h"

#include <math.h>
#include <string.h>

#define BATCH_FIRST  32
#define BATCH_GROWTH 8
#define TICK_HITS    16384
#define PROBES_MIN   6
#define PROBES_PART  12 /* one in so many of the segments is looked into */

/* ---- the query ---- */

static int embed_query(ext_vt_table *t, sqlite3_value *value, float *out)
{
    const enc_model *m;
    ext_call c;
    int rc = ext_vt_model(t, &m);

    if (rc != SQLITE_OK) return rc;
    const unsigned char *at = sqlite3_value_text(value);
    if (at == NULL) return SQLITE_NOMEM;
    enc_bytes text = {at, (size_t)sqlite3_value_bytes(value)};
    if (text.n > ext_text_max())
        return ext_vt_fail(t, SQLITE_TOOBIG,
                           "query too long (got %lld bytes, limit %lld)",
                           (long long)text.n, (long long)ext_text_max());
    ext_call_begin(&c, t->conn, "similarity");
    enc_embed_job job = {&text, 1, ext_prompt(m, "query"), out, NULL, NULL};
    enc_work *w = ext_work(&c);
    if (w != NULL) ext_failed(&c, enc_embed_run(m, w, &job, &c.err));
    rc = c.code;
    if (rc != SQLITE_OK) rc = ext_vt_fail(t, rc, "%s", c.err.text);
    ext_call_end(&c);
    return rc;
}

int ext_vt_query_vector(ext_vt_table *t, sqlite3_value *value, float **out)
{
    int type = sqlite3_value_type(value);

    if (type == SQLITE_NULL || type == SQLITE_BLOB || t->config.vector >= 0)
        return ext_vt_value_vector(t, value, out);
    *out = enc_mem_array(t->config.dims, sizeof **out);
    if (*out == NULL) return SQLITE_NOMEM;
    int rc = embed_query(t, value, *out);
    if (rc == SQLITE_OK) return SQLITE_OK;
    enc_mem_free(*out);
    *out = NULL;
    return rc;
}

int ext_vt_search_open(ext_vt_table *t, ext_vt_search *s)
{
    sqlite3_value *match = s->plan.match;
    bool is_text = sqlite3_value_type(match) != SQLITE_BLOB;
    int rc = ext_vt_query_vector(t, match, &s->q);

    s->dims = t->config.dims;
    s->limit = s->plan.k >= 0 ? (size_t)s->plan.k : SIZE_MAX;
    s->is_ended = s->q == NULL || s->plan.is_empty || s->limit == 0;
    s->batch = s->plan.k > 0      ? (size_t)s->plan.k
               : s->plan.hint > 0 ? (size_t)s->plan.hint
                                  : BATCH_FIRST;
    if (rc != SQLITE_OK || s->is_ended) return rc;
    if ((s->given = enc_idset_new()) == NULL) return SQLITE_NOMEM;
    s->has_words = t->config.is_hybrid && is_text;
    return SQLITE_OK;
}

int ext_vt_search_check(ext_vt_table *t, const ext_vt_search *s)
{
    if (s->dims == t->config.dims) return SQLITE_OK;
    return ext_vt_fail(t, SQLITE_ABORT,
                       "its vectors were made anew while they were searched: they had %d "
                       "values, now they have %d",
                       (int)s->dims, (int)t->config.dims);
}

void ext_vt_search_clear(ext_vt_search *s)
{
    ext_vt_plan_clear(&s->plan);
    enc_mem_free(s->q);
    enc_mem_free(s->hits);
    enc_idset_free(s->given);
    memset(s, 0, sizeof *s);
}

/* ---- one scan ---- */

/* Segments worth a look for index=ivf; *only NULL: all. */
static int choose(ext_vt_table *t, const ext_vt_search *s, size_t want, size_t **only,
                  size_t *n)
{
    ext_vt_sizes sizes;

    *only = NULL;
    *n = 0;
    if (!t->config.is_ivf || s->is_exact || !ext_vt_vectors_is_clustered(t->vectors))
        return SQLITE_OK;
    ext_vt_vectors_sizes(t->vectors, &sizes);
    size_t n_probe = sizes.n_segments / PROBES_PART;
    if (n_probe < PROBES_MIN) n_probe = PROBES_MIN;
    if (t->n_probe > 0) n_probe = t->n_probe;
    while (n_probe * ENC_SEGMENT_ROWS < 4 * want && n_probe < sizes.n_segments)
        n_probe *= 2;
    if (n_probe >= sizes.n_segments) return SQLITE_OK;
    *only = enc_mem_array(sizes.n_segments, sizeof **only);
    if (*only == NULL) return SQLITE_NOMEM;
    return ext_vt_vectors_probe(t, s->q, n_probe, *only, n);
}

static bool has_stretches(const ext_vt_table *t)
{
    return t->config.chunk > 0 || t->config.is_chunk_auto;
}

/* What a vector must pass. A document is as near as its nearest stretch, so that one too
 * near for the query must not be passed over for another of the same document. */
static enc_filter filter_of(const ext_vt_table *t, const ext_vt_search *s)
{
    enc_filter f = s->plan.filter;

    if (!has_stretches(t)) return f;
    f.distance.min = (double)-INFINITY;
    f.similarity.max = (double)INFINITY;
    return f;
}

static int scan(ext_vt_table *t, ext_vt_search *s, size_t k, enc_hit **hits, size_t *n)
{
    const enc_filter filter = filter_of(t, s);
    enc_store store;
    enc_err e;
    ext_call c;
    size_t *only, n_only;
    int rc = ext_vt_vectors_store(t, &store);

    enc_err_clear(&e);
    *hits = NULL;
    if (rc == SQLITE_OK) rc = choose(t, s, k, &only, &n_only);
    else only = NULL;
    if (rc == SQLITE_OK && (*hits = enc_mem_array(k, sizeof **hits)) == NULL)
        rc = SQLITE_NOMEM;
    if (rc == SQLITE_OK) {
        ext_call_begin(&c, t->conn, "similarity");
        const enc_scan_query q = {t->config.metric, s->q, t->config.dims, k,     &filter,
                                  ext_stop,         &c,   only,           n_only};
        rc = ext_vt_fail_enc(t, enc_scan_run(&store, &q, *hits, n, &t->last, &e), &e);
        ext_call_end(&c);
        s->was_probed = only != NULL;
        t->last_path = only != NULL        ? "ivf"
                       : store.is_resident ? "exact"
                                           : "exact, read through";
    }
    ext_vt_vectors_close_blob(t);
    enc_mem_free(only);
    return rc;
}

/* ---- documents ---- */

int ext_vt_search_add(ext_vt_search *s, const ext_vt_hit *hit)
{
    if (!enc_mem_reserve((void **)&s->hits, &s->cap_hits, s->n_hits + 1, sizeof *s->hits))
        return SQLITE_NOMEM;
    if (!enc_idset_add(s->given, hit->id)) return SQLITE_NOMEM;
    s->hits[s->n_hits++] = *hit;
    return SQLITE_OK;
}

/* Between hits, of which there may be as many as rows. */
static int stop_between(ext_vt_table *t, size_t i)
{
    ext_call c;

    if (i % TICK_HITS != TICK_HITS - 1) return SQLITE_OK;
    ext_call_begin(&c, t->conn, "similarity");
    bool is_stopped = ext_stop(&c);
    ext_call_end(&c);
    return is_stopped ? ext_vt_fail(t, SQLITE_INTERRUPT, "interrupted") : SQLITE_OK;
}

static int documents(ext_vt_table *t, ext_vt_search *s, size_t want, ext_vt_hit **out,
                     size_t *n, bool *is_all)
{
    size_t N = ext_vt_vectors_count(t->vectors), k = want < N ? want : N, n_hits = 0;
    enc_hit *hits = NULL;
    int rc = SQLITE_OK;

    *out = NULL;
    *n = 0;
    *is_all = true;
    for (; k > 0 && rc == SQLITE_OK; k = k < N / 4 ? 4 * k : N) {
        enc_idset *seen = enc_idset_new();
        enc_mem_free(hits);
        enc_mem_free(*out);
        *out = enc_mem_array(k, sizeof **out);
        *n = 0;
        rc = seen == NULL || *out == NULL ? SQLITE_NOMEM : scan(t, s, k, &hits, &n_hits);
        if (seen == NULL || *out == NULL) hits = NULL;
        for (size_t i = 0; i < n_hits && rc == SQLITE_OK; i++) {
            if ((rc = stop_between(t, i)) || enc_idset_has(seen, hits[i].id)) continue;
            if (!enc_idset_add(seen, hits[i].id)) rc = SQLITE_NOMEM;
            if (!enc_filter_has(&s->plan.filter, t->config.metric, hits[i].distance))
                continue;
            (*out)[(*n)++] =
                (ext_vt_hit){hits[i].id, hits[i].segment * ENC_SEGMENT_ROWS + hits[i].row,
                             hits[i].distance, 0, 0};
        }
        enc_idset_free(seen);
        *is_all = !s->was_probed && (n_hits < k || k == N);
        if (*n >= want || n_hits < k || k == N) break;
    }
    enc_mem_free(hits);
    if (rc == SQLITE_OK) return SQLITE_OK;
    enc_mem_free(*out);
    *out = NULL;
    return rc;
}

/* The best `want` documents by distance into *out (enc_mem), each once; *is_all: there
 * are no more. If the near segments have not so many, others may have nearer ones. */
int ext_vt_search_documents(ext_vt_table *t, ext_vt_search *s, size_t want,
                            ext_vt_hit **out, size_t *n, bool *is_all)
{
    int rc = documents(t, s, want, out, n, is_all);

    if (rc != SQLITE_OK || !s->was_probed || *n >= want) return rc;
    enc_mem_free(*out);
    s->is_exact = true;
    return documents(t, s, want, out, n, is_all);
}

/* ---- batches ---- */

static int by_distance(ext_vt_table *t, ext_vt_search *s, size_t want)
{
    ext_vt_hit *more;
    size_t n;
    bool is_all;
    int rc = ext_vt_search_documents(t, s, want, &more, &n, &is_all);

    for (size_t i = 0; i < n && rc == SQLITE_OK; i++)
        if ((rc = stop_between(t, i)) == SQLITE_OK &&
            !enc_idset_has(s->given, more[i].id))
            rc = ext_vt_search_add(s, &more[i]);
    enc_mem_free(more);
    s->is_exact = true;
    s->is_ended = is_all;
    return rc;
}

int ext_vt_search_more(ext_vt_table *t, ext_vt_search *s)
{
    double start = ext_now_ms();
    int rc = SQLITE_OK;

    while (rc == SQLITE_OK && s->at >= s->n_hits && !s->is_ended) {
        if (s->n_hits == 0) t->last = (enc_scan_stats){0};
        size_t want = s->n_hits + s->batch;
        if (s->batch < SIZE_MAX / BATCH_GROWTH) s->batch *= BATCH_GROWTH;
        if (s->batch < BATCH_FIRST) s->batch = BATCH_FIRST;
        if ((rc = ext_vt_vectors_refresh(t)) || (rc = ext_vt_search_check(t, s))) break;
        rc = s->has_words ? ext_vt_lexical_fuse(t, s) : by_distance(t, s, want);
        s->has_words = false; /* what is behind its rows follows by distance */
        if (s->n_hits >= s->limit) {
            s->n_hits = s->limit;
            s->is_ended = true;
        }
        t->last_ms = ext_now_ms() - start;
    }
    return rc;
}

/* ---- many at once ---- */

/* What one of many scans found, each document once; the rest of them if it was too few.
 */
static int add_first(ext_vt_table *t, ext_vt_search *s, const enc_hit *hits, size_t n)
{
    int rc = SQLITE_OK;

    for (size_t i = 0; i < n && rc == SQLITE_OK; i++)
        if (!enc_idset_has(s->given, hits[i].id))
            rc = ext_vt_search_add(
                s, &(ext_vt_hit){hits[i].id,
                                 hits[i].segment * ENC_SEGMENT_ROWS + hits[i].row,
                                 hits[i].distance, 0, 0});
    s->is_ended = n < s->limit;
    if (rc == SQLITE_OK && !s->is_ended && s->n_hits < s->limit)
        rc = by_distance(t, s, s->limit);
    if (s->n_hits > s->limit) s->n_hits = s->limit;
    return rc;
}

int ext_vt_search_exact(ext_vt_table *t, ext_vt_search *s, size_t n)
{
    size_t k = s->limit, n_hits[EXT_VT_AT_ONCE];
    enc_scan_query q[EXT_VT_AT_ONCE];
    enc_hit *at[EXT_VT_AT_ONCE], *hits = enc_mem_array(n * k, sizeof *hits);
    enc_store store;
    enc_err e;
    ext_call c;
    int rc = hits == NULL ? SQLITE_NOMEM : ext_vt_vectors_store(t, &store);

    enc_err_clear(&e);
    ext_call_begin(&c, t->conn, "similarity");
    for (size_t i = 0; i < n && rc == SQLITE_OK; i++) {
        at[i] = hits + i * k;
        q[i] = (enc_scan_query){.metric = t->config.metric,
                                .q = s[i].q,
                                .dims = t->config.dims,
                                .k = k,
                                .filter = &s[i].plan.filter,
                                .tick = ext_stop,
                                .tick_arg = &c};
    }
    if (rc == SQLITE_OK)
        rc =
            ext_vt_fail_enc(t, enc_scan_run_many(&store, q, n, at, n_hits, NULL, &e), &e);
    ext_call_end(&c);
    for (size_t i = 0; i < n && rc == SQLITE_OK; i++)
        rc = add_first(t, &s[i], at[i], n_hits[i]);
    ext_vt_vectors_close_blob(t);
    enc_mem_free(hits);
    return rc;
}
