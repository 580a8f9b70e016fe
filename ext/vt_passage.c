/* vt_passage.c - passage(table): the stretch of a row's text that is nearest to the
 * query.
 *
 * Where the table is chunked it is the chunk that was found. Where a row is one vector,
 * the text is cut into stretches of a sentence or some, and those are encoded: for the
 * rows that are shown, not for those that are searched. */
#include "vt.h"

#include <math.h>
#include <string.h>

#define STRETCH_TOKENS 48

static const char no_table[] =
    "passage: the argument must be the similarity table itself, "
    "where it is searched";

/* The stretch of an unchunked text whose vector is nearest to q. */
static int nearest(ext_vt_table *t, const float *q, enc_bytes text, size_t *from,
                   size_t *to)
{
    const enc_model *m;
    enc_chunks chunks = {0};
    enc_tokens scratch;
    enc_err e;
    ext_call call;
    double best = -2.0;
    int rc = ext_vt_model(t, &m);

    *from = 0;
    *to = text.n;
    if (rc != SQLITE_OK) return rc;
    enc_err_clear(&e);
    ext_call_begin(&call, t->conn, "passage");
    enc_tokens_init(&scratch);
    scratch.ask = (enc_ask){.stop = ext_stop, .arg = &call};
    rc = ext_vt_fail_enc(
        t, enc_chunks_cut(m->tok, text, STRETCH_TOKENS, 0, &chunks, &scratch, &e), &e);
    enc_bytes *texts = enc_mem_array(chunks.n + 1, sizeof *texts);
    float *v = enc_mem_array((chunks.n + 1) * t->config.dims, sizeof *v);
    if (rc == SQLITE_OK && (texts == NULL || v == NULL)) rc = SQLITE_NOMEM;
    for (size_t i = 0; i < chunks.n && rc == SQLITE_OK; i++)
        texts[i] = enc_bytes_part(text, chunks.at[i].start, chunks.at[i].end);
    if (rc == SQLITE_OK && chunks.n > 1)
        rc = ext_vt_docs_encode(t, m, texts, chunks.n, v);
    for (size_t i = 0; i < chunks.n && rc == SQLITE_OK && chunks.n > 1; i++) {
        double cosine = enc_vec_cosine(q, v + i * t->config.dims, t->config.dims);
        if (!(cosine > best)) continue;
        best = cosine;
        *from = chunks.at[i].start;
        *to = chunks.at[i].end;
    }
    enc_mem_free(texts);
    enc_mem_free(v);
    enc_chunks_clear(&chunks);
    enc_tokens_clear(&scratch);
    ext_call_end(&call);
    return rc;
}

static int passage_of(ext_vt_table *t, ext_vt_cursor *c, sqlite3_context *ctx)
{
    const ext_vt_hit *hit = &c->search.hits[c->search.at];
    size_t from = 0, to;
    bool is_null;
    enc_wr text;
    int rc;

    enc_wr_init(&text);
    rc = ext_vt_docs_stored_text(t, c->id, &text, &is_null);
    to = text.n;
    if (rc == SQLITE_OK && !is_null && (t->config.chunk > 0 || t->config.is_chunk_auto)) {
        ext_vt_doc d = {0};
        rc = ext_vt_doc_get(t, c->id, &d);
        const ext_vt_stretch *s =
            rc == SQLITE_OK ? ext_vt_doc_stretch(&d, hit->slot) : NULL;
        if (s != NULL && s->start <= s->end && s->end <= text.n) {
            from = s->start;
            to = s->end;
        }
        ext_vt_doc_clear(&d);
    } else if (rc == SQLITE_OK && !is_null) {
        rc = ext_vt_search_check(t, &c->search);
        if (rc == SQLITE_OK)
            rc = nearest(t, c->search.q, (enc_bytes){text.at, text.n}, &from, &to);
    }
    const uint8_t *at = text.at == NULL ? (const uint8_t *)"" : text.at + from;
    if (rc == SQLITE_OK && !is_null) ext_result_text(ctx, at, to - from);
    enc_wr_clear(&text);
    return rc;
}

static void passage(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    ext_vt_cursor *c = sqlite3_value_pointer(argv[0], "encoder-cursor");
    ext_vt_table *t = sqlite3_user_data(ctx);
    (void)argc;

    if (c == NULL) { /* the row that a LEFT JOIN makes where there is none has NULL */
        if (sqlite3_value_type(argv[0]) != SQLITE_NULL)
            sqlite3_result_error(ctx, no_table, -1);
        return;
    }
    if (!c->has_match || c->search.at >= c->search.n_hits) return;
    int rc = passage_of(t, c, ctx);
    if (rc == SQLITE_OK) return;
    if (t->base.zErrMsg != NULL) sqlite3_result_error(ctx, t->base.zErrMsg, -1);
    sqlite3_free(t->base.zErrMsg);
    t->base.zErrMsg = NULL;
    sqlite3_result_error_code(ctx, rc);
}

int ext_vt_passage_find(sqlite3_vtab *base, int n_args, const char *name,
                        void (**run)(sqlite3_context *, int, sqlite3_value **),
                        void **arg)
{
    if (n_args != 1 || sqlite3_stricmp(name, "passage") != 0) return 0;
    *run = passage;
    *arg = base;
    return 1;
}

/* What is called where no similarity table stands behind the argument. */
static void passage_of_nothing(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    (void)argc, (void)argv;
    sqlite3_result_error(ctx, no_table, -1);
}

/* As sqlite3_overload_function() does, but innocuous: a view of a schema that is not
 * trusted may use it. */
int ext_vt_passage_register(sqlite3 *db)
{
    return sqlite3_create_function_v2(db, "passage", 1, SQLITE_UTF8 | SQLITE_INNOCUOUS,
                                      NULL, passage_of_nothing, NULL, NULL, NULL);
}
