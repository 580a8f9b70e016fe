/* vt_docs.c - rows of the user -> documents -> slots; the queue of texts to encode.
 *
 * A row's columns and its document are written at once, its text goes into %_queue, and
 * the queue is encoded in batches: when it has grown, at the first read and at commit
 * (xSync). Because the queue is a table, rollbacks and savepoints treat it rightly by
 * themselves; a DROP that is rolled back may leave it to a later transaction. A text
 * whose hash is the stored one is not queued at all.
 *
 * Vectors made elsewhere need no queue: they go into the array at once. */
#include "vt.h"

#include <math.h>
#include <string.h>

#define QUEUE_MAX     2048              /* texts queued before they are encoded */
#define BATCH_DOCS    512               /* documents encoded together */
#define BATCH_BYTES   ((size_t)2 << 20) /* of their texts */
#define STRETCH_BYTES 12

/* ---- documents ---- */

void ext_vt_doc_clear(ext_vt_doc *d)
{
    enc_mem_free(d->at);
    memset(d, 0, sizeof *d);
}

static bool add_stretch(ext_vt_doc *d, ext_vt_stretch s)
{
    if (!enc_mem_reserve((void **)&d->at, &d->cap, d->n + 1, sizeof *d->at)) return false;
    d->at[d->n++] = s;
    return true;
}

int ext_vt_doc_get(ext_vt_table *t, sqlite3_int64 id, ext_vt_doc *d)
{
    sqlite3_stmt *s;
    int rc = ext_vt_sql_get(t, EXT_VT_DOC_GET, &s);

    d->n = 0;
    d->exists = d->has_hash = false;
    if (rc != SQLITE_OK) return rc;
    sqlite3_bind_int64(s, 1, id);
    if (sqlite3_step(s) == SQLITE_ROW) {
        const void *hash = sqlite3_column_blob(s, 0);
        d->exists = true;
        d->has_hash = hash != NULL && sqlite3_column_bytes(s, 0) == sizeof d->hash;
        if (d->has_hash) memcpy(d->hash, hash, sizeof d->hash);
        const void *at = sqlite3_column_blob(s, 1);
        enc_rd r = enc_rd_of(at, (size_t)sqlite3_column_bytes(s, 1));
        while (r.left >= STRETCH_BYTES && rc == SQLITE_OK) {
            ext_vt_stretch stretch = {enc_rd_u32(&r), 0, 0};
            stretch.start = enc_rd_u32(&r);
            stretch.end = enc_rd_u32(&r);
            if (!add_stretch(d, stretch)) rc = SQLITE_NOMEM;
        }
    }
    int code = ext_vt_done(t, s);
    return rc == SQLITE_OK ? code : rc;
}

/* Any id may be the first, the least integer too: hence a bound below all of them. A
 * table whose ids are no integers would never come to an end. */
int ext_vt_doc_next(ext_vt_table *t, sqlite3_int64 *id, bool *found)
{
    bool is_first = !*found, is_forward = true;
    sqlite3_stmt *s;
    int rc = ext_vt_sql_get(t, EXT_VT_DOC_NEXT, &s);

    *found = false;
    if (rc != SQLITE_OK) return rc;
    if (is_first) sqlite3_bind_double(s, 1, -1e300);
    else sqlite3_bind_int64(s, 1, *id);
    if (sqlite3_step(s) == SQLITE_ROW) {
        sqlite3_int64 next = sqlite3_column_int64(s, 0);
        is_forward = is_first || next > *id;
        *id = next;
        *found = true;
    }
    rc = ext_vt_done(t, s);
    if (rc != SQLITE_OK || is_forward) return rc;
    return ext_vt_fail(t, SQLITE_CORRUPT_VTAB, "%s_doc has keys that are no integers",
                       t->name);
}

