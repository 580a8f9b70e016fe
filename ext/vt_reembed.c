/* vt_reembed.c - 'reembed': all texts encoded again, at once or some rows at a time.
 *
 * New vectors gather in %_fresh, a row a document, while searches still see the old ones;
 * when no document is left to do they take the place of all, in one transaction, and the
 * table has the new model's fingerprint. So vectors of two models are never compared, and
 * a run that stops half-way goes on where it was. A row that changes meanwhile loses its
 * row of %_fresh and is done again. */
#include "vt.h"

#include <math.h>
#include <string.h>

#define SLICE 256 /* rows at a time */

/* The model that is to encode, and whether its vectors are those the table has. */
static int choose_model(ext_vt_table *t, const char *name, ext_model **out, bool *is_same)
{
    char fingerprint[33], *fresh = NULL;
    enc_err e;

    enc_err_clear(&e);
    int rc = ext_vt_fail_enc(t, ext_registry_get(name, strlen(name), out, &e), &e);
    if (rc != SQLITE_OK) return rc;
    rc = ext_vt_fail_enc(t, ext_model_fingerprint(*out, fingerprint, &e), &e);
    *is_same = strcmp(fingerprint, t->fingerprint) == 0;
    if (rc == SQLITE_OK) rc = ext_vt_config_text(t, "fresh", &fresh);
    if (rc != SQLITE_OK) return rc;
    bool is_going_on = fresh != NULL && strcmp(fresh, fingerprint) == 0;
    sqlite3_free(fresh);
    if (is_going_on || *is_same) return SQLITE_OK;
    rc = ext_vt_exec(t, "DELETE FROM \"%w\".\"%w_fresh\"", t->schema, t->name);
    return rc == SQLITE_OK ? ext_vt_config_put_text(t, "fresh", fingerprint) : rc;
}

static int put_fresh(ext_vt_table *t, sqlite3_int64 id, const ext_vt_doc *d,
                     const float *v, size_t dims)
{
    sqlite3_stmt *s;
    enc_wr c, b;
    int rc = ext_vt_sql_get(t, EXT_VT_FRESH_PUT, &s);

    if (rc != SQLITE_OK) return rc;
    enc_wr_init(&c);
    enc_wr_init(&b);
    for (size_t i = 0; i < d->n; i++) {
        enc_wr_u32(&c, d->at[i].start);
        enc_wr_u32(&c, d->at[i].end);
    }
    if (d->n > 0) enc_wr_f32s(&b, v, d->n * dims);
    sqlite3_bind_int64(s, 1, id);
    if (c.failed || b.failed) rc = SQLITE_NOMEM;
    if (rc == SQLITE_OK) rc = sqlite3_bind_blob64(s, 3, c.at, c.n, SQLITE_STATIC);
    if (rc == SQLITE_OK) rc = sqlite3_bind_blob64(s, 4, b.at, b.n, SQLITE_STATIC);
    rc = ext_vt_run_bound(t, s, rc);
    /* A trigger there could drop it, and the work would never end. */
    if (rc == SQLITE_OK && sqlite3_changes(t->db) != 1)
        rc = ext_vt_fail(t, SQLITE_CORRUPT_VTAB, "row %lld cannot be kept", id);
    enc_wr_clear(&c);
    enc_wr_clear(&b);
    return rc;
}

static int encode_one(ext_vt_table *t, const enc_model *m, sqlite3_int64 id)
{
    size_t dims = enc_config_dims(&m->config);
    enc_bytes *texts = NULL;
    float *v = NULL;
    ext_vt_doc d = {0};
    enc_wr text;
    bool is_null;

    enc_wr_init(&text);
    int rc = ext_vt_docs_stored_text(t, id, &text, &is_null);
    if (rc == SQLITE_OK && !is_null)
        rc = ext_vt_docs_cut(t, m, (enc_bytes){text.at, text.n}, &d);
    if (rc == SQLITE_OK && d.n > 0) {
        texts = enc_mem_array(d.n, sizeof *texts);
        v = enc_mem_array(d.n * dims, sizeof *v);
        if (texts == NULL || v == NULL) rc = SQLITE_NOMEM;
    }
    for (size_t i = 0; i < d.n && rc == SQLITE_OK; i++)
        texts[i] =
            enc_bytes_part((enc_bytes){text.at, text.n}, d.at[i].start, d.at[i].end);
    if (rc == SQLITE_OK && d.n > 0) rc = ext_vt_docs_encode(t, m, texts, d.n, v);
    if (rc == SQLITE_OK) rc = put_fresh(t, id, &d, v, dims);
    enc_mem_free(texts);
    enc_mem_free(v);
    ext_vt_doc_clear(&d);
    enc_wr_clear(&text);
    return rc;
}

