/* fn_entity.c - what a model says of single tokens, as SQL: token_classes and entities.
 *
 * A text of any length is read, in windows that overlap (encode/window.h). */
#include "ext.h"

#include <string.h>

/* ---- token_classes(document [, model]) ---- */

typedef struct labelled { /* a text, and what is said of its tokens */
    const enc_model *model;
    enc_bytes text;
    enc_labels labels;
    enc_entity *entities; /* of `entities` alone */
} labelled;

/* Labels the tokens of argument 0; no model, no labels: NULL has no rows. */
static bool label(ext_scan *s, labelled *x)
{
    ext_call *c = &s->call;
    const enc_tap tap = {.arg = c, .stop = ext_stop};
    ext_model *entry = ext_arg_model_entry(c, 1);
    enc_work *w = ext_work(c);

    if (entry == NULL || w == NULL || !ext_arg_text(c, 0, "document", &x->text))
        return false;
    x->model = ext_model_enc(entry);
    if (x->model->weights.token_classifier.w.data == NULL)
        return ext_fail(c, SQLITE_ERROR,
                        "model '%s' does not label tokens: give the name of one that was "
                        "trained to, as for named entities",
                        ext_model_name(entry));
    return x->text.at == NULL ||
           !ext_failed(
               c, enc_entity_labels(x->model, w, x->text, &tap, &x->labels, &c->err));
}

static labelled *labelled_new(ext_scan *s)
{
    labelled *x = ext_alloc(&s->call, 1, sizeof *x);

    s->state = x;
    return x;
}

static void labelled_close(ext_scan *s)
{
    labelled *x = s->state;

    if (x != NULL) enc_labels_clear(&x->labels);
}

static bool token_classes_open(ext_scan *s)
{
    labelled *x = labelled_new(s);

    if (x == NULL || !label(s, x)) return false;
    s->n_rows = x->labels.n;
    return true;
}

/* Positions are those of tokens(): the first is [CLS]'s. */
static void token_classes_column(ext_scan *s, size_t row, int column,
                                 sqlite3_context *out)
{
    const labelled *x = s->state;
    const enc_labelled *t = &x->labels.at[row];
    const enc_bytes piece = enc_vocab_piece(enc_tok_vocab(x->model->tok), t->id);
    const char *name = x->model->config.labels[t->label];

    switch (column) {
    case 0: sqlite3_result_int64(out, (sqlite3_int64)row + 1); break;
    case 1: ext_result_text(out, piece.at, piece.n); break;
    case 2: ext_result_text(out, name, strlen(name)); break;
    case 3: sqlite3_result_double(out, (double)t->score); break;
    case 4: sqlite3_result_int64(out, (sqlite3_int64)t->start); break;
    default: sqlite3_result_int64(out, (sqlite3_int64)t->end);
    }
}

/* ---- entities(document [, model [, aggregation]]) ---- */

static bool read_aggregation(ext_call *c, enc_entity_by *by)
{
    enc_bytes text;
    char quoted[80];

    *by = ENC_ENTITY_FIRST;
    if (ext_is_null(c, 2)) return true;
    if (!ext_arg_word(c, 2, "aggregation", &text)) return false;
    if (text.n == 5 && memcmp(text.at, "first", 5) == 0) return true;
    *by = ENC_ENTITY_SIMPLE;
    if (text.n == 6 && memcmp(text.at, "simple", 6) == 0) return true;
    return ext_fail(c, SQLITE_ERROR, "aggregation must be 'first' or 'simple' (got %s)",
                    ext_quote(quoted, text.at, text.n));
}

static bool entities_open(ext_scan *s)
{
    labelled *x = labelled_new(s);
    enc_entity_by by;

    if (x == NULL || !read_aggregation(&s->call, &by) || !label(s, x)) return false;
    x->entities = ext_alloc(&s->call, x->labels.n, sizeof *x->entities);
    if (x->entities == NULL) return false;
    s->n_rows = enc_entity_join(x->model, &x->labels, x->text, by, x->entities);
    return true;
}

static void entities_column(ext_scan *s, size_t row, int column, sqlite3_context *out)
{
    const labelled *x = s->state;
    const enc_entity *e = &x->entities[row];

    switch (column) {
    case 0: ext_result_text(out, e->label.at, e->label.n); break;
    case 1: sqlite3_result_double(out, (double)e->score); break;
    case 2: ext_result_text(out, x->text.at + e->start, e->end - e->start); break;
    case 3: sqlite3_result_int64(out, (sqlite3_int64)e->start); break;
    default: sqlite3_result_int64(out, (sqlite3_int64)e->end);
    }
}

int ext_register_entity(sqlite3 *db, ext_conn *conn)
{
    static const ext_tvf tables[] = {
        {.name = "token_classes",
         .columns = "position INTEGER, token TEXT, label TEXT, score REAL, "
                    "start INTEGER, \"end\" INTEGER",
         .n_columns = 6,
         .args = {"document", "model"},
         .n_required = 1,
         .open = token_classes_open,
         .column = token_classes_column,
         .close = labelled_close},
        {.name = "entities",
         .columns = "label TEXT, score REAL, text TEXT, start INTEGER, \"end\" INTEGER",
         .n_columns = 5,
         .args = {"document", "model", "aggregation"},
         .n_required = 1,
         .open = entities_open,
         .column = entities_column,
         .close = labelled_close},
    };
    return ext_tvf_register(db, conn, tables, sizeof tables / sizeof *tables);
}