int ext_vt_doc_put(ext_vt_table *t, sqlite3_int64 id, const ext_vt_doc *d)
{
    sqlite3_stmt *s;
    enc_wr w;
    int rc = ext_vt_sql_get(t, EXT_VT_DOC_PUT, &s);

    if (rc != SQLITE_OK) return rc;
    enc_wr_init(&w);
    for (size_t i = 0; i < d->n; i++) {
        enc_wr_u32(&w, d->at[i].slot);
        enc_wr_u32(&w, d->at[i].start);
        enc_wr_u32(&w, d->at[i].end);
    }
    sqlite3_bind_int64(s, 1, id);
    if (d->has_hash) sqlite3_bind_blob(s, 2, d->hash, sizeof d->hash, SQLITE_STATIC);
    if (w.failed) rc = SQLITE_NOMEM;
    else if (d->n > 0) rc = sqlite3_bind_blob64(s, 3, w.at, w.n, SQLITE_STATIC);
    rc = ext_vt_run_bound(t, s, rc);
    enc_wr_clear(&w);
    return rc;
}

const ext_vt_stretch *ext_vt_doc_stretch(const ext_vt_doc *d, size_t slot)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->at[i].slot == slot) return &d->at[i];
    return NULL;
}

/* Slot `from` has become `to`: its document learns it. */
static int follow_one(ext_vt_table *t, sqlite3_int64 id, size_t from, size_t to)
{
    ext_vt_doc d = {0};
    int rc = ext_vt_doc_get(t, id, &d);

    if (rc == SQLITE_OK) {
        ext_vt_stretch *s = (ext_vt_stretch *)ext_vt_doc_stretch(&d, from);
        if (s != NULL) {
            s->slot = (uint32_t)to;
            rc = ext_vt_doc_put(t, id, &d);
        } else {
            rc = ext_vt_fail(t, SQLITE_CORRUPT_VTAB,
                             "row %lld does not know that slot %d is its own", id,
                             (int)from);
        }
    }
    ext_vt_doc_clear(&d);
    return rc;
}

int ext_vt_docs_release(ext_vt_table *t, sqlite3_int64 id, ext_vt_doc *d)
{
    sqlite3_int64 moved_id;
    bool has_moved;

    while (d->n > 0) {
        size_t slot = d->at[--d->n].slot;
        int rc = ext_vt_vectors_remove(t, slot, &has_moved, &moved_id);
        if (rc != SQLITE_OK) return rc;
        if (!has_moved) continue;
        size_t from = ext_vt_vectors_count(t->vectors);
        ext_vt_stretch *own =
            moved_id == id ? (ext_vt_stretch *)ext_vt_doc_stretch(d, from) : NULL;
        if (own != NULL) own->slot = (uint32_t)slot;
        else if ((rc = follow_one(t, moved_id, from, slot))) return rc;
    }
    return SQLITE_OK;
}

int ext_vt_docs_follow(ext_vt_table *t, const size_t *order)
{
    size_t n = ext_vt_vectors_count(t->vectors);
    uint32_t *became = enc_mem_array(n, sizeof *became);
    sqlite3_int64 id;
    bool found = false;
    ext_vt_doc d = {0};
    int rc = became == NULL ? SQLITE_NOMEM : SQLITE_OK;

    for (size_t i = 0; i < n && rc == SQLITE_OK; i++) became[order[i]] = (uint32_t)i;
    while (rc == SQLITE_OK) {
        if ((rc = ext_vt_doc_next(t, &id, &found)) || !found) break;
        if ((rc = ext_vt_doc_get(t, id, &d))) break;
        for (size_t i = 0; i < d.n; i++)
            if (d.at[i].slot < n) d.at[i].slot = became[d.at[i].slot];
        if (d.n > 0) rc = ext_vt_doc_put(t, id, &d);
    }
    ext_vt_doc_clear(&d);
    enc_mem_free(became);
    return rc;
}

/* ---- texts ---- */

void ext_vt_docs_hash(enc_bytes text, uint8_t out[16])
{
    enc_hash h = enc_hash_of(text.at, text.n);
    memcpy(out, &h.high, 8);
    memcpy(out + 8, &h.low, 8);
}

/* U+FFFE and U+FFFF become U+FFFD, of as many bytes: where the database is in UTF-16,
 * SQLite makes that of them on the way from UTF-8, and what is stored would differ from
 * what was embedded. */
