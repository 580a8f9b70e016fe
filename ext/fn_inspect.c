/* fn_inspect.c - the inside of a forward pass as SQL: hidden_states, attention and
 * pooled.
 *
 * T tokens, D width, L layers, H heads. What is asked for is copied while the pass runs
 * and read from there row by row. Layer 0 is the sum of the embeddings, layer l the
 * output of the l-th; attention therefore begins with layer 1. */
#include "ext.h"

#include <string.h>

#define ALL (-1) /* every layer, or every head */

typedef struct pass { /* one text, and what is kept of its way through the model */
    ext_call *call;
    enc_bytes *pieces; /* T: the tokens as text, borrowed from the model */
    size_t T, D;
    sqlite3_int64 layer, head; /* wanted, or ALL */
    size_t n_heads;            /* kept of each layer */
    float *kept;               /* layers x T x D, or layers x heads x T x T */
    size_t n_kept, cap_kept;   /* floats */
} pass;

/* The taps look at one thing and come in order, so appending is enough. */
static void keep(pass *p, const float *x, size_t n)
{
    if (n > p->cap_kept - p->n_kept)
        return; /* cannot be: there is room for all of them */
    memcpy(p->kept + p->n_kept, x, n * sizeof *x);
    p->n_kept += n;
}

static void keep_hidden(void *arg, size_t layer, const float *x /* T x D */)
{
    pass *p = arg;
    if (p->layer == ALL || p->layer == (sqlite3_int64)layer) keep(p, x, p->T * p->D);
}

static void keep_attention(void *arg, size_t layer, size_t text, size_t head,
                           const float *w /* n x n */, size_t n)
{
    pass *p = arg;
    (void)text;
    if (p->layer != ALL && p->layer != (sqlite3_int64)layer) return;
    if (p->head != ALL && p->head != (sqlite3_int64)head) return;
    keep(p, w, n * n);
}

static bool stop(void *arg)
{
    return ext_stop(((pass *)arg)->call);
}

/* Tokenizes argument 0 and notes the pieces. */
static pass *pass_new(ext_call *c, const enc_model *m, enc_batch *batch)
{
    const enc_tokens *tokens;
    enc_work *w = ext_work(c);
    pass *p = ext_alloc(c, 1, sizeof *p);
    enc_bytes text;

    if (w == NULL || p == NULL || !ext_arg_text(c, 0, "text", &text)) return NULL;
    if (ext_failed(
            c, enc_batch_of(m, w, text, (enc_bytes){NULL, 0}, batch, &tokens, &c->err)))
        return NULL;
    p->call = c;
    p->T = batch->n_tokens;
    p->D = m->config.hidden;
    if ((p->pieces = ext_alloc(c, p->T, sizeof *p->pieces)) == NULL) return NULL;
    for (size_t i = 0; i < p->T; i++)
        p->pieces[i] = enc_vocab_piece(enc_tok_vocab(m->tok), batch->id[i]);
    return p;
}

static bool pass_run(pass *p, const enc_model *m, const enc_batch *batch, size_t n_maps,
                     size_t map_size, enc_tap *tap)
{
    const float *hidden;

    if (!enc_mem_mul(n_maps, map_size, &p->cap_kept)) return ext_nomem(p->call);
    if ((p->kept = ext_alloc(p->call, p->cap_kept, sizeof *p->kept)) == NULL)
        return false;
    tap->arg = p;
    tap->stop = stop;
    return !ext_failed(
        p->call, enc_fwd_run(m, ext_work(p->call), batch, tap, &hidden, &p->call->err));
}

/* ---- hidden_states(text [, layer [, model]]) ---- */

static bool hidden_open(ext_scan *s)
{
    ext_call *c = &s->call;
    const enc_model *m = ext_arg_model(c, 2);
    enc_tap tap = {.hidden = keep_hidden};
    enc_batch batch;
    pass *p;

    if (m == NULL || (p = pass_new(c, m, &batch)) == NULL) return false;
    if (!ext_arg_int(c, 1, "layer", 0, (sqlite3_int64)m->config.n_layers, ALL, &p->layer))
        return false;
    size_t n_layers = p->layer == ALL ? m->config.n_layers + 1 : 1;
    if (!pass_run(p, m, &batch, n_layers, p->T * p->D, &tap)) return false;
    s->state = p;
    s->n_rows = n_layers * p->T;
    return true;
}

