/* vt_stats.c - a similarity table looked at: similarity_stats('x'), what it holds and
 * what its last search did; recall_at_k('x', k, n), how much of the exact answer its
 * searches find, asked with n of its own vectors. */
#include "vt.h"

#include <math.h>
#include <string.h>

#define K_MAX       10000
#define QUERIES_MAX 100000

static ext_vt_table *find(ext_conn *conn, const char *schema, const char *name)
{
    ext_vt_table *t = *ext_conn_tables(conn);
    while (t != NULL && (sqlite3_stricmp(t->name, name) != 0 ||
                         sqlite3_stricmp(t->schema, schema) != 0))
        t = t->next_table;
    return t;
}

/* The table of a schema; a statement that is prepared on it and not run makes SQLite
 * connect it, if it has not been used yet. */
static int find_in(ext_conn *conn, const char *schema, const char *name,
                   ext_vt_table **out)
{
    sqlite3_stmt *s = NULL;
    char *sql = sqlite3_mprintf("SELECT 1 FROM \"%w\".\"%w\"", schema, name);

    if (sql == NULL) return SQLITE_NOMEM;
    sqlite3_prepare_v2(ext_conn_db(conn), sql, -1, &s, NULL);
    *out = find(conn, schema, name);
    sqlite3_finalize(s);
    sqlite3_free(sql);
    return SQLITE_OK;
}

/* The first database that has one, in the order in which SQLite looks for a name. */
static int find_anywhere(ext_conn *conn, const char *name, ext_vt_table **out)
{
    static const char schemas[] =
        "SELECT name FROM pragma_database_list ORDER BY seq <> 1, seq";
    sqlite3_stmt *s;
    int rc = sqlite3_prepare_v2(ext_conn_db(conn), schemas, -1, &s, NULL);

    *out = NULL;
    while (rc == SQLITE_OK && *out == NULL && sqlite3_step(s) == SQLITE_ROW) {
        const char *schema = (const char *)sqlite3_column_text(s, 0);
        rc = schema == NULL ? SQLITE_NOMEM : find_in(conn, schema, name, out);
    }
    int code = sqlite3_finalize(s);
    return rc == SQLITE_OK ? code : rc;
}

/* The table that the argument names. */
static ext_vt_table *table_of(ext_call *c)
{
    enc_bytes name;
    char quoted[80];
    ext_vt_table *t = NULL;

    if (!ext_arg_word(c, 0, "table", &name)) return NULL;
    char *text = sqlite3_mprintf("%.*s", (int)name.n, (const char *)name.at);
    int rc = text == NULL ? SQLITE_NOMEM : find_anywhere(c->conn, text, &t);
    sqlite3_free(text);
    if (rc == SQLITE_NOMEM) ext_nomem(c);
    else if (rc != SQLITE_OK)
        ext_fail(c, rc, "%.400s", sqlite3_errmsg(ext_conn_db(c->conn)));
    else if (t == NULL)
        ext_fail(c, SQLITE_ERROR, "no similarity table named %s",
                 ext_quote(quoted, name.at, name.n));
    return rc == SQLITE_OK ? t : NULL;
}

/* Moves what the table said into the call. */
static bool took_failure(ext_call *c, ext_vt_table *t, int rc)
{
    if (rc == SQLITE_OK) return false;
    if (rc == SQLITE_NOMEM) ext_nomem(c);
    else
        ext_fail(c, rc, "%.400s",
                 t->base.zErrMsg != NULL ? t->base.zErrMsg : sqlite3_errstr(rc));
    sqlite3_free(t->base.zErrMsg);
    t->base.zErrMsg = NULL;
    return true;
}

static bool stats(ext_scan *s)
{
    ext_vt_table *t = table_of(&s->call);
    sqlite3_int64 n_rows = 0, n_fresh = 0;
    ext_vt_sizes sizes;

    if (t == NULL) return false;
    if (took_failure(&s->call, t, ext_vt_vectors_refresh(t))) return false;
    if (took_failure(&s->call, t, ext_vt_count(t, "doc", "1", &n_rows)) ||
        took_failure(&s->call, t, ext_vt_count(t, "fresh", "1", &n_fresh)))
        return false;
    ext_vt_vectors_sizes(t->vectors, &sizes);
    return ext_put_int(s, n_rows) &&
           ext_put_int(s, (sqlite3_int64)ext_vt_vectors_count(t->vectors)) &&
           ext_put_int(s, (sqlite3_int64)t->config.dims) &&
           ext_put_int(s, (sqlite3_int64)sizes.n_segments) &&
           ext_put_int(s, (sqlite3_int64)sizes.n_resident) &&
           ext_put_int(s, (sqlite3_int64)sizes.resident_bytes) &&
           ext_put_text(s, t->last_path, strlen(t->last_path)) &&
           ext_put_int(s, (sqlite3_int64)t->last.n_scanned) &&
           ext_put_int(s, (sqlite3_int64)t->last.n_rescored) &&
           ext_put_real(s, t->last_ms) && ext_put_int(s, t->n_encoded) &&
           ext_put_int(s, t->n_kept) && ext_put_int(s, n_fresh);
}

/* ---- recall ---- */

/* A search for the k nearest to vector `slot` of the table. */
static int open_search(ext_vt_table *t, size_t slot, size_t k, bool is_exact,
                       ext_vt_search *s)
{
    const enc_range all = {(double)-INFINITY, (double)INFINITY};

    s->plan.filter = (enc_filter){INT64_MIN, INT64_MAX, NULL, NULL, all, all};
    s->dims = t->config.dims;
    s->q = enc_mem_array(s->dims, sizeof *s->q);
    s->given = enc_idset_new();
    if (s->q == NULL || s->given == NULL) return SQLITE_NOMEM;
    s->limit = s->batch = k;
    s->is_exact = is_exact;
    int rc = ext_vt_vectors_get(t, slot, s->q);
    ext_vt_vectors_close_blob(t);
    return rc;
}

