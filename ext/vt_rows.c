/* vt_rows.c - what INSERT, UPDATE and DELETE do to a row: its columns in %_content, its
 * document, its text in the queue (and in %_fts), or its vector in the array.
 *
 * All checks come before the first write, so that OR IGNORE and OR FAIL are right. A
 * failure after it leaves the table in a state that must be rolled back: vt_transaction.c
 * sees to that. */
#include "vt.h"

#include <math.h>
#include <string.h>

typedef struct row { /* what a row means, once checked */
    enc_wr text;     /* as embedded */
    bool is_null;    /* no text, or no vector */
    bool is_kept;    /* text or vector are as they were */
    uint8_t hash[16];
    float *vector; /* dims; enc_mem */
} row;

static void row_clear(row *r)
{
    enc_wr_clear(&r->text);
    enc_mem_free(r->vector);
}

/* ---- checking ---- */

static int blob_vector(ext_vt_table *t, sqlite3_value *value, float *out)
{
    const void *at = sqlite3_value_blob(value);
    size_t n = (size_t)sqlite3_value_bytes(value);
    enc_rd r = enc_rd_of(at, n);

    if (at == NULL && n > 0) return SQLITE_NOMEM;
    if (n % 4 != 0)
        return ext_vt_fail(t, SQLITE_ERROR,
                           "vector has %d bytes, expected %d float32 values", (int)n,
                           (int)t->config.dims);
    if (n / 4 != t->config.dims)
        return ext_vt_fail(t, SQLITE_ERROR, "vector has %d values, expected %d",
                           (int)(n / 4), (int)t->config.dims);
    enc_rd_f32s(&r, out, t->config.dims);
    return SQLITE_OK;
}

static int json_vector(ext_vt_table *t, sqlite3_value *value, float *out)
{
    enc_json *json;
    enc_err e;
    const unsigned char *text = sqlite3_value_text(value);
    enc_bytes bytes = {text, (size_t)sqlite3_value_bytes(value)};

    if (text == NULL) return SQLITE_NOMEM;
    if (text[strspn((const char *)text, " \t\r\n")] != '[')
        return ext_vt_fail(t, SQLITE_MISMATCH, "vector: a BLOB or a JSON array expected");
    enc_err_clear(&e);
    int rc = ext_code(enc_json_open(&json, bytes, "vector", &e));
    if (rc != SQLITE_OK) return ext_vt_fail(t, rc, "%s", e.text);
    enc_json_value *root = enc_json_root(json);
    size_t n = enc_json_count(root);
    if (n != t->config.dims)
        rc = ext_vt_fail(t, SQLITE_ERROR, "vector has %d values, expected %d", (int)n,
                         (int)t->config.dims);
    for (size_t i = 0; i < t->config.dims && rc == SQLITE_OK; i++) {
        enc_json_value *v = enc_json_at(root, i);
        if (!enc_json_is_number(v))
            rc = ext_vt_fail(t, SQLITE_MISMATCH, "value %d of the vector is not a number",
                             (int)i);
        else out[i] = (float)enc_json_number(v);
    }
    enc_json_close(json);
    return rc;
}

int ext_vt_value_vector(ext_vt_table *t, sqlite3_value *value, float **out)
{
    int type = sqlite3_value_type(value), rc;

    *out = NULL;
    if (type == SQLITE_NULL) return SQLITE_OK;
    if (type != SQLITE_BLOB && type != SQLITE_TEXT)
        return ext_vt_fail(t, SQLITE_MISMATCH, "vector: a BLOB or a JSON array expected");
    float *v = enc_mem_array(t->config.dims, sizeof *v);
    if (v == NULL) return SQLITE_NOMEM;
    rc = type == SQLITE_BLOB ? blob_vector(t, value, v) : json_vector(t, value, v);
    for (size_t i = 0; i < t->config.dims && rc == SQLITE_OK; i++)
        if (!isfinite(v[i]))
            rc = ext_vt_fail(t, SQLITE_ERROR, "value %d of the vector is not finite",
                             (int)i);
    if (rc == SQLITE_OK) *out = v;
    else enc_mem_free(v);
    return rc;
}