static void replace_nonchars(uint8_t *at, size_t n)
{
    uint8_t *end = at + n, *next = n > 0 ? memchr(at, 0xef, n) : NULL;

    while (next != NULL && end - next > 2) {
        if (next[1] == 0xbf && next[2] >= 0xbe) next[2] = 0xbd;
        next++;
        next = memchr(next, 0xef, (size_t)(end - next));
    }
}

int ext_vt_docs_text(ext_vt_table *t, sqlite3_int64 id, sqlite3_value **values,
                     enc_wr *out, bool *is_null)
{
    const ext_vt_config *c = &t->config;

    *is_null = true;
    for (int i = 0; i < c->n_columns; i++) {
        if (c->columns[i].kind != EXT_VT_TEXT) continue;
        int type = sqlite3_value_type(values[i]);
        if (type == SQLITE_NULL) continue;
        if (type == SQLITE_BLOB)
            return ext_vt_fail(t, SQLITE_MISMATCH,
                               "row %lld, column %s: text expected, got BLOB", id,
                               c->columns[i].name);
        const unsigned char *text = sqlite3_value_text(values[i]);
        if (text == NULL) return SQLITE_NOMEM;
        if (!*is_null) enc_wr_u8(out, '\n');
        enc_wr_bytes(out, text, (size_t)sqlite3_value_bytes(values[i]));
        *is_null = false;
    }
    if (out->failed) return SQLITE_NOMEM;
    replace_nonchars(out->at, out->n);
    if (out->n > ext_text_max())
        return ext_vt_fail(t, SQLITE_TOOBIG,
                           "row %lld: text too long (got %lld bytes, limit %lld)", id,
                           (long long)out->n, (long long)ext_text_max());
    return SQLITE_OK;
}

int ext_vt_docs_stored_text(ext_vt_table *t, sqlite3_int64 id, enc_wr *out, bool *is_null)
{
    sqlite3_value *values[EXT_VT_COLUMNS_MAX];
    sqlite3_stmt *s;

    *is_null = true;
    if (t->config.content == EXT_VT_CONTENTLESS) return SQLITE_OK;
    int rc = ext_vt_sql_get(t, EXT_VT_CONTENT_GET, &s);
    if (rc != SQLITE_OK) return rc;
    sqlite3_bind_int64(s, 1, id);
    int code = ext_vt_content_step(t, s);
    if (code == SQLITE_ROW) {
        for (int i = 0; i < t->config.n_columns; i++)
            values[i] = sqlite3_column_value(s, i + 1);
        rc = ext_vt_docs_text(t, id, values, out, is_null);
    } else if (code != SQLITE_DONE) rc = code;
    code = ext_vt_done(t, s);
    return rc == SQLITE_OK ? code : rc;
}

/* ---- the queue ---- */

int ext_vt_docs_queue(ext_vt_table *t, sqlite3_int64 id, enc_bytes text)
{
    sqlite3_stmt *s;
    int rc = ext_vt_sql_get(t, EXT_VT_QUEUE_PUT, &s);

    if (rc != SQLITE_OK) return rc;
    t->has_queue = true;
    sqlite3_bind_int64(s, 1, id);
    rc = sqlite3_bind_text64(s, 2, text.n > 0 ? (const char *)text.at : "", text.n,
                             SQLITE_STATIC, SQLITE_UTF8);
    if ((rc = ext_vt_run_bound(t, s, rc))) return rc;
    return ++t->n_queued < QUEUE_MAX ? SQLITE_OK : ext_vt_docs_flush(t);
}

/* Whether the model is the one that the table's vectors were made with. */
static int check_model(ext_vt_table *t, ext_model *m)
{
    char fingerprint[33];
    size_t dims = enc_config_dims(&ext_model_enc(m)->config);
    enc_err e;

    enc_err_clear(&e);
    if (m != t->model) {
        int rc = ext_vt_fail_enc(t, ext_model_fingerprint(m, fingerprint, &e), &e);
        if (rc == SQLITE_OK && strcmp(fingerprint, t->fingerprint) != 0)
            rc = ext_vt_fail(t, SQLITE_ERROR,
                             "it was made with model %s, fingerprint %s, but %s now has "
                             "fingerprint %s (INSERT INTO %s(%s) VALUES('reembed') "
                             "encodes it anew)",
                             t->model_name, t->fingerprint, t->model_name, fingerprint,
                             t->name, t->name);
        if (rc != SQLITE_OK) return rc;
    }
    if (dims == t->config.dims) return SQLITE_OK;
    return ext_vt_fail(t, SQLITE_CORRUPT_VTAB,
                       "it says that its vectors have %d values, those of %s have %d",
                       (int)t->config.dims, t->model_name, (int)dims);
}