typedef struct recall {
    size_t n_found, n_wanted, n_timed; /* n_timed: exact searches */
    double ms, exact_ms;
} recall;

static int run_timed(ext_vt_table *t, ext_vt_search *s, double *ms)
{
    double start = ext_now_ms();
    int rc = ext_vt_search_more(t, s);
    *ms += ext_now_ms() - start;
    return rc;
}

/* Queries first ... first + n - 1, EXT_VT_AT_ONCE at most. The first exact searches are
 * made one by one, to see how long one takes, and all others together. */
static int ask(ext_vt_table *t, size_t first, size_t n, size_t k, recall *r)
{
    ext_vt_search fast[EXT_VT_AT_ONCE] = {0}, exact[EXT_VT_AT_ONCE] = {0};
    size_t N = ext_vt_vectors_count(t->vectors);
    int rc = SQLITE_OK;

    for (size_t i = 0; i < n && rc == SQLITE_OK; i++) {
        size_t slot = (size_t)((uint64_t)(first + i) * 0x9e3779b97f4a7c15u >> 16) % N;
        if ((rc = open_search(t, slot, k, false, &fast[i])) == SQLITE_OK &&
            (rc = open_search(t, slot, k, true, &exact[i])) == SQLITE_OK)
            rc = run_timed(t, &fast[i], &r->ms);
        if (rc == SQLITE_OK && first == 0) {
            rc = run_timed(t, &exact[i], &r->exact_ms);
            r->n_timed++;
        }
    }
    if (rc == SQLITE_OK && first > 0) rc = ext_vt_search_exact(t, exact, n);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < exact[i].n_hits && rc == SQLITE_OK; j++)
            r->n_found += enc_idset_has(fast[i].given, exact[i].hits[j].id);
        r->n_wanted += exact[i].n_hits;
        ext_vt_search_clear(&fast[i]);
        ext_vt_search_clear(&exact[i]);
    }
    return rc;
}

/* Asks with n of the table's own vectors, spread evenly. */
static int ask_many(ext_vt_table *t, size_t k, size_t n, recall *r)
{
    size_t n_asked = ext_vt_vectors_count(t->vectors) > 0 ? n : 0;
    ext_call c;
    int rc = SQLITE_OK;

    ext_call_begin(&c, t->conn, "similarity");
    for (size_t i = 0; i < n_asked && rc == SQLITE_OK; i += EXT_VT_AT_ONCE) {
        rc = ask(t, i, n_asked - i < EXT_VT_AT_ONCE ? n_asked - i : EXT_VT_AT_ONCE, k, r);
        if (rc == SQLITE_OK && ext_stop(&c)) rc = SQLITE_INTERRUPT;
    }
    ext_call_end(&c);
    return rc;
}

int ext_vt_recall_measure(ext_vt_table *t, size_t k, size_t n, double *out)
{
    recall r = {0};
    int rc = ask_many(t, k, n, &r);
    *out = r.n_wanted > 0 ? (double)r.n_found / (double)r.n_wanted : 1.0;
    return rc;
}

static bool recall_at_k(ext_scan *s)
{
    ext_vt_table *t = table_of(&s->call);
    sqlite3_int64 k, n;
    recall r = {0};

    if (t == NULL || !ext_arg_int(&s->call, 1, "k", 1, K_MAX, 10, &k) ||
        !ext_arg_int(&s->call, 2, "n", 1, QUERIES_MAX, 100, &n))
        return false;
    if (took_failure(&s->call, t, ext_vt_vectors_refresh(t)) ||
        took_failure(&s->call, t, ext_vt_docs_flush_reading(t)))
        return false;
    if (took_failure(&s->call, t, ask_many(t, (size_t)k, (size_t)n, &r))) return false;
    double each = r.n_wanted > 0 ? (double)n : (double)NAN;
    double exact_each = r.n_wanted > 0 ? (double)r.n_timed : (double)NAN;
    if (r.n_wanted == 0) n = 0;
    return ext_put_real(s, r.n_wanted > 0 ? (double)r.n_found / (double)r.n_wanted
                                          : (double)NAN) &&
           ext_put_int(s, k) && ext_put_int(s, n) && ext_put_real(s, r.ms / each) &&
           ext_put_real(s, r.exact_ms / exact_each);
}

int ext_register_stats(sqlite3 *db, ext_conn *conn)
{
    static const ext_tvf tables[] = {
        {.name = "similarity_stats",
         .columns = "rows INTEGER, vectors INTEGER, dims INTEGER, segments INTEGER, "
                    "resident INTEGER, resident_bytes INTEGER, path TEXT, scanned "
                    "INTEGER, rescored INTEGER, milliseconds REAL, encoded INTEGER, "
                    "unchanged INTEGER, reembedded INTEGER",
         .n_columns = 13,
         .args = {"name"},
         .n_required = 1,
         .open = stats},
        {.name = "recall_at_k",
         .columns = "recall REAL, k INTEGER, queries INTEGER, milliseconds REAL, "
                    "exact_milliseconds REAL",
         .n_columns = 5,
         .args = {"name", "at", "n"},
         .n_required = 1,
         .open = recall_at_k},
    };
    return ext_tvf_register(db, conn, tables, sizeof tables / sizeof *tables);
}
