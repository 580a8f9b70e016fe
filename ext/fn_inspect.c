/* fn_inspect.c - the inside of a forward pass as SQL: hidden_states, attention and
 * pooled.
 *
 * T tokens, D width, L layers, H heads. What is asked for, a map a layer or a head, is
 * copied while the pass runs and read from there row by row. All maps of a long text are
 * gigabytes, so as many are kept as fit into KEPT_BYTES, or one; when they have been read
 * the text is passed through again for the next ones, which takes less time than reading
 * them. Layer 0 is the sum of the embeddings, layer l the output of the l-th; attention
 * therefore begins with layer 1. */
#include "ext.h"

#include <string.h>

#define ALL        (-1)               /* every layer, or every head */
#define KEPT_BYTES ((size_t)64 << 20) /* of maps at once, if one is not more */

typedef struct pass { /* one text, and what is kept of its way through the model */
    ext_call *call;
    const enc_model *model;
    enc_tap tap;
    enc_bytes *pieces; /* T: the tokens as text, borrowed from the model */
    size_t T;
    sqlite3_int64 layer, head; /* wanted, or ALL */
    size_t n_heads;            /* wanted of each layer */
    size_t n_maps;             /* all that are wanted */
    size_t map_rows, map_size; /* rows and floats of each */
    size_t first, n, n_max; /* of those kept now: n from `first` on, of at most n_max */
    size_t n_seen;          /* maps that came along in this pass */
    float *kept;            /* n_max x map_size */
} pass;

/* The taps look at one thing and come in order. */
static void keep(pass *p, const float *x)
{
    const size_t i = p->n_seen++;

    if (i < p->first || i - p->first >= p->n) return;
    memcpy(p->kept + (i - p->first) * p->map_size, x, p->map_size * sizeof *x);
}

static bool has_all(const pass *p)
{
    return p->n_seen >= p->first + p->n;
}

static void keep_hidden(void *arg, size_t layer, const float *x /* T x D */)
{
    pass *p = arg;
    if (p->layer == ALL || p->layer == (sqlite3_int64)layer) keep(p, x);
}

static void keep_attention(void *arg, size_t layer, size_t text, size_t head,
                           const float *w /* n x n */, size_t n)
{
    pass *p = arg;
    (void)text;
    (void)n;
    if (p->layer != ALL && p->layer != (sqlite3_int64)layer) return;
    if (p->head != ALL && p->head != (sqlite3_int64)head) return;
    keep(p, w);
}

/* Also when nothing more is wanted of the layers that follow. */
static bool stop(void *arg)
{
    const pass *p = arg;
    return has_all(p) || ext_stop(p->call);
}

/* Tokenizes argument 0. */
static bool read_batch(pass *p, enc_batch *batch)
{
    const enc_tokens *tokens;
    enc_work *w = ext_work(p->call);
    enc_bytes text;

    return w != NULL && ext_arg_text(p->call, 0, "text", &text) &&
           !ext_failed(p->call, enc_batch_of(p->model, w, text, (enc_bytes){NULL, 0},
                                             batch, &tokens, &p->call->err));
}

/* Tokenizes argument 0 and notes the pieces. */
static pass *pass_new(ext_call *c, const enc_model *m)
{
    enc_batch batch;
    pass *p = ext_alloc(c, 1, sizeof *p);

    if (p == NULL) return NULL;
    p->call = c;
    p->model = m;
    if (!read_batch(p, &batch)) return NULL;
    p->T = batch.n_tokens;
    if ((p->pieces = ext_alloc(c, p->T, sizeof *p->pieces)) == NULL) return NULL;
    for (size_t i = 0; i < p->T; i++)
        p->pieces[i] = enc_vocab_piece(enc_tok_vocab(m->tok), batch.id[i]);
    return p;
}

/* Keeps the next maps, and says how many rows they are. */
static bool pass_run(ext_scan *s)
{
    pass *p = s->state;
    const size_t n_left = p->n_maps - p->first;
    const float *hidden;
    enc_batch batch;
    enc_err e;

    p->n = n_left < p->n_max ? n_left : p->n_max;
    p->n_seen = 0;
    s->n_rows = p->n * p->map_rows;
    if (p->n == 0) return true;
    if (!read_batch(p, &batch)) return false;
    p->tap.arg = p;
    p->tap.stop = stop;
    enc_err_clear(&e);
    enc_rc rc = enc_fwd_run(p->model, ext_work(p->call), &batch, &p->tap, &hidden, &e);
    if (rc == ENC_OK || (rc == ENC_INTERRUPT && has_all(p))) return true;
    p->call->err = e;
    return !ext_failed(p->call, rc);
}