int ext_vt_model(ext_vt_table *t, const enc_model **out)
{
    ext_model *m;
    enc_err e;

    enc_err_clear(&e);
    *out = NULL;
    if (t->config.n_texts == 0)
        return ext_vt_fail(t, SQLITE_ERROR,
                           "it holds vectors made elsewhere and has no "
                           "model: a vector expected, got a text");
    int rc = ext_vt_fail_enc(
        t, ext_registry_get(t->model_name, strlen(t->model_name), &m, &e), &e);
    if (rc != SQLITE_OK) return rc;
    if ((rc = check_model(t, m))) {
        ext_model_drop(m);
        return rc;
    }
    ext_model_drop(t->model);
    t->model = m;
    *out = ext_model_enc(m);
    return SQLITE_OK;
}

int ext_vt_docs_cut(ext_vt_table *t, const enc_model *m, enc_bytes text, ext_vt_doc *d)
{
    const ext_vt_config *c = &t->config;
    size_t most = m->config.max_tokens > 2 ? m->config.max_tokens - 2 : 1;
    size_t size = c->is_chunk_auto || c->chunk > most ? most : c->chunk;
    enc_chunks chunks = {0};
    enc_tokens scratch;
    enc_err e;
    ext_call call;
    int rc = SQLITE_OK;

    d->n = 0;
    enc_err_clear(&e);
    ext_call_begin(&call, t->conn, "similarity");
    enc_tokens_init(&scratch);
    scratch.ask = (enc_ask){.stop = ext_stop, .arg = &call};
    if (size > 0)
        rc = ext_vt_fail_enc(t,
                             enc_chunks_cut(m->tok, text, size,
                                            c->overlap < size ? c->overlap : size - 1,
                                            &chunks, &scratch, &e),
                             &e);
    for (size_t i = 0; i < chunks.n && rc == SQLITE_OK; i++) {
        ext_vt_stretch s = {0, (uint32_t)chunks.at[i].start, (uint32_t)chunks.at[i].end};
        if (!add_stretch(d, s)) rc = SQLITE_NOMEM;
    }
    if (rc == SQLITE_OK && d->n == 0 &&
        !add_stretch(d, (ext_vt_stretch){0, 0, (uint32_t)text.n}))
        rc = SQLITE_NOMEM;
    enc_chunks_clear(&chunks);
    enc_tokens_clear(&scratch);
    ext_call_end(&call);
    return rc;
}

/* ---- encoding a batch ---- */

typedef struct batch {
    sqlite3_int64 ids[BATCH_DOCS];
    size_t text_at[BATCH_DOCS + 1]; /* in bytes */
    ext_vt_doc docs[BATCH_DOCS];    /* their stretches, slots not known yet */
    size_t n_docs, n_stretches;
    enc_wr bytes;
    enc_bytes *texts; /* n_stretches */
    float *vectors;   /* n_stretches x dims */
} batch;

static void batch_free(batch *b)
{
    if (b == NULL) return;
    for (size_t i = 0; i < b->n_docs; i++) ext_vt_doc_clear(&b->docs[i]);
    enc_wr_clear(&b->bytes);
    enc_mem_free(b->texts);
    enc_mem_free(b->vectors);
    enc_mem_free(b);
}

