/* vt_command.c - INSERT INTO x(x) VALUES('...'), in the manner of FTS5; some take an
 * argument in the column rank.
 *
 *   triggers         the content table's changes reach the index
 *   rebuild          the index follows the content; unchanged texts keep their vectors,
 *                    an index that is damaged is made anew
 *   reembed [n|model] all texts encoded again (vt_reembed.c)
 *   optimize         index=ivf: near rows are put together; hybrid: FTS5's own
 *   integrity-check  fails with the first thing that is wrong (vt_check.c)
 *   delete-all       empties the index
 *   recall r         index=ivf: finds the number of probes that gives it
 *   lexical_weight w, semantic_weight w, probes n: settings, kept with the table */
#include "vt.h"

#include <math.h>
#include <string.h>

#define PAGE           64 /* rows of content read at a time */
#define PROBES_FIRST   2
#define RECALL_K       10
#define RECALL_QUERIES 100

/* ---- triggers ---- */

/* "a, b" of all columns. */
static char *column_list(const ext_vt_table *t)
{
    sqlite3_str *s = sqlite3_str_new(NULL);
    for (int i = 0; i < t->config.n_columns; i++)
        sqlite3_str_appendf(s, "%s\"%w\"", i > 0 ? ", " : "", t->config.columns[i].name);
    return sqlite3_str_finish(s);
}

/* Brings the row of the key new.x in step: it may be in the index, for of a row that
 * REPLACE removes no trigger hears, or not, if that has missed it. It is read anew, for a
 * trigger of the user's may have changed it meanwhile. No OR REPLACE: the statement that
 * fires a trigger may put its own in place of that. */
static char *put_sql(const ext_vt_table *t)
{
    const char *content = t->config.content_table, *id = t->config.content_rowid;
    char *names = column_list(t);
    char *sql =
        names == NULL
            ? NULL
            : sqlite3_mprintf("INSERT INTO \"%w\"(rank, rowid, %s) SELECT 'put', \"%w\", "
                              "%s FROM \"%w\" WHERE \"%w\" = new.\"%w\"",
                              t->name, names, id, names, content, id, id);
    sqlite3_free(names);
    return sql;
}

/* A row whose key is NULL has no place in the index. */
static int create_insert(ext_vt_table *t, const char *put)
{
    return ext_vt_exec(t,
                       "CREATE TRIGGER \"%w\".\"%w_ai\" AFTER INSERT ON \"%w\" WHEN "
                       "new.\"%w\" IS NOT NULL BEGIN %s; END",
                       t->schema, t->name, t->config.content_table,
                       t->config.content_rowid, put);
}

static int create_delete(ext_vt_table *t)
{
    return ext_vt_exec(
        t,
        "CREATE TRIGGER \"%w\".\"%w_ad\" AFTER DELETE ON \"%w\" BEGIN DELETE "
        "FROM \"%w\" WHERE rowid = old.\"%w\"; END",
        t->schema, t->name, t->config.content_table, t->name, t->config.content_rowid);
}

/* Moves the row to its new key, or takes it out; then brings it in step. */
static int create_update(ext_vt_table *t, const char *put)
{
    const char *x = t->name, *id = t->config.content_rowid;

    return ext_vt_exec(
        t,
        "CREATE TRIGGER \"%w\".\"%w_au\" AFTER UPDATE ON \"%w\" BEGIN DELETE FROM \"%w\" "
        "WHERE rowid = new.\"%w\" AND old.\"%w\" <> new.\"%w\"; UPDATE \"%w\" SET rowid "
        "= new.\"%w\" WHERE rowid = old.\"%w\" AND old.\"%w\" <> new.\"%w\"; DELETE FROM "
        "\"%w\" WHERE rowid = old.\"%w\" AND new.\"%w\" IS NULL; %s; END",
        t->schema, x, t->config.content_table, x, id, id, id, x, id, id, id, id, x, id,
        id, put);
}

static int create_triggers(ext_vt_table *t)
{
    char *put = put_sql(t);
    int rc = put == NULL ? SQLITE_NOMEM : SQLITE_OK;

    if (rc == SQLITE_OK) rc = create_insert(t, put);
    if (rc == SQLITE_OK) rc = create_delete(t);
    if (rc == SQLITE_OK) rc = create_update(t, put);
    sqlite3_free(put);
    return rc;
}