/* n_maps of n_rows rows and n_floats floats each. */
static bool pass_begin(ext_scan *s, pass *p, size_t n_maps, size_t n_rows,
                       size_t n_floats)
{
    const size_t n_fit = n_floats > 0 ? KEPT_BYTES / sizeof(float) / n_floats : n_maps;

    p->n_maps = n_maps;
    p->map_rows = n_rows;
    p->map_size = n_floats;
    p->n_max = n_fit < 1 ? 1 : n_fit < n_maps ? n_fit : n_maps;
    p->kept = ext_alloc(p->call, p->n_max * n_floats, sizeof *p->kept);
    s->state = p;
    return p->kept != NULL && pass_run(s);
}

static bool pass_more(ext_scan *s)
{
    pass *p = s->state;

    p->first += p->n;
    return pass_run(s);
}

/* ---- hidden_states(text [, layer [, model]]) ---- */

static bool hidden_open(ext_scan *s)
{
    ext_call *c = &s->call;
    const enc_model *m = ext_arg_model(c, 2);
    pass *p;

    if (m == NULL || (p = pass_new(c, m)) == NULL) return false;
    if (!ext_arg_int(c, 1, "layer", 0, (sqlite3_int64)m->config.n_layers, ALL, &p->layer))
        return false;
    p->tap.hidden = keep_hidden;
    return pass_begin(s, p, p->layer == ALL ? m->config.n_layers + 1 : 1, p->T,
                      p->T * m->config.hidden);
}

static void hidden_column(ext_scan *s, size_t row, int column, sqlite3_context *out)
{
    const pass *p = s->state;
    size_t D = p->model->config.hidden;
    size_t layer = p->first + row / p->T, position = row % p->T;
    const enc_bytes *piece = &p->pieces[position];

    switch (column) {
    case 0:
        sqlite3_result_int64(out, p->layer == ALL ? (sqlite3_int64)layer : p->layer);
        break;
    case 1: sqlite3_result_int64(out, (sqlite3_int64)position); break;
    case 2: ext_result_text(out, piece->at, piece->n); break;
    default: ext_result_vector(out, p->kept + row * D, D);
    }
}

/* ---- attention(text [, layer [, head [, model]]]) ---- */

static bool attention_open(ext_scan *s)
{
    ext_call *c = &s->call;
    const enc_model *m = ext_arg_model(c, 3);
    size_t n_pairs;
    pass *p;

    if (m == NULL || (p = pass_new(c, m)) == NULL) return false;
    if (!ext_arg_int(c, 1, "layer", 1, (sqlite3_int64)m->config.n_layers, ALL, &p->layer))
        return false;
    if (!ext_arg_int(c, 2, "head", 0, (sqlite3_int64)m->config.n_heads - 1, ALL,
                     &p->head))
        return false;
    p->n_heads = p->head == ALL ? m->config.n_heads : 1;
    p->tap.attention = keep_attention;
    if (!enc_mem_mul(p->T, p->T, &n_pairs)) return ext_nomem(c);
    return pass_begin(s, p, p->n_heads * (p->layer == ALL ? m->config.n_layers : 1),
                      n_pairs, n_pairs);
}

static void attention_column(ext_scan *s, size_t row, int column, sqlite3_context *out)
{
    const pass *p = s->state;
    size_t map = p->first + row / (p->T * p->T), from = row / p->T % p->T,
           to = row % p->T;
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
         .more = pass_more,
         .column = hidden_column},
        {.name = "attention",
         .columns =
             "layer INTEGER, head INTEGER, from_position INTEGER, from_token TEXT, "
             "to_position INTEGER, to_token TEXT, weight REAL",
         .n_columns = 7,
         .args = {"text", "layer_wanted", "head_wanted", "model"},
         .n_required = 1,
         .open = attention_open,
         .more = pass_more,
         .column = attention_column},
    };
    int rc = ext_fn_register(db, conn, fns, sizeof fns / sizeof fns[0]);
    if (rc != SQLITE_OK) return rc;
    return ext_tvf_register(db, conn, tables, sizeof tables / sizeof tables[0]);
}
