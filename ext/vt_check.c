/* vt_check.c - whether all that is stored agrees: the 'integrity-check' command, and
 * xIntegrity where SQLite has it.
 *
 *   every stretch of every row names a slot of its own, and all slots are named
 *   the segment names the row whose slot it is
 *   a segment's bytes have the hash that was stored with them
 *   the codes are those of the f32 vector, and that is finite
 *   every row of %_content has a document, and the other way round
 *   the text is the one that was encoded (its hash), also in the user's own table
 *   the vector of the user's own table is the one that is stored
 *   hybrid=1: FTS5 has the texts of the documents, and finds its index to be theirs
 *
 * The quick check leaves out the last four: it reads each vector once and no text. */
#include "vt.h"

#include <math.h>
#include <string.h>

typedef struct check {
    ext_vt_table *t;
    size_t n, dims;    /* slots, and values of each, when it began */
    uint8_t *is_named; /* a bit a slot */
    size_t n_named;
    enc_segment *one; /* a code made anew */
    float *v;
    char *problem;
} check;

static int found(check *c, char *sentence)
{
    if (sentence == NULL) return SQLITE_NOMEM;
    if (c->problem == NULL) c->problem = sentence;
    else sqlite3_free(sentence);
    return SQLITE_OK;
}

static int check_code(check *c, sqlite3_int64 id, size_t slot)
{
    const enc_segment *s = NULL;
    enc_store store;
    enc_err e;
    size_t row = slot % ENC_SEGMENT_ROWS, dims = c->t->config.dims;
    int rc = ext_vt_vectors_get(c->t, slot, c->v);

    if (rc == SQLITE_OK) rc = ext_vt_vectors_store(c->t, &store);
    if (rc != SQLITE_OK) return rc;
    enc_err_clear(&e);
    rc = ext_vt_fail_enc(c->t, store.segment(store.self, slot / ENC_SEGMENT_ROWS, &s, &e),
                         &e);
    if (rc != SQLITE_OK) return rc;
    for (size_t i = 0; i < dims; i++)
        if (!isfinite(c->v[i]))
            return found(c, sqlite3_mprintf("row %lld: value %d of its vector is not "
                                            "finite",
                                            id, (int)i));
    enc_segment_cut(c->one, 0);
    enc_segment_put(c->one, 0, id, c->v);
    if (s->ids[row] != id)
        return found(c, sqlite3_mprintf("slot %d is row %lld's, its segment says %lld",
                                        (int)slot, id, s->ids[row]));
    bool is_same = s->scale[row] == c->one->scale[0] && s->norm[row] == c->one->norm[0] &&
                   s->loss[row] == c->one->loss[0] &&
                   memcmp(s->codes + row * s->stride, c->one->codes, dims) == 0;
    return is_same ? SQLITE_OK
                   : found(c, sqlite3_mprintf("row %lld: its code is not that of its "
                                              "vector",
                                              id));
}

static int check_stretches(check *c, sqlite3_int64 id, const ext_vt_doc *d)
{
    int rc = SQLITE_OK;

    for (size_t i = 0; i < d->n && rc == SQLITE_OK && c->problem == NULL; i++) {
        size_t slot = d->at[i].slot;
        if (slot >= ext_vt_vectors_count(c->t->vectors))
            return found(c, sqlite3_mprintf("row %lld names slot %d, there are %d", id,
                                            (int)slot,
                                            (int)ext_vt_vectors_count(c->t->vectors)));
        if ((c->is_named[slot / 8] & 1u << slot % 8) != 0)
            return found(c, sqlite3_mprintf("row %lld names slot %d, which is another's",
                                            id, (int)slot));
        c->is_named[slot / 8] |= (uint8_t)(1u << slot % 8);
        c->n_named++;
        rc = check_code(c, id, slot);
    }
    return rc;
}

