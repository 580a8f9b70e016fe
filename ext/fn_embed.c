/* fn_embed.c - text -> vector as SQL: embed and its kin, embed_each, similarity.
 *
 * A vector is a BLOB of f32, little-endian, with subtype 223 (sqlite-vec's). The scalar
 * functions encode a constant once per statement; embed_each encodes many texts in
 * batches, and gives the same bits. */
#include "ext.h"

#include <math.h>
#include <string.h>

/* Texts held at once by embed_each: enough to sort by length, little enough to stream. */
#define CHUNK_TEXTS 256
#define CHUNK_BYTES ((size_t)4 << 20)

#define QUERY_DEPTH 4 /* queries that are run one in the other */

static void embed_as(ext_call *c, const char *role)
{
    const enc_model *m;
    const float *v;
    enc_bytes text;

    if (ext_is_null(c, 0)) return;
    /* Asked first, because an embedding would be accepted where a text is meant. */
    if (!ext_arg_text(c, 0, "text", &text)) return;
    m = ext_arg_model(c, 1);
    if (m == NULL || !ext_arg_embedding(c, 0, m, role, &v)) return;
    if (v != NULL) ext_result_vector(c->ctx, v, enc_config_dims(&m->config));
}

static void embed(ext_call *c)
{
    embed_as(c, "");
}

static void embed_query(ext_call *c)
{
    embed_as(c, "query");
}

static void embed_passage(ext_call *c)
{
    embed_as(c, "passage");
}

static bool is_blob(ext_call *c, int i)
{
    return sqlite3_value_type(c->argv[i]) == SQLITE_BLOB;
}

/* One side: a vector as it is, of any width, or a text through the model. */
static bool side(ext_call *c, int i, const enc_model *m, const float **v, size_t *n)
{
    if (is_blob(c, i)) return ext_arg_vector(c, i, i == 0 ? "a" : "b", v, n);
    *n = enc_config_dims(&m->config);
    return ext_arg_embedding(c, i, m, "", v);
}

static void similarity(ext_call *c)
{
    const enc_model *m = NULL;
    const float *a, *b;
    size_t n_a, n_b;
    double cosine;

    if (ext_is_null(c, 0) || ext_is_null(c, 1)) return;
    /* Two vectors need no model; one that is named all the same must exist. */
    if ((!is_blob(c, 0) || !is_blob(c, 1) || ext_given(c, 2)) &&
        (m = ext_arg_model(c, 2)) == NULL)
        return;
    if (!side(c, 0, m, &a, &n_a) || !side(c, 1, m, &b, &n_b)) return;
    if (n_a != n_b) {
        ext_fail(c, SQLITE_ERROR, "different vector dimensions %zu and %zu", n_a, n_b);
        return;
    }
    cosine = enc_vec_cosine(a, b, n_a);
    if (!isnan(cosine)) sqlite3_result_double(c->ctx, cosine);
}

/* ---- embed_each ---- */

typedef struct each {
    const enc_model *model;
    size_t dims;
    sqlite3_stmt *query; /* of (id, text), or NULL: then ... */
    enc_json *list;      /* ... an array of texts, ... */
    size_t next;         /* ... of which this comes next; also the number of rows read */
    bool ended;          /* the source has no more rows */
    enc_wr bytes;        /* the texts of this chunk, end to end */
    enc_bytes *texts;    /* CHUNK_TEXTS; those that are not NULL */
    size_t *place;       /* CHUNK_TEXTS: which of texts a row is, SIZE_MAX for NULL */
    sqlite3_value **ids; /* CHUNK_TEXTS; all NULL for a list */
    size_t first;        /* id of the first row of the chunk, for a list */
    float *vectors;      /* CHUNK_TEXTS x dims */
    ext_progress *progress;
} each;

static void each_close(ext_scan *s)
{
    each *e = s->state;

    if (e == NULL) return;
    sqlite3_finalize(e->query);
    enc_json_close(e->list);
    enc_wr_clear(&e->bytes);
    ext_progress_end(e->progress);
    for (size_t i = 0; e->ids != NULL && i < CHUNK_TEXTS; i++)
        sqlite3_value_free(e->ids[i]);
    s->state = NULL;
}

/* Nothing but white space, comments and semicolons may follow the statement. */
static bool ends_here(sqlite3 *db, const char *sql, const char *end)
{
    while (sql < end) {
        sqlite3_stmt *more = NULL;
        const char *tail = end;
        int rc = sqlite3_prepare_v2(db, sql, (int)(end - sql), &more, &tail);

        sqlite3_finalize(more);
        if (rc != SQLITE_OK || more != NULL) return false;
        if (tail <= sql) break;
        sql = tail;
    }
    return true;
}