/* Whether SQLite says that every column of the text, or the vector, is as it was. */
static int see_kept(ext_vt_table *t, sqlite3_value **values, bool *is_kept)
{
    const ext_vt_config *c = &t->config;
    int n_kept = 0, n = 0;

    for (int i = 0; i < c->n_columns; i++) {
        if (c->columns[i].kind == EXT_VT_STORED) continue;
        n++;
        n_kept += sqlite3_value_nochange(values[i]);
    }
    *is_kept = n_kept == n;
    if (n_kept == 0 || n_kept == n) return SQLITE_OK;
    return ext_vt_fail(
        t, SQLITE_ERROR,
        "content='' keeps no text: an UPDATE must set all %d text columns or "
        "none (it sets %d)",
        n, n - n_kept);
}

static int row_read(ext_vt_table *t, sqlite3_int64 id, sqlite3_value **values,
                    bool is_update, row *r)
{
    int rc = SQLITE_OK;

    memset(r, 0, sizeof *r);
    enc_wr_init(&r->text);
    if (is_update) rc = see_kept(t, values, &r->is_kept);
    if (rc != SQLITE_OK || r->is_kept) return rc;
    if (t->config.vector >= 0) {
        rc = ext_vt_value_vector(t, values[t->config.vector], &r->vector);
        r->is_null = r->vector == NULL;
        return rc;
    }
    if ((rc = ext_vt_docs_text(t, id, values, &r->text, &r->is_null))) return rc;
    ext_vt_docs_hash((enc_bytes){r->text.at, r->text.n}, r->hash);
    return SQLITE_OK;
}

/* ---- writing ---- */

static int put_content(ext_vt_table *t, sqlite3_int64 id, sqlite3_value **values)
{
    sqlite3_stmt *s;
    int rc;

    if (t->config.content == EXT_VT_EXTERNAL) return SQLITE_OK;
    if ((rc = ext_vt_sql_get(t, EXT_VT_CONTENT_PUT, &s))) return rc;
    sqlite3_bind_int64(s, 1, id);
    for (int i = 0; i < t->config.n_columns && rc == SQLITE_OK; i++) {
        ext_vt_kind kind = t->config.columns[i].kind;
        if (kind == EXT_VT_STORED ||
            (kind == EXT_VT_TEXT && t->config.content == EXT_VT_OWN))
            rc = sqlite3_bind_value(s, i + 2, values[i]);
    }
    return ext_vt_run_bound(t, s, rc);
}

/* The document's text or vector is now another: d is what it was, and is written. */
static int put_meaning(ext_vt_table *t, sqlite3_int64 id, ext_vt_doc *d, const row *r)
{
    size_t slot = 0;
    int rc = SQLITE_OK;

    d->has_hash = t->config.vector < 0 && !r->is_null;
    if (d->has_hash) memcpy(d->hash, r->hash, sizeof d->hash);
    if (r->is_null) rc = ext_vt_docs_release(t, id, d);
    if (r->vector != NULL && d->n == 1) {
        rc = ext_vt_vectors_put(t, d->at[0].slot, id, r->vector);
    } else if (r->vector != NULL) {
        if (d->n > 1)
            return ext_vt_fail(t, SQLITE_CORRUPT_VTAB, "row %lld has %d vectors", id,
                               (int)d->n);
        if (!enc_mem_reserve((void **)&d->at, &d->cap, 1, sizeof *d->at))
            return SQLITE_NOMEM;
        rc = ext_vt_vectors_append(t, id, r->vector, &slot);
        d->at[d->n++] = (ext_vt_stretch){(uint32_t)slot, 0, 0};
    }
    if (rc == SQLITE_OK) rc = ext_vt_doc_put(t, id, d);
    if (rc == SQLITE_OK && t->config.vector < 0) {
        rc = ext_vt_run_id(t, EXT_VT_FRESH_DEL, id);
        if (rc == SQLITE_OK && r->is_null) rc = ext_vt_run_id(t, EXT_VT_QUEUE_DEL, id);
        if (rc == SQLITE_OK && t->config.is_hybrid && !r->is_null)
            rc = ext_vt_words_put(t, id, (enc_bytes){r->text.at, r->text.n});
    }
    if (rc == SQLITE_OK && d->has_hash)
        rc = ext_vt_docs_queue(t, id, (enc_bytes){r->text.at, r->text.n});
    return rc;
}

