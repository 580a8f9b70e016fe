/* fn_head.c - text -> decisions as SQL: classes, masked words, what follows, relevance.
 * Classes that are only named: fn_zero_shot.c.
 *
 * A head is either part of a model (a fine-tuned BERT's classifier) or a value that
 * train_classifier gave: a BLOB, valid for the model whose fingerprint it carries. */
#include "ext.h"

#include <string.h>

#define FILL_MASK_MAX     1000
#define FILL_MASK_DEFAULT 5

/* The scores of one text over labels; lives until the call ends. */
typedef struct verdict {
    const enc_config *config; /* whose labels they are, or NULL: ... */
    enc_classifier head;      /* ... those of a head */
    size_t n;
    float *scores; /* n; NULL: the text is NULL */
} verdict;

static enc_bytes label_of(const verdict *v, size_t i)
{
    const char *name;

    if (v->config == NULL) return enc_classifier_label(&v->head, i);
    name = v->config->labels[i];
    return (enc_bytes){(const uint8_t *)name, strlen(name)};
}

/* Hidden states of one text or pair, in the connection's work area. */
static bool hidden_of(ext_call *c, const enc_model *m, enc_bytes a, enc_bytes b,
                      const enc_tokens **tokens, const float **hidden)
{
    const enc_tap tap = {.arg = c, .stop = ext_stop};
    enc_batch batch;
    enc_work *w = ext_work(c);

    return w != NULL &&
           !ext_failed(c, enc_batch_of(m, w, a, b, &batch, tokens, &c->err)) &&
           !ext_failed(c, enc_fwd_run(m, w, &batch, &tap, hidden, &c->err));
}

/* A vector of the model the head was trained on, or one of as many values as it wants. */
static bool embed_for_head(ext_call *c, const enc_classifier *head, const float **x)
{
    static const uint8_t unknown[16];
    char have[33], want[33];
    ext_model *m;
    size_t n;

    if (sqlite3_value_type(c->argv[0]) == SQLITE_BLOB) {
        if (!ext_arg_vector(c, 0, "vector", x, &n)) return false;
        if (n != head->dims)
            return ext_fail(c, SQLITE_ERROR,
                            "the vector has %zu values, the head wants %u", n,
                            (unsigned)head->dims);
        return true;
    }
    /* No argument 2: the model in use. */
    if ((m = ext_arg_model_entry(c, 2)) == NULL) return false;
    if (memcmp(head->fingerprint, unknown, sizeof unknown) != 0) {
        if (ext_failed(c, ext_model_fingerprint(m, have, &c->err))) return false;
        for (size_t i = 0; i < 16; i++)
            sqlite3_snprintf(3, want + 2 * i, "%02x", head->fingerprint[i]);
        if (memcmp(have, want, 32) != 0)
            return ext_fail(
                c, SQLITE_ERROR,
                "the head belongs to model %.8s, the model in use is '%s' %.8s "
                "(encoder_default('...') chooses another)",
                want, ext_model_name(m), have);
    }
    n = enc_config_dims(&ext_model_enc(m)->config);
    if (n != head->dims)
        return ext_fail(c, SQLITE_ERROR,
                        "the model in use, '%s', gives vectors of %zu values, the head "
                        "wants %u",
                        ext_model_name(m), n, (unsigned)head->dims);
    return ext_arg_embedding(c, 0, ext_model_enc(m), "", x);
}

static bool judge_by_head(ext_call *c, verdict *v)
{
    enc_bytes blob;
    const float *x;

    blob.at = sqlite3_value_blob(c->argv[1]);
    blob.n = (size_t)sqlite3_value_bytes(c->argv[1]);
    if (ext_failed(c, enc_classifier_read(&v->head, blob, &c->err))) return false;
    if (!embed_for_head(c, &v->head, &x)) return false;
    v->n = v->head.n_labels;
    if ((v->scores = ext_alloc(c, v->n, sizeof *v->scores)) == NULL) return false;
    enc_classifier_scores(&v->head, x, v->scores);
    return true;
}

static bool judge_by_model(ext_call *c, verdict *v)
{
    ext_model *entry = ext_arg_model_entry(c, 1);
    const enc_model *m;
    const enc_tokens *tokens;
    const float *hidden;
    enc_bytes text;

    if (entry == NULL) return false;
    m = ext_model_enc(entry);
    if (m->config.labels_tokens)
        return ext_fail(c, SQLITE_ERROR,
                        "model '%s' labels tokens, not texts: entities() and "
                        "token_classes() ask it",
                        ext_model_name(entry));
    if (m->weights.classifier.w.data == NULL)
        return ext_fail(
            c, SQLITE_ERROR,
            "model '%s' has no classifier: give a head from train_classifier(text, "
            "label) or the name of a model that has one, or use zero_shot()",
            ext_model_name(entry));
    if (!ext_arg_text(c, 0, "text", &text)) return false;
    v->config = &m->config;
    v->n = m->config.n_labels;
    if ((v->scores = ext_alloc(c, v->n, sizeof *v->scores)) == NULL) return false;
    return hidden_of(c, m, text, (enc_bytes){NULL, 0}, &tokens, &hidden) &&
           !ext_failed(c, enc_head_classify(m, hidden, tokens->n, v->scores, &c->err));
}