static int batch_read(ext_vt_table *t, batch *b)
{
    sqlite3_stmt *s;
    int rc = ext_vt_sql_get(t, EXT_VT_QUEUE_NEXT, &s);

    if (rc != SQLITE_OK) return rc;
    sqlite3_bind_int64(s, 1, BATCH_DOCS);
    while (b->bytes.n < BATCH_BYTES && sqlite3_step(s) == SQLITE_ROW) {
        const void *text = sqlite3_column_text(s, 1);
        if (text == NULL) {
            rc = SQLITE_NOMEM;
            break;
        }
        b->ids[b->n_docs] = sqlite3_column_int64(s, 0);
        b->text_at[b->n_docs++] = b->bytes.n;
        enc_wr_bytes(&b->bytes, text, (size_t)sqlite3_column_bytes(s, 1));
        b->text_at[b->n_docs] = b->bytes.n;
    }
    int code = ext_vt_done(t, s);
    if (b->bytes.failed) return SQLITE_NOMEM;
    return rc == SQLITE_OK ? code : rc;
}

static enc_bytes batch_bytes(const batch *b, size_t start, size_t end)
{
    return enc_bytes_part((enc_bytes){b->bytes.at, b->bytes.n}, start, end);
}

static int batch_cut(ext_vt_table *t, const enc_model *m, batch *b)
{
    size_t at = 0;

    for (size_t i = 0; i < b->n_docs; i++) {
        enc_bytes text = batch_bytes(b, b->text_at[i], b->text_at[i + 1]);
        int rc = ext_vt_docs_cut(t, m, text, &b->docs[i]);
        if (rc != SQLITE_OK) return rc;
        b->n_stretches += b->docs[i].n;
    }
    b->texts = enc_mem_array(b->n_stretches, sizeof *b->texts);
    size_t n;
    if (!enc_mem_mul(b->n_stretches, t->config.dims, &n)) return SQLITE_NOMEM;
    b->vectors = enc_mem_array(n, sizeof *b->vectors);
    if (b->texts == NULL || b->vectors == NULL) return SQLITE_NOMEM;
    for (size_t i = 0; i < b->n_docs; i++)
        for (size_t k = 0; k < b->docs[i].n; k++) {
            const ext_vt_stretch *s = &b->docs[i].at[k];
            b->texts[at++] =
                batch_bytes(b, b->text_at[i] + s->start, b->text_at[i] + s->end);
        }
    return SQLITE_OK;
}

int ext_vt_docs_encode(ext_vt_table *t, const enc_model *m, const enc_bytes *texts,
                       size_t n, float *out)
{
    ext_call c;

    ext_call_begin(&c, t->conn, "similarity");
    enc_embed_job job = {texts, n, ext_prompt(m, "passage"), out, ext_stop_batch, &c};
    enc_work *w = ext_work(&c);
    if (w != NULL) ext_failed(&c, enc_embed_run(m, w, &job, &c.err));
    int rc = c.code;
    if (rc != SQLITE_OK) rc = ext_vt_fail(t, rc, "%s", c.err.text);
    ext_call_end(&c);
    return rc;
}

/* One document's vectors into the array: over its old ones if there are as many. */
static int store_doc(ext_vt_table *t, sqlite3_int64 id, ext_vt_doc *fresh,
                     const float *vectors)
{
    ext_vt_doc old = {0};
    size_t slot;
    int rc = ext_vt_doc_get(t, id, &old);
    bool is_same = old.n == fresh->n;

    if (rc == SQLITE_OK && !old.exists)
        rc = ext_vt_fail(t, SQLITE_CORRUPT_VTAB, "row %lld is queued but not stored", id);
    if (rc == SQLITE_OK && !is_same) rc = ext_vt_docs_release(t, id, &old);
    for (size_t i = 0; i < fresh->n && rc == SQLITE_OK; i++) {
        const float *v = vectors + i * t->config.dims;
        slot = is_same ? old.at[i].slot : 0;
        rc = is_same ? ext_vt_vectors_put(t, slot, id, v)
                     : ext_vt_vectors_append(t, id, v, &slot);
        fresh->at[i].slot = (uint32_t)slot;
    }
    fresh->has_hash = old.has_hash;
    memcpy(fresh->hash, old.hash, sizeof old.hash);
    if (rc == SQLITE_OK) rc = ext_vt_doc_put(t, id, fresh);
    ext_vt_doc_clear(&old);
    return rc;
}