static bool open_query(ext_call *c, each *e, enc_bytes sql)
{
    sqlite3 *db = ext_conn_db(c->conn);
    const char *text = (const char *)sql.at, *tail = NULL;
    int rc;

    if (sql.n > (size_t)sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, -1))
        return ext_fail(c, SQLITE_TOOBIG, "the query has %zu bytes, the limit is %d",
                        sql.n, sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, -1));
    rc = sqlite3_prepare_v2(db, text, (int)sql.n, &e->query, &tail);
    if (rc == SQLITE_NOMEM) return ext_nomem(c);
    if (rc != SQLITE_OK)
        return ext_fail(c, rc, "in the query: %.300s", sqlite3_errmsg(db));
    if (e->query == NULL)
        return ext_fail(c, SQLITE_ERROR,
                        "a SELECT of (id, text) or a JSON array of texts expected, got "
                        "nothing");
    if (!sqlite3_stmt_readonly(e->query))
        return ext_fail(c, SQLITE_ERROR,
                        "the query writes, a SELECT of (id, text) expected");
    if (sqlite3_column_count(e->query) != 2)
        return ext_fail(c, SQLITE_ERROR,
                        "the query has %d columns, expected 2: id and text",
                        sqlite3_column_count(e->query));
    if (!ends_here(db, tail, text + sql.n))
        return ext_fail(c, SQLITE_ERROR, "more than one statement in the query");
    return true;
}

static bool open_source(ext_call *c, each *e)
{
    enc_bytes source;
    size_t i = 0;

    if (!ext_arg_text(c, 0, "source", &source)) return false;
    while (i < source.n && strchr(" \t\r\n", source.at[i]) != NULL && source.at[i]) i++;
    if (i == source.n || source.at[i] != '[') return open_query(c, e, source);
    return !ext_failed(c, enc_json_open(&e->list, source, "the list of texts", &c->err));
}

/* Takes one text into the chunk, as row `row`. */
static bool take(ext_call *c, each *e, size_t row, size_t *n_texts, enc_bytes text)
{
    if (text.n > ext_text_max())
        return ext_fail(c, SQLITE_TOOBIG,
                        "text of row %zu too long (got %zu bytes, limit %zu)", e->next,
                        text.n, ext_text_max());
    enc_wr_bytes(&e->bytes, text.at, text.n);
    if (e->bytes.failed) return ext_nomem(c);
    /* The bytes may still move: the place comes when all are there. */
    e->texts[*n_texts].n = text.n;
    e->place[row] = (*n_texts)++;
    return true;
}

/* Its text may come out of a table, and name that table: then it would never end. */
static bool step(ext_call *c, each *e, int *rc)
{
    int *depth = ext_conn_depth(c->conn);

    if (*depth >= QUERY_DEPTH)
        return ext_fail(c, SQLITE_ERROR,
                        "queries nested more than %d deep (does one read itself?)",
                        QUERY_DEPTH);
    ++*depth;
    *rc = sqlite3_step(e->query);
    --*depth;
    return true;
}

/* The next row of the query; *found is false at its end. */
static bool read_row(ext_call *c, each *e, size_t row, size_t *n_texts, bool *found)
{
    enc_bytes text;
    int rc = SQLITE_OK, type;

    if (!step(c, e, &rc)) return false;
    *found = rc == SQLITE_ROW;
    if (rc == SQLITE_DONE) return true;
    if (rc == SQLITE_NOMEM) return ext_nomem(c);
    if (rc != SQLITE_ROW)
        return ext_fail(c, rc, "in the query: %.300s",
                        sqlite3_errmsg(ext_conn_db(c->conn)));
    sqlite3_value_free(e->ids[row]);
    if ((e->ids[row] = sqlite3_value_dup(sqlite3_column_value(e->query, 0))) == NULL)
        return ext_nomem(c);
    type = sqlite3_column_type(e->query, 1);
    if (type == SQLITE_NULL) return true;
    if (type == SQLITE_BLOB)
        return ext_fail(c, SQLITE_MISMATCH,
                        "text expected in row %zu of the query, got BLOB", e->next);
    text.at = sqlite3_column_text(e->query, 1);
    text.n = (size_t)sqlite3_column_bytes(e->query, 1);
    return text.at == NULL ? ext_nomem(c) : take(c, e, row, n_texts, text);
}