/* The user's own vector is the one of the index. */
static int check_vector(check *c, sqlite3_int64 id, const ext_vt_doc *d)
{
    ext_vt_table *t = c->t;
    float *theirs = NULL;
    sqlite3_stmt *s;
    int rc = SQLITE_OK, code = SQLITE_OK;

    if (t->config.content != EXT_VT_EXTERNAL) return SQLITE_OK;
    if ((rc = ext_vt_sql_get(t, EXT_VT_CONTENT_GET, &s))) return rc;
    sqlite3_bind_int64(s, 1, id);
    code = ext_vt_content_step(t, s);
    if (code == SQLITE_ROW)
        rc = ext_vt_value_vector(t, sqlite3_column_value(s, t->config.vector + 1),
                                 &theirs);
    else if (code != SQLITE_DONE) rc = code;
    code = ext_vt_done(t, s);
    if (rc == SQLITE_OK) rc = code;
    bool is_same = (theirs != NULL) == (d->n > 0);
    if (rc == SQLITE_OK && is_same && theirs != NULL) {
        rc = ext_vt_vectors_get(t, d->at[0].slot, c->v);
        is_same = memcmp(theirs, c->v, t->config.dims * sizeof *theirs) == 0;
    }
    enc_mem_free(theirs);
    if (rc != SQLITE_OK || is_same) return rc;
    return found(c,
                 sqlite3_mprintf("row %lld: its vector is not the one that was indexed "
                                 "(without triggers, 'rebuild' follows)",
                                 id));
}

static int check_text(check *c, sqlite3_int64 id, const ext_vt_doc *d)
{
    ext_vt_table *t = c->t;
    enc_wr text;
    bool is_null;

    if (t->config.content == EXT_VT_CONTENTLESS) return SQLITE_OK;
    if (t->config.vector >= 0) return check_vector(c, id, d);
    enc_wr_init(&text);
    int rc = ext_vt_docs_stored_text(t, id, &text, &is_null);
    uint8_t hash[16];
    ext_vt_docs_hash((enc_bytes){text.at, text.n}, hash);
    size_t n = text.n;
    enc_wr_clear(&text);
    if (rc != SQLITE_OK) return rc;
    if (is_null != !d->has_hash || (!is_null && memcmp(hash, d->hash, 16) != 0))
        return found(
            c, sqlite3_mprintf("row %lld: its text is not the one that was indexed%s", id,
                               t->config.content == EXT_VT_EXTERNAL
                                   ? " (without triggers, 'rebuild' follows)"
                                   : ""));
    for (size_t i = 0; i < d->n; i++)
        if (d->at[i].start > d->at[i].end || d->at[i].end > n)
            return found(c,
                         sqlite3_mprintf("row %lld: bytes %u to %u are named, its text "
                                         "has %d",
                                         id, d->at[i].start, d->at[i].end, (int)n));
    return SQLITE_OK;
}

/* A function in a view that is the content may have changed what it is called for. */
static int refuse_changed(const check *c)
{
    ext_vt_table *t = c->t;
    size_t n = ext_vt_vectors_count(t->vectors);

    if (n == c->n && t->config.dims == c->dims) return SQLITE_OK;
    return ext_vt_fail(
        t, SQLITE_ABORT,
        "it was changed while it was checked: it had %d slots of %d values, "
        "now %d of %d",
        (int)c->n, (int)c->dims, (int)n, (int)t->config.dims);
}

static int check_docs(check *c, bool is_quick)
{
    sqlite3_int64 id;
    bool found_one = false;
    ext_vt_doc d = {0};
    int rc = SQLITE_OK;

    while (rc == SQLITE_OK && c->problem == NULL) {
        if ((rc = ext_vt_doc_next(c->t, &id, &found_one)) || !found_one) break;
        if ((rc = refuse_changed(c)) || (rc = ext_vt_doc_get(c->t, id, &d))) break;
        rc = check_stretches(c, id, &d);
        if (rc == SQLITE_OK && c->problem == NULL && d.has_hash && d.n == 0)
            rc = found(c, sqlite3_mprintf("row %lld has a text and no vector", id));
        if (rc == SQLITE_OK && c->problem == NULL && !is_quick)
            rc = check_text(c, id, &d);
    }
    ext_vt_vectors_close_blob(c->t);
    ext_vt_doc_clear(&d);
    return rc;
}

