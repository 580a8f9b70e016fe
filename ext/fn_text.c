/* fn_text.c - a text's tokens as SQL: tokens and token_count. */
#include "ext.h"

#include <string.h>

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

/* Before truncation, [CLS] and [SEP] included: what max_tokens is compared with. */
static void token_count(ext_call *c)
{
    enc_bytes text;
    enc_tokens tokens;

    if (ext_is_null(c, 0) || !ext_arg_text(c, 0, "text", &text)) return;
    const enc_model *m = ext_arg_model(c, 1);
    if (m == NULL) return;
    enc_tokens_init(&tokens);
    if (!ext_failed(c, enc_tok_encode(m->tok, text, (enc_bytes){NULL, 0}, 0, true,
                                      &tokens, &c->err)))
        sqlite3_result_int64(c->ctx, (sqlite3_int64)tokens.n_full);
    enc_tokens_clear(&tokens);
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
    };
    int rc = ext_fn_register(db, conn, fns, sizeof fns / sizeof fns[0]);
    if (rc != SQLITE_OK) return rc;
    return ext_tvf_register(db, conn, tables, sizeof tables / sizeof tables[0]);
}