/* The same for the next item of a list. */
static bool read_item(ext_call *c, each *e, size_t row, size_t *n_texts, bool *found)
{
    enc_json_value *item = enc_json_at(enc_json_root(e->list), e->next);
    size_t n;
    const char *text = enc_json_text(item, &n);

    *found = item != NULL;
    if (item == NULL || enc_json_is_null(item)) return true;
    if (text == NULL)
        return ext_fail(c, SQLITE_MISMATCH, "item %zu of the list is not a text",
                        e->next);
    return take(c, e, row, n_texts, (enc_bytes){(const uint8_t *)text, n});
}

/* Tells encoder_progress how many rows have been encoded; how many a query has is not
 * known. */
static void tell_progress(const each *e)
{
    const double unknown = (double)NAN;
    size_t total = e->list != NULL ? enc_json_count(enc_json_root(e->list)) : 0;
    const ext_status status = {"", "embed", e->next, total, unknown, unknown, unknown};

    ext_progress_set(e->progress, &status);
}

static bool each_more(ext_scan *s)
{
    ext_call *c = &s->call;
    each *e = s->state;
    enc_embed_job job = {0};
    enc_work *w;
    size_t row = 0, n = 0, at = 0;
    bool found = true;

    enc_wr_clear(&e->bytes);
    e->first = e->next;
    while (!e->ended && row < CHUNK_TEXTS && e->bytes.n < CHUNK_BYTES) {
        e->place[row] = SIZE_MAX;
        if (!(e->query ? read_row : read_item)(c, e, row, &n, &found)) return false;
        e->ended = !found;
        if (found) row++, e->next++;
    }
    s->n_rows = row;
    if (row == 0) return true;
    if ((w = ext_work(c)) == NULL) return false;
    for (size_t i = 0; i < n; at += e->texts[i++].n)
        e->texts[i] =
            enc_bytes_part((enc_bytes){e->bytes.at, e->bytes.n}, at, at + e->texts[i].n);
    job.texts = e->texts;
    job.n_texts = n;
    job.prompt = ext_prompt(e->model, "");
    job.out = e->vectors;
    job.tick = ext_stop_batch;
    job.tick_arg = c;
    if (n > 0 && ext_failed(c, enc_embed_run(e->model, w, &job, &c->err))) return false;
    tell_progress(e);
    return true;
}

static bool each_open(ext_scan *s)
{
    ext_call *c = &s->call;
    each *e;

    if ((e = ext_alloc(c, 1, sizeof *e)) == NULL) return false;
    s->state = e;
    enc_wr_init(&e->bytes);
    if ((e->model = ext_arg_model(c, 1)) == NULL || !open_source(c, e)) return false;
    e->dims = enc_config_dims(&e->model->config);
    e->texts = ext_alloc(c, CHUNK_TEXTS, sizeof *e->texts);
    e->place = ext_alloc(c, CHUNK_TEXTS, sizeof *e->place);
    e->ids = ext_alloc(c, CHUNK_TEXTS, sizeof(sqlite3_value *));
    e->vectors = ext_alloc(c, CHUNK_TEXTS * e->dims, sizeof(float));
    if (e->texts == NULL || e->place == NULL || e->ids == NULL || e->vectors == NULL)
        return false;
    e->progress = ext_progress_begin("embed_each");
    tell_progress(e);
    return each_more(s);
}

static void each_column(ext_scan *s, size_t row, int column, sqlite3_context *out)
{
    each *e = s->state;

    if (column == 0) {
        if (e->query != NULL) sqlite3_result_value(out, e->ids[row]);
        else sqlite3_result_int64(out, (sqlite3_int64)(e->first + row));
    } else if (e->place[row] != SIZE_MAX) {
        ext_result_vector(out, e->vectors + e->place[row] * e->dims, e->dims);
    }
}

int ext_register_embed(sqlite3 *db, ext_conn *conn)
{
    static const ext_fn fns[] = {
        {"embed", 1, 2, EXT_FN_PURE, embed, NULL},
        {"embed_query", 1, 2, EXT_FN_PURE, embed_query, NULL},
        {"embed_passage", 1, 2, EXT_FN_PURE, embed_passage, NULL},
        {"similarity", 2, 3, EXT_FN_PURE, similarity, NULL},
    };
    /* Direct only: its argument is SQL, which a hostile schema must not smuggle in. */
    static const ext_tvf tables[] = {
        {.name = "embed_each",
         .columns = "id, vector BLOB",
         .n_columns = 2,
         .args = {"source", "model"},
         .n_required = 1,
         .is_direct = true,
         .open = each_open,
         .more = each_more,
         .column = each_column,
         .close = each_close},
    };
    int rc = ext_fn_register(db, conn, fns, sizeof fns / sizeof *fns);

    return rc != SQLITE_OK
               ? rc
               : ext_tvf_register(db, conn, tables, sizeof tables / sizeof *tables);
}
