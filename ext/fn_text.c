/* fn_text.c - a text's tokens and stretches as SQL: tokens, token_count and chunks. */
#include "ext.h"

#include <string.h>

#define N_SPECIALS 2 /* [CLS] and [SEP], which a chunk does without */

/* tokens(text [, model]) or tokens(a, b, model): with three arguments the second is the
 * other text of a pair. */
static bool tokens_open(ext_scan *s)
{
    ext_call *c = &s->call;
    bool is_pair = ext_given(c, 2);
    enc_bytes a, b = {NULL, 0};
    enc_batch batch;
    const enc_tokens *tokens;
    enc_work *w = ext_work(c);
    const enc_model *m = ext_arg_model(c, is_pair ? 2 : 1);

    if (m == NULL || w == NULL || !ext_arg_text(c, 0, "text", &a)) return false;
    if (is_pair && ext_is_null(c, 1)) return true; /* no rows */
    if (is_pair && !ext_arg_text(c, 1, "second text", &b)) return false;
    if (ext_failed(c, enc_batch_of(m, w, a, b, &batch, &tokens, &c->err))) return false;
    const enc_vocab *vocab = enc_tok_vocab(m->tok);
    for (size_t i = 0; i < tokens->n; i++) {
        const enc_token *t = &tokens->at[i];
        enc_bytes piece = enc_vocab_piece(vocab, t->id);
        bool is_put = ext_put_int(s, (sqlite3_int64)i) && ext_put_int(s, t->id) &&
                      ext_put_text(s, piece.at, piece.n) &&
                      (t->is_special ? ext_put_null(s) : ext_put_int(s, t->start)) &&
                      (t->is_special ? ext_put_null(s) : ext_put_int(s, t->end)) &&
                      ext_put_int(s, t->segment) && ext_put_int(s, t->is_special);
        if (!is_put) return false;
    }
    return true;
}

/* ---- chunks(text [, size [, overlap [, model]]]) ---- */

typedef struct cut { /* a text and where it is cut */
    enc_bytes text;  /* the argument's, borrowed until the scan ends */
    enc_chunks chunks;
} cut;

static bool chunks_open(ext_scan *s)
{
    ext_call *c = &s->call;
    const enc_model *m = ext_arg_model(c, 3);
    cut *x = ext_alloc(c, 1, sizeof *x);
    sqlite3_int64 size, overlap;
    enc_tokens scratch;

    s->state = x;
    if (m == NULL || x == NULL || !ext_arg_text(c, 0, "text", &x->text)) return false;
    sqlite3_int64 most = (sqlite3_int64)(m->config.max_tokens - N_SPECIALS);
    if (!ext_arg_int(c, 1, "size", 1, (sqlite3_int64)ENC_TEXT_MAX, most, &size) ||
        !ext_arg_int(c, 2, "overlap", 0, size - 1, 0, &overlap))
        return false;
    enc_tokens_init(&scratch);
    scratch.ask = (enc_ask){.stop = ext_stop, .arg = c};
    bool failed =
        ext_failed(c, enc_chunks_cut(m->tok, x->text, (size_t)size, (size_t)overlap,
                                     &x->chunks, &scratch, &c->err));
    enc_tokens_clear(&scratch);
    s->n_rows = x->chunks.n;
    return !failed;
}

static void chunks_column(ext_scan *s, size_t row, int column, sqlite3_context *out)
{
    const cut *x = s->state;
    const enc_chunk *chunk = &x->chunks.at[row];

    switch (column) {
    case 0: sqlite3_result_int64(out, (sqlite3_int64)row); break;
    case 1: sqlite3_result_int64(out, (sqlite3_int64)chunk->start); break;
    case 2: sqlite3_result_int64(out, (sqlite3_int64)chunk->end); break;
    case 3:
        ext_result_text(out, x->text.at + chunk->start, chunk->end - chunk->start);
        break;
    default: sqlite3_result_int64(out, (sqlite3_int64)chunk->n_tokens);
    }
}

static void chunks_close(ext_scan *s)
{
    cut *x = s->state;
    if (x != NULL) enc_chunks_clear(&x->chunks);
}

/* ---- token_count(text [, model]) ---- */

/* Before truncation, [CLS] and [SEP] included: what max_tokens is compared with. */
static void token_count(ext_call *c)
{
    enc_bytes text;
    enc_ask ask = {.stop = ext_stop, .arg = c};
    size_t n;

    if (ext_is_null(c, 0) || !ext_arg_text(c, 0, "text", &text)) return;
    const enc_model *m = ext_arg_model(c, 1);
    if (m == NULL || ext_failed(c, enc_tok_count(m->tok, text, &ask, &n, &c->err)))
        return;
    sqlite3_result_int64(c->ctx, (sqlite3_int64)n);
}

int ext_register_text(sqlite3 *db, ext_conn *conn)
{
    static const ext_fn fns[] = {
        {"token_count", 1, 2, EXT_FN_PURE, token_count, NULL},
    };
    static const ext_tvf tables[] = {
        {.name = "tokens",
         .columns = "position INTEGER, id INTEGER, token TEXT, start INTEGER, "
                    "\"end\" INTEGER, segment INTEGER, is_special INTEGER",
         .n_columns = 7,
         .args = {"text", "model_or_text", "model"},
         .n_required = 1,
         .open = tokens_open},
        {.name = "chunks",
         .columns = "chunk INTEGER, start INTEGER, \"end\" INTEGER, text TEXT, "
                    "n_tokens INTEGER",
         .n_columns = 5,
         .args = {"document", "size", "overlap", "model"},
         .n_required = 1,
         .open = chunks_open,
         .column = chunks_column,
         .close = chunks_close},
    };
    int rc = ext_fn_register(db, conn, fns, sizeof fns / sizeof fns[0]);
    if (rc != SQLITE_OK) return rc;
    return ext_tvf_register(db, conn, tables, sizeof tables / sizeof tables[0]);
}