int ext_vt_docs_insert(ext_vt_table *t, sqlite3_int64 id, sqlite3_value **values)
{
    ext_vt_doc d = {.exists = true};
    row r;
    int rc = row_read(t, id, values, false, &r);

    if (rc == SQLITE_OK) rc = ext_vt_vectors_refresh(t);
    if (rc == SQLITE_OK) {
        ext_vt_write_begin(t);
        rc = put_content(t, id, values);
        if (rc == SQLITE_OK) rc = put_meaning(t, id, &d, &r);
        rc = ext_vt_write_end(t, rc);
        /* Below 0 it may be the largest: the next was counted for a row refused. */
        if (id < 0 || id == INT64_MAX) t->next_id = 0;
        else if (t->next_id > 0 && id >= t->next_id) t->next_id = id + 1;
    }
    ext_vt_doc_clear(&d);
    row_clear(&r);
    return rc;
}

/* The document is another row's now. */
static int rekey(ext_vt_table *t, sqlite3_int64 old_id, sqlite3_int64 id, ext_vt_doc *d)
{
    int rc = ext_vt_run_id(t, EXT_VT_DOC_DEL, old_id);

    if (rc == SQLITE_OK && t->config.content != EXT_VT_EXTERNAL)
        rc = ext_vt_run_id(t, EXT_VT_CONTENT_DEL, old_id);
    for (size_t i = 0; i < d->n && rc == SQLITE_OK; i++)
        rc = ext_vt_vectors_rekey(t, d->at[i].slot, id);
    if (rc == SQLITE_OK) rc = ext_vt_run_id(t, EXT_VT_FRESH_DEL, old_id);
    if (rc == SQLITE_OK && t->has_queue)
        rc = ext_vt_exec(t, "UPDATE \"%w\".\"%w_queue\" SET id = %lld WHERE id = %lld",
                         t->schema, t->name, id, old_id);
    if (rc == SQLITE_OK && t->config.is_hybrid)
        rc =
            ext_vt_exec(t, "UPDATE \"%w\".\"%w_fts\" SET rowid = %lld WHERE rowid = %lld",
                        t->schema, t->name, id, old_id);
    return rc;
}

/* Whether the stretches lie in a text of n bytes: if not, 'rebuild' cuts it anew. */
static bool fits(const ext_vt_doc *d, size_t n)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->at[i].start > d->at[i].end || d->at[i].end > n) return false;
    return true;
}

/* A vector that is the one the row has, bit for bit, is kept: reading it is less than
 * writing its block and its segment, which triggers would have for every other column. */
static int see_same(ext_vt_table *t, const ext_vt_doc *d, row *r)
{
    size_t n = t->config.dims;

    if (r->vector == NULL || d->n != 1) return SQLITE_OK;
    float *v = enc_mem_array(n, sizeof *v);
    if (v == NULL) return SQLITE_NOMEM;
    int rc = ext_vt_vectors_get(t, d->at[0].slot, v);
    ext_vt_vectors_close_blob(t);
    if (rc == SQLITE_OK) r->is_kept = memcmp(v, r->vector, n * sizeof *v) == 0;
    enc_mem_free(v);
    return rc;
}

static int write_update(ext_vt_table *t, sqlite3_int64 old_id, sqlite3_int64 id,
                        sqlite3_value **values, ext_vt_doc *d, const row *r)
{
    bool is_same =
        r->is_kept ||
        (t->config.vector < 0 && r->is_null == !d->has_hash &&
         (r->is_null || (memcmp(d->hash, r->hash, 16) == 0 && fits(d, r->text.n))));
    int rc = old_id != id ? rekey(t, old_id, id, d) : SQLITE_OK;

    if (rc == SQLITE_OK) rc = put_content(t, id, values);
    if (rc != SQLITE_OK) return rc;
    if (is_same) {
        t->n_kept++;
        return old_id != id ? ext_vt_doc_put(t, id, d) : SQLITE_OK;
    }
    if (t->config.is_hybrid && (rc = ext_vt_run_id(t, EXT_VT_FTS_DEL, id))) return rc;
    return put_meaning(t, id, d, r);
}