static int triggers(ext_vt_table *t)
{
    sqlite3_stmt *content;
    if (t->config.content != EXT_VT_EXTERNAL)
        return ext_vt_fail(t, SQLITE_ERROR,
                           "triggers need content='...': this table has no "
                           "table to follow");
    /* A trigger is created even where it will fail, and then nobody can write there. */
    int rc = ext_vt_sql_get(t, EXT_VT_CONTENT_ALL, &content);
    if (rc == SQLITE_OK) rc = ext_vt_done(t, content);
    if (rc == SQLITE_OK)
        rc = ext_vt_store_drop_triggers(t); /* perhaps of an earlier name of the table */
    if (rc == SQLITE_OK) rc = create_triggers(t);
    if (rc == SQLITE_OK) rc = ext_vt_config_put_text(t, "triggers", t->name);
    if (rc != SQLITE_OK) return rc;
    sqlite3_free(t->triggers);
    t->triggers = sqlite3_mprintf("%s", t->name);
    return t->triggers == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

/* ---- rebuild ---- */

typedef struct page {
    sqlite3_int64 ids[PAGE];
    sqlite3_value *values[PAGE][EXT_VT_COLUMNS_MAX];
    int n;
} page;

static void page_clear(ext_vt_table *t, page *p)
{
    for (int i = 0; i < p->n; i++)
        for (int k = 0; k < t->config.n_columns; k++) sqlite3_value_free(p->values[i][k]);
    p->n = 0;
}

/* The rows of the content after `last`. */
static int page_read(ext_vt_table *t, page *p, sqlite3_int64 last, bool is_first)
{
    sqlite3_stmt *s;
    int code = SQLITE_OK, rc = ext_vt_sql_get(t, EXT_VT_CONTENT_ALL, &s);

    if (rc != SQLITE_OK) return rc;
    if (is_first) sqlite3_bind_double(s, 1, -1e300);
    else sqlite3_bind_int64(s, 1, last);
    sqlite3_bind_int(s, 2, PAGE);
    while (rc == SQLITE_OK && p->n < PAGE &&
           (code = ext_vt_content_step(t, s)) == SQLITE_ROW) {
        if (sqlite3_column_type(s, 0) != SQLITE_INTEGER) {
            rc = ext_vt_fail(t, SQLITE_MISMATCH,
                             "%s of %s must be whole numbers (found %s)",
                             t->config.content_rowid, t->config.content_table,
                             sqlite3_column_text(s, 0));
            break;
        }
        int row = p->n++;
        p->ids[row] = sqlite3_column_int64(s, 0);
        for (int k = 0; k < t->config.n_columns; k++) p->values[row][k] = NULL;
        for (int k = 0; k < t->config.n_columns && rc == SQLITE_OK; k++) {
            p->values[row][k] = sqlite3_value_dup(sqlite3_column_value(s, k + 1));
            if (p->values[row][k] == NULL) rc = SQLITE_NOMEM;
        }
    }
    if (rc == SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE) rc = code;
    code = ext_vt_done(t, s);
    return rc == SQLITE_OK ? code : rc;
}

static int follow_row(ext_vt_table *t, sqlite3_int64 id, sqlite3_value **values)
{
    ext_vt_doc d = {0};
    int rc = ext_vt_doc_get(t, id, &d);
    bool exists = d.exists;

    ext_vt_doc_clear(&d);
    if (rc != SQLITE_OK) return rc;
    return exists ? ext_vt_docs_update(t, id, id, values)
                  : ext_vt_docs_insert(t, id, values);
}

static int follow_content(ext_vt_table *t)
{
    page *p = enc_mem_zero(sizeof *p);
    sqlite3_int64 last = 0;
    bool is_first = true, is_done = false;
    int rc = p == NULL ? SQLITE_NOMEM : SQLITE_OK;

    while (rc == SQLITE_OK && !is_done) {
        rc = page_read(t, p, last, is_first);
        is_done = p->n == 0;
        if (!is_done) last = p->ids[p->n - 1];
        is_first = false;
        for (int i = 0; i < p->n && rc == SQLITE_OK; i++)
            rc = follow_row(t, p->ids[i], p->values[i]);
        page_clear(t, p);
    }
    enc_mem_free(p);
    return rc;
}

/* Rows whose content has gone. */
static int drop_gone(ext_vt_table *t)
{
    bool is_own = t->config.content == EXT_VT_OWN;
    sqlite3_int64 id = INT64_MIN;
    sqlite3_stmt *s;
    char *content = is_own ? sqlite3_mprintf("%s_content", t->name)
                           : sqlite3_mprintf("%s", t->config.content_table);
    char *sql = sqlite3_mprintf(
        "SELECT id FROM \"%w\".\"%w_doc\" WHERE id >= ?1 AND id "
        "NOT IN (SELECT T.\"%w\" FROM \"%w\".\"%w\" AS T WHERE T.\"%w\" IS NOT NULL) "
        "ORDER BY id LIMIT 1",
        t->schema, t->name, is_own ? "id" : t->config.content_rowid, t->schema,
        content == NULL ? "" : content, is_own ? "id" : t->config.content_rowid);
    int rc = sql == NULL || content == NULL
                 ? SQLITE_NOMEM
                 : ext_vt_fail_db(t, sqlite3_prepare_v2(t->db, sql, -1, &s, NULL));

    sqlite3_free(sql);
    sqlite3_free(content);
    if (rc != SQLITE_OK) return rc;
    sqlite3_bind_int64(s, 1, id);
    while (rc == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW) {
        id = sqlite3_column_int64(s, 0);
        sqlite3_reset(s);
        sqlite3_bind_int64(s, 1, id);
        rc = ext_vt_docs_delete(t, id);
    }
    int code = sqlite3_finalize(s);
    return rc == SQLITE_OK ? ext_vt_fail_db(t, code) : rc;
}

static int fts_command(ext_vt_table *t, const char *name)
{
    return ext_vt_exec(t, "INSERT INTO \"%w\".\"%w_fts\"(\"%w_fts\") VALUES('%s')",
                       t->schema, t->name, t->name, name);
}

static int rebuild(ext_vt_table *t)
{
    char *problem;

    if (t->config.content == EXT_VT_CONTENTLESS)
        return ext_vt_fail(t, SQLITE_ERROR,
                           "content='' keeps no text to rebuild it from");
    if (t->config.content == EXT_VT_OWN && t->config.vector >= 0)
        return ext_vt_fail(t, SQLITE_ERROR,
                           "its vectors stand nowhere else: there is nothing "
                           "to rebuild it from");
    int rc = ext_vt_check_run(t, true, &problem);
    if (rc != SQLITE_OK) return rc;
    bool is_anew = problem != NULL;
    sqlite3_free(problem);
    if (t->config.is_hybrid) rc = fts_command(t, "rebuild");
    if (rc != SQLITE_OK) return rc;
    if (is_anew) rc = ext_vt_docs_forget(t);
    if (rc == SQLITE_OK) rc = follow_content(t);
    if (rc == SQLITE_OK) rc = drop_gone(t);
    if (rc == SQLITE_OK && t->config.is_hybrid) rc = ext_vt_words_rebuild(t);
    if (rc != SQLITE_OK && is_anew && !sqlite3_get_autocommit(t->db))
        t->must_roll_back = true; /* half an index */
    return rc;
}

/* ---- optimize ---- */

static int cluster(ext_vt_table *t)
{
    size_t n = ext_vt_vectors_count(t->vectors),
           *order = enc_mem_array(n + 1, sizeof *order);
    ext_call c;

    if (order == NULL) return SQLITE_NOMEM;
    ext_call_begin(&c, t->conn, "similarity");
    ext_vt_write_begin(t);
    int rc = ext_vt_vectors_cluster(t, order, ext_stop, &c);
    if (rc == SQLITE_OK) rc = ext_vt_docs_follow(t, order);
    rc = ext_vt_write_end(t, rc);
    ext_call_end(&c);
    enc_mem_free(order);
    return rc;
}

static int optimize(ext_vt_table *t)
{
    int rc = ext_vt_vectors_refresh(t);

    if (rc == SQLITE_OK) rc = ext_vt_docs_flush(t);
    if (rc == SQLITE_OK && t->config.is_ivf && ext_vt_vectors_count(t->vectors) > 0)
        rc = cluster(t);
    if (rc == SQLITE_OK && t->config.is_hybrid) rc = fts_command(t, "optimize");
    return rc;
}

/* ---- the others ---- */

static int integrity_check(ext_vt_table *t)
{
    char *problem;
    int rc = ext_vt_check_run(t, false, &problem);

    if (rc != SQLITE_OK || problem == NULL) return rc;
    sqlite3_free(t->base.zErrMsg);
    t->base.zErrMsg = problem;
    return SQLITE_CORRUPT_VTAB;
}

static int bad_value(ext_vt_table *t, const char *name, const char *want,
                     sqlite3_value *value)
{
    char quoted[80];
    const char *text = (const char *)sqlite3_value_text(value);

    return ext_vt_fail(t, SQLITE_ERROR, "%s must be %s (in the column rank; got %s)",
                       name, want,
                       text == NULL ? "NULL" : ext_quote(quoted, text, strlen(text)));
}

static int set_weight(ext_vt_table *t, const char *key, double *to, sqlite3_value *value)
{
    double weight = sqlite3_value_double(value);
    int type = sqlite3_value_numeric_type(value);

    if ((type != SQLITE_INTEGER && type != SQLITE_FLOAT) || !(weight >= 0.0) ||
        !isfinite(weight))
        return bad_value(t, key, "a number from 0 on", value);
    int rc = ext_vt_config_put_real(t, key, weight);
    if (rc == SQLITE_OK) rc = ext_vt_vectors_renew(t);
    if (rc == SQLITE_OK) *to = weight;
    return rc;
}

static int keep_probes(ext_vt_table *t, size_t n)
{
    int rc = ext_vt_config_put_int(t, "probes", (sqlite3_int64)n);
    if (rc == SQLITE_OK) rc = ext_vt_vectors_renew(t);
    if (rc == SQLITE_OK) t->n_probe = n;
    return rc;
}

static int set_probes(ext_vt_table *t, sqlite3_value *value)
{
    sqlite3_int64 n = sqlite3_value_int64(value);

    if (sqlite3_value_numeric_type(value) != SQLITE_INTEGER || n < 0 || n > 1000000)
        return bad_value(t, "probes", "0..1000000", value);
    return keep_probes(t, (size_t)n);
}

/* The fewest probes, up to a factor of 1.5, whose recall on the table's own vectors is at
 * least what is asked for. */
static int set_recall(ext_vt_table *t, sqlite3_value *value)
{
    double want = sqlite3_value_double(value), got = 0.0;
    size_t before = t->n_probe, n = PROBES_FIRST;
    ext_vt_sizes sizes;
    int rc;

    if (!(want > 0.0 && want <= 1.0))
        return bad_value(t, "recall", "above 0 and at most 1", value);
    if (!t->config.is_ivf || !ext_vt_vectors_is_clustered(t->vectors))
        return ext_vt_fail(
            t, SQLITE_ERROR,
            "recall needs index=ivf and an 'optimize' before: this table is "
            "searched exactly");
    ext_vt_vectors_sizes(t->vectors, &sizes);
    for (;; n += n / 2) {
        t->n_probe = n;
        if ((rc = ext_vt_recall_measure(t, RECALL_K, RECALL_QUERIES, &got))) break;
        if (got >= want || n >= sizes.n_segments) break;
    }
    t->n_probe = before;
    return rc == SQLITE_OK ? keep_probes(t, n) : rc;
}

int ext_vt_command_run(ext_vt_table *t, sqlite3_value *command, sqlite3_value *argument)
{
    const char *name = (const char *)sqlite3_value_text(command);
    char quoted[80];

    if (name == NULL) return SQLITE_NOMEM;
    if (strcmp(name, "triggers") == 0) return triggers(t);
    if (strcmp(name, "rebuild") == 0) return rebuild(t);
    if (strcmp(name, "reembed") == 0) return ext_vt_reembed_run(t, argument);
    if (strcmp(name, "optimize") == 0) return optimize(t);
    if (strcmp(name, "integrity-check") == 0) return integrity_check(t);
    if (strcmp(name, "flush") == 0) return ext_vt_docs_flush(t);
    if (strcmp(name, "delete-all") == 0) return ext_vt_docs_clear(t);
    if (strcmp(name, "lexical_weight") == 0)
        return set_weight(t, name, &t->weight_lexical, argument);
    if (strcmp(name, "semantic_weight") == 0)
        return set_weight(t, name, &t->weight_semantic, argument);
    if (strcmp(name, "probes") == 0) return set_probes(t, argument);
    if (strcmp(name, "recall") == 0) return set_recall(t, argument);
    return ext_vt_fail(
        t, SQLITE_ERROR,
        "unknown command %s (triggers, rebuild, reembed, optimize, "
        "integrity-check, flush, delete-all, lexical_weight, semantic_weight, probes, "
        "recall)",
        ext_quote(quoted, name, strlen(name)));
}