static void hidden_column(ext_scan *s, size_t row, int column, sqlite3_context *out)
{
    const pass *p = s->state;
    size_t layer = row / p->T, position = row % p->T;
    const enc_bytes *piece = &p->pieces[position];

    switch (column) {
    case 0:
        sqlite3_result_int64(out, p->layer == ALL ? (sqlite3_int64)layer : p->layer);
        break;
    case 1: sqlite3_result_int64(out, (sqlite3_int64)position); break;
    case 2: ext_result_text(out, piece->at, piece->n); break;
    default: ext_result_vector(out, p->kept + row * p->D, p->D);
    }
}

/* ---- attention(text [, layer [, head [, model]]]) ---- */

static bool attention_open(ext_scan *s)
{
    ext_call *c = &s->call;
    const enc_model *m = ext_arg_model(c, 3);
    enc_tap tap = {.attention = keep_attention};
    enc_batch batch;
    pass *p;

    if (m == NULL || (p = pass_new(c, m, &batch)) == NULL) return false;
    if (!ext_arg_int(c, 1, "layer", 1, (sqlite3_int64)m->config.n_layers, ALL, &p->layer))
        return false;
    if (!ext_arg_int(c, 2, "head", 0, (sqlite3_int64)m->config.n_heads - 1, ALL,
                     &p->head))
        return false;
    p->n_heads = p->head == ALL ? m->config.n_heads : 1;
    size_t n_maps = p->n_heads * (p->layer == ALL ? m->config.n_layers : 1);
    if (!pass_run(p, m, &batch, n_maps, p->T * p->T, &tap)) return false;
    s->state = p;
    s->n_rows = n_maps * p->T * p->T;
    return true;
}

static void attention_column(ext_scan *s, size_t row, int column, sqlite3_context *out)
{
    const pass *p = s->state;
    size_t map = row / (p->T * p->T), from = row / p->T % p->T, to = row % p->T;
    sqlite3_int64 layer = (sqlite3_int64)(map / p->n_heads) + 1;
    sqlite3_int64 head = (sqlite3_int64)(map % p->n_heads);

    switch (column) {
    case 0: sqlite3_result_int64(out, p->layer == ALL ? layer : p->layer); break;
    case 1: sqlite3_result_int64(out, p->head == ALL ? head : p->head); break;
    case 2: sqlite3_result_int64(out, (sqlite3_int64)from); break;
    case 3: ext_result_text(out, p->pieces[from].at, p->pieces[from].n); break;
    case 4: sqlite3_result_int64(out, (sqlite3_int64)to); break;
    case 5: ext_result_text(out, p->pieces[to].at, p->pieces[to].n); break;
    default: sqlite3_result_double(out, (double)p->kept[row]);
    }
}

/* ---- pooled(text [, model]) ---- */

static void pooled(ext_call *c)
{
    enc_bytes text;
    enc_batch batch;
    const enc_tokens *tokens;
    const float *hidden;

    if (ext_is_null(c, 0) || !ext_arg_text(c, 0, "text", &text)) return;
    const enc_model *m = ext_arg_model(c, 1);
    enc_work *w = ext_work(c);
    if (m == NULL || w == NULL) return;
    float *out = ext_alloc(c, m->config.hidden, sizeof *out);
    if (out == NULL) return;
    if (ext_failed(
            c, enc_batch_of(m, w, text, (enc_bytes){NULL, 0}, &batch, &tokens, &c->err)))
        return;
    if (ext_failed(c, enc_fwd_run(m, w, &batch, NULL, &hidden, &c->err))) return;
    if (ext_failed(c, enc_head_pooled(m, hidden, out, &c->err))) return;
    ext_result_vector(c->ctx, out, m->config.hidden);
}

int ext_register_inspect(sqlite3 *db, ext_conn *conn)
{
    static const ext_fn fns[] = {
        {"pooled", 1, 2, EXT_FN_PURE, pooled, NULL},
    };
    static const ext_tvf tables[] = {
        {.name = "hidden_states",
         .columns = "layer INTEGER, position INTEGER, token TEXT, vector BLOB",
         .n_columns = 4,
         .args = {"text", "layer_wanted", "model"},
         .n_required = 1,
         .open = hidden_open,
         .column = hidden_column},
        {.name = "attention",
         .columns =
             "layer INTEGER, head INTEGER, from_position INTEGER, from_token TEXT, "
             "to_position INTEGER, to_token TEXT, weight REAL",
         .n_columns = 7,
         .args = {"text", "layer_wanted", "head_wanted", "model"},
         .n_required = 1,
         .open = attention_open,
         .column = attention_column},
    };
    int rc = ext_fn_register(db, conn, fns, sizeof fns / sizeof fns[0]);
    if (rc != SQLITE_OK) return rc;
    return ext_tvf_register(db, conn, tables, sizeof tables / sizeof tables[0]);
}