/* Up to n documents; with n 0 it only looks. *is_done: there was none left to do. */
static int encode_some(ext_vt_table *t, const enc_model *m, size_t n, bool *is_done)
{
    sqlite3_int64 ids[SLICE];
    size_t n_ids = 0;
    sqlite3_stmt *s;
    int rc = ext_vt_sql_get(t, EXT_VT_FRESH_LEFT, &s);

    if (rc != SQLITE_OK) return rc;
    sqlite3_bind_int64(s, 1, n == 0 ? 1 : n < SLICE ? (sqlite3_int64)n : SLICE);
    while (n_ids < SLICE && sqlite3_step(s) == SQLITE_ROW)
        ids[n_ids++] = sqlite3_column_int64(s, 0);
    rc = ext_vt_done(t, s);
    *is_done = n_ids == 0;
    for (size_t i = 0; i < n_ids && i < n && rc == SQLITE_OK; i++)
        rc = encode_one(t, m, ids[i]);
    return rc;
}

static int take_row(ext_vt_table *t, sqlite3_int64 id, enc_rd c, enc_rd b, float *v)
{
    size_t dims = t->config.dims, slot;
    ext_vt_doc d = {0};
    int rc = ext_vt_doc_get(t, id, &d);

    d.n = 0;
    while (rc == SQLITE_OK && c.left >= 8 && b.left >= 4 * dims) {
        ext_vt_stretch s = {0, enc_rd_u32(&c), 0};
        s.end = enc_rd_u32(&c);
        enc_rd_f32s(&b, v, dims);
        if (!enc_mem_reserve((void **)&d.at, &d.cap, d.n + 1, sizeof *d.at)) {
            rc = SQLITE_NOMEM;
            break;
        }
        rc = ext_vt_vectors_append(t, id, v, &slot);
        s.slot = (uint32_t)slot;
        d.at[d.n++] = s;
    }
    if (rc == SQLITE_OK) rc = ext_vt_doc_put(t, id, &d);
    ext_vt_doc_clear(&d);
    return rc;
}

static int take_rows(ext_vt_table *t)
{
    sqlite3_stmt *s;
    float *v = enc_mem_array(t->config.dims, sizeof *v);
    int rc = v == NULL ? SQLITE_NOMEM : ext_vt_sql_get(t, EXT_VT_FRESH_ALL, &s);

    if (rc == SQLITE_OK) {
        while (rc == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW) {
            enc_rd c =
                enc_rd_of(sqlite3_column_blob(s, 2), (size_t)sqlite3_column_bytes(s, 2));
            enc_rd b =
                enc_rd_of(sqlite3_column_blob(s, 3), (size_t)sqlite3_column_bytes(s, 3));
            rc = take_row(t, sqlite3_column_int64(s, 0), c, b, v);
        }
        int code = ext_vt_done(t, s);
        if (rc == SQLITE_OK) rc = code;
    }
    enc_mem_free(v);
    return rc;
}

/* What the table says of itself from now on. */
static int put_identity(ext_vt_table *t, ext_model *m, const char *name)
{
    char fingerprint[33];
    enc_err e;

    enc_err_clear(&e);
    int rc = ext_vt_fail_enc(t, ext_model_fingerprint(m, fingerprint, &e), &e);
    size_t dims = enc_config_dims(&ext_model_enc(m)->config);
    if (rc == SQLITE_OK) rc = ext_vt_config_put_text(t, "fingerprint", fingerprint);
    if (rc == SQLITE_OK) rc = ext_vt_config_put_text(t, "model", name);
    if (rc == SQLITE_OK) rc = ext_vt_config_put_text(t, "fresh", "");
    return rc == SQLITE_OK ? ext_vt_config_put_int(t, "dims", (sqlite3_int64)dims) : rc;
}