static bool judge(ext_call *c, verdict *v)
{
    memset(v, 0, sizeof *v);
    if (ext_is_null(c, 0)) return true;
    if (ext_given(c, 1) && sqlite3_value_type(c->argv[1]) == SQLITE_BLOB)
        return judge_by_head(c, v);
    return judge_by_model(c, v);
}

static void classify(ext_call *c)
{
    verdict v;
    enc_bytes label;
    size_t best = 0;

    if (!judge(c, &v) || v.scores == NULL) return;
    if (v.config != NULL && v.config->problem == ENC_REGRESSION && v.n == 1) {
        sqlite3_result_double(c->ctx, (double)v.scores[0]);
        return;
    }
    for (size_t i = 1; i < v.n; i++)
        if (v.scores[i] > v.scores[best]) best = i;
    label = label_of(&v, best);
    ext_result_text(c->ctx, label.at, label.n);
}

static bool classes_open(ext_scan *s)
{
    enc_bytes *labels;
    verdict v;

    if (!judge(&s->call, &v)) return false;
    if (v.scores == NULL) return true;
    if ((labels = ext_alloc(&s->call, v.n, sizeof *labels)) == NULL) return false;
    for (size_t i = 0; i < v.n; i++) labels[i] = label_of(&v, i);
    return ext_put_ranked(s, labels, v.scores, v.n);
}

/* ---- masked words ---- */

typedef struct guess { /* a row */
    const enc_token *mask;
    size_t position;
    enc_guess piece;
} guess;

typedef struct filling { /* a text with masks, and what may stand there */
    const enc_model *model;
    enc_bytes text;  /* the argument's, borrowed until the scan ends */
    enc_token *mask; /* each of them */
    guess *guesses;  /* s->n_rows */
} filling;

/* The text with a piece in the place of a mask; one inside a word swallows the space
 * before it. The rest of the text stays as the user wrote it. Made for the rows that are
 * read, as each is as long as the text. */
static void write_filled(const filling *f, const guess *g, enc_wr *out)
{
    const enc_bytes text = f->text;
    size_t before = g->mask->start;

    if (enc_tok_is_subword(f->model->tok, g->piece.id))
        while (before > 0 && text.at[before - 1] == ' ') before--;
    enc_wr_bytes(out, text.at, before);
    enc_tok_write_piece(f->model->tok, g->piece.id, out);
    enc_wr_bytes(out, text.at + g->mask->end, text.n - g->mask->end);
}

static void fill_mask_column(ext_scan *s, size_t row, int column, sqlite3_context *out)
{
    const filling *f = s->state;
    const guess *g = &f->guesses[row];
    const enc_tok *tok = f->model->tok;
    enc_bytes piece = enc_vocab_piece(enc_tok_vocab(tok), g->piece.id);
    enc_wr w;

    enc_wr_init(&w);
    switch (column) {
    case 0: sqlite3_result_int64(out, (sqlite3_int64)g->position); return;
    case 1:
        /* As the vocabulary has it, where that can be read: WordPiece's "##s". */
        if (enc_tok_kind_of(tok) == ENC_TOK_WORDPIECE)
            enc_wr_bytes(&w, piece.at, piece.n);
        else enc_tok_write_piece(tok, g->piece.id, &w);
        break;
    case 2: sqlite3_result_int64(out, g->piece.id); return;
    case 3: sqlite3_result_double(out, (double)g->piece.score); return;
    default: write_filled(f, g, &w);
    }
    ext_result_wr(out, &w, true);
}

static bool is_mask(const enc_model *m, const enc_token *t)
{
    return t->id == enc_tok_specials(m->tok).mask && !t->is_special;
}

/* Says what to write when a text has no mask, or has lost it to truncation. */
static bool has_mask(ext_call *c, const enc_model *m, const enc_tokens *tokens)
{
    const enc_bytes mask =
        enc_vocab_piece(enc_tok_vocab(m->tok), enc_tok_specials(m->tok).mask);
    const int n = (int)mask.n;
    const char *at = (const char *)mask.at;

    for (size_t i = 0; i < tokens->n; i++)
        if (is_mask(m, &tokens->at[i])) return true;
    if (mask.at == NULL)
        return ext_fail(c, SQLITE_ERROR, "the model's vocabulary has no mask");
    if (tokens->is_cut)
        return ext_fail(
            c, SQLITE_ERROR,
            "no %.*s among the first %zu tokens, which is all the model reads", n, at,
            tokens->n);
    return ext_fail(c, SQLITE_ERROR,
                    "no %.*s in the text: write %.*s where a word is wanted", n, at, n,
                    at);
}

/* Room for all masks, which another call's tokens would overwrite, and k guesses at each.
 * NULL: no memory, recorded. */