int ext_vt_docs_update(ext_vt_table *t, sqlite3_int64 old_id, sqlite3_int64 id,
                       sqlite3_value **values)
{
    ext_vt_doc d = {0};
    row r;
    int rc = row_read(t, id, values, true, &r);

    if (rc == SQLITE_OK) rc = ext_vt_vectors_refresh(t);
    if (rc == SQLITE_OK) rc = ext_vt_doc_get(t, old_id, &d);
    if (rc == SQLITE_OK && d.exists && old_id != id) { /* OR REPLACE, which moves slots */
        rc = ext_vt_docs_delete(t, id);
        if (rc == SQLITE_OK) rc = ext_vt_doc_get(t, old_id, &d);
    }
    if (rc == SQLITE_OK && d.exists) rc = see_same(t, &d, &r);
    if (rc == SQLITE_OK && d.exists) { /* or UPDATE ... FROM has moved it before */
        ext_vt_write_begin(t);
        rc = ext_vt_write_end(t, write_update(t, old_id, id, values, &d, &r));
        t->next_id = 0;
    }
    ext_vt_doc_clear(&d);
    row_clear(&r);
    return rc;
}

static int write_delete(ext_vt_table *t, sqlite3_int64 id, ext_vt_doc *d)
{
    int rc = ext_vt_docs_release(t, id, d);

    if (rc == SQLITE_OK) rc = ext_vt_run_id(t, EXT_VT_DOC_DEL, id);
    if (rc == SQLITE_OK && t->config.content != EXT_VT_EXTERNAL)
        rc = ext_vt_run_id(t, EXT_VT_CONTENT_DEL, id);
    if (rc == SQLITE_OK && t->config.vector < 0) {
        rc = ext_vt_run_id(t, EXT_VT_QUEUE_DEL, id);
        if (rc == SQLITE_OK) rc = ext_vt_run_id(t, EXT_VT_FRESH_DEL, id);
    }
    if (rc == SQLITE_OK && t->config.is_hybrid) rc = ext_vt_run_id(t, EXT_VT_FTS_DEL, id);
    return rc;
}

int ext_vt_docs_delete(ext_vt_table *t, sqlite3_int64 id)
{
    ext_vt_doc d = {0};
    int rc = ext_vt_vectors_refresh(t);

    if (rc == SQLITE_OK) rc = ext_vt_doc_get(t, id, &d);
    if (rc == SQLITE_OK && d.exists) {
        ext_vt_write_begin(t);
        rc = ext_vt_write_end(t, write_delete(t, id, &d));
        t->next_id = 0;
    }
    ext_vt_doc_clear(&d);
    return rc;
}

int ext_vt_docs_forget(ext_vt_table *t)
{
    static const char *const suffixes[] = {"doc", "queue", "fresh", "segment", "vector"};
    static const char empty[] = "DELETE FROM \"%w\".\"%w_%s\"";
    int rc = SQLITE_OK;

    /* Without its tokenizer FTS5 does nothing, and then nothing has been done yet. */
    if (t->config.is_hybrid) rc = ext_vt_exec(t, empty, t->schema, t->name, "fts");
    if (rc != SQLITE_OK) return rc;
    ext_vt_write_begin(t);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes && rc == SQLITE_OK; i++)
        rc = ext_vt_exec(t, empty, t->schema, t->name, suffixes[i]);
    if (rc == SQLITE_OK) rc = ext_vt_vectors_clear(t);
    t->next_id = 0;
    t->has_queue = false;
    return ext_vt_write_end(t, rc);
}

int ext_vt_docs_clear(ext_vt_table *t)
{
    int rc = ext_vt_docs_forget(t);

    if (rc != SQLITE_OK || t->config.content == EXT_VT_EXTERNAL) return rc;
    ext_vt_write_begin(t);
    rc = ext_vt_exec(t, "DELETE FROM \"%w\".\"%w_content\"", t->schema, t->name);
    return ext_vt_write_end(t, rc);
}

/* One more than the largest, as SQLite does; found once, then counted. */
int ext_vt_docs_new_id(ext_vt_table *t, sqlite3_int64 *id)
{
    sqlite3_stmt *s;
    int rc = SQLITE_OK;

    if (t->next_id == 0) {
        if ((rc = ext_vt_sql_get(t, EXT_VT_DOC_LAST, &s))) return rc;
        sqlite3_int64 last = 0;
        if (sqlite3_step(s) == SQLITE_ROW) last = sqlite3_column_int64(s, 0);
        if ((rc = ext_vt_done(t, s))) return rc;
        if (last == INT64_MAX)
            return ext_vt_fail(t, SQLITE_FULL, "no rowid above %lld is left",
                               (long long)INT64_MAX);
        *id = last + 1;
        t->next_id = last < 0 ? 0 : last + 1; /* 0: not counted, looked up each time */
        return SQLITE_OK;
    }
    *id = t->next_id;
    return SQLITE_OK;
}