static int store_all(ext_vt_table *t, batch *b)
{
    size_t at = 0;

    for (size_t i = 0; i < b->n_docs; i++) {
        size_t n = b->docs[i].n;
        int rc = store_doc(t, b->ids[i], &b->docs[i], b->vectors + at * t->config.dims);
        if (rc == SQLITE_OK) rc = ext_vt_run_id(t, EXT_VT_QUEUE_DEL, b->ids[i]);
        /* A trigger there could keep it, and the queue would never end. */
        if (rc == SQLITE_OK && sqlite3_changes(t->db) != 1)
            rc = ext_vt_fail(t, SQLITE_CORRUPT_VTAB, "row %lld stays in the queue",
                             b->ids[i]);
        if (rc != SQLITE_OK) return rc;
        at += n;
    }
    return SQLITE_OK;
}

static int batch_store(ext_vt_table *t, batch *b)
{
    ext_vt_write_begin(t);
    int rc = ext_vt_write_end(t, store_all(t, b));
    if (rc != SQLITE_OK) return rc;
    t->n_encoded += (sqlite3_int64)b->n_docs;
    t->n_done += b->n_docs;
    if (t->progress == NULL) t->progress = ext_progress_begin("similarity");
    const double unknown = (double)NAN;
    const ext_status status = {"", "encode", t->n_done, 0, unknown, unknown, unknown};
    ext_progress_set(t->progress, &status);
    return SQLITE_OK;
}

void ext_vt_docs_end(ext_vt_table *t)
{
    ext_progress_end(t->progress);
    t->progress = NULL;
    t->n_done = 0;
}

/* Encodes the first of the queue; *is_done: there were none. */
static int flush_batch(ext_vt_table *t, bool *is_done)
{
    const enc_model *m;
    batch *b = enc_mem_zero(sizeof *b);
    if (b == NULL) return SQLITE_NOMEM;
    int rc = batch_read(t, b);
    *is_done = b->n_docs == 0;
    if (rc == SQLITE_OK && !*is_done) rc = ext_vt_vectors_refresh(t);
    if (rc == SQLITE_OK && !*is_done) rc = ext_vt_model(t, &m);
    if (rc == SQLITE_OK && !*is_done) rc = batch_cut(t, m, b);
    if (rc == SQLITE_OK && !*is_done)
        rc = ext_vt_docs_encode(t, m, b->texts, b->n_stretches, b->vectors);
    if (rc == SQLITE_OK && !*is_done) rc = batch_store(t, b);
    batch_free(b);
    return rc;
}

int ext_vt_docs_flush(ext_vt_table *t)
{
    bool is_done = !t->has_queue;
    int rc = SQLITE_OK;

    while (!is_done && rc == SQLITE_OK) rc = flush_batch(t, &is_done);
    if (rc != SQLITE_OK) return rc;
    t->has_queue = false;
    t->n_queued = 0;
    return SQLITE_OK;
}

/* The statement that reads may write to another database, and then SQLite does not roll
 * this one back with it, though it says so; or to none, and then it does not tell us how
 * the transaction ends. For an INSERT it does both; of a SELECT, for then it makes a
 * savepoint. */
int ext_vt_docs_flush_reading(ext_vt_table *t)
{
    if (!t->has_queue) return SQLITE_OK;
    sqlite3_int64 last = sqlite3_last_insert_rowid(t->db);
    char *sql = sqlite3_mprintf("INSERT INTO \"%w\".\"%w\"(\"%w\") SELECT 'flush'",
                                t->schema, t->name, t->name);
    if (sql == NULL) return SQLITE_NOMEM;
    char *sentence = NULL;
    int rc = sqlite3_exec(t->db, sql, NULL, NULL, &sentence);
    sqlite3_free(sql);
    sqlite3_set_last_insert_rowid(t->db, last);
    if (rc == SQLITE_OK) t->has_queue = false;
    if (sentence == NULL) return rc;
    if (strncmp(sentence, "similarity '", 12) == 0) { /* our own, with the name */
        sqlite3_free(t->base.zErrMsg);
        t->base.zErrMsg = sentence;
        return rc;
    }
    rc = ext_vt_fail(t, rc, "%s", sentence);
    sqlite3_free(sentence);
    return rc;
}