/* Rows of one side that the other has not. */
static int check_content(check *c)
{
    ext_vt_table *t = c->t;
    bool is_external = t->config.content == EXT_VT_EXTERNAL;
    sqlite3_stmt *s;
    char *from = is_external
                     ? sqlite3_mprintf("(SELECT T.\"%w\" AS id FROM \"%w\".\"%w\" AS T "
                                       "WHERE T.\"%w\" IS NOT NULL)",
                                       t->config.content_rowid, t->schema,
                                       t->config.content_table, t->config.content_rowid)
                     : sqlite3_mprintf("\"%w\".\"%w_content\"", t->schema, t->name);
    char *sql =
        from == NULL
            ? NULL
            : sqlite3_mprintf(
                  "SELECT id, 0 FROM %s WHERE id NOT IN (SELECT id FROM "
                  "\"%w\".\"%w_doc\") UNION ALL SELECT id, 1 FROM \"%w\".\"%w_doc\" "
                  "WHERE id NOT IN (SELECT id FROM %s) ORDER BY 1 LIMIT 1",
                  from, t->schema, t->name, t->schema, t->name, from);
    int rc = sql == NULL
                 ? SQLITE_NOMEM
                 : ext_vt_fail_db(t, sqlite3_prepare_v2(t->db, sql, -1, &s, NULL));

    if (rc == SQLITE_OK) {
        if (sqlite3_step(s) == SQLITE_ROW)
            rc = found(c, sqlite3_mprintf(
                              sqlite3_column_int(s, 1) == 0
                                  ? "row %lld is in the content and not in the index"
                                  : "row %lld is in the index and not in the content",
                              sqlite3_column_int64(s, 0)));
        int code = sqlite3_finalize(s);
        if (rc == SQLITE_OK) rc = ext_vt_fail_db(t, code);
    }
    sqlite3_free(sql);
    sqlite3_free(from);
    return rc;
}

static int check_words(check *c)
{
    ext_vt_table *t = c->t;
    char *sql = sqlite3_mprintf(
        "INSERT INTO \"%w\".\"%w_fts\"(\"%w_fts\") VALUES('integrity-check')", t->schema,
        t->name, t->name);
    if (sql == NULL) return SQLITE_NOMEM;
    int rc = sqlite3_exec(t->db, sql, NULL, NULL, NULL);
    sqlite3_free(sql);
    if (rc == SQLITE_OK) return ext_vt_words_check(t, &c->problem);
    if ((rc & 0xff) != SQLITE_CORRUPT) return ext_vt_fail_db(t, rc);
    return found(
        c, sqlite3_mprintf("FTS5 finds %s_fts damaged ('rebuild' mends it)", t->name));
}

int ext_vt_check_run(ext_vt_table *t, bool is_quick, char **problem)
{
    check c = {.t = t};
    enc_err e;
    int rc = ext_vt_vectors_refresh(t);

    *problem = NULL;
    enc_err_clear(&e);
    if (rc == SQLITE_OK) rc = ext_vt_docs_flush(t);
    if (rc == SQLITE_OK)
        rc = ext_vt_fail_enc(t, enc_segment_new(&c.one, t->config.dims, &e), &e);
    c.n = ext_vt_vectors_count(t->vectors);
    c.dims = t->config.dims;
    c.is_named = enc_mem_zero(c.n / 8 + 1);
    c.v = enc_mem_array(t->config.dims, sizeof *c.v);
    if (rc == SQLITE_OK && (c.is_named == NULL || c.v == NULL)) rc = SQLITE_NOMEM;
    if (rc == SQLITE_OK) rc = ext_vt_vectors_check(t);
    if (rc == SQLITE_OK && !is_quick) rc = check_content(&c);
    if (rc == SQLITE_OK && c.problem == NULL) rc = check_docs(&c, is_quick);
    if (rc == SQLITE_OK && c.problem == NULL && !is_quick && t->config.is_hybrid)
        rc = check_words(&c);
    if (rc == SQLITE_OK && c.problem == NULL && c.n_named != c.n)
        rc = found(&c, sqlite3_mprintf("%d slots are nobody's", (int)(c.n - c.n_named)));
    enc_segment_free(c.one);
    enc_mem_free(c.is_named);
    enc_mem_free(c.v);
    if (rc == SQLITE_CORRUPT_VTAB &&
        t->base.zErrMsg != NULL) { /* what was found is this */
        *problem = t->base.zErrMsg;
        t->base.zErrMsg = NULL;
        sqlite3_free(c.problem);
        return SQLITE_OK;
    }
    if (c.problem != NULL && rc == SQLITE_OK)
        *problem = sqlite3_mprintf("similarity '%s': %s", t->name, c.problem);
    if (c.problem != NULL && rc == SQLITE_OK && *problem == NULL) rc = SQLITE_NOMEM;
    sqlite3_free(c.problem);
    return rc;
}