/* The table's vectors are those of another model from now on: none as yet. */
static int change_model(ext_vt_table *t, ext_model *m, const char *name)
{
    int rc = ext_vt_vectors_clear(t);

    if (rc == SQLITE_OK) rc = ext_vt_vectors_flush(t);
    if (rc == SQLITE_OK) rc = put_identity(t, m, name);
    if (rc != SQLITE_OK) return rc;
    ext_vt_vectors_free(t->vectors);
    t->vectors = NULL;
    t->config.dims = enc_config_dims(&ext_model_enc(m)->config);
    ext_model_drop(t->model);
    t->model = NULL;
    return ext_vt_vectors_new(t);
}

/* All are done: the new vectors take the place of the old, which may have had another
 * number of values. The words, with hybrid=1, are the new model's too. */
static int take_over(ext_vt_table *t, ext_model *m, const char *name)
{
    ext_vt_write_begin(t);
    int rc = change_model(t, m, name);
    if (rc == SQLITE_OK) rc = ext_vt_vectors_refresh(t);
    if (rc == SQLITE_OK) rc = take_rows(t);
    if (rc == SQLITE_OK)
        rc = ext_vt_exec(t, "DELETE FROM \"%w\".\"%w_fresh\"", t->schema, t->name);
    if (rc == SQLITE_OK && t->config.is_hybrid) rc = ext_vt_words_remake(t);
    return ext_vt_write_end(t, rc);
}

/* The same model by another name: its vectors are there already. */
static int take_name(ext_vt_table *t, const char *name)
{
    if (strcmp(name, t->model_name) == 0) return SQLITE_OK;
    ext_vt_write_begin(t);
    int rc = ext_vt_config_put_text(t, "model", name);
    if (rc == SQLITE_OK) rc = ext_vt_vectors_renew(t);
    if (rc == SQLITE_OK) rc = ext_vt_config_text(t, "model", &t->model_name);
    return ext_vt_write_end(t, rc);
}

/* Up to n rows. The name is the caller's, for the table's own may be read anew while its
 * content is read, by a function in a view, say. */
static int reembed(ext_vt_table *t, const char *name, sqlite3_int64 n)
{
    bool is_same = false, is_done = false;
    ext_model *m = NULL;
    int rc = choose_model(t, name, &m, &is_same);

    if (rc == SQLITE_OK && is_same) rc = take_name(t, name);
    if (rc == SQLITE_OK && !is_same) {
        while (rc == SQLITE_OK && !is_done && n > 0) {
            rc = encode_some(t, ext_model_enc(m), (size_t)n, &is_done);
            n -= n < SLICE ? n : SLICE;
        }
        if (rc == SQLITE_OK && !is_done)
            rc = encode_some(t, ext_model_enc(m), 0, &is_done);
        if (rc == SQLITE_OK && is_done) rc = take_over(t, m, name);
    }
    ext_model_drop(m);
    return rc;
}

int ext_vt_reembed_run(ext_vt_table *t, sqlite3_value *argument)
{
    int type = sqlite3_value_type(argument);
    double real = sqlite3_value_double(argument);
    const char *name =
        type == SQLITE_TEXT ? (const char *)sqlite3_value_text(argument) : t->model_name;
    bool is_number = type == SQLITE_INTEGER || type == SQLITE_FLOAT;
    sqlite3_int64 n = is_number ? sqlite3_value_int64(argument) : INT64_MAX;

    if (t->config.vector >= 0 || t->config.content == EXT_VT_CONTENTLESS)
        return ext_vt_fail(t, SQLITE_ERROR,
                           "reembed needs texts, and this table keeps none");
    if (type == SQLITE_BLOB || (type == SQLITE_FLOAT && floor(real) != real))
        return ext_vt_fail(
            t, SQLITE_MISMATCH,
            "reembed: a number of rows or the name of a model expected (in "
            "the column rank)");
    if (name == NULL) return SQLITE_NOMEM;
    if (t->config.is_hybrid && strcmp(name, t->model_name) != 0)
        return ext_vt_fail(
            t, SQLITE_ERROR,
            "reembed: hybrid=1 keeps the words of model %s, those of %s may be "
            "others (make the table anew)",
            t->model_name, name);
    if (n < 1)
        return ext_vt_fail(t, SQLITE_ERROR, "reembed: rows must be 1 or more (got %lld)",
                           n);
    char *copy = sqlite3_mprintf("%s", name);
    int rc = copy == NULL ? SQLITE_NOMEM : reembed(t, copy, n);
    sqlite3_free(copy);
    return rc;
}