static filling *filling_new(ext_call *c, const enc_model *m, enc_bytes text,
                            const enc_tokens *tokens, size_t k)
{
    filling *f = ext_alloc(c, 1, sizeof *f);
    size_t n = 0, n_rows;

    for (size_t i = 0; i < tokens->n; i++) n += is_mask(m, &tokens->at[i]);
    if (f == NULL) return NULL;
    *f = (filling){.model = m, .text = text};
    if (!enc_mem_mul(n, k, &n_rows)) {
        ext_nomem(c);
        return NULL;
    }
    f->mask = ext_alloc(c, n, sizeof *f->mask);
    f->guesses = ext_alloc(c, n_rows, sizeof *f->guesses);
    if (f->mask == NULL || f->guesses == NULL) return NULL;
    return f;
}

static bool fill_mask_open(ext_scan *s)
{
    ext_call *c = &s->call;
    const enc_model *m = ext_arg_model(c, 2);
    const enc_tokens *tokens;
    const float *hidden;
    enc_guess *guesses;
    enc_bytes text;
    filling *f;
    sqlite3_int64 k_max;
    size_t mask = 0;

    if (m == NULL || !ext_arg_text(c, 0, "text", &text)) return false;
    if (!ext_arg_int(c, 1, "k", 1, FILL_MASK_MAX, FILL_MASK_DEFAULT, &k_max))
        return false;
    if (text.at == NULL) return true;
    if ((guesses = ext_alloc(c, (size_t)k_max, sizeof *guesses)) == NULL) return false;
    if (!hidden_of(c, m, text, (enc_bytes){NULL, 0}, &tokens, &hidden)) return false;
    if (!has_mask(c, m, tokens)) return false;
    if ((f = filling_new(c, m, text, tokens, (size_t)k_max)) == NULL) return false;
    s->state = f;
    for (size_t i = 0; i < tokens->n; i++) {
        size_t k = (size_t)k_max;
        if (!is_mask(m, &tokens->at[i])) continue;
        if (ext_stop(c)) return ext_fail(c, SQLITE_INTERRUPT, "interrupted");
        if (ext_failed(c, enc_mlm_guess(m, ext_work(c), hidden + i * m->config.hidden,
                                        guesses, &k, &c->err)))
            return false;
        f->mask[mask] = tokens->at[i];
        for (size_t j = 0; j < k; j++)
            f->guesses[s->n_rows++] = (guess){&f->mask[mask], i, guesses[j]};
        mask++;
    }
    return true;
}

/* ---- pairs ---- */

typedef enc_rc pair_head(const enc_model *m, const float *hidden, size_t n, float *out,
                         enc_err *e);

static enc_rc next_of(const enc_model *m, const float *hidden, size_t n, float *out,
                      enc_err *e)
{
    (void)n; /* it looks at [CLS] alone */
    return enc_head_next(m, hidden, out, e);
}

/* Sentence-transformers' cross-encoders take off white space around the texts, which
 * transformers' models of next sentences do not. */
static void score_pair(ext_call *c, const char *what_a, const char *what_b,
                       pair_head *head)
{
    const enc_model *m;
    const enc_tokens *tokens;
    const float *hidden;
    enc_bytes a, b;
    enc_work *w;
    float score;

    if (ext_is_null(c, 0) || ext_is_null(c, 1)) return;
    if (!ext_arg_text(c, 0, what_a, &a) || !ext_arg_text(c, 1, what_b, &b)) return;
    if (head == enc_head_rerank) {
        if ((w = ext_work(c)) == NULL) return;
        a = enc_batch_strip(w, a);
        b = enc_batch_strip(w, b);
    }
    if ((m = ext_arg_model(c, 2)) == NULL || !hidden_of(c, m, a, b, &tokens, &hidden))
        return;
    if (ext_failed(c, head(m, hidden, tokens->n, &score, &c->err))) return;
    sqlite3_result_double(c->ctx, (double)score);
}

static void next_sentence(ext_call *c)
{
    score_pair(c, "a", "b", next_of);
}

static void rerank(ext_call *c)
{
    score_pair(c, "query", "text", enc_head_rerank);
}

int ext_register_head(sqlite3 *db, ext_conn *conn)
{
    static const ext_fn fns[] = {
        {"classify", 1, 2, EXT_FN_PURE, classify, NULL},
        {"next_sentence", 2, 3, EXT_FN_PURE, next_sentence, NULL},
        {"rerank", 2, 3, EXT_FN_PURE, rerank, NULL},
    };
    static const ext_tvf tables[] = {
        {.name = "classes",
         .columns = "label TEXT, score REAL",
         .n_columns = 2,
         .args = {"text", "model"},
         .n_required = 1,
         .open = classes_open},
        {.name = "fill_mask",
         .columns = "position INTEGER, token TEXT, id INTEGER, score REAL, sequence TEXT",
         .n_columns = 5,
         .args = {"text", "k", "model"},
         .n_required = 1,
         .open = fill_mask_open,
         .column = fill_mask_column},
    };
    int rc = ext_fn_register(db, conn, fns, sizeof fns / sizeof *fns);

    return rc != SQLITE_OK
               ? rc
               : ext_tvf_register(db, conn, tables, sizeof tables / sizeof *tables);
}
